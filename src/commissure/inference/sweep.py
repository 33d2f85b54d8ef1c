"""The sweep over relabellings: permuted maps by products, and the largest statistics of each."""

from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy as np
import scipy.linalg  # noqa: F401  (loads the BLAS that numba calls before its threads are limited)
from numba import njit
from numpy.typing import NDArray
from scipy import sparse

from commissure.inference.clusters import largest_clusters
from commissure.inference.glm import LEAST_LEFT, FloatArray, Model, reduce_maps
from commissure.inference.largest_tfce import largest_tfce
from commissure.inference.relabelled import Relabelled
from commissure.problems import InputError
from commissure.threads import map_threads, resolve_threads

# A block of places has this many bytes a row, so that a product stays in the second-level cache.
# Fixed, as BLAS may sum in another order in other shapes.
_BYTES_A_ROW = 1024
_BLOCKS_AT_ONCE = 32


@dataclass(frozen=True, eq=False)
class Null:
    """The largest statistics of each relabelling, columns + and - (the second unused for F).

    Attributes
    ----------
    max_t, max_cluster_size, max_cluster_mass, max_tfce : ndarray, shape (n_permutations, 2)
    exceeding : ndarray of int, shape (n_places,)
        Number of relabellings with a value at the place as extreme as the observed.
    """

    max_t: FloatArray
    max_cluster_size: NDArray[np.int64]
    max_cluster_mass: FloatArray
    max_tfce: FloatArray
    exceeding: NDArray[np.int64]


class _Workspace:
    """What one thread writes to."""

    def __init__(self, relabelled: Relabelled, blocks: NDArray[Any], shape: tuple[int, int]):
        dtype, width = blocks.dtype, blocks.shape[2]
        self.product = np.empty((relabelled.n_columns * relabelled.n_at_once, width), dtype)
        self.places = np.empty(shape, np.int32)
        self.values = np.empty(shape, dtype)
        self.n_hits = np.empty(len(self.places), np.int64)
        self.maps = np.empty(shape, dtype)
        self.positions = np.full(shape[1], -1, np.int32)
        self.exceeding = np.zeros((len(blocks), width), np.int32)


def sweep(
    maps: NDArray[Any],
    observed: FloatArray,
    model: Model,
    relabelled: Relabelled,
    threshold: float,
    graph: sparse.csr_array,
    *,
    one_sided: bool,
    clusters: bool,
    enhanced: bool,
    dtype: np.dtype[Any],
    closeness: float,
    n_threads: int | None,
    max_memory: int | None,
    progress: Callable[[int], None] | None,
) -> Null:
    """Run through all relabellings.

    Parameters
    ----------
    maps : ndarray of shape (n_scans, n_places)
    observed : ndarray of shape (n_places,)
        The observed statistic: relabellings are counted that are as far from zero, in the
        observed direction only if `one_sided`.
    model : Model
    relabelled : Relabelled
    threshold : float
        Places beyond it form clusters.
    graph : scipy.sparse.csr_array
        Neighbours.
    one_sided, clusters, enhanced : bool
        Which counts, and whether clusters and TFCE are wanted.
    dtype : dtype
        Of the products.
    closeness : float
        Relative difference up to which statistics count as equal.
    n_threads, max_memory, progress
        As in `permutation_test`.

    Raises
    ------
    InputError
        If `max_memory` is too little.
    """
    n_labellings, n_places = relabelled.labellings.n, maps.shape[1]
    n_at_once = relabelled.n_at_once
    starts = range(0, n_labellings, n_at_once)
    n_workers = min(resolve_threads(n_threads), len(starts))
    if max_memory is not None:
        # Hits are a place and a value, at most all places; then the whole map, and counts. A
        # relabelling is sorted, and compared with the others, in a few copies.
        each = n_places * (n_at_once * (4 + (1 + enhanced) * dtype.itemsize) + 8)
        shared = model.residual_basis.shape[1] * n_places * dtype.itemsize
        shared += 32 * n_labellings * len(maps)
        n_workers = min(n_workers, _n_affordable(max_memory, shared, each))

    blocks = _reduced_blocks(maps, model.residual_basis, dtype, n_workers)
    bounds = np.zeros((len(blocks), blocks.shape[2]), dtype)
    near = observed * (1 - closeness)
    bounds.reshape(-1)[:n_places] = near if one_sided else np.abs(near)
    max_t, max_mass, max_enhanced = np.zeros((3, n_labellings, 2))
    max_size = np.zeros((n_labellings, 2), np.int64)
    workspaces = [_Workspace(relabelled, blocks, (n_at_once, n_places)) for _ in range(n_workers)]
    free: SimpleQueue[_Workspace] = SimpleQueue()
    for workspace in workspaces:
        free.put(workspace)

    def run(start: int) -> None:
        which = slice(start, min(start + n_at_once, n_labellings))
        rows = relabelled.rows(which).astype(dtype)
        space = free.get()
        _permuted_maps(
            rows, blocks, bounds, n_places, model.n_rows, model.df, threshold,
            one_sided, clusters, enhanced, space.product, space.places, space.values,
            space.n_hits, space.maps, space.exceeding, max_t[which],
        )  # fmt: skip
        for i, labelling in enumerate(range(which.start, which.stop)):
            if clusters:
                hits = slice(space.n_hits[i])
                largest_clusters(
                    space.places[i, hits], space.values[i, hits], threshold, graph.indptr,
                    graph.indices, space.positions, max_size[labelling], max_mass[labelling],
                )  # fmt: skip
            if enhanced:
                values = space.maps[i].astype(np.float64)
                largest_tfce(values, graph.indptr, graph.indices, max_enhanced[labelling])
        free.put(space)
        if progress is not None:
            progress(which.stop - which.start)

    map_threads(run, starts, n_workers)
    exceeding = np.zeros(n_places, np.int64)
    for workspace in workspaces:
        exceeding += workspace.exceeding.reshape(-1)[:n_places]
    return Null(max_t, max_size, max_mass, max_enhanced, exceeding)


