"""Power against the size of a study."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

# Okabe and Ito (2008): told apart with every kind of colour vision.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_LINES = ("-", "--", ":", "-.")
GOAL = 0.8


def power_figure(table: pd.DataFrame) -> Figure:
    """Draw a curve for each effect and region, with 95 % intervals.

    Parameters
    ----------
    table : DataFrame
        See `commissure.simulation.simulate_power`.
    """
    figure = Figure(figsize=(7, 4.6), dpi=120, layout="constrained")
    axes = figure.subplots()
    regions = list(table["region"].unique())
    groups = table.groupby(["effect", "region"], sort=False)
    effects = list(table["effect"].unique())
    for (effect, region), rows in groups:
        colour = _COLOURS[effects.index(effect) % len(_COLOURS)]
        n, power = rows["n_per_group"].to_numpy(), rows["power"].to_numpy()
        reach = np.abs([power - rows["ci_low"], rows["ci_high"] - power])
        axes.errorbar(
            n,
            power,
            reach,
            color=colour,
            linestyle=_LINES[regions.index(region) % len(_LINES)],
            marker="o",
            markersize=4,
            capsize=3,
            linewidth=1.6,
            label=f"{region}, effect {effect:g} (peak g {rows['peak_g'].median():.2f})",
        )
    axes.axhline(GOAL, color="0.6", linewidth=1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("people in each group")
    axes.set_ylabel("share of studies in which the region is found")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False, loc="lower right")
    return figure
