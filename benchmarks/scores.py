"""Are partial correlations found when they are there, and only then?

Run: make bench-truth, or python -m benchmarks.scores. At 6 mm a study of 30 patients takes some
seconds; writes docs/benchmarks/scores.md.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import cache

import numpy as np
import pandas as pd

from benchmarks.measure import DOCS, exact_rates, machine, table
from commissure.simulation import BETWEEN_SD, REGIONS, Effects, GroupTruth, forward_model
from commissure.simulation.comparison import ALPHA, COVARIATES
from commissure.simulation.maps import DEGREES_OF_FREEDOM
from commissure.simulation.score_studies import (
    SCORES,
    ScoreStudy,
    partial_correlation_power,
    score_study,
)
from commissure.threads import one_blas_thread

PLANTED, PLANTED_R = "illness_duration", 0.6
GOAL = 0.8


@cache
def truth_of(resolution_mm: int) -> GroupTruth:
    effects = Effects(score_r={PLANTED: PLANTED_R})
    return GroupTruth.of(forward_model(resolution_mm), effects, 1)


def one(arguments: tuple[int, int, int]) -> ScoreStudy:
    seed, n_patients, resolution_mm = arguments
    return score_study(seed, truth_of(resolution_mm), n_patients=n_patients, n_threads=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=400)
    parser.add_argument("--sizes", type=int, nargs="+", default=[30, 45])
    parser.add_argument("--resolution-mm", type=int, default=6)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    n_studies = options.studies
    studies = {}
    with ProcessPoolExecutor(options.processes, initializer=one_blas_thread) as pool:
        for n in options.sizes:
            work = [(seed, n, options.resolution_mm) for seed in range(n_studies)]
            studies[n] = list(pool.map(one, work, chunksize=5))
            print(n, "patients done", flush=True)
    low, high = exact_rates(n_studies, ALPHA)
    null_rows, power_rows = [], []
    n_tests = n_inside = 0
    region = REGIONS[0].name
    for n, found in studies.items():
        p = pd.concat([study.table for study in found])
        for (roi, score), own in p.groupby(["roi", "score"], sort=False):
            if (roi, score) == (region, PLANTED):
                continue
            rate = float((own["p"] < ALPHA).mean())
            inside = low <= rate <= high
            n_tests, n_inside = n_tests + 1, n_inside + inside
            null_rows.append([str(n), roi, score, f"{rate:.3f}", "inside" if inside else "outside"])
        reliability = float(np.mean([study.reliability[region] for study in found]))
        seen = PLANTED_R * np.sqrt(reliability)
        own = p[(p["roi"] == region) & (p["score"] == PLANTED)]
        rate = float((own["p"] < ALPHA).mean())
        perfect, expected = (
            partial_correlation_power(r, n, len(COVARIATES)) for r in (PLANTED_R, seen)
        )
        power_rows.append(
            [
                str(n),
                f"{perfect:.2f}",
                f"{reliability:.2f}",
                f"{seen:.2f}",
                f"{expected:.2f}",
                f"{rate:.2f}",
                f"{own['r'].mean():.2f}",
            ]
        )
    needed = next(
        n for n in range(15, 500) if partial_correlation_power(seen, n, len(COVARIATES)) >= GOAL
    )
    header = ["patients", "power if CFH were known", "reliability", "r with measured CFH"]
    header += ["power, expected", "found", "mean r"]
    page = f"""# Partial correlations: found when they are there, and only then?

Made by `benchmarks/scores.py` ({machine()}): {n_studies} studies of patients, seeds 0 to
{n_studies - 1}, clean series on the {options.resolution_mm} mm grid with {DEGREES_OF_FREEDOM}
degrees of freedom, then `cfh`; its mean within 6 mm of each region's centre is correlated with
{", ".join(SCORES)}, controlling {", ".join(COVARIATES)}. `{PLANTED}` is planted to correlate with
the coupling of the {region} by {PLANTED_R:g}. That coupling's Fisher z has a standard deviation of
{BETWEEN_SD:g} between people.

## What is there

{table(header, power_rows)}

The first power is that of r = {PLANTED_R:g} with the true CFH ({len(COVARIATES)} covariates,
two-sided {ALPHA:g}). But CFH is measured with error: its reliability, the squared correlation of
measured with true values over people, makes r smaller by its root. With it {needed} patients give a
power of {GOAL:g}.

## What is not

False findings of each test, p < {ALPHA:g}; 95 % of exact tests lie within {low:.3f} to
{high:.3f} ({n_inside} of {n_tests} do; those of a total and its parts go together).

{table(["patients", "region", "score", "rate", ""], null_rows)}
"""
    DOCS.mkdir(parents=True, exist_ok=True)
    (DOCS / "scores.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
