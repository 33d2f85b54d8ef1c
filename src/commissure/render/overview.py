"""What was measured of all runs of a study, side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from commissure.render.effect import COLOURS, MARKERS

_COLUMNS = 3


def overview_figure(
    measured: Mapping[str, Mapping[str, float]],
    group_of: Mapping[str, str],
    order: Sequence[str],
    marked: Mapping[str, set[str]],
    limits: Mapping[str, float],
) -> Figure:
    """Draw a panel for each quantity, every run a dot, by group.

    Parameters
    ----------
    measured : mapping of str to mapping
        Quantity, as the axis calls it -> run -> value.
    group_of : mapping of str to str
        Of each run.
    order : sequence of str
        Of the groups, in the order of their colours.
    marked : mapping of str to set of str
        Of each quantity, the runs whose names are shown.
    limits : mapping of str to float
        Of quantities that have one; drawn where runs come near it.
    """
    n_rows = -(-len(measured) // _COLUMNS)
    figure = Figure(figsize=(10, (0.9 + 0.45 * len(order)) * n_rows), layout="constrained")
    panels = figure.subplots(n_rows, _COLUMNS, squeeze=False).ravel()
    for axes, (what, values) in zip(panels, measured.items(), strict=False):
        _panel(axes, values, group_of, order, marked.get(what, set()))
        axes.set_xlabel(what, fontsize=8)
        limit = limits.get(what)
        low, high = axes.get_xlim()
        if limit is not None and low - (high - low) < limit < high + (high - low):
            axes.axvline(limit, color="black", linestyle="--", linewidth=0.8)
    for axes in panels[len(measured) :]:
        axes.remove()
    return figure


def _panel(
    axes: Any,
    values: Mapping[str, float],
    group_of: Mapping[str, str],
    order: Sequence[str],
    marked: set[str],
) -> None:
    rng = np.random.default_rng(0)
    for i, group in enumerate(order):
        names = [name for name in values if group_of[name] == group]
        x = np.array([values[name] for name in names])
        y = i + rng.uniform(-0.2, 0.2, len(names))
        look: dict[str, Any] = {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % 6]}
        axes.scatter(x, y, s=14, alpha=0.75, **look)
        for name, at, height in zip(names, x, y, strict=True):
            if name in marked:
                axes.annotate(name, (at, height), fontsize=7, ha="center", va="bottom")
    axes.set_yticks(range(len(order)), order, fontsize=8)
    axes.set_ylim(len(order) - 0.5, -0.6)
    axes.tick_params(labelsize=7)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.margins(x=0.12)
    axes.spines[["top", "right"]].set_visible(False)
