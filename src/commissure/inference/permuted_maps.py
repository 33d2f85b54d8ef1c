"""The statistic at every place for some relabellings at once, as products of small blocks."""

from typing import Any

import numpy as np
import scipy.linalg  # noqa: F401  (loads the BLAS that numba calls before its threads are limited)
from numba import njit
from numpy.typing import NDArray

from commissure.inference.glm import LEAST_LEFT


# Without NaN a maximum is a vector instruction; nothing here changes how sums are rounded.
@njit(cache=True, nogil=True, error_model="numpy", fastmath={"nnan", "nsz"})
def permuted_maps(
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
    """Make permuted maps a block of places at a time; keep maxima, counts, and hits.

    Parameters
    ----------
    rows : ndarray of shape (n_columns * n_at_once, n_dimensions)
        See `Relabelled.rows`.
    blocks, bounds, n_places, n_tested, df, threshold, one_sided, clusters, keep_maps
        See `Sweep`; `n_tested` are its rows, and whole maps are kept for TFCE.
    product : ndarray of shape (n_columns * n_at_once, places a block)
        Scratch.
    places, values : ndarray of shape (n_at_once, n_places)
        Set to the places beyond the threshold and their values, ascending.
    n_hits : ndarray of int, shape (n_at_once,)
        Set to how many they are.
    maps : ndarray of shape (n_at_once, n_places)
        Set to the whole maps if they are to be kept.
    exceeding : ndarray of int, shape (n_blocks, places a block)
        Counts are added to it.
    max_t : ndarray of shape (n_permutations, 2)
        Set to the largest values; at most `n_at_once`.
    """
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
