"""The effect in one region, with every participant visible."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from commissure.files.tables import rows_of

# Okabe and Ito (2008): told apart with every kind of colour vision, and in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")


def effect_figure(
    values: pd.DataFrame,
    means: pd.DataFrame,
    region: str,
    column: str,
    *,
    label: str = "",
    along: str = "",
    order: Sequence[str] = (),
) -> Figure:
    """Draw a region's values by group, or along a covariate.

    Parameters
    ----------
    values : DataFrame
        With the region's values and what they are plotted against.
    means : DataFrame
        ``term, n, estimate, ci_low, ci_high`` of this region, and ``at`` if `column` is a
        covariate; may be empty.
    region, column : str
        Columns of `values`.
    label : str
        Of the axis of values.
    along : str
        Of the axis of a covariate.
    order : sequence of str
        Of the groups, in the order of their colours.

    Returns
    -------
    matplotlib Figure
    """
    figure = Figure(figsize=(4.4, 3.6), layout="constrained")
    axes = figure.subplots()
    if "at" in means:
        _along_covariate(axes, values, means, region, column)
        axes.set_xlabel(along or column)
    else:
        _by_group(axes, values, means, region, column, order)
    axes.set_ylabel(label)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _by_group(
    axes: Any,
    values: pd.DataFrame,
    means: pd.DataFrame,
    region: str,
    column: str,
    order: Sequence[str],
) -> None:
    terms = list(means["term"].astype(str)) if len(means) else []
    terms = sorted(terms, key=lambda term: order.index(term) if term in order else len(order))
    found = list(dict.fromkeys(values[column].astype(str)))
    levels = [*terms, *(level for level in found if level not in terms)]
    for i, level in enumerate(levels):
        y = np.sort(values.loc[values[column].astype(str) == level, region].to_numpy(float))
        colour = COLOURS[i % len(COLOURS)]
        axes.scatter(
            i + _spread(y),
            y,
            s=20,
            marker=MARKERS[i % len(MARKERS)],
            color=colour,
            alpha=0.75,
            edgecolor="white",
            linewidth=0.4,
        )
        of_level = means[means["term"].astype(str) == level] if len(means) else means
        for row in rows_of(of_level):
            mean = row["estimate"]
            error = [[mean - row["ci_low"]], [row["ci_high"] - mean]]
            axes.errorbar(i + 0.36, mean, yerr=error, fmt="D", color="black", ms=5, capsize=4)
    counts = values[column].astype(str).value_counts()
    axes.set_xticks(
        range(len(levels)), [f"{level}\n(n = {counts.get(level, 0)})" for level in levels]
    )
    axes.set_xlim(-0.5, len(levels) - 0.3)


def _along_covariate(
    axes: Any, values: pd.DataFrame, means: pd.DataFrame, region: str, column: str
) -> None:
    axes.scatter(
        values[column], values[region], s=20, color=COLOURS[0], alpha=0.75, edgecolor="white"
    )
    line = means.sort_values("at")
    axes.plot(line["at"], line["estimate"], color=COLOURS[1])
    axes.fill_between(
        line["at"], line["ci_low"], line["ci_high"], color=COLOURS[1], alpha=0.15, lw=0
    )


def _spread(y: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return how far aside each of the sorted values is drawn, so that none hides another."""
    if len(y) < 2 or np.ptp(y) == 0:
        return np.linspace(-0.2, 0.2, len(y)) if len(y) > 1 else np.zeros(len(y))
    height = np.ptp(y) / 18
    aside = np.zeros(len(y))
    placed: list[tuple[float, float]] = []
    steps = np.array([0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5]) * 0.055
    for i, value in enumerate(y):
        near = {x for x, other in placed if value - other < height}
        aside[i] = next((step for step in steps if step not in near), 0.0)
        placed.append((float(aside[i]), float(value)))
    return aside
