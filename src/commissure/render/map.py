"""A look at the maps of one scan."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from commissure.space import Domain

_N_SLICES = 7


def slices_figure(
    rows: Sequence[tuple[NDArray[Any], str, str]], domain: Domain, *, title: str = ""
) -> Figure:
    """Draw axial slices of maps, one map a row.

    Parameters
    ----------
    rows : sequence of (ndarray of shape (n_places,), str, str)
        Values, label of the scale, and colour map.
    domain : Domain
    title : str

    Returns
    -------
    matplotlib Figure
        The left of the brain is on the left. Scales run from the 2nd to the 98th percentile.
    """
    figure = Figure(figsize=(13, 2.5 * len(rows)), dpi=120, layout="constrained")
    occupied = np.flatnonzero((domain.index_of_voxel >= 0).any(axis=(0, 1)))
    # Evenly between the outermost tenths, which show little brain.
    slices = np.quantile(occupied, np.linspace(0.1, 0.9, _N_SLICES)).astype(int)
    # One image a row: many small axes take seconds to draw.
    index = np.concatenate([domain.index_of_voxel[:, :, k] for k in slices]).T
    step = np.linalg.norm(domain.grid.affine[:3, :2], axis=0)
    axes = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
    for ax, (values, label, colours) in zip(axes, rows, strict=True):
        low, high = np.nanpercentile(values, (2, 98))
        shape: dict[str, Any] = {"origin": "lower", "aspect": step[1] / step[0]}
        # The mask in grey: places of it that have no value stay visible.
        ax.imshow(np.where(index >= 0, 0.0, np.nan), cmap=ListedColormap(["0.8"]), **shape)
        shown = np.where(index >= 0, values[index], np.nan)
        image = ax.imshow(
            shown, interpolation="nearest", vmin=low, vmax=high, cmap=colours, **shape
        )
        figure.colorbar(image, ax=ax, label=label, shrink=0.9, extend="both")
        ax.set_axis_off()
        for number, k in enumerate(slices):
            left, right = number / _N_SLICES, (number + 1) / _N_SLICES
            ax.text(left, 0.02, " L", transform=ax.transAxes, fontsize=9)
            ax.text(right, 0.02, "R ", transform=ax.transAxes, fontsize=9, ha="right")
            if ax is axes[0]:
                height = domain.grid.affine[2, 2] * k + domain.grid.affine[2, 3]
                where = {"transform": ax.transAxes, "ha": "center", "fontsize": 9}
                ax.text((left + right) / 2, 1.02, f"z ≈ {height:.0f} mm", **where)
    figure.suptitle(title, fontsize=10)
    return figure