def _n_affordable(max_memory: int, shared: int, each: int) -> int:
    n_workers = (max_memory - shared) // each
    if n_workers < 1:
        msg = (
            f"max_memory is {max_memory / 2**20:.0f} MiB; beside the maps the permutation test "
            f"needs {(shared + each) / 2**20:.0f} MiB. Allow more, or set dtype to float32."
        )
        raise InputError(msg)
    return int(n_workers)


def _reduced_blocks(
    maps: NDArray[Any], basis: FloatArray, dtype: np.dtype[Any], n_threads: int
) -> NDArray[Any]:
    """Return reduced maps cut into blocks, shape (n_blocks, n_dimensions, places a block)."""
    n_places = maps.shape[1]
    width = _BYTES_A_ROW // dtype.itemsize
    blocks = np.zeros((-(-n_places // width), basis.shape[1], width), dtype)

    def reduce(first: int) -> None:
        start = first * width
        places = slice(start, min(start + _BLOCKS_AT_ONCE * width, n_places))
        reduced, _ = reduce_maps(np.asarray(maps[:, places], dtype=np.float64), basis)
        for block, at in enumerate(range(0, reduced.shape[1], width), start=first):
            part = reduced[:, at : at + width]
            blocks[block, :, : part.shape[1]] = part

    map_threads(reduce, range(0, len(blocks), _BLOCKS_AT_ONCE), n_threads)
    return blocks


# Without NaN a maximum is a vector instruction; nothing here changes how sums are rounded.
@njit(cache=True, nogil=True, error_model="numpy", fastmath={"nnan", "nsz"})
def _permuted_maps(
    rows: NDArray[Any],
    blocks: NDArray[Any],
    bounds: NDArray[Any],
    n_places: int,
    n_tested: int,
    df: int,
    threshold: float,
    one_sided: bool,  # noqa: FBT001
    clusters: bool,  # noqa: FBT001
    keep_maps: bool,  # noqa: FBT001
    product: NDArray[Any],
    places: NDArray[Any],
    values: NDArray[Any],
    n_hits: NDArray[Any],
    maps: NDArray[Any],
    exceeding: NDArray[Any],
    max_t: NDArray[Any],
) -> None:
    """Make permuted maps a block of places at a time; keep maxima, counts, and hits."""
    real = product.dtype.type
    width = product.shape[1]
    n_at_once, n_permutations = len(places), len(max_t)
    n_columns = len(rows) // n_at_once
    n_hits[:] = 0
    max_t[:] = -np.inf
    t = np.empty(width, product.dtype)
    left = np.empty(width, product.dtype)
    for block in range(len(blocks)):
        np.dot(rows, blocks[block], product)
        first = block * width
        n = min(width, n_places - first)
        bound, count = bounds[block], exceeding[block]
        for p in range(n_permutations):
            left[:] = real(1)
            for column in range(n_columns):
                share = product[column * n_at_once + p]
                for i in range(width):
                    left[i] -= share[i] * share[i]
                if column == n_tested - 1 and n_tested > 1:
                    t[:] = real(1) - left
            scale = real(df)
            least = real(LEAST_LEFT if product.itemsize == 8 else np.sqrt(LEAST_LEFT))
            if n_tested == 1:
                share = product[p]
                for i in range(width):
                    t[i] = share[i] * np.sqrt(scale / max(left[i], least))
            else:
                scale = real(df / n_tested)
                for i in range(width):
                    t[i] *= scale / max(left[i], least)
            high, low = t[0], t[0]
            for i in range(1, n):
                high = max(high, t[i])
                low = min(low, t[i])
            max_t[p, 0] = max(max_t[p, 0], high)
            max_t[p, 1] = max(max_t[p, 1], -low)
            if one_sided:
                for i in range(width):
                    count[i] += t[i] >= bound[i] if bound[i] >= 0 else t[i] <= bound[i]
            else:
                for i in range(width):
                    count[i] += abs(t[i]) >= bound[i]
            if clusters and max(high, -low) > threshold:
                k = n_hits[p]
                for i in range(n):
                    if abs(t[i]) > threshold:
                        places[p, k] = first + i
                        values[p, k] = t[i]
                        k += 1
                n_hits[p] = k
            if keep_maps:
                maps[p, first : first + n] = t[:n]
