"""The largest correlation of each series with any series of the other side, exactly.

All correlations between two sets of unit-norm series are one matrix product. Only its row and
column maxima are needed, so the matrix is never stored: a tile of it is made in the processor's
registers, compared there with the maxima found so far, and forgotten unless it improves one of
them, which is rare. Each tile serves both sides. Every dot product is summed in the same order
whatever its tile or thread, so the result does not depend on either, to the last bit.

The loop order is that of Goto & van de Geijn (2008, doi 10.1145/1356052.1356053): a block of row
panels stays in the second-level cache, a column panel in the first.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from commissure.compiled_code import njit
from commissure.measures.register_tile import ROWS, TILE_COLUMN_BYTES, multiply_tile
from commissure.threads import map_threads

# Half of a typical second-level cache for the block of row panels.
BLOCK_BYTES = 256 * 1024
# Column panels of a tile whose sums are kept between scans: with a block of rows about 1 MB.
_COLUMN_PANELS = 48


def columns_of_tile(dtype: np.dtype[Any]) -> int:
    """Return how many columns a tile has in this precision, twice as many in float32."""
    return TILE_COLUMN_BYTES // dtype.itemsize


class Maxima(NamedTuple):
    """Row and column maxima of a product, and the lowest index each is found at."""

    row_max: NDArray[Any]
    row_arg: NDArray[np.intp]
    column_max: NDArray[Any]
    column_arg: NDArray[np.intp]


def pack(series: NDArray[Any], width: int) -> NDArray[Any]:
    """Lay series out as the kernel reads them: panels of `width` series, volume by volume.

    Parameters
    ----------
    series : ndarray of shape (n, k)
    width : int
        `ROWS` for the rows' side, `columns_of_tile(dtype)` for the columns' side.

    Returns
    -------
    ndarray of shape (ceil(n / width), k, width)
        The last panel is filled up with zeros.
    """
    n, k = series.shape
    n_panels = -(-n // width)
    padded = np.zeros((n_panels * width, k), series.dtype)
    padded[:n] = series
    return np.ascontiguousarray(padded.reshape(n_panels, width, k).transpose(0, 2, 1))


def unpacked(packed: NDArray[Any], n: int) -> NDArray[Any]:
    """Return packed series as they were, shape (n, k)."""
    series: NDArray[Any] = packed.transpose(0, 2, 1).reshape(-1, packed.shape[1])[:n]
    return series


def cross_maxima(
    rows: Sequence[NDArray[Any]],
    columns: Sequence[NDArray[Any]],
    n_rows: int,
    n_columns: int,
    *,
    n_threads: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Maxima:
    """Find the row and column maxima of the sum of products ``rows[s] @ columns[s].T``.

    Parameters
    ----------
    rows, columns : sequence of ndarray
        Packed series (see `pack`) of one scan, or of each scan whose products are summed.
    n_rows, n_columns : int
        Number of series on either side, without the filling of the last panel.
    n_threads : int, optional
        By default all cores.
    progress : callable, optional
        Called with the share of the work that is done.

    Returns
    -------
    Maxima
        Ties take the lowest index.
    """
    dtype = rows[0].dtype
    n_row_panels, n_column_panels = len(rows[0]), len(columns[0])
    width = columns[0].shape[2]
    longest = max(panel.shape[1] for panel in rows)
    block = max(1, BLOCK_BYTES // (ROWS * longest * dtype.itemsize))
    blocks = range(0, n_row_panels, block)
    span = n_column_panels if len(rows) == 1 else _COLUMN_PANELS

    row_max, row_arg = unset(n_row_panels, ROWS, n_rows, dtype)
    of_thread = threading.local()
    all_columns: list[tuple[NDArray[Any], NDArray[np.intp]]] = []
    done = iter(range(1, len(blocks) + 1))
    telling = threading.Lock()

    def search(start: int) -> None:
        if not hasattr(of_thread, "columns"):
            of_thread.columns = unset(n_column_panels, width, n_columns, dtype)
            all_columns.append(of_thread.columns)
        column_max, column_arg = of_thread.columns
        mine = slice(start, start + block)
        n_mine = len(row_max[mine])
        sums = np.empty((n_mine, 1 if len(rows) == 1 else span, ROWS * width), dtype)
        for first in range(0, n_column_panels, span):
            theirs = slice(first, first + span)
            for scan in range(len(rows)):
                _fold(
                    rows[scan][mine],
                    columns[scan][theirs],
                    row_max[mine],
                    row_arg[mine],
                    column_max[theirs],
                    column_arg[theirs],
                    sums,
                    start * ROWS,
                    n_rows,
                    first * width,
                    n_columns,
                    scan > 0,
                    scan == len(rows) - 1,
                )
        if progress is not None:
            # One thread after the other, or a smaller share could be told after a larger one.
            with telling:
                progress(next(done) / len(blocks))

    map_threads(search, blocks, n_threads)
    column_max, column_arg = merged(all_columns)
    return Maxima(
        row_max.ravel()[:n_rows],
        row_arg.ravel()[:n_rows],
        column_max.ravel()[:n_columns],
        column_arg.ravel()[:n_columns],
    )


def unset(
    n_panels: int, width: int, n: int, dtype: np.dtype[Any]
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return maxima that anything exceeds, and that nothing does in the filling.

    Parameters
    ----------
    n_panels, width : int
        Of packed series.
    n : int
        How many series there are, without the filling.
    dtype : dtype
    """
    maxima = np.full(n_panels * width, -np.inf, dtype)
    maxima[n:] = np.inf
    return maxima.reshape(n_panels, width), np.full((n_panels, width), -1, np.intp)


def merged(
    found: list[tuple[NDArray[Any], NDArray[np.intp]]],
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Join the column maxima of the threads; of equal ones the lowest index."""
    maxima, where = found[0]
    for other, other_where in found[1:]:
        better = (other > maxima) | ((other == maxima) & (other_where < where))
        maxima = np.where(better, other, maxima)
        where = np.where(better, other_where, where)
    return maxima, where


@njit(cache=True, nogil=True)
def _fold(
    rows: NDArray[Any],
    columns: NDArray[Any],
    row_max: NDArray[Any],
    row_arg: NDArray[np.intp],
    column_max: NDArray[Any],
    column_arg: NDArray[np.intp],
    sums: NDArray[Any],
    first_row: int,
    n_rows: int,
    first_column: int,
    n_columns: int,
    add: bool,  # noqa: FBT001
    last: bool,  # noqa: FBT001
) -> None:
    """Multiply panels of rows with panels of columns and fold the product into the maxima.

    `sums`, shape (row panels, column panels, tile), keeps the tiles between the products of a sum;
    where there is one product only its second axis has length 1.
    """
    n_in_panel, width = rows.shape[2], columns.shape[2]
    kept = sums.shape[1] > 1
    for c in range(columns.shape[0]):
        for r in range(rows.shape[0]):
            tile = sums[r, c if kept else 0]
            improves = multiply_tile(
                rows[r], columns[c], row_max[r], column_max[c], tile, add, last
            )
            if not (improves and last):
                continue
            row = first_row + r * n_in_panel
            column = first_column + c * width
            for i in range(min(n_in_panel, n_rows - row)):
                for j in range(min(width, n_columns - column)):
                    value = tile[i * width + j]
                    if value > row_max[r, i]:
                        row_max[r, i] = value
                        row_arg[r, i] = column + j
                    if value > column_max[c, j]:
                        column_max[c, j] = value
                        column_arg[c, j] = row + i
