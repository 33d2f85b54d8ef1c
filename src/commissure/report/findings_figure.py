"""Figure 1: where the groups differ."""

import warnings
from typing import Any

import matplotlib.pyplot as plt
import nibabel as nib
import numpy as np
from matplotlib.figure import Figure
from nilearn import datasets, plotting
from numpy.typing import NDArray

_MOST_CLUSTERS = 6


def findings_figure(
    statistic: NDArray[np.float64],
    peaks: list[tuple[str, tuple[float, float, float]]],
    significant: Any,
    *,
    label: str = "t",
    on_template: bool = True,
) -> Figure:
    """Draw the significant clusters on the template, a row of slices through each one's peak.

    Parameters
    ----------
    statistic : ndarray of shape (n_places,)
        For the scale, which is the same for all.
    peaks : list of (str, (x, y, z))
        Caption and position (mm) of each significant cluster's peak.
    significant : nibabel image
        The statistic in the significant clusters, 0 elsewhere.
    label : str
        Of the scale.
    on_template : bool
        Whether the maps are in a space that the template fits.

    Returns
    -------
    matplotlib Figure
        The left of the brain is on the left. At most six clusters are drawn; the table has all.
    """
    shown = peaks[:_MOST_CLUSTERS]
    background = datasets.load_mni152_template(resolution=2) if on_template else None
    figure = plt.figure(figsize=(9, 0.6 + 2.9 * max(len(shown), 1)), dpi=300)
    if not shown:
        figure.text(0.5, 0.5, "No cluster is significant.", ha="center", va="center", fontsize=14)
        return figure
    largest = float(np.abs(statistic).max())
    for row, (caption, position) in enumerate(shown):
        height = 0.92 / len(shown)
        bottom = 1 - (row + 1) / len(shown)
        with warnings.catch_warnings():
            # nilearn resamples the map to the background, and says so in warnings.
            warnings.simplefilter("ignore")
            display = plotting.plot_stat_map(
                significant,
                bg_img=background if background is not None else _flat(significant),
                cut_coords=position,
                display_mode="ortho",
                threshold=1e-6,
                vmax=largest,
                cmap="RdBu_r",
                figure=figure,
                axes=(0.0, bottom, 0.94, height),
                draw_cross=True,
                annotate=True,
                black_bg=False,
                resampling_interpolation="nearest",
            )
        display.title(caption, size=9, color="black", bgcolor="white", alpha=0.8)
    figure.text(0.985, 0.5, label, rotation=90, ha="right", va="center", fontsize=10)
    return figure


def _flat(img: Any) -> Any:
    """Return a background without structure."""
    return nib.Nifti1Image(np.zeros(img.shape, np.float32), img.affine)
