"""The sweep over relabellings: permuted maps by products, and the largest statistics of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from commissure.inference.clusters import largest_clusters
from commissure.inference.glm import FloatArray, Model, reduce_maps
from commissure.inference.largest_tfce import largest_tfce
from commissure.inference.permuted_maps import permuted_maps
from commissure.inference.relabelled import Relabelled
from commissure.inference.variance_groups import RelabelledGroups
from commissure.problems import InputError
from commissure.threads import map_threads, resolve_threads

# A block of places has this many bytes a row, so that a product stays in the second-level cache.
# Fixed, as BLAS may sum in another order in other shapes.
_BYTES_A_ROW = 1024
_BLOCKS_AT_ONCE = 32


AnyRelabelled = Relabelled | RelabelledGroups


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

    @classmethod
    def joined(cls, parts: Sequence["Null"]) -> "Null":
        """Join the parts that `Sweep.parts` cuts, in their order."""
        return cls(
            np.concatenate([part.max_t for part in parts]),
            np.concatenate([part.max_cluster_size for part in parts]),
            np.concatenate([part.max_cluster_mass for part in parts]),
            np.concatenate([part.max_tfce for part in parts]),
            np.sum([part.exceeding for part in parts], axis=0),
        )


class _Workspace:
    """What one thread writes to."""

    def __init__(
        self, relabelled: AnyRelabelled, blocks: NDArray[Any], shape: tuple[int, int]
    ) -> None:
        dtype, width = blocks.dtype, blocks.shape[2]
        n_groups = n_basis = 0
        if isinstance(relabelled, RelabelledGroups):
            n_groups, n_basis = relabelled.groups.products.shape[:2]
        self.product = np.empty((relabelled.n_columns * relabelled.n_at_once, width), dtype)
        self.squares = np.empty((n_groups * relabelled.n_at_once, width), dtype)
        self.scratch = np.empty((n_basis * (n_basis + 1) + n_groups + 2, width), dtype)
        self.places = np.empty(shape, np.int32)
        self.values = np.empty(shape, dtype)
        self.n_hits = np.empty(len(self.places), np.int64)
        self.maps = np.empty(shape, dtype)
        self.positions = np.full(shape[1], -1, np.int32)
        self.exceeding = np.zeros((len(blocks), width), np.int32)


@dataclass(frozen=True, eq=False)
class Sweep:
    """All that a null distribution is made from. It can be pickled, and made in parts elsewhere.

    Attributes
    ----------
    relabelled : Relabelled or RelabelledGroups
        The second where groups of scans may differ in variance.
    blocks : ndarray of shape (n_blocks, n_dimensions, places a block)
        The maps without nuisance, each place at length 1; much the largest attribute. In a basis
        of what nuisance leaves, or scan by scan where variances may differ.
    bounds : ndarray of shape (n_blocks, places a block)
        Relabellings are counted that are as far from zero, in the observed direction only if
        `one_sided`.
    graph : scipy.sparse.csr_array of shape (n_places, n_places)
        Neighbours.
    n_rows, df : int
        Of the contrast, and of the residuals.
    threshold : float
        Places beyond it form clusters.
    one_sided, clusters, enhanced : bool
        Which counts, and whether clusters and TFCE are wanted.
    """

    relabelled: AnyRelabelled
    blocks: NDArray[Any]
    bounds: NDArray[Any]
    graph: sparse.csr_array
    n_rows: int
    df: int
    threshold: float
    one_sided: bool
    clusters: bool
    enhanced: bool

    @classmethod
    def of(
        cls,
        maps: NDArray[Any],
        near: FloatArray,
        model: Model,
        relabelled: AnyRelabelled,
        threshold: float,
        graph: sparse.csr_array,
        *,
        one_sided: bool,
        clusters: bool,
        enhanced: bool,
        dtype: np.dtype[Any],
        n_threads: int | None,
    ) -> "Sweep":
        """Prepare a sweep.

        Parameters
        ----------
        maps : ndarray of shape (n_scans, n_places)
        near : ndarray of shape (n_places,)
            The least that counts as equal to the observed statistic.
        model : Model
        relabelled, threshold, graph, one_sided, clusters, enhanced
            See the attributes.
        dtype : dtype
            Of the products.
        n_threads : int, optional
            All cores by default.
        """
        by_scan = isinstance(relabelled, RelabelledGroups)
        blocks = _reduced_blocks(maps, model.residual_basis, dtype, n_threads, by_scan=by_scan)
        bounds = np.zeros((len(blocks), blocks.shape[2]), dtype)
        bounds.reshape(-1)[: maps.shape[1]] = near if one_sided else np.abs(near)
        return cls(
            relabelled, blocks, bounds, graph, model.n_rows, model.df, threshold, one_sided,
            clusters, enhanced,
        )  # fmt: skip

    @property
    def n_permutations(self) -> int:
        """How many relabellings there are."""
        return self.relabelled.labellings.n

    def parts(self, n_parts: int) -> list[slice]:
        """Cut the relabellings into parts, at most so many; `null` of each has the same bits."""
        n_at_once = self.relabelled.n_at_once
        size = -(-self.n_permutations // (n_at_once * n_parts)) * n_at_once
        return [
            slice(start, min(start + size, self.n_permutations))
            for start in range(0, self.n_permutations, size)
        ]

    def null(
        self,
        part: slice = slice(None),
        *,
        n_threads: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Null:
        """Run through the relabellings, or a part of them.

        Parameters
        ----------
        part : slice
            One of `parts`: it must begin where a product begins.
        n_threads, progress
            As in `permutation_test`.
        """
        first, last, _ = part.indices(self.n_permutations)
        n_at_once, n_places = self.relabelled.n_at_once, self.graph.shape[0]
        if first % n_at_once:
            msg = f"A part begins at a multiple of {n_at_once}, not at {first}."
            raise ValueError(msg)
        starts = range(first, last, n_at_once)
        n_workers = min(resolve_threads(n_threads), len(starts))
        max_t, max_mass, max_enhanced = np.zeros((3, last - first, 2))
        max_size = np.zeros((last - first, 2), np.int64)
        workspaces = [
            _Workspace(self.relabelled, self.blocks, (n_at_once, n_places))
            for _ in range(n_workers)
        ]
        free: SimpleQueue[_Workspace] = SimpleQueue()
        for workspace in workspaces:
            free.put(workspace)
        indptr, indices = self.graph.indptr, self.graph.indices
        graph = indptr.astype(np.uint32), indices.astype(np.uint32)
        groups = self._of_groups()

        def run(start: int) -> None:
            which = slice(start, min(start + n_at_once, last))
            rows = self.relabelled.rows(which).astype(self.blocks.dtype)
            squares = self._square_rows(which)
            space = free.get()
            permuted_maps(
                rows, squares, self.blocks, self.bounds, n_places, self.n_rows, self.df, groups,
                self.threshold, self.one_sided, self.clusters, self.enhanced, space.product,
                space.squares, space.scratch, space.places, space.values, space.n_hits, space.maps,
                space.exceeding, max_t[which.start - first : which.stop - first],
            )  # fmt: skip
            for i, row in enumerate(range(which.start - first, which.stop - first)):
                if self.clusters:
                    hits = slice(space.n_hits[i])
                    largest_clusters(
                        space.places[i, hits], space.values[i, hits], self.threshold, indptr,
                        indices, space.positions, max_size[row], max_mass[row],
                    )  # fmt: skip
                if self.enhanced:
                    values = space.maps[i].astype(np.float64)
                    largest_tfce(values, *graph, max_enhanced[row])
            free.put(space)
            if progress is not None:
                progress(which.stop - which.start)

        map_threads(run, starts, n_workers)
        exceeding = np.zeros(n_places, np.int64)
        for workspace in workspaces:
            exceeding += workspace.exceeding.reshape(-1)[:n_places]
        return Null(max_t, max_size, max_mass, max_enhanced, exceeding)

    def _square_rows(self, which: slice) -> NDArray[Any]:
        if isinstance(self.relabelled, RelabelledGroups):
            return self.relabelled.square_rows(which).astype(self.blocks.dtype)
        return np.empty((0, self.blocks.shape[1]), self.blocks.dtype)

    def _of_groups(self) -> tuple[NDArray[Any], ...]:
        """Return what `permuted_v` takes of variance groups, empty where there are none."""
        real = self.blocks.dtype
        if not isinstance(self.relabelled, RelabelledGroups):
            none = np.empty(0, real)
            return (
                np.empty((0, 0), real),
                np.empty(0, np.intp),
                np.empty((0, 0, 0), real),
                none,
                none,
            )
        of = self.relabelled.groups
        return (
            of.coefficients.astype(real),
            of.of_column,
            of.products.astype(real),
            of.df.astype(real),
            of.sizes.astype(real),
        )


# Makes a null distribution, and counts the relabellings that are done.
NullMaker = Callable[[Sweep, Callable[[int], None] | None], Null]


def affordable_threads(
    n_threads: int | None,
    max_memory: int | None,
    n_places: int,
    model: Model,
    relabelled: AnyRelabelled,
    dtype: np.dtype[Any],
    *,
    enhanced: bool,
) -> int:
    """Return how many threads a sweep may take to stay within `max_memory`.

    Raises
    ------
    InputError
        If it is too little for one.
    """
    n_at_once = relabelled.n_at_once
    n_workers = min(resolve_threads(n_threads), -(-relabelled.labellings.n // n_at_once))
    if max_memory is None:
        return n_workers
    # Hits are a place and a value, at most all places; then the whole map, and counts. A
    # relabelling is sorted, and compared with the others, in a few copies.
    each: int = n_places * (n_at_once * (4 + (1 + enhanced) * dtype.itemsize) + 8)
    shared: int = len(model.matrix) * n_places * dtype.itemsize
    shared += 32 * relabelled.labellings.n * len(model.matrix)
    if max_memory < shared + each:
        msg = (
            f"max_memory is {max_memory / 2**20:.0f} MiB; beside the maps the permutation test "
            f"needs {(shared + each) / 2**20:.0f} MiB. Allow more, or set dtype to float32."
        )
        raise InputError(msg)
    return min(n_workers, (max_memory - shared) // each)


def _reduced_blocks(
    maps: NDArray[Any],
    basis: FloatArray,
    dtype: np.dtype[Any],
    n_threads: int | None,
    *,
    by_scan: bool,
) -> NDArray[Any]:
    """Return reduced maps cut into blocks, shape (n_blocks, n_dimensions, places a block)."""
    n_places = maps.shape[1]
    width = _BYTES_A_ROW // dtype.itemsize
    blocks = np.zeros((-(-n_places // width), basis.shape[0 if by_scan else 1], width), dtype)

    def reduce(first: int) -> None:
        start = first * width
        places = slice(start, min(start + _BLOCKS_AT_ONCE * width, n_places))
        reduced, _ = reduce_maps(np.asarray(maps[:, places], dtype=np.float64), basis)
        if by_scan:
            reduced = basis @ reduced
        for block, at in enumerate(range(0, reduced.shape[1], width), start=first):
            part = reduced[:, at : at + width]
            blocks[block, :, : part.shape[1]] = part

    map_threads(reduce, range(0, len(blocks), _BLOCKS_AT_ONCE), n_threads)
    return blocks
