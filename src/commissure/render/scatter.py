"""Partial correlations as scatter plots of the residuals they are the correlations of."""

import textwrap
from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from commissure.clinical import PartialCorrelations, Residuals
from commissure.render.effect import COLOURS
from commissure.render.numbers import fixed, interval_text, p_equals, with_unit

_COLUMNS = 4
_PANEL_INCHES = (3.1, 3.3)


def scatter_figure(
    result: PartialCorrelations, units: Mapping[str, str] = {}, colour: str = COLOURS[0]
) -> Figure:
    """Draw a panel for each pair that has a partial correlation.

    Parameters
    ----------
    result : PartialCorrelations
    units : mapping of str to str
        Of scores.
    colour : str
        Of the group that they are of.

    Returns
    -------
    matplotlib.figure.Figure
        Panels in the order of the table, the score's residual along x, the region's along y, with
        the regression line; above each r, its 95 % CI, p, q and n.

    Notes
    -----
    Save it with ``metadata={"Date": None}`` for an SVG that does not depend on the day.
    """
    shown = result.table[result.table["r"].notna()].to_dict("records")
    n_scores = max(sum(row["roi"] == other["roi"] for other in shown) for row in shown)
    n_columns = min(n_scores, _COLUMNS)
    n_rows = -(-len(shown) // n_columns)
    width, height = _PANEL_INCHES
    figure = Figure(figsize=(width * n_columns, height * n_rows), layout="constrained")
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for axis, row, residuals in zip(axes, shown, result.residuals, strict=False):
        _panel(axis, row, residuals, result, units, colour)
    for axis in axes[len(shown) :]:
        axis.remove()
    return figure


def _panel(
    axis: Axes,
    row: dict[Any, Any],
    residuals: Residuals,
    result: PartialCorrelations,
    units: Mapping[str, str],
    colour: str,
) -> None:
    x, y = residuals.x, residuals.y
    axis.scatter(x, y, s=22, color=colour, alpha=0.8, edgecolor="white", linewidth=0.5)
    ends = (x.min(), x.max())
    axis.plot(ends, [residuals.slope * end for end in ends], color="black", linewidth=1.5)
    symbol = "rho" if result.method == "spearman" else "r"
    axis.set_title(
        f"{symbol} = {fixed(row['r'])}, 95 % CI {interval_text(row['ci_low'], row['ci_high'])}\n"
        f"{p_equals(row['p'])}, {p_equals(row['q'], 'q')}, n = {row['n']}",
        fontsize=9,
    )
    axis.set_xlabel(_label(_with_unit_of(residuals.score, result, units), result), fontsize=8)
    axis.set_ylabel(_label(residuals.roi, result), fontsize=8)
    axis.tick_params(labelsize=7)
    axis.spines[["top", "right"]].set_visible(False)


def _with_unit_of(score: str, result: PartialCorrelations, units: Mapping[str, str]) -> str:
    """Return a score with its unit, which its ranks do not have."""
    return score if result.method == "spearman" else with_unit(score, units)


def _label(name: str, result: PartialCorrelations) -> str:
    """Return what an axis shows, and what was taken out of it."""
    what = "rank residual" if result.method == "spearman" else "residual"
    given = f" given {', '.join(result.covariates)}" if result.covariates else ""
    return f"{name},\n{textwrap.fill(what + given, 38)}"
