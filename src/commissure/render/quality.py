"""Pictures by which a person judges whether a run was preprocessed well."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

_N_SLICES = 7
_CARPET_ROWS = 3000
# Okabe and Ito (2008): told apart with every kind of colour vision.
_COLOURS = ("#0072B2", "#D55E00", "#009E73")


def motion_figure(
    parameters: NDArray[np.float64],
    jenkinson: NDArray[np.float64],
    power: NDArray[np.float64],
    censored: NDArray[np.bool_],
    tr: float,
) -> Figure:
    """Draw how the head moved.

    Parameters
    ----------
    parameters : ndarray of shape (n_volumes, 6)
        Shifts of the head (mm) and rotations (rad).
    jenkinson, power : ndarray of shape (n_volumes,)
        Framewise displacement of either kind, mm.
    censored : ndarray of bool, shape (n_volumes,)
    tr : float
        Seconds.
    """
    time = np.arange(len(parameters)) * tr
    figure = Figure(figsize=(10, 5), dpi=110, layout="constrained")
    moved, turned, framewise = figure.subplots(3, 1, sharex=True)
    for axes in (moved, turned):
        axes.set_prop_cycle(color=_COLOURS, linestyle=("-", "--", ":"))
    for k, name in enumerate(("x", "y", "z")):
        moved.plot(time, parameters[:, k], label=name)
    for k, name in enumerate(("pitch", "roll", "yaw")):
        turned.plot(time, np.rad2deg(parameters[:, 3 + k]), label=name)
    kinds = (("Power", power, "0.7"), ("Jenkinson", jenkinson, "0.2"))
    for name, displacement, colour in kinds:
        label = f"{name}, mean {displacement.mean():.3f} mm"
        framewise.plot(time, displacement, color=colour, label=label)
    for at in time[censored]:
        framewise.axvspan(at - tr / 2, at + tr / 2, color="#D55E00", alpha=0.3, lw=0)
    for axes, label in ((moved, "mm"), (turned, "degrees"), (framewise, "FD, mm")):
        axes.set_ylabel(label)
        axes.legend(loc="upper right", fontsize=8, ncols=3)
    framewise.set_xlabel("s")
    return figure


def carpet_figure(
    before: NDArray[Any],
    after: NDArray[Any],
    tissue: NDArray[np.int8],
    kept: NDArray[np.bool_],
    traces: Mapping[str, NDArray[np.float64]],
) -> Figure:
    """Draw all series before and after cleaning, grey matter above, then white, then CSF.

    Above them, over the same volumes, what tells of movement.

    Parameters
    ----------
    before : ndarray of shape (n_places, n_volumes)
    after : ndarray of shape (n_places, n_kept)
    tissue : ndarray of shape (n_places,)
        0 grey matter, 1 white matter, 2 CSF.
    kept : ndarray of bool, shape (n_volumes,)
    traces : mapping of str to ndarray of shape (n_volumes,)
        One or two: the first has its axis on the left, the second on the right.
    """
    order = np.argsort(tissue, kind="stable")
    order = order[:: max(1, len(order) // _CARPET_ROWS)]
    filled = np.full((len(order), len(kept)), np.nan, np.float32)
    filled[:, kept] = after[order]
    figure = Figure(figsize=(10, 7), dpi=110, layout="constrained")
    above, *below = figure.subplots(3, 1, sharex=True, height_ratios=(1, 3, 3))
    _draw_traces(above, traces, kept)
    edges = np.flatnonzero(np.diff(tissue[order])) + 0.5
    panels = (("before cleaning", before[order]), ("after", filled))
    for axes, (title, values) in zip(below, panels, strict=True):
        centred = values - np.nanmean(values, axis=1, keepdims=True)
        scale = np.nanstd(centred, axis=1, keepdims=True)
        image = axes.imshow(
            centred / np.where(scale > 0, scale, 1),
            aspect="auto",
            cmap="gray",
            vmin=-2,
            vmax=2,
            interpolation="nearest",
        )
        for edge in edges:
            axes.axhline(edge, color="#D55E00", linewidth=0.8)
        axes.set_title(title, fontsize=10)
        axes.set_yticks([])
        axes.set_ylabel("grey | white | CSF")
    axes.set_xlabel("volume")
    figure.colorbar(image, ax=below, label="SD of each series", shrink=0.6)
    return figure


def _draw_traces(
    axes: Any, traces: Mapping[str, NDArray[np.float64]], kept: NDArray[np.bool_]
) -> None:
    """Draw one or two series over the volumes, and which of these were censored."""
    sides = (axes, axes.twinx())
    for (name, values), side, colour in zip(traces.items(), sides, _COLOURS, strict=False):
        side.plot(np.arange(len(values)), values, color=colour, linewidth=1)
        side.set_ylabel(name, color=colour, fontsize=8)
        side.tick_params(labelsize=7)
    if len(traces) < len(sides):
        sides[1].set_axis_off()
    for at in np.flatnonzero(~kept):
        axes.axvspan(at - 0.5, at + 0.5, color="#D55E00", alpha=0.3, lw=0)
    axes.set_title("movement, and how much the whole brain changes", fontsize=10)


def outlines_figure(
    image: NDArray[Any], outlines: dict[str, NDArray[Any]], affine: NDArray[np.float64], title: str
) -> Figure:
    """Draw slices of an image with the outlines of masks on them.

    Parameters
    ----------
    image : ndarray of shape (x, y, z)
        Axes towards R, A, S.
    outlines : dict of str to ndarray
        Masks or probabilities on the same grid, by what the legend calls them.
    affine : ndarray of shape (4, 4)
    title : str
    """
    colours = ("#D55E00", "#56B4E9", "#F0E442")
    figure = Figure(figsize=(13, 6.2), dpi=110, layout="constrained", facecolor="black")
    inside = np.argwhere(next(iter(outlines.values())) > 0.5)
    low, high = inside.min(axis=0), inside.max(axis=0)
    bright = float(np.percentile(image[image > 0], 99)) if (image > 0).any() else 1.0
    rows = figure.subplots(3, _N_SLICES)
    for axis, row in zip((2, 1, 0), rows, strict=True):
        step = np.delete(np.linalg.norm(affine[:3, :3], axis=0), axis)
        for ax, share in zip(row, np.linspace(0.12, 0.88, _N_SLICES), strict=True):
            k = int(low[axis] + share * (high[axis] - low[axis]))
            shown = np.take(image, k, axis=axis).T
            aspect = step[1] / step[0]
            ax.imshow(shown, cmap="gray", origin="lower", vmin=0, vmax=bright, aspect=aspect)
            for (_, mask), colour in zip(outlines.items(), colours, strict=False):
                cut = np.take(np.asarray(mask, float), k, axis=axis).T
                if (cut > 0.5).any() and (cut <= 0.5).any():
                    ax.contour(cut, levels=[0.5], colors=colour, linewidths=0.7)
            mm = affine[axis, axis] * k + affine[axis, 3]
            side = ""
            if axis == 0:
                side = " L" if mm < 0 else " R" if mm > 0 else ""
            else:
                ax.text(0.02, 0.02, "L", color="white", transform=ax.transAxes, fontsize=8)
                ax.text(
                    0.98, 0.02, "R", color="white", transform=ax.transAxes, fontsize=8, ha="right"
                )
            ax.set_title(f"{'xyz'[axis]} = {mm:.0f}{side}", color="white", fontsize=8)
            ax.set_axis_off()
    names = ", ".join(outlines)
    figure.suptitle(f"{title} (outlines: {names})", color="white", fontsize=11)
    return figure


def map_figure(values: NDArray[Any], affine: NDArray[np.float64], title: str, label: str) -> Figure:
    """Draw axial slices of a map, which is NaN outside the brain.

    Parameters
    ----------
    values : ndarray of shape (x, y, z)
    affine : ndarray of shape (4, 4)
    title, label : str
    """
    figure = Figure(figsize=(13, 2.4), dpi=110, layout="constrained")
    occupied = np.flatnonzero(np.isfinite(values).any(axis=(0, 1)))
    high = float(np.nanpercentile(values, 98))
    axes = figure.subplots(1, _N_SLICES)
    for ax, k in zip(axes, np.quantile(occupied, np.linspace(0.12, 0.88, _N_SLICES)), strict=True):
        image = ax.imshow(values[:, :, int(k)].T, origin="lower", vmin=0, vmax=high)
        ax.set_title(f"z = {affine[2, 2] * int(k) + affine[2, 3]:.0f}", fontsize=8)
        ax.text(0.02, 0.02, "L", transform=ax.transAxes, fontsize=8)
        ax.text(0.98, 0.02, "R", transform=ax.transAxes, fontsize=8, ha="right")
        ax.set_axis_off()
    figure.colorbar(image, ax=list(axes), label=label)
    figure.suptitle(title, fontsize=11)
    return figure
