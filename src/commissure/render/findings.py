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
        In the significant clusters: the scale is the same for all.
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
    figure = plt.figure(figsize=(9, 3.3 * max(len(shown), 1)), dpi=300)
    if not shown:
        figure.text(0.5, 0.5, "No cluster is significant.", ha="center", va="center", fontsize=14)
        return figure
    background = datasets.load_mni152_template(resolution=1) if on_template else _flat(significant)
    largest, least = float(np.abs(statistic).max()), float(np.abs(statistic).min())
    height = 1 / len(shown)
    for row, (caption, position) in enumerate(shown):
        bottom = 1 - (row + 1) * height
        figure.text(0.01, bottom + 0.985 * height, caption, va="top", fontsize=10)
        with warnings.catch_warnings():
            # nilearn resamples the map to the background, and says so in warnings.
            warnings.simplefilter("ignore")
            display = plotting.plot_stat_map(
                significant,
                bg_img=background,
                cut_coords=position,
                display_mode="ortho",
                threshold=0.9999 * least,  # the bar is grey below it,
                vmin=-largest,
                vmax=largest,
                symmetric_cbar=True,
                cmap="RdBu_r",
                figure=figure,
                axes=(0.0, bottom + 0.02 * height, 0.95, 0.84 * height),
                draw_cross=False,
                black_bg=False,
                resampling_interpolation="nearest",
            )
        display._cbar.set_label(label)
    return figure


def _flat(img: Any) -> Any:
    """Return a background without structure."""
    return nib.Nifti1Image(np.zeros(img.shape, np.float32), img.affine)
