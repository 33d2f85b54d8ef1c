"""Time permutation tests against nilearn's permuted_ols, and against their bare products.

60 scans, 70k places, five covariates, two threads. Run: make bench
"""

import platform
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel as nib
import numpy as np
from nilearn.maskers import NiftiMasker
from nilearn.mass_univariate import permuted_ols
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from threadpoolctl import threadpool_limits

from commissure.inference import permutation_test
from commissure.inference.glm import Model
from commissure.inference.labellings import draw_labellings
from commissure.inference.relabelled import Relabelled
from commissure.space import Domain
from commissure.threads import map_threads

PAGE = Path(__file__).parents[1] / "docs/benchmarks/permutation.md"
N_SCANS, N_THREADS, N_REPEATS = 60, 2, 3
# How many times as fast as nilearn each must be, and may hope to be.
TARGETS = {
    ("size", "draper-stoneman", "float64"): (30, None),
    ("size", "draper-stoneman", "float32"): (80, None),
    ("size", "freedman-lane", "float64"): (5, 10),
    ("size", "freedman-lane", "float32"): (15, 35),
    ("tfce", "draper-stoneman", "float64"): (40, 100),
    ("tfce", "freedman-lane", "float64"): (40, 100),
}
N_PERMUTATIONS = {
    ("size", "draper-stoneman"): 6000,
    ("size", "freedman-lane"): 1500,
    ("tfce", "draper-stoneman"): 300,
    ("tfce", "freedman-lane"): 300,
}


def make_study() -> tuple[NDArray[Any], Any, Domain, NDArray[Any]]:
    """Return smooth noise maps, a design of two groups, the domain, and the contrast."""
    rng = np.random.default_rng(0)
    shape = (61, 73, 61)
    distance = np.linalg.norm((np.indices(shape).T - [30, 36, 30]) / [25, 30, 22.3], axis=-1).T
    affine = np.diag([3.0, 3, 3, 1])
    affine[:3, 3] = -90, -108, -90
    mask = nib.Nifti1Image((distance < 1).astype(np.uint8), affine)
    domain = Domain.from_mask(mask)
    maps = np.empty((N_SCANS, domain.n_places))
    for scan in maps:
        scan[:] = gaussian_filter(rng.standard_normal(shape), 0.8)[tuple(domain.voxels.T)]
    group = np.repeat([1.0, 0.0], N_SCANS // 2)
    matrix = np.column_stack([group, np.ones(N_SCANS), rng.standard_normal((N_SCANS, 5))])
    names = ("group", "constant", *(f"covariate{i}" for i in range(5)))
    design = SimpleNamespace(
        matrix=matrix,
        names=names,
        blocks=None,
        tested_part=lambda weights: matrix @ np.linalg.pinv(weights),
    )
    return maps, design, domain, np.eye(7)[0]


def seconds(run: Callable[[], object]) -> float:
    """Return how long it takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def nilearn_run(study: Any, statistic: str, n_permutations: int) -> Callable[[], object]:
    """Return a run of nilearn's permutation test."""
    maps, design, domain, _ = study
    masker = NiftiMasker(domain.template, standardize=None).fit()
    tfce = statistic == "tfce"

    def run() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            permuted_ols(
                design.matrix[:, 0], maps, confounding_vars=design.matrix[:, 2:],
                n_perm=n_permutations, n_jobs=N_THREADS, random_state=0, masker=masker,
                threshold=None if tfce else 0.001, tfce=tfce, verbose=0,
            )  # fmt: skip

    return run


def our_run(study: Any, statistic: str, method: str, dtype: str) -> Callable[[], object]:
    """Return a run of our permutation test."""
    maps, design, domain, contrast = study
    n = N_PERMUTATIONS[statistic, method]
    return lambda: permutation_test(
        maps, design, contrast, domain, n, method=method,
        statistics=(statistic,), dtype=dtype, n_threads=N_THREADS,
    )  # fmt: skip


def bare_products(study: Any, method: str, dtype: str) -> tuple[Callable[[], object], int]:
    """Return one matrix product of the same size on each thread, and for how many permutations."""
    maps, design, _, contrast = study
    model = Model.of(design, contrast)
    rows = Relabelled(model, draw_labellings(model, None, 200, method, 0), method)
    left = rows.rows(slice(0, rows.n_at_once)).astype(dtype)
    right = (model.residual_basis.T @ maps).astype(dtype)
    products = [np.empty((len(left), maps.shape[1]), dtype) for _ in range(N_THREADS)]

    def run() -> None:
        map_threads(lambda product: np.matmul(left, right, out=product), products, N_THREADS)

    return run, rows.n_at_once * N_THREADS


def time_statistic(study: Any, statistic: str) -> list[str]:
    """Return the table's rows for a statistic: all that is compared, in turn, the best of each."""
    few, more = (2, 10) if statistic == "tfce" else (50, 450)
    rows = [key for key in TARGETS if key[0] == statistic]
    runs: dict[Any, Callable[[], object]] = {
        n: nilearn_run(study, statistic, n) for n in (few, more)
    }
    n_products = {}
    for key in rows:
        runs[key] = our_run(study, *key)
        runs["bare", key], n_products[key] = bare_products(study, *key[1:])
    for key in rows:
        runs[key]()  # compiles
    best = {key: min(times) for key, times in _in_turn(runs).items()}
    nilearn = (best[more] - best[few]) / (more - few)
    lines = []
    for key in rows:
        ours = best[key] / N_PERMUTATIONS[key[:2]]
        required, aim = TARGETS[key]
        lines.append(
            f"| {' | '.join(key)} | {nilearn * 1e3:.1f} | {ours * 1e3:.3f} "
            f"| {best['bare', key] / n_products[key] * 1e3:.3f} | {nilearn / ours:.0f} "
            f"| {required}{f' ({aim})' if aim else ''} |"
        )
    return lines


def _in_turn(runs: dict[Any, Callable[[], object]]) -> dict[Any, list[float]]:
    times: dict[Any, list[float]] = {key: [] for key in runs}
    for _ in range(N_REPEATS):
        for key, run in runs.items():
            times[key].append(seconds(run))
    return times


def main() -> None:
    study = make_study()
    lines = [
        "| statistic | method | dtype | nilearn, ms | ours, ms | products, ms | ratio | goal |",
        "|---|---|---|---|---|---|---|---|",
    ]
    with threadpool_limits(limits=1, user_api="blas"):
        for statistic in ("size", "tfce"):
            lines += time_statistic(study, statistic)
            print("\n".join(lines), flush=True)
    text = f"""# Permutation tests: how fast

Made by `benchmarks/permutation.py` (`make bench`), on {platform.machine()} with {N_THREADS}
threads: {N_SCANS} scans of {study[2].n_places} places, two groups, five covariates. Times are of
one permutation, the best of {N_REPEATS} runs that take turns. nilearn is `permuted_ols` with
`n_jobs={N_THREADS}`, cluster inference or TFCE; its fixed costs are left out (the slope between few
and more permutations), ours are included. `products` are single BLAS products of the same size on
as many threads, written to memory; the engine works in blocks that stay in cache. `goal` is what
the ratio must reach (and may hope to).

{chr(10).join(lines)}
"""
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
