"""Threshold-free cluster enhancement, exact: no step size."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from commissure.compiled_code import njit
from commissure.inference.clusters import find_root

# Three digits hold the sign and the exponent of a float64, and 21 bits of its fraction.
_DIGIT_BITS = 11
_N_DIGITS = 3
_BITS_LEFT = 64 - _DIGIT_BITS * _N_DIGITS
_MAGNITUDE = (1 << 63) - 1


def tfce(values: NDArray[np.float64], graph: sparse.csr_array) -> NDArray[np.float64]:
    """Enhance a map by the clusters that support each place.

    Parameters
    ----------
    values : ndarray of shape (n_places,)
        Finite.
    graph : scipy.sparse.csr_array of shape (n_places, n_places)
        Symmetric; its stored entries join neighbours.

    Returns
    -------
    ndarray of shape (n_places,)
        With the sign of the values.

    Notes
    -----
    The integral over h, from 0 to the place's own value, of extent(h)^0.5 h^2, where extent(h) is
    the size of the place's cluster above h. The extent only changes at the values of places, so
    the integral is a sum: places join in descending order, and between two levels a cluster of
    n places gains n^0.5 (upper^3 - lower^3) / 3. Below zero the same on the negated map.

    References
    ----------
    Smith & Nichols (2009) NeuroImage 44:83.
    """
    values = np.asarray(values, dtype=np.float64)
    order = descending(values)
    n_above = np.count_nonzero(values > 0)
    enhanced = np.empty(len(values))
    # Clusters of one sign do not see those of the other.
    for places in (order[:n_above], order[n_above:][::-1]):
        _grow(values, places, graph.indptr, graph.indices, enhanced)
    return np.copysign(enhanced, values)


@njit(cache=True, nogil=True)
def _grow(
    values: NDArray[Any],
    order: NDArray[Any],
    indptr: NDArray[Any],
    indices: NDArray[Any],
    enhanced: NDArray[Any],
) -> None:
    """Enhance the places of one sign, given from the farthest from zero to the nearest."""
    n = len(values)
    parents = np.full(n, -1, dtype=np.int32)
    sizes = np.empty(n, dtype=np.int32)
    newest = np.empty(n, dtype=np.int32)  # of the cluster that a place represents
    heir = np.full(n, -1, dtype=np.int32)  # the place that joined a newest place's cluster
    for place in order:
        level = abs(values[place]) ** 3 / 3
        enhanced[place] = level
        parents[place] = place
        sizes[place] = 1
        newest[place] = place
        root = place
        for edge in range(indptr[place], indptr[place + 1]):
            if parents[indices[edge]] < 0:
                continue
            other = find_root(parents, indices[edge])
            if other == root:
                continue
            # While a place was its cluster's newest, the extent did not change.
            last = newest[other]
            if last != place:
                heir[last] = place
                enhanced[last] = np.sqrt(sizes[other]) * (enhanced[last] - level)
            if sizes[other] > sizes[root]:
                root, other = other, root
            parents[other] = root
            sizes[root] += sizes[other]
            newest[root] = place
    for place in order[::-1]:
        if heir[place] >= 0:
            enhanced[place] += enhanced[heir[place]]
        else:
            enhanced[place] *= np.sqrt(sizes[find_root(parents, place)])


@njit(cache=True, nogil=True)
def descending(values: NDArray[Any]) -> NDArray[np.int32]:
    """Return the stable order of falling values: by digits, then by the last bits."""
    n = len(values)
    keys = np.empty(n, dtype=np.int64)
    bits = values.view(np.int64)
    for i in range(n):
        # Positive floats are ordered as their bits are, negative ones the other way.
        keys[i] = (bits[i] if bits[i] < 0 else ~bits[i] & _MAGNITUDE) >> _BITS_LEFT
    mask = (1 << _DIGIT_BITS) - 1
    order = np.arange(n).astype(np.int32)
    scratch = np.empty(n, dtype=np.int32)
    for digit in range(_N_DIGITS):
        starts = np.zeros(mask + 2, dtype=np.int32)
        shift = digit * _DIGIT_BITS
        for i in range(n):
            starts[((keys[i] >> shift) & mask) + 1] += 1
        for d in range(mask):
            starts[d + 1] += starts[d]
        for i in range(n):
            d = (keys[order[i]] >> shift) & mask
            scratch[starts[d]] = order[i]
            starts[d] += 1
        order, scratch = scratch, order
    for i in range(1, n):
        place = order[i]
        j = i
        while j > 0 and values[order[j - 1]] < values[place]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = place
    return order
