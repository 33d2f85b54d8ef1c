"""Do studies find what is there, where it is, and nothing else?

Run: make bench-truth, or python -m benchmarks.sensitivity. At 3 mm a study of 30 + 30 takes about
a minute and a half. Results go to docs/benchmarks/sensitivity.tsv, a region of a study a row;
studies that are in it are not made again. The page docs/benchmarks/sensitivity.md is made of it.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.measure import DOCS, machine, table
from commissure.simulation import (
    REFERENCE_EFFECT,
    REFERENCE_N,
    REGIONS,
    STATED_DIFFERENCE,
    Effects,
    GroupTruth,
    forward_model,
)
from commissure.simulation.sensitivity import DILATION_MM, StudyFound, sensitivity_study
from commissure.threads import one_blas_thread

RESULTS = DOCS / "sensitivity.tsv"
RESOLUTION_MM, N_PERMUTATIONS = 3, 1000
EFFECTS = (2.0, REFERENCE_EFFECT)


@cache
def truth_of(effect: float) -> GroupTruth:
    return GroupTruth.of(forward_model(RESOLUTION_MM), Effects(effect), 1)


def one(study: tuple[int, float]) -> tuple[float, StudyFound]:
    seed, effect = study
    found = sensitivity_study(
        seed,
        truth_of(effect),
        n_patients=REFERENCE_N,
        n_controls=REFERENCE_N,
        n_permutations=N_PERMUTATIONS,
        n_threads=1,
    )
    return effect, found


def rows_of(effect: float, found: StudyFound) -> list[dict[str, object]]:
    return [
        {"effect": effect, "seed": found.seed, "region": region.name, "found": region.found}
        | {"peak_t": region.peak_t, "peak_g": region.peak_g, "distance_mm": region.distance_mm}
        | {"n_significant": found.n_significant, "n_outside": found.n_outside}
        for region in found.regions
    ]


def share(n: int, total: int) -> str:
    low, high = stats.binomtest(n, total).proportion_ci(0.95)
    return f"{n} of {total} ({n / total:.0%}; 95 % CI {low:.0%} to {high:.0%})"


def section(effect: float, results: pd.DataFrame) -> str:
    """Tell what the studies of one effect found."""
    truth = truth_of(effect)
    right = truth.difference[truth.forward.domain.right]
    rows = []
    for number, region in enumerate(REGIONS):
        own, true = results[results["region"] == region.name], truth.of_region(number)
        distances = own.loc[own["found"], "distance_mm"]
        rows.append(
            [
                region.name,
                f"{true['peak_difference_z']:.2f} ({true['peak_difference_sd']:.2f} SD)",
                share(int(own["found"].sum()), len(own)),
                f"{own['peak_t'].median():.2f}",
                f"{own['peak_g'].median():.2f}",
                f"{distances.median():.1f} ({distances.quantile(0.9):.1f})",
            ]
        )
    header = ["region", "true difference of Fisher z at its peak", "found", "peak t, median"]
    header += ["peak g, median", "found from planted peak, mm: median (90 %)"]
    studies = results.groupby("seed")
    n_clear = int((studies["n_outside"].first() == 0).sum())
    return f"""## An effect of {effect:g} standard deviations between people

On the right the truth differs by no more than {np.abs(right).max():.4f} (Fisher z).

{table(header, rows)}

- Studies without a significant cluster outside the truth: {share(n_clear, len(studies))}.
- Studies that find both regions: {share(int(studies["found"].all().sum()), len(studies))}.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=40, help="of each effect")
    parser.add_argument("--effects", type=float, nargs="+", default=EFFECTS)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    rows = pd.read_csv(RESULTS, sep="\t").to_dict("records") if RESULTS.exists() else []
    done = {(row["seed"], row["effect"]) for row in rows}
    asked = product(range(options.studies), options.effects)
    work = [study for study in asked if study not in done]
    with ProcessPoolExecutor(options.processes, initializer=one_blas_thread) as pool:
        for effect, found in pool.map(one, work):
            rows += rows_of(effect, found)
            results = pd.DataFrame(rows).sort_values(["effect", "seed"], kind="stable")
            results.to_csv(RESULTS, sep="\t", index=False, na_rep="n/a", float_format="%.4f")
            print(effect, found, flush=True)
    results = pd.read_csv(RESULTS, sep="\t", na_values="n/a")
    by_effect = results.groupby("effect")
    sections = "\n".join(section(float(effect), own) for effect, own in by_effect)
    page = f"""# Do studies find what is there?

Made by `benchmarks/sensitivity.py` ({machine()}): studies of {REFERENCE_N} patients and
{REFERENCE_N} controls at the level of clean series on the {RESOLUTION_MM} mm grid (52 degrees of
freedom each), then `cfh`, then the group comparison of `recommended`: covariates age, sex,
education, SDS and SAS, {N_PERMUTATIONS:,} permutations, clusters at p < 0.001 one-sided, two-sided
corrected p < 0.05 by size. The effect is planted in two regions of the left hemisphere. Each
region of each study is in [sensitivity.tsv](sensitivity.tsv).

A region counts as found when a significant cluster of higher CFH in patients has a place in its
truth (a true difference above {STATED_DIFFERENCE} within 20 mm). Outside the truth is what lies
more than {DILATION_MM} mm (four standard deviations of the smoothing kernel) from all places with a
true difference above {STATED_DIFFERENCE}.

{sections}"""
    (DOCS / "sensitivity.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
