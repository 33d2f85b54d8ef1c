"""The statistic at every place for some relabellings at once, as products of small blocks."""

from typing import Any

import numpy as np
import scipy.linalg  # noqa: F401  (loads the BLAS that numba calls before its threads are limited)
from numpy.typing import NDArray

from commissure.compiled_code import njit
from commissure.inference.glm import LEAST_LEFT
from commissure.inference.variance_groups import permuted_v


# Without NaN a maximum is a vector instruction; nothing here changes how sums are rounded.
@njit(cache=True, nogil=True, error_model="numpy", fastmath={"nnan", "nsz"})
def permuted_maps(
    rows: NDArray[Any],
    square_rows: NDArray[Any],
    blocks: NDArray[Any],
    bounds: NDArray[Any],
    n_places: int,
    n_tested: int,
    df: int,
    groups: tuple[NDArray[Any], ...],
    threshold: float,
    one_sided: bool,  # noqa: FBT001
    clusters: bool,  # noqa: FBT001
    keep_maps: bool,  # noqa: FBT001
    product: NDArray[Any],
    squares: NDArray[Any],
    scratch: NDArray[Any],
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
    square_rows : ndarray of shape (n_groups * n_at_once, n_dimensions)
        See `RelabelledGroups.square_rows`; without rows where there is one variance.
    blocks, bounds, n_places, n_tested, df, threshold, one_sided, clusters, keep_maps
        See `Sweep`; `n_tested` are its rows, and whole maps are kept for TFCE.
    groups : tuple of ndarray
        What `permuted_v` takes of `VarianceGroups`.
    product : ndarray of shape (n_columns * n_at_once, places a block)
        Scratch.
    squares, scratch : ndarray
        Scratch of `permuted_v`.
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
    coefficients, of_column, products, df_of_groups, sizes = groups
    least = real(LEAST_LEFT if product.itemsize == 8 else np.sqrt(LEAST_LEFT))
    n_hits[:] = 0
    max_t[:] = -np.inf
    t = np.empty(width, product.dtype)
    left = np.empty(width, product.dtype)
    for block in range(len(blocks)):
        np.dot(rows, blocks[block], product)
        if len(square_rows):
            np.dot(square_rows, blocks[block] * blocks[block], squares)
        first = block * width
        n = min(width, n_places - first)
        bound, count = bounds[block], exceeding[block]
        for p in range(n_permutations):
            if len(square_rows):
                permuted_v(
                    product, squares, p, n_at_once, coefficients, of_column, products,
                    df_of_groups, sizes, n_tested, df, least, scratch, t,
                )  # fmt: skip
            else:
                _permuted_t(product, p, n_at_once, n_tested, df, least, left, t)
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


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"nnan", "nsz"})
def _permuted_t(
    product: NDArray[Any],
    p: int,
    n_at_once: int,
    n_tested: int,
    df: int,
    least: float,
    left: NDArray[Any],
    t: NDArray[Any],
) -> None:
    """Set `t` to t or F of one relabelling at a block of places; see `Relabelled`."""
    real = product.dtype.type
    width = len(t)
    left[:] = real(1)
    for column in range(len(product) // n_at_once):
        share = product[column * n_at_once + p]
        for i in range(width):
            left[i] -= share[i] * share[i]
        if column == n_tested - 1 and n_tested > 1:
            t[:] = real(1) - left
    scale = real(df / n_tested)
    if n_tested == 1:
        share = product[p]
        for i in range(width):
            t[i] = share[i] * np.sqrt(scale / max(left[i], least))
    else:
        for i in range(width):
            t[i] *= scale / max(left[i], least)
