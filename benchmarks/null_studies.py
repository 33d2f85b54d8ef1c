"""Is something found where there is nothing, and what does motion do to that?

Run: make bench-truth, or python -m benchmarks.null_studies. A study takes some seconds without
motion, about a quarter of a minute with it; writes docs/benchmarks/null_studies.md.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat

import numpy as np
from scipy import stats

from benchmarks.measure import DOCS, machine, table
from commissure.simulation.comparison import ALPHA
from commissure.simulation.null_studies import STATISTICS, MotionDesign, NullStudy, null_study
from commissure.threads import one_blas_thread

MOVE, CENSOR_MM, ARTEFACT = 1.5, 0.1, 3.0
DESIGNS = {
    "groups move alike": MotionDesign(1.0, artefact=ARTEFACT),
    "patients move more, nothing done": MotionDesign(MOVE, artefact=ARTEFACT),
    "mean FD a covariate": MotionDesign(MOVE, artefact=ARTEFACT, covariate=True),
    "volumes censored": MotionDesign(MOVE, CENSOR_MM, ARTEFACT),
    "censored, mean FD a covariate": MotionDesign(MOVE, CENSOR_MM, ARTEFACT, covariate=True),
    "censored, degrees of freedom matched": MotionDesign(MOVE, CENSOR_MM, ARTEFACT, matched=True),
    "censored, matched, mean FD a covariate": MotionDesign(
        MOVE, CENSOR_MM, ARTEFACT, matched=True, covariate=True
    ),
}


def one(seed: int, design: MotionDesign | None, resolution_mm: int) -> NullStudy:
    return null_study(seed, design, resolution_mm=resolution_mm, n_threads=1)


def rates(found: list[NullStudy]) -> list[str]:
    n = len(found)
    low, high = stats.binom.interval(0.95, n, ALPHA) / np.array(n)
    cells = []
    for name in STATISTICS:
        rate = sum(study.found[name] for study in found) / n
        cells.append(f"{rate:.3f}" + ("" if low <= rate <= high else " *"))
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000, help="without motion")
    parser.add_argument("--moving-studies", type=int, default=200, help="for each way of motion")
    parser.add_argument("--resolution-mm", type=int, default=6)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    rows = []
    with ProcessPoolExecutor(options.processes, initializer=one_blas_thread) as pool:

        def run(n: int, design: MotionDesign | None) -> list[NullStudy]:
            work = (range(n), repeat(design), repeat(options.resolution_mm))
            return list(pool.map(one, *work, chunksize=5))

        still = rates(run(options.studies, None))
        print("no motion:", still, flush=True)
        for name, design in DESIGNS.items():
            found = run(options.moving_studies, design)
            freedom = np.mean([study.degrees_of_freedom for study in found], axis=0)
            included = np.mean([study.n_included for study in found], axis=0)
            rows.append(
                [
                    name,
                    " / ".join(f"{n:.0f}" for n in included),
                    " / ".join(f"{df:.1f}" for df in freedom),
                    f"{np.mean([study.mean_z_difference for study in found]):+.4f}",
                    *rates(found),
                ]
            )
            print(rows[-1], flush=True)
    low, high = (
        stats.binom.interval(0.95, n, ALPHA) / np.array(n)
        for n in (options.studies, options.moving_studies)
    )
    header = ["", "included", "degrees of freedom", "mean difference of CFH (z)"]
    header += [f"found by {name}" for name in STATISTICS]
    page = f"""# Null studies: from clean series to findings

Made by `benchmarks/null_studies.py` ({machine()}). In every study 30 patients and 30 controls have
the same coupling, with differences between people. Series on the {options.resolution_mm} mm grid
go through `cfh` and the comparison of `recommended` (five covariates, 999 permutations, two-sided).
A study counts where any cluster (size, mass) or place (TFCE) has a corrected p below {ALPHA:g}.

## Nobody moves

{options.studies:,} studies: the share with a finding is {", ".join(still)} by
{", ".join(STATISTICS)}; 95 % of exact tests lie within {low[0]:.3f} to {low[1]:.3f} (* outside).
Sizes are small whole numbers on so coarse a grid: their p jumps over {ALPHA:g},
and the test is a little conservative.

## Groups that move unlike

{options.moving_studies} studies a row. People move as in `simulation.motion`; patients {MOVE:g}
times as much as controls. A displacement of 1 mm adds to its volume a smooth pattern, the same on
both sides, of {ARTEFACT:g} standard deviations of neural activity. Friston-24, trend and band-pass
are one operator; where volumes are censored (FD, Jenkinson, above {CENSOR_MM:g} mm), scans that
keep fewer than 100 are left out. Matched: scans are cut at their end until all have as few
effective degrees of freedom as the one with the fewest. Numbers are means, patients / controls;
95 % of exact tests lie within {high[0]:.3f} to {high[1]:.3f} (* outside).

{table(header, rows)}
"""
    DOCS.mkdir(parents=True, exist_ok=True)
    (DOCS / "null_studies.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
