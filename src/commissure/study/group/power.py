"""The power of a planned study, written to files."""

from pathlib import Path

import pandas as pd

import commissure
from commissure.files.text import write_json, write_tsv
from commissure.render.power import GOAL, power_figure
from commissure.simulation.power import sample_size

_COLUMNS = {
    "effect": "Difference of coupling, standard deviations between people",
    "n_per_group": "People in each of two groups",
    "region": "Planted region",
    "n_studies": "Simulated studies",
    "found": "Studies with a significant cluster (corrected p < 0.05) in the region's truth",
    "power": "Their share",
    "ci_low": "Lower end of its 95 % interval (Clopper and Pearson)",
    "ci_high": "Upper end",
    "peak_t": "Largest t in the region's truth, median of the studies",
    "peak_g": "Hedges g it stands for, median",
}


def write_power(
    table: pd.DataFrame, out: Path, settings: dict[str, object]
) -> dict[float, float | None]:
    """Write ``power.tsv``, ``.json`` and ``.png``; return the sizes that are needed."""
    needed = sample_size(table, GOAL)
    write_tsv(out / "power.tsv", table, "%.4g")
    content = {
        "Settings": settings,
        "Goal": GOAL,
        "PeoplePerGroupNeeded": {f"{effect:g}": n for effect, n in needed.items()},
        "Columns": _COLUMNS,
        "GeneratedBy": [{"Name": "commissure", "Version": commissure.__version__}],
    }
    write_json(out / "power.json", content)
    figure = power_figure(table)
    figure.savefig(out / "power.png", facecolor=figure.get_facecolor())
    return needed
