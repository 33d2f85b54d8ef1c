"""Maps of the whole brain: means of groups, the glass brain, the cortical surface."""

import warnings
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from nilearn import plotting, surface
from nilearn.datasets import fetch_surf_fsaverage
from numpy.typing import NDArray

_N_SLICES = 7


def mean_maps_figure(
    maps: dict[str, NDArray[np.float64]], affine: NDArray[np.float64], label: str
) -> Figure:
    """Draw axial slices of several maps, a row a map, on one scale.

    Parameters
    ----------
    maps : dict of str to ndarray of shape (x, y, z)
        By what the rows are called; NaN outside the mask, axes towards R, A, S.
    affine : ndarray of shape (4, 4)
    label : str
        Of the scale.
    """
    figure = Figure(figsize=(11, 1.75 * len(maps) + 0.3), dpi=150, layout="constrained")
    rows = figure.subplots(len(maps), _N_SLICES, squeeze=False)
    everything = np.stack(list(maps.values()))
    anywhere = np.asarray(np.isfinite(everything).any(axis=(0, 3)))
    x, y = _extent(anywhere, 0), _extent(anywhere, 1)
    low, high = np.nanpercentile(everything, (2, 98))
    occupied = np.flatnonzero(np.isfinite(everything).any(axis=(0, 1, 2)))
    slices = np.quantile(occupied, np.linspace(0.12, 0.9, _N_SLICES)).astype(int)
    image: Any = None
    for (name, values), axes in zip(maps.items(), rows, strict=True):
        for ax, k in zip(axes, slices, strict=True):
            image = ax.imshow(
                values[x, y, k].T,
                origin="lower",
                vmin=low,
                vmax=high,
                cmap="viridis",
                aspect=abs(affine[1, 1] / affine[0, 0]),
                interpolation="nearest",
            )
            ax.text(0.01, 0.02, "L", transform=ax.transAxes, fontsize=8)
            ax.text(0.99, 0.02, "R", transform=ax.transAxes, fontsize=8, ha="right")
            ax.set_xticks([])
            ax.set_yticks([])
            ax.spines[:].set_visible(False)
        axes[0].set_ylabel(name, fontsize=10)
    for ax, k in zip(rows[0], slices, strict=True):
        ax.set_title(f"z = {affine[2, 2] * k + affine[2, 3]:.0f} mm", fontsize=9)
    figure.colorbar(image, ax=list(rows.ravel()), label=label, extend="both", aspect=14)
    return figure


def _extent(occupied: NDArray[np.bool_], axis: int) -> slice:
    """Return where along an axis of a plane something is, with a little air around it."""
    where = np.unique(np.nonzero(occupied)[axis])
    return slice(max(where[0] - 2, 0), where[-1] + 3)


def glass_figure(img: Any, largest: float, *, label: str) -> Figure:
    """Draw a map through a transparent brain, from both sides, from behind and from above.

    Parameters
    ----------
    img : nibabel image
        0 where nothing is to be seen.
    largest : float
        End of the scale.
    label : str
        Of the scale.
    """
    figure = plt.figure(figsize=(10, 3.2))
    with warnings.catch_warnings():
        # nilearn tells of resampling in warnings.
        warnings.simplefilter("ignore")
        display = plotting.plot_glass_brain(
            img,
            display_mode="lyrz",
            plot_abs=False,
            threshold=1e-6,
            colorbar=True,
            vmin=-largest,
            vmax=largest,
            cmap="RdBu_r",
            black_bg=False,
            figure=figure,
        )
    display._cbar.ax.set_title(label, fontsize=10)
    views = {"l": "from the left", "y": "from behind", "r": "from the right", "z": "from above"}
    for view, name in views.items():
        display.axes[view].ax.set_title(name, fontsize=10)
    return figure


def surface_figure(img: Any, largest: float, *, label: str) -> Figure:
    """Draw a map on the inflated cortex (fsaverage5), both hemispheres from outside and inside.

    Parameters
    ----------
    img : nibabel image
        0 where nothing is to be seen.
    largest : float
        End of the scale.
    label : str
        Of the scale.
    """
    mesh = fetch_surf_fsaverage("fsaverage5")
    figure = plt.figure(figsize=(10, 2.9))
    views = (("left", "lateral"), ("left", "medial"), ("right", "medial"), ("right", "lateral"))
    textures = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for side in ("left", "right"):
            textures[side] = surface.vol_to_surf(
                img,
                mesh[f"pial_{side}"],
                inner_mesh=mesh[f"white_{side}"],
                interpolation="nearest_most_frequent",
            )
        for i, (side, view) in enumerate(views):
            axes = figure.add_axes((0.225 * i, 0.0, 0.24, 0.92), projection="3d")
            plotting.plot_surf_stat_map(
                mesh[f"infl_{side}"],
                textures[side],
                bg_map=mesh[f"sulc_{side}"],
                hemi=side,
                view=view,
                threshold=1e-6,
                vmin=-largest,
                vmax=largest,
                cmap="RdBu_r",
                colorbar=False,
                engine="matplotlib",
                axes=axes,
                figure=figure,
            )
            for triangles in axes.collections:
                # In an SVG they would be tens of thousands of paths.
                triangles.set_rasterized(True)
            name = (
                f"{'L' if side == 'left' else 'R'}, {'outside' if view == 'lateral' else 'inside'}"
            )
            figure.text(0.225 * i + 0.12, 0.93, name, ha="center", fontsize=10)
    scale = plt.cm.ScalarMappable(norm=Normalize(-largest, largest), cmap="RdBu_r")
    figure.colorbar(scale, cax=figure.add_axes((0.92, 0.2, 0.012, 0.6)), label=label)
    return figure
