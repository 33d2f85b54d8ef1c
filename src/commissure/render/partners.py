"""Where the partners of regions lie, with every scan visible."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from commissure.render.effect import COLOURS, MARKERS

# Axes of the plane of each view, and the axis that it is cut at.
_VIEWS = ((0, 1, 2), (0, 2, 1), (1, 2, 0))


@dataclass(frozen=True, eq=False)
class RegionShown:
    """A region's partners.

    Attributes
    ----------
    name : str
    mirror : tuple of float
        Mirror position of the region's middle, mm.
    scans : DataFrame
        ``group, x, y, z`` of the partners of each.
    """

    name: str
    mirror: tuple[float, float, float]
    scans: pd.DataFrame


def partners_figure(
    regions: Sequence[RegionShown],
    order: Sequence[str],
    anatomy: NDArray[np.float32],
    affine: NDArray[np.float64],
) -> Figure:
    """Draw the partners of regions on slices through their mirror position, a row a region.

    Parameters
    ----------
    regions : sequence of RegionShown
    order : sequence of str
        Of the groups, in the order of their colours.
    anatomy : ndarray of shape (x, y, z)
        The template's T1w, axes towards R, A, S.
    affine : ndarray of shape (4, 4)
    """
    figure = Figure(figsize=(9, 3.2 * len(regions) + 0.4), dpi=150, layout="constrained")
    rows = figure.subplots(len(regions), len(_VIEWS), squeeze=False)
    for region, panels in zip(regions, rows, strict=True):
        for axes, view in zip(panels, _VIEWS, strict=True):
            _slice(axes, anatomy, affine, region.mirror, view)
            _dots(axes, region, order, view)
        panels[0].set_title(region.name, loc="left", fontsize=10)
    handles, names = rows[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper right", ncols=6, fontsize=9, frameon=False)
    return figure


def _slice(
    axes: Axes,
    anatomy: NDArray[np.float32],
    affine: NDArray[np.float64],
    at: tuple[float, float, float],
    view: tuple[int, int, int],
) -> None:
    """Draw the anatomy in the plane through a position (mm)."""
    across, up, through = view
    sizes, origin = np.diag(affine)[:3], affine[:3, 3]
    k = int(np.clip(round((at[through] - origin[through]) / sizes[through]), 0, None))
    k = min(k, anatomy.shape[through] - 1)
    plane = np.take(anatomy, k, axis=through)
    ends: list[Any] = []
    for axis in (across, up):
        first = origin[axis] - sizes[axis] / 2
        ends += [first, first + sizes[axis] * anatomy.shape[axis]]
    shown = np.where(plane > 0, plane, np.nan).T
    axes.imshow(shown, origin="lower", extent=tuple(ends), cmap="gray", vmin=-0.6, vmax=1.2)
    axes.set_xlabel(f"{'xyz'[across]} (mm), at {'xyz'[through]} = {at[through]:.0f}", fontsize=8)
    axes.set_ylabel(f"{'xyz'[up]} (mm)", fontsize=8)
    axes.tick_params(labelsize=7)


def _dots(
    axes: Axes, region: RegionShown, order: Sequence[str], view: tuple[int, int, int]
) -> None:
    """Draw every scan's partners, the mean of each group and the mirror position."""
    across, up, _ = view
    groups = [*order, *sorted(set(region.scans["group"].astype(str)) - set(order))]
    for i, group in enumerate(groups):
        rows = region.scans[region.scans["group"].astype(str) == group]
        x, y = rows["xyz"[across]].to_numpy(float), rows["xyz"[up]].to_numpy(float)
        look: dict[str, Any] = {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % 6]}
        axes.scatter(x, y, s=14, alpha=0.8, edgecolor="white", linewidth=0.3, label=group, **look)
        if len(x):
            axes.scatter(x.mean(), y.mean(), s=90, edgecolor="black", linewidth=1.2, **look)
    at = region.mirror
    axes.plot(at[across], at[up], "+", color="black", ms=13, mew=1.8)
