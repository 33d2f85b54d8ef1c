"""The reference study again, on simulated raw scans: 30 patients and 30 controls, as published.

Run: make reproduction, or python -m benchmarks.reproduction FOLDER. Simulates the study, takes it
from raw scans to findings with the commands a user would type, and writes
docs/benchmarks/reproduction.md with the published tables, what was found and what was planted side
by side. About an hour and a half on 2 cores; what is in FOLDER already is not made again.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.measure import DOCS, machine, table
from commissure.study.demo import NEAR_MM, Planted, planted_and_found

PUBLISHED = Path(__file__).with_name("liu2025.toml")
PICTURE = DOCS.parent / "images" / "reproduction.png"
# The first whose groups really differ by as much as was planted (within 5 %) in both regions: by
# chance the people of a sample differ by more or less.
SEED = 3


def command(*arguments: str | Path) -> float:
    """Run `commissure`; return the seconds it takes."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "commissure", *map(str, arguments)], check=True)
    return time.perf_counter() - start


def run_study(folder: Path) -> dict[str, float]:
    """Do what is not done of the study; return the seconds each part took when it was done."""
    bids, out, notes = folder / "raw", folder / "out", folder / "seconds.json"
    took: dict[str, float] = json.loads(notes.read_text()) if notes.exists() else {}
    run = ("run", bids, out, "all", "--preset", "liu2025", "--seed", str(SEED), "--quiet")
    parts = {
        "simulate": ("simulate", bids, "--preset", "liu2025", "--seed", str(SEED), "--quiet"),
        "run": run,
        "run again": run,
    }
    for part, arguments in parts.items():
        if part not in took:
            took[part] = command(*arguments)
            notes.write_text(json.dumps(took))
    return took


def read_tsv(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", na_values="n/a")


def p_text(p: float) -> str:
    return "" if np.isnan(p) else "< 0.005" if p < 0.005 else f"{p:.2f}"


def table1_rows(published: dict[str, Any], group: Path) -> list[list[str]]:
    """Published and found cells of Table 1, a variable a row."""
    found = read_tsv(group / "table1.tsv").fillna({"summary_control": ""})
    shows = dict(zip(found["variable"], found["shows"], strict=True))
    cells = {
        row["variable"]: [row["summary_patient"], row["summary_control"], p_text(row["p"])]
        for row in found.to_dict("records")
    }
    return [
        [f"{name}, {shows[name]}", *printed, *cells[name]]
        for name, printed in published["table1"].items()
    ]


def cluster_rows(
    published: dict[str, Any], regions: list[Any], compared: list[Planted]
) -> list[list[str]]:
    """Published, planted and found clusters, a region a row."""
    rows = []
    for printed, planted, found in zip(published["clusters"], regions, compared, strict=True):
        row = [
            printed["region"],
            f"{printed['peak_t']} at {place(printed['peak_mm'])}, {printed['voxels']} voxels",
            f"{planted['peak_difference_z']:.2f} at {place(planted['peak_mm'])}",
        ]
        own = found.found
        if own is None:
            rows.append([*row, "not found", "", ""])
            continue
        row.append(
            f"{own['peak_t']:.2f} at {place(own[['x', 'y', 'z']])}, {own['voxels']:.0f} voxels"
        )
        rows.append([*row, f"{found.p:.4f}", f"{found.distance_mm:.0f} mm"])
    return rows


def place(mm: Any) -> str:
    return "(" + ", ".join(f"{value:.0f}" for value in mm) + ")"


def correlation_rows(group: Path) -> list[list[str]]:
    path = group / "partial_correlations.tsv"
    if not path.exists():
        return []
    return [
        [
            str(row["roi"]),
            row["score"],
            f"{row['r']:.2f} [{row['ci_low']:.2f}, {row['ci_high']:.2f}]",
            f"{row['p']:.2f}",
            f"{row['q']:.2f}",
        ]
        for row in read_tsv(path).to_dict("records")
    ]


def elsewhere(regions: list[Any], group: Path) -> str:
    """Say which significant clusters are near no planted region."""
    clusters = read_tsv(group / "clusters.tsv")
    own = clusters[clusters["voxels"].notna() & clusters["significant"].astype(bool)]
    far = [
        f"t = {row['peak_t']:.2f} at {place((row['x'], row['y'], row['z']))}"
        for row in own.to_dict("records")
        if row["peak_t"] < 0
        or min(
            np.linalg.norm(np.array([row["x"], row["y"], row["z"]]) - region["peak_mm"])
            for region in regions
        )
        > NEAR_MM
    ]
    return f"Significant elsewhere: {'; '.join(far) or 'nothing'}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="for 60 raw scans and results, some 20 GB")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    took = run_study(options.folder)
    group = options.folder / "out" / "group"
    published = tomllib.loads(PUBLISHED.read_text(encoding="utf-8"))
    truth = options.folder / "raw/derivatives/truth/truth.json"
    regions = json.loads(truth.read_text())["Regions"]
    compared = planted_and_found(truth, group / "clusters.tsv", "size")
    shutil.copy(group / "figure1.png", PICTURE)
    both = ["patients", "controls", "p"]
    correlations = correlation_rows(group)
    page = f"""# The published study, again

Made by `make reproduction` ({machine()}): 60 raw scans of people who do not exist, simulated with
seed {SEED} and the published study's sizes, Table 1 and effects; then

    commissure run BIDS OUT all --preset liu2025 --seed {SEED}

Nothing is shared with the published data: what should agree is the kind of result, not its digits.
Simulating took {took["simulate"] / 60:.0f} minutes, the study {took["run"] / 60:.0f} minutes, the
same command again {took["run again"]:.0f} s.

Published: [Liu et al. 2025](https://doi.org/10.3389/fneur.2025.1660039) (CC BY 4.0).

## Table 1

{
        table(
            ["", *(f"published: {name}" for name in both), *(f"found: {name}" for name in both)],
            table1_rows(published, group),
        )
    }

## Clusters: patients against controls

{
        table(
            [
                "region",
                "published: peak t",
                "planted: difference of Fisher z",
                "found: peak t",
                "p corrected",
                "found from planted",
            ],
            cluster_rows(published, regions, compared),
        )
    }

{elsewhere(regions, group)}

![Significant clusters of the simulated study](../images/reproduction.png)

## Partial correlations within the patients

Published: none at p < 0.05. Planted: none.

{
        table(["region", "score", "r [95 % CI]", "p", "q"], correlations)
        if correlations
        else "None: no cluster is significant."
    }
"""
    (DOCS / "reproduction.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
