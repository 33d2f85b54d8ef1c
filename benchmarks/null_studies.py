"""Is something found where there is nothing, and what does motion do to that?

Run: make bench-truth, or python -m benchmarks.null_studies. A study takes some seconds. Results go
to docs/benchmarks/null_studies.tsv, a study a row; studies that are in it are not made again. The
page docs/benchmarks/null_studies.md is made of it.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor

import pandas as pd

from benchmarks.measure import DOCS, exact_rates, machine, table
from commissure.simulation.comparison import ALPHA
from commissure.simulation.null_studies import STATISTICS, MotionDesign, null_study
from commissure.threads import one_blas_thread

RESULTS = DOCS / "null_studies.tsv"
RESOLUTION_MM = 8
MOVE, CENSOR_MM, ARTEFACT = 1.5, 0.1, 3.0
MOVES = (1.0, 1.5, 2.0)
STILL = "nobody moves"
DESIGNS = {
    STILL: None,
    "groups move alike": MotionDesign(1.0, artefact=ARTEFACT),
    "patients move more, nothing done": MotionDesign(MOVE, artefact=ARTEFACT),
    "mean FD a covariate": MotionDesign(MOVE, artefact=ARTEFACT, covariate=True),
    "volumes censored": MotionDesign(MOVE, CENSOR_MM, ARTEFACT),
    "censored, degrees of freedom matched": MotionDesign(MOVE, CENSOR_MM, ARTEFACT, matched=True),
    "censored, matched, mean FD a covariate": MotionDesign(
        MOVE, CENSOR_MM, ARTEFACT, matched=True, covariate=True
    ),
    **{
        f"`recommended`, patients move {move:g} times as much": MotionDesign(
            move, artefact=ARTEFACT, covariate=True, rules=True
        )
        for move in MOVES
    },
    **{
        f"censored, df and mean FD covariates, {move:g} times": MotionDesign(
            move, CENSOR_MM, ARTEFACT, covariate=True, freedom_covariate=True
        )
        for move in MOVES[1:]
    },
}


def one(asked: tuple[str, int]) -> dict[str, object]:
    design, seed = asked
    study = null_study(seed, DESIGNS[design], resolution_mm=RESOLUTION_MM, n_threads=1)
    row: dict[str, object] = {"design": design, "seed": seed, **study.found}
    row |= {"mean_z_difference": study.mean_z_difference}
    for name, values in (("df", study.degrees_of_freedom), ("n", study.n_included)):
        row |= {f"{name}_patients": values[0], f"{name}_controls": values[1]}
    return row


def rates(studies: pd.DataFrame) -> list[str]:
    low, high = exact_rates(len(studies), ALPHA)
    shares = studies[list(STATISTICS)].mean()
    return [f"{share:.3f}" + ("" if low <= share <= high else " *") for share in shares]


def of_design(name: str, studies: pd.DataFrame) -> list[str]:
    low, high = exact_rates(len(studies), ALPHA)
    mean = studies.mean(numeric_only=True)
    return [
        name,
        str(len(studies)),
        f"{mean['n_patients']:.0f} / {mean['n_controls']:.0f}",
        f"{mean['df_patients']:.1f} / {mean['df_controls']:.1f}",
        f"{mean['mean_z_difference']:+.4f}",
        *rates(studies),
        f"{low:.3f} to {high:.3f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000, help="without motion")
    parser.add_argument("--moving-studies", type=int, default=200, help="for each way of motion")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", default="", help="ways of motion whose names have this")
    options = parser.parse_args()
    rows = pd.read_csv(RESULTS, sep="\t").to_dict("records") if RESULTS.exists() else []
    done = {(row["design"], row["seed"]) for row in rows}
    work = [(STILL, seed) for seed in range(options.studies)]
    moving = [name for name in DESIGNS if name != STILL and options.only in name]
    # Seed by seed, so that whenever it is stopped all designs have as many.
    work += [(name, seed) for seed in range(options.moving_studies) for name in moving]
    work = [study for study in work if study not in done]
    with ProcessPoolExecutor(options.processes, initializer=one_blas_thread) as pool:
        for number, row in enumerate(pool.map(one, work), start=1):
            rows.append(row)
            if number % 20 == 0 or number == len(work):
                pd.DataFrame(rows).to_csv(RESULTS, sep="\t", index=False, float_format="%.5g")
                print(f"{number} of {len(work)}", flush=True)
    results = pd.read_csv(RESULTS, sep="\t")
    still = results[results["design"] == STILL]
    low, high = exact_rates(len(still), ALPHA)
    moved = [
        of_design(name, own) for name in DESIGNS
        if name != STILL and len(own := results[results["design"] == name])
    ]  # fmt: skip
    header = ["", "studies", "included", "degrees of freedom", "mean difference of CFH (z)"]
    header += [*(f"found by {name}" for name in STATISTICS), "95 % of exact tests"]
    page = f"""# Null studies: from clean series to findings

Made by `benchmarks/null_studies.py` ({machine()}). In every study 30 patients and 30 controls have
the same coupling, with differences between people. Series on the {RESOLUTION_MM} mm grid go through
`cfh` and the comparison of `recommended` (five covariates, 999 permutations, two-sided). A study
counts where any cluster (size, mass) or place (TFCE) has a corrected p below {ALPHA:g}. Each study
is in [null_studies.tsv](null_studies.tsv).

## Nobody moves

{len(still):,} studies: the share with a finding is {", ".join(rates(still))} by
{", ".join(STATISTICS)}; 95 % of exact tests lie within {low:.3f} to {high:.3f} (* outside).
Sizes are small whole numbers on so coarse a grid: their p jumps over {ALPHA:g}, and the test is a
little conservative.

## Groups that move unlike

People move as in `simulation.motion`; patients {MOVE:g} times as much as controls. A displacement
of 1 mm adds to its volume a smooth pattern, the same on both sides, of {ARTEFACT:g} standard
deviations of neural activity. Friston-24, trend and band-pass are one operator; where volumes are
censored (FD, Jenkinson, above {CENSOR_MM:g} mm), scans that keep fewer than 100 are left out.
Matched: scans are cut at their end until all have as few effective degrees of freedom as the one
with the fewest. Numbers are means, patients / controls; * is outside what 95 % of exact tests give.

{table(header, moved)}
"""
    (DOCS / "null_studies.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
