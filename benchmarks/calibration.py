"""Count false findings in null studies whose covariates go with the group.

Run: make bench-calibration. It takes half an hour; `null_study` and `false_findings` also serve
the test suite, which counts a few.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.ndimage import gaussian_filter

from commissure.inference import permutation_test
from commissure.space import Domain

PAGE = Path(__file__).parents[1] / "docs/benchmarks/calibration.md"
METHODS = ("freedman-lane", "draper-stoneman")
STATISTICS = ("size", "mass", "tfce")
ALPHA = 0.05
N_SCANS, N_COVARIATES, CORRELATION = 30, 3, 0.5
SHAPE, SIGMA, MARGIN = (16, 16, 16), 1.2, 5


def null_study(seed: int) -> tuple[NDArray[Any], Any, Domain]:
    """Return smooth noise maps that a covariate acts on, their design, and their domain."""
    rng = np.random.default_rng(seed)
    affine = np.diag([3.0, 3, 3, 1])
    affine[:3, 3] = -1.5 * (np.array(SHAPE) - 1)
    domain = Domain.from_mask(nib.Nifti1Image(np.ones(SHAPE, np.uint8), affine), midline_mm=0)
    wide = rng.standard_normal((N_SCANS, *(n + 2 * MARGIN for n in SHAPE)))
    smooth = gaussian_filter(wide, (0, SIGMA, SIGMA, SIGMA))
    inside = slice(MARGIN, -MARGIN)
    maps = smooth[:, inside, inside, inside].reshape(N_SCANS, -1) / smooth.std()
    group = np.repeat([1.0, -1.0], N_SCANS // 2)
    noise = rng.standard_normal((N_SCANS, N_COVARIATES))
    noise -= noise.mean(axis=0) + group[:, None] * (group @ noise) / N_SCANS
    noise /= noise.std(axis=0)
    covariates = CORRELATION * group[:, None] + np.sqrt(1 - CORRELATION**2) * noise
    maps += 0.5 * covariates[:, :1]
    matrix = np.column_stack([group, np.ones(N_SCANS), covariates])
    names = ("group", "constant", *(f"covariate{i}" for i in range(N_COVARIATES)))
    design = SimpleNamespace(
        matrix=matrix,
        names=names,
        blocks=None,
        tested_part=lambda weights: matrix @ np.linalg.pinv(weights),
    )
    return maps, design, domain


def false_findings(seed: int, method: str, n_permutations: int = 999) -> list[bool]:
    """Return whether a null study has a finding, by size, by mass, by TFCE."""
    maps, design, domain = null_study(seed)
    result = permutation_test(
        maps, design, np.eye(2 + N_COVARIATES)[0], domain, n_permutations,
        method=method, seed=seed, n_threads=1,
    )  # fmt: skip
    assert result.p_tfce is not None
    return [
        any(c.p_size <= ALPHA for c in result.clusters),
        any(c.p_mass <= ALPHA for c in result.clusters),
        bool(result.p_tfce.min() <= ALPHA),
    ]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--studies", type=int, default=1000)
    n_studies = arguments.parse_args().studies
    low, high = stats.binom.interval(0.95, n_studies, ALPHA) / np.array(n_studies)
    lines = [
        "| method | statistic | false findings | rate | 95 % binomial interval | |",
        "|---|---|---|---|---|---|",
    ]
    with ProcessPoolExecutor() as pool:
        for method in METHODS:
            found = list(pool.map(false_findings, range(n_studies), repeat(method), chunksize=10))
            for statistic, n in zip(STATISTICS, np.sum(found, axis=0), strict=True):
                verdict = "inside" if low <= n / n_studies <= high else "outside"
                lines.append(
                    f"| {method} | {statistic} | {n} of {n_studies} | {n / n_studies:.4f} "
                    f"| {low:.4f} to {high:.4f} | {verdict} |"
                )
                print(lines[-1], flush=True)
    text = f"""# Permutation tests: how often they are wrong

Made by `benchmarks/calibration.py` (`make bench-calibration`): {n_studies:,} studies without any
difference between the groups. Each has {N_SCANS} scans of smooth Gaussian noise on a grid of
{" x ".join(map(str, SHAPE))} (sigma {SIGMA} voxels), two groups, and {N_COVARIATES} covariates
that correlate with the group (r = {CORRELATION} each), one of which acts on the maps everywhere.
999 permutations, places at p < 0.001, two-sided, seeds 0 to {n_studies - 1}. A study counts where
any cluster (size, mass) or place (TFCE) has a corrected p of {ALPHA} or less.

{chr(10).join(lines)}
"""
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
