"""Maps of the whole brain: means of groups, the glass brain, the cortical surface."""

import warnings
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from nilearn import plotting, surface
from nilearn.datasets import fetch_surf_fsaverage
from numpy.typing import NDArray

_N_SLICES = 7


def mean_maps_figure(
    maps: dict[str, NDArray[np.float64]],
    affine: NDArray[np.float64],
    label: str,
    anatomy: NDArray[np.float32] | None = None,
) -> Figure:
    """Draw axial slices of several maps, a row a map, on one scale, over the anatomy.

    Parameters
    ----------
    maps : dict of str to ndarray of shape (x, y, z)
        By what the rows are called; NaN outside the mask, axes towards R, A, S.
    affine : ndarray of shape (4, 4)
    label : str
        Of the scale.
    anatomy : ndarray of shape (x, y, z), optional
        The template's T1w, 0 outside the brain.
    """
    figure = Figure(figsize=(11, 1.9 * len(maps) + 0.3), dpi=150, layout="constrained")
    rows = figure.subplots(len(maps), _N_SLICES, squeeze=False)
    everything = np.stack(list(maps.values()))
    anywhere = np.asarray(np.isfinite(everything).any(axis=(0, 3)))
    if anatomy is not None:
        anywhere |= (anatomy > 0).any(axis=2)
    x, y = _extent(anywhere, 0), _extent(anywhere, 1)
    low, high = np.nanpercentile(everything, (2, 98))
    occupied = np.flatnonzero(np.isfinite(everything).any(axis=(0, 1, 2)))
    slices = np.quantile(occupied, np.linspace(0.12, 0.9, _N_SLICES)).astype(int)
    image: Any = None
    aspect = abs(affine[1, 1] / affine[0, 0])
    for (name, values), axes in zip(maps.items(), rows, strict=True):
        for ax, k in zip(axes, slices, strict=True):
            if anatomy is not None:
                behind = np.where(anatomy > 0, anatomy, np.nan)[x, y, k].T
                ax.imshow(behind, origin="lower", cmap="gray", vmin=-0.3, vmax=1.2, aspect=aspect)
            image = _slice(ax, values[x, y, k], (low, high), aspect)
        axes[0].set_ylabel(name.replace(" (", "\n("), fontsize=13)
    for ax, k in zip(rows[0], slices, strict=True):
        ax.set_title(f"z = {affine[2, 2] * k + affine[2, 3]:.0f} mm", fontsize=13)
    bar = figure.colorbar(image, ax=list(rows.ravel()), extend="both", aspect=14)
    bar.set_label(label, fontsize=13)
    bar.ax.tick_params(labelsize=12)
    return figure


def _slice(ax: Axes, values: NDArray[np.float64], ends: tuple[float, float], aspect: float) -> Any:
    """Draw an axial slice, with its sides named."""
    ax.text(0.01, 0.02, "L", transform=ax.transAxes, fontsize=13)
    ax.text(0.99, 0.02, "R", transform=ax.transAxes, fontsize=13, ha="right")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    low, high = ends
    return ax.imshow(
        values.T,
        origin="lower",
        vmin=low,
        vmax=high,
        cmap="viridis",
        aspect=aspect,
        interpolation="nearest",
    )


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
            threshold=_least(img),  # the bar is grey below it
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


def _least(img: Any) -> float:
    """Return a threshold just below the smallest value that is to be seen."""
    size = np.abs(np.asarray(img.dataobj))
    return 0.9999 * float(size[size > 0].min(initial=size.max() or 1.0))


def _grey_within(share: float) -> LinearSegmentedColormap:
    """Return the map of colours with grey at the share around 0 that nothing has."""
    at = np.linspace(-1, 1, 256)
    colours = plt.get_cmap("RdBu_r")((at + 1) / 2)
    colours[np.abs(at) < share] = (0.85, 0.85, 0.85, 1)
    return LinearSegmentedColormap.from_list("beyond", colours, 256)


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
    scale = plt.cm.ScalarMappable(Normalize(-largest, largest), _grey_within(_least(img) / largest))
    figure.colorbar(scale, cax=figure.add_axes((0.92, 0.2, 0.012, 0.6)), label=label)
    return figure
