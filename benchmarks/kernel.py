"""The CFH kernel beside what people would use instead: time and peak memory, in one run.

Run by `make bench`; writes docs/benchmarks/kernel.md.
"""

import argparse
from collections.abc import Callable
from typing import Any

import faiss
import nibabel as nib
import numpy as np
import psutil
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.measure import DOCS, machine, measure, table
from commissure import Domain, cfh
from commissure.measures.kernel import columns_of_tile, cross_maxima, pack
from commissure.measures.register_tile import ROWS
from commissure.preprocessing import bandpass

N_VOLUMES, TR, BAND = 220, 2.0, (0.01, 0.1)
SIZES = (5_000, 15_000, 30_000, 60_000)
LOOP_SAMPLE = 200


def study(n: int) -> tuple[Domain, NDArray[np.float32]]:
    """Return a domain of n voxels a hemisphere and band-passed series of spatial structure."""
    side = round((2 * n) ** (1 / 3)) + 2
    mask = np.zeros((2 * side + 1, side, side), np.uint8)
    right = np.zeros(side**3, np.uint8)
    right[:n] = 1
    mask[side + 1 :] = right.reshape(side, side, side)
    mask[:side] = mask[side + 1 :][::-1]
    affine = np.eye(4)
    affine[0, 3] = -side
    domain = Domain.from_mask(nib.Nifti1Image(mask, affine), midline_mm=0)
    rng = np.random.default_rng(n)
    shared = rng.standard_normal((domain.n_places, 20)) @ rng.standard_normal((20, N_VOLUMES))
    series = shared + 4 * rng.standard_normal((domain.n_places, N_VOLUMES))
    return domain, bandpass(series, TR, *BAND).astype(np.float32)


def unit(series: NDArray[Any]) -> NDArray[np.float32]:
    centred = series - series.mean(axis=1, keepdims=True)
    return centred / np.linalg.norm(centred, axis=1, keepdims=True)


def with_faiss(left: NDArray[Any], right: NDArray[Any]) -> Any:
    found = []
    for one, other in ((left, right), (right, left)):
        index = faiss.IndexFlatIP(one.shape[1])
        index.add(other)
        found.append(index.search(one, 1))
    return found


def with_numpy(left: NDArray[Any], right: NDArray[Any]) -> Any:
    r = left @ right.T
    return [(r.max(axis=axis), r.argmax(axis=axis)) for axis in (1, 0)]


def with_torch(left: NDArray[Any], right: NDArray[Any]) -> Any:
    import torch

    a, b = torch.from_numpy(left), torch.from_numpy(right)
    best = torch.full((len(b),), -2.0)
    where = torch.zeros(len(b), dtype=torch.int64)
    rows = []
    for start in range(0, len(a), 1024):
        r = a[start : start + 1024] @ b.T
        rows.append(r.max(dim=1))
        column = r.max(dim=0)
        better = column.values > best
        best = torch.where(better, column.values, best)
        where = torch.where(better, column.indices + start, where)
    return rows, best, where


def with_a_loop(left: NDArray[Any], right: NDArray[Any]) -> Any:
    """As one would write it in MATLAB: one voxel at a time; here for a sample of the voxels."""
    return [(r.max(), r.argmax()) for r in (right @ series for series in left[:LOOP_SAMPLE])]


