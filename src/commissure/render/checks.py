"""Figures by which a reviewer checks a finding: chance, motion, degrees of freedom."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from commissure.files.tables import rows_of
from commissure.render.effect import COLOURS, MARKERS
from commissure.render.numbers import fixed, p_equals

_COLUMNS = 3
# Of a limit: from there on it is drawn.
_NEAR = 0.6


def null_figure(
    null: NDArray[np.float64],
    observed: list[tuple[str, float]],
    critical: float,
    what: str,
    limit: str,
) -> Figure:
    """Draw how large the largest cluster is by chance, and the clusters that were found.

    Parameters
    ----------
    null : ndarray of shape (n_permutations,)
        The observed labelling first.
    observed : list of (str, float)
        Name and size of the clusters to be marked.
    critical : float
        What a cluster must exceed to be significant.
    what : str
        Of the axis.
    limit : str
        What the critical value is called.
    """
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    axes = figure.subplots()
    top = max([float(null.max()), critical, *(size for _, size in observed)])
    whole = bool(np.all(null == np.round(null)))
    n_bins = min(60, int(top) + 1) if whole else 50
    edges = np.linspace(0, top * 1.03, n_bins + 1)
    axes.hist(null, bins=list(edges), color="0.75", edgecolor="white", linewidth=0.3)
    axes.axvline(critical, color="black", linestyle="--", linewidth=1, label=limit)
    heights = axes.get_ylim()[1]
    for i, (name, size) in enumerate(observed):
        y = heights * (0.9 - 0.12 * (i % 6))
        colour = COLOURS[1]
        axes.plot([size, size], [0, y], color=colour, linewidth=1.4)
        right = size > 0.6 * top
        axes.text(
            size,
            y,
            f"{name} " if right else f" {name}",
            ha="right" if right else "left",
            va="center",
            color=colour,
            fontsize=9,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            zorder=3,
        )
    axes.set_xlabel(what)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(f"of {len(null):,} relabellings")
    # Above the axes, where no cluster's line is.
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def motion_figure(
    motion: pd.DataFrame,
    correlations: pd.DataFrame,
    regions: dict[str, str],
    group: str,
    label: str,
    levels: Sequence[str] = (),
    limit: float | None = None,
) -> Figure:
    """Draw each region's values against mean framewise displacement, by group.

    Parameters
    ----------
    motion : DataFrame
        ``mean_fd``, the regions and, if there are groups, `group`.
    correlations : DataFrame
        ``region, group, r, p``.
    regions : dict of str to str
        Columns to draw, and what they are called.
    group : str
    label : str
        Of the axis of values.
    levels : sequence of str
        The groups, in the order of their colours.
    limit : float, optional
        Of the displacement that excludes; drawn where scans come near it.
    """
    figure, panels = _panels(len(regions))
    has_groups = group in motion
    levels = levels or (sorted(motion[group].astype(str).unique()) if has_groups else ["all"])
    near = limit is not None and motion["mean_fd"].max() > _NEAR * limit
    for axes, (region, name) in zip(panels, regions.items(), strict=False):
        for i, level in enumerate(levels):
            rows = motion[motion[group].astype(str) == level] if has_groups else motion
            look = {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)]}
            axes.scatter(rows["mean_fd"], rows[region], s=18, alpha=0.75, label=level, **look)
        if near:
            axes.axvline(limit, color="black", linestyle="--", linewidth=0.8)
        said = _correlations_in_words(correlations[correlations["region"] == region])
        axes.set_title("\n".join([name, *said]), fontsize=8)
        _label(axes, "mean FD, Jenkinson (mm)", label)
    for axes in panels[len(regions) :]:
        axes.remove()
    if has_groups:
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper left", ncols=6, fontsize=8, frameon=False)
    return figure


def _panels(n: int) -> tuple[Figure, Any]:
    """Return a figure with room for n panels, and its axes."""
    n_columns = min(n, _COLUMNS)
    n_rows = -(-n // n_columns)
    figure = Figure(figsize=(3.3 * n_columns, 3.5 * n_rows), layout="constrained")
    return figure, figure.subplots(n_rows, n_columns, squeeze=False).ravel()


def _label(axes: Any, x: str, y: str) -> None:
    axes.set_xlabel(x, fontsize=8)
    axes.set_ylabel(y, fontsize=8)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)


def _correlations_in_words(of_region: pd.DataFrame) -> list[str]:
    return [
        f"{row['group']}: r = {fixed(row['r'])}, {p_equals(row['p'])}"
        for row in rows_of(of_region)
        if pd.notna(row["r"])
    ]


def freedom_figure(by_group: dict[str, NDArray[np.float64]], limit: float | None = None) -> Figure:
    """Draw the effective degrees of freedom of every run, by group.

    Parameters
    ----------
    by_group : dict of str to ndarray
        In the order of their colours.
    limit : float, optional
        Below which runs are left out; drawn where runs come near it.
    """
    figure = Figure(figsize=(5.2, 0.9 + 0.55 * len(by_group)), layout="constrained")
    axes: Any = figure.subplots()
    rng = np.random.default_rng(0)
    for i, (_name, values) in enumerate(by_group.items()):
        aside = i + rng.uniform(-0.18, 0.18, len(values))
        colour, marker = COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]
        axes.scatter(values, aside, s=16, color=colour, marker=marker, alpha=0.7)
        middle = float(np.median(values))
        axes.plot([middle, middle], [i - 0.32, i + 0.32], color="black", linewidth=1.6)
        axes.annotate(f" median {middle:.0f}", (middle, i + 0.34), fontsize=8, ha="center")
    least = min(float(values.min()) for values in by_group.values())
    if limit is not None and _NEAR * least < limit:
        axes.axvline(limit, color="black", linestyle="--", linewidth=0.8)
    axes.set_yticks(range(len(by_group)), list(by_group))
    axes.set_ylim(-0.6, len(by_group) - 0.3)
    axes.set_xlabel("effective degrees of freedom")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return figure
