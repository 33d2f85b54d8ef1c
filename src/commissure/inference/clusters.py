"""Clusters of places above a threshold, on any graph of neighbours."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from commissure.compiled_code import njit


@dataclass(frozen=True, eq=False)
class Extent:
    """A cluster: neighbouring places beyond the threshold, all of one sign.

    Attributes
    ----------
    sign : {1, -1}
    places : ndarray of shape (size,)
        Ascending.
    size : int
        Number of places.
    mass : float
        Sum of what exceeds the threshold.
    peak : int
        The place of the largest absolute value; of equal ones the first.
    peak_value : float
        Its value, with its sign.
    """

    sign: int
    places: NDArray[np.intp]
    size: int
    mass: float
    peak: int
    peak_value: float


def find_clusters(
    values: NDArray[np.float64], threshold: float, graph: sparse.csr_array
) -> list[Extent]:
    """Find the clusters of a map, the largest first.

    Parameters
    ----------
    values : ndarray of shape (n_places,)
    threshold : float
        Places with ``values > threshold`` and with ``values < -threshold`` form clusters.
    graph : scipy.sparse.csr_array of shape (n_places, n_places)
        Symmetric; its stored entries join neighbours.

    Returns
    -------
    list of Extent
        By size, then mass.
    """
    hits = np.flatnonzero(np.abs(values) > threshold)
    positions = np.full(len(values), -1, dtype=np.int32)
    parents = np.empty(len(hits), dtype=np.int32)
    _join(hits.astype(np.int32), values[hits], graph.indptr, graph.indices, positions, parents)
    clusters = []
    for root in np.unique(parents):
        places = hits[parents == root]
        excess = np.abs(values[places]) - threshold
        peak = int(places[np.argmax(excess)])
        sign = 1 if values[peak] > 0 else -1
        clusters.append(
            Extent(sign, places, len(places), float(excess.sum()), peak, float(values[peak]))
        )
    return sorted(clusters, key=lambda c: (-c.size, -c.mass))


@njit(cache=True, nogil=True)
def largest_clusters(
    places: NDArray[Any],
    values: NDArray[Any],
    threshold: float,
    indptr: NDArray[Any],
    indices: NDArray[Any],
    positions: NDArray[Any],
    sizes: NDArray[Any],
    masses: NDArray[Any],
) -> None:
    """Find the size and the mass of the largest cluster of either sign.

    Parameters
    ----------
    places : ndarray of int32, shape (n_hits,)
        Places beyond the threshold, ascending.
    values : ndarray of shape (n_hits,)
        Their values.
    threshold : float
    indptr, indices : ndarray of int
        The graph of neighbours, as in scipy.sparse.csr_array.
    positions : ndarray of int32, shape (n_places,)
        Scratch: -1 everywhere, before and after.
    sizes : ndarray of int, shape (2,)
        Set to the number of places of the largest cluster above and below.
    masses : ndarray of float64, shape (2,)
        Set to the largest mass above and below, which another cluster may have.
    """
    n = len(places)
    parents = np.empty(n, dtype=np.int32)
    _join(places, values, indptr, indices, positions, parents)
    size = np.zeros(n, dtype=np.int32)
    mass = np.zeros(n)
    sizes[:] = 0
    masses[:] = 0
    for i in range(n):
        root = parents[i]
        size[root] += 1
        mass[root] += abs(values[i]) - threshold
    for i in range(n):
        side = 0 if values[i] > 0 else 1
        sizes[side] = max(sizes[side], size[i])
        masses[side] = max(masses[side], mass[i])


@njit(cache=True, nogil=True)
def find_root(parents: NDArray[Any], i: int) -> int:
    """Return the representative of a set, halving the path to it (Tarjan & van Leeuwen 1984)."""
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i


@njit(cache=True, nogil=True)
def _join(
    places: NDArray[Any],
    values: NDArray[Any],
    indptr: NDArray[Any],
    indices: NDArray[Any],
    positions: NDArray[Any],
    parents: NDArray[Any],
) -> None:
    """Set `parents` to the first position of each hit's cluster; `positions` is scratch (-1)."""
    for i in range(len(places)):
        place = places[i]
        positions[place] = i
        parents[i] = i
        for edge in range(indptr[place], indptr[place + 1]):
            # Places come in ascending order: later neighbours will find this one.
            j = positions[indices[edge]]
            if j >= 0 and (values[i] > 0) == (values[j] > 0):
                a, b = find_root(parents, i), find_root(parents, j)
                if a < b:
                    parents[b] = a
                else:
                    parents[a] = b
    for i in range(len(places)):
        parents[i] = find_root(parents, i)
        positions[places[i]] = -1
