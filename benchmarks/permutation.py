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
N_SCANS, N_THREADS = 60, 2
METHODS = ("draper-stoneman", "freedman-lane")
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
    design = SimpleNamespace(matrix=matrix, names=names, blocks=None)
    return maps, design, domain, np.eye(7)[0]


def seconds(run: Callable[[], object], repeats: int = 3) -> float:
    """Return the shortest of several times."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def time_nilearn(maps: NDArray[Any], design: Any, domain: Domain, *, tfce: bool) -> float:
    """Return seconds a permutation: the slope between few permutations and more."""
    masker = NiftiMasker(domain.template, standardize=None).fit()

    def run(n_permutations: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            permuted_ols(
                design.matrix[:, 0], maps, confounding_vars=design.matrix[:, 2:],
                n_perm=n_permutations, n_jobs=N_THREADS, random_state=0, masker=masker,
                threshold=None if tfce else 0.001, tfce=tfce, verbose=0,
            )  # fmt: skip

    few, more = (2, 10) if tfce else (50, 450)
    run(few)
    repeats = 2 if tfce else 3
    return (seconds(lambda: run(more), repeats) - seconds(lambda: run(few), repeats)) / (more - few)


def time_ours(study: Any, statistic: str, method: str, dtype: str) -> float:
    """Return seconds a permutation, everything included."""
    maps, design, domain, contrast = study
    n = N_PERMUTATIONS[statistic, method]

    def run(n_permutations: int) -> None:
        permutation_test(
            maps, design, contrast, domain, n_permutations, method=method,
            statistics=(statistic,), dtype=dtype, n_threads=N_THREADS,
        )  # fmt: skip

    run(200)
    return seconds(lambda: run(n)) / n


def time_products(study: Any, method: str, dtype: str) -> float:
    """Return seconds a permutation of one matrix product of the same size, without blocking."""
    maps, design, _, contrast = study
    model = Model.of(design, contrast)
    rows = Relabelled(model, draw_labellings(model, None, 200, method, 0), method)
    n = rows.n_at_once
    left = rows.rows(slice(0, n)).astype(dtype)
    right = (model.residual_basis.T @ maps).astype(dtype)
    products = [np.empty((len(left), maps.shape[1]), dtype) for _ in range(N_THREADS)]

    def run() -> None:
        map_threads(lambda product: np.matmul(left, right, out=product), products, N_THREADS)

    run()
    return seconds(run, 5) / (n * N_THREADS)


def main() -> None:
    study = make_study()
    maps, design, domain, _ = study
    with threadpool_limits(limits=1, user_api="blas"):
        nilearn = {
            s: time_nilearn(maps, design, domain, tfce=s == "tfce") for s in ("size", "tfce")
        }
    lines = [
        "| statistic | method | dtype | nilearn, ms | ours, ms | products, ms | ratio | goal |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (statistic, method, dtype), (required, aim) in TARGETS.items():
        ours = time_ours(study, statistic, method, dtype)
        bare = time_products(study, method, dtype)
        lines.append(
            f"| {statistic} | {method} | {dtype} | {nilearn[statistic] * 1e3:.1f} "
            f"| {ours * 1e3:.3f} | {bare * 1e3:.3f} | {nilearn[statistic] / ours:.0f} "
            f"| {required}{f' ({aim})' if aim else ''} |"
        )
        print(lines[-1], flush=True)
    text = f"""# Permutation tests: how fast

Made by `benchmarks/permutation.py` (`make bench`), on {platform.machine()} with {N_THREADS}
threads: {N_SCANS} scans of {domain.n_places} places, two groups, five covariates. Times are of one
permutation. nilearn is `permuted_ols` with `n_jobs={N_THREADS}`, cluster inference or TFCE; its
fixed costs are left out (the slope between few and more permutations), ours are included. The bare
products are one BLAS product of the same size on as many threads, its result written to memory; the
engine works in blocks that stay in cache, so it can be faster than they are.

{chr(10).join(lines)}
"""
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
