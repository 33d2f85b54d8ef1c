"""Do studies find what is there, where it is, and nothing else?

Run: make bench-truth, or python -m benchmarks.sensitivity. At 3 mm a study of 30 + 30 takes about
two minutes; writes docs/benchmarks/sensitivity.md.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import cache

import numpy as np
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


@cache
def truth_of(effect: float, resolution_mm: int) -> GroupTruth:
    return GroupTruth.of(forward_model(resolution_mm), Effects(effect), 1)


def one(arguments: tuple[int, float, int, int]) -> StudyFound:
    seed, effect, resolution_mm, n_permutations = arguments
    return sensitivity_study(
        seed,
        truth_of(effect, resolution_mm),
        n_patients=REFERENCE_N,
        n_controls=REFERENCE_N,
        n_permutations=n_permutations,
        n_threads=1,
    )


def share(n: int, total: int) -> str:
    low, high = stats.binomtest(n, total).proportion_ci(0.95)
    return f"{n} of {total} ({n / total:.0%}; 95 % CI {low:.0%} to {high:.0%})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=40)
    parser.add_argument("--effect", type=float, default=REFERENCE_EFFECT)
    parser.add_argument("--resolution-mm", type=int, default=3)
    parser.add_argument("--n-permutations", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    work = [
        (seed, options.effect, options.resolution_mm, options.n_permutations)
        for seed in range(options.studies)
    ]
    found = []
    with ProcessPoolExecutor(options.processes, initializer=one_blas_thread) as pool:
        for study in pool.map(one, work):
            found.append(study)
            print(study, flush=True)
    total = len(found)
    truth = truth_of(options.effect, options.resolution_mm)
    rows = []
    for number, region in enumerate(REGIONS):
        own = [study.regions[number] for study in found]
        true = truth.of_region(number)
        distances = [r.distance_mm for r in own if r.found]
        rows.append(
            [
                region.name,
                f"{true['peak_difference_z']:.2f} ({true['peak_difference_sd']:.2f} SD)",
                share(sum(r.found for r in own), total),
                f"{np.median([r.peak_t for r in own]):.2f}",
                f"{np.median([r.peak_g for r in own]):.2f}",
                f"{np.median(distances):.1f} ({np.percentile(distances, 90):.1f})",
            ]
        )
    header = ["region", "true difference of Fisher z at its peak", "found", "peak t, median"]
    header += ["peak g, median", "found from planted peak, mm: median (90 %)"]
    right = truth.difference[truth.forward.domain.right]
    page = f"""# Do studies find what is there?

Made by `benchmarks/sensitivity.py` ({machine()}): {total} studies of {REFERENCE_N} patients and
{REFERENCE_N} controls, seeds 0 to {total - 1}, at the level of clean series on the
{options.resolution_mm} mm grid (52 degrees of freedom each), then `cfh`, then the group comparison
of `recommended`: covariates age, sex, education, SDS and SAS, {options.n_permutations:,}
permutations, clusters at p < 0.001 one-sided, two-sided corrected p < 0.05 by size. The planted
effect is {options.effect:g} standard deviations between people, in two regions of the left
hemisphere. On the right the truth differs by no more than {np.abs(right).max():.4f} (Fisher z).

{table(header, rows)}

A region counts as found when a significant cluster of higher CFH in patients has a place in its
truth (a true difference above {STATED_DIFFERENCE} within 20 mm).

- Studies without a significant cluster outside the truth (all places with a true difference above
  {STATED_DIFFERENCE}, and what lies within {DILATION_MM} mm of them: four standard deviations of
  the smoothing kernel): {share(sum(s.n_outside == 0 for s in found), total)}.
- Studies that find both regions:
  {share(sum(all(r.found for r in s.regions) for s in found), total)}.
"""
    DOCS.mkdir(parents=True, exist_ok=True)
    (DOCS / "sensitivity.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
