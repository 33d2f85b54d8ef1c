"""Is something found where there is nothing?

Run: make bench-truth, or python -m benchmarks.null_studies. A study takes some seconds. Results go
to docs/benchmarks/null_studies.tsv, a study a row; studies that are in it are not made again. The
page docs/benchmarks/null_studies.md is made of it.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor

import pandas as pd

from benchmarks.measure import DOCS, exact_rates, machine
from commissure.simulation.comparison import ALPHA
from commissure.simulation.null_studies import STATISTICS, null_study
from commissure.threads import one_blas_thread

RESULTS = DOCS / "null_studies.tsv"
RESOLUTION_MM = 8


def one(seed: int) -> dict[str, object]:
    study = null_study(seed, resolution_mm=RESOLUTION_MM, n_threads=1)
    return {"seed": seed, **study.found, "mean_z_difference": study.mean_z_difference}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    rows = pd.read_csv(RESULTS, sep="\t").to_dict("records") if RESULTS.exists() else []
    done = {row["seed"] for row in rows}
    work = [seed for seed in range(options.studies) if seed not in done]
    with ProcessPoolExecutor(options.processes, initializer=one_blas_thread) as pool:
        for number, row in enumerate(pool.map(one, work), start=1):
            rows.append(row)
            if number % 20 == 0 or number == len(work):
                pd.DataFrame(rows).to_csv(RESULTS, sep="\t", index=False, float_format="%.5g")
                print(f"{number} of {len(work)}", flush=True)
    results = pd.read_csv(RESULTS, sep="\t")
    low, high = exact_rates(len(results), ALPHA)
    shares = [
        f"{share:.3f}" + ("" if low <= share <= high else " *")
        for share in results[list(STATISTICS)].mean()
    ]
    page = f"""# Null studies: from clean series to findings

Made by `benchmarks/null_studies.py` ({machine()}). In every study 30 patients and 30 controls have
the same coupling, with differences between people, and nobody moves ([groups that move
unlike](motion.md)). Series on the {RESOLUTION_MM} mm grid go through `cfh` and the comparison of
`recommended` (five covariates, 999 permutations, two-sided). A study counts where any cluster
(size, mass) or place (TFCE) has a corrected p below {ALPHA:g}. Each study is in
[null_studies.tsv](null_studies.tsv).

{len(results):,} studies: the share with a finding is {", ".join(shares)} by
{", ".join(STATISTICS)}; 95 % of exact tests lie within {low:.3f} to {high:.3f} (* outside).
Sizes are small whole numbers on so coarse a grid: their p jumps over {ALPHA:g}, and the test is a
little conservative.
"""
    (DOCS / "null_studies.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