def compare(n: int, n_threads: int) -> list[list[str]]:
    domain, series = study(n)
    ours = measure(lambda: cfh(series, domain, n_threads=n_threads))
    whole = unit(series)
    left, right = whole[domain.left], whole[domain.right]
    # The same space of 80 dimensions, for the rows that say so.
    directions = np.linalg.svd(left[:1000], full_matrices=False)[2][:80].T
    short = [np.ascontiguousarray(side @ directions) for side in (left, right)]
    packed = [pack(short[0], ROWS)], [pack(short[1], columns_of_tile(np.dtype(np.float32)))]

    methods: dict[str, Callable[[], Any]] = {
        "kernel alone": lambda: cross_maxima(*packed, n, n, n_threads=n_threads),
        "faiss IndexFlatIP": lambda: with_faiss(left, right),
        "faiss, given 80 dimensions": lambda: with_faiss(*short),
        "blocked torch": lambda: with_torch(left, right),
        "NumPy, full matrix": lambda: with_numpy(left, right),
        "loop over voxels": lambda: with_a_loop(left, right),
    }
    rows = [row(n, "**commissure.cfh**", ours.seconds, ours.megabytes, ours.seconds)]
    for name, method in methods.items():
        needed = 8.0 * n * n if "NumPy" in name else 0
        if needed > psutil.virtual_memory().available:
            rows.append([f"{n:,}", name, "does not fit in memory", "", ""])
            continue
        try:
            found = measure(method, repeats=1 if n > 15_000 and "kernel" not in name else 3)
        except ImportError:
            rows.append([f"{n:,}", name, "not installed", "", ""])
            continue
        seconds = found.seconds * (2 * n / LOOP_SAMPLE if "loop" in name else 1)
        rows.append(row(n, name, seconds, found.megabytes, ours.seconds))
        if name == "NumPy, full matrix":
            np.testing.assert_allclose(ours.result.r[domain.left], found.result[0][0], atol=1e-5)
        if name == "kernel alone":
            rate = 2 * n * n * short[0].shape[1] / found.seconds / 1e9
            whole_rate = 2 * n * n * short[0].shape[1] / ours.seconds / 1e9
            print(f"{n}: kernel {rate:.0f} GFLOP/s, cfh {whole_rate:.0f} GFLOP/s")
            rates.append((n, rate, whole_rate))
    return rows


rates: list[tuple[int, float, float]] = []


def row(n: int, name: str, seconds: float, megabytes: float, ours: float) -> list[str]:
    return [f"{n:,}", name, f"{seconds:.2f}", f"{seconds / ours:.1f}", f"{megabytes:.0f}"]


def large_sgemm() -> float:
    """Return the rate, in GFLOP/s, of a plain large product."""
    a = np.random.default_rng(0).standard_normal((6000, 6000), dtype=np.float32)
    return 2 * 6000**3 / measure(lambda: a @ a).seconds / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--n-threads", type=int, default=2)
    options = parser.parse_args()
    faiss.omp_set_num_threads(options.n_threads)
    with threadpool_limits(options.n_threads):
        compare(500, options.n_threads)  # compiles
        rates.clear()
        gemm = large_sgemm()
        rows = [line for n in options.sizes for line in compare(n, options.n_threads)]
        gemm = max(gemm, large_sgemm())
    header = ["voxels a hemisphere", "method", "s", "times commissure", "MB above the series"]
    shares = [
        [f"{n:,}", f"{rate:.0f}", f"{rate / gemm:.0%}", f"{whole:.0f}", f"{whole / gemm:.0%}"]
        for n, rate, whole in rates
    ]
    share_header = ["voxels a hemisphere", "kernel", "of sgemm", "cfh, all steps", "of sgemm"]
    page = f"""# The kernel

Made by `make bench` ({machine()}; {options.n_threads} threads).

CFH of one scan: {N_VOLUMES} volumes band-passed {BAND[0]}-{BAND[1]} Hz at TR {TR:g} s, float32.
Each method finds, for every voxel of both hemispheres, the largest correlation with the other side
and where it is. `commissure.cfh` starts from the series as they are; the others are given series
that are already centred and normed. Best of three runs where a run is short. The loop is timed on
{LOOP_SAMPLE} voxels and scaled up. All in one process; memory is the most that the process took
above what it had before the call.

{table(header, rows)}

The rate of the kernel in GFLOP/s, counted at the 80 dimensions that the series span, beside that of
one large `sgemm` on the same threads ({gemm:.0f} GFLOP/s):

{table(share_header, shares)}
"""
    DOCS.mkdir(parents=True, exist_ok=True)
    (DOCS / "kernel.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
