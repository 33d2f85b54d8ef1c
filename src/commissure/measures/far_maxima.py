"""The largest correlation of each series with any of the other side that is far from some places.

As `commissure.measures.kernel`; only where a correlation would be a new maximum is it asked whether
the two places are far enough apart, which is rare.
"""

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commissure.compiled_code import njit
from commissure.measures.kernel import BLOCK_BYTES, merged, unset
from commissure.measures.register_tile import ROWS, multiply_tile
from commissure.threads import map_threads

# Of series (n, 3), and those that others must be far from (n, m, 3), mm.
Positions = tuple[NDArray[np.float64], NDArray[np.float64]]


def far_maxima(
    rows: NDArray[Any],
    columns: NDArray[Any],
    of_rows: Positions,
    of_columns: Positions,
    radius_mm: float,
    n_threads: int | None = None,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find where the maxima of ``rows @ columns.T`` are among pairs that are far enough.

    Parameters
    ----------
    rows, columns : ndarray
        Packed series, see `commissure.measures.kernel.pack`.
    of_rows, of_columns : Positions
    radius_mm : float
        Farther than this.
    n_threads : int, optional
        By default all cores. The result does not depend on it.

    Returns
    -------
    row_arg, column_arg : ndarray of int
        Of equal values the lowest index; -1 where there is no pair.
    """
    dtype, width = rows.dtype, columns.shape[2]
    n_rows, n_columns = len(of_rows[0]), len(of_columns[0])
    block = max(1, BLOCK_BYTES // (ROWS * rows.shape[1] * dtype.itemsize))
    row_max, row_arg = unset(len(rows), ROWS, n_rows, dtype)
    of_thread = threading.local()
    all_columns: list[tuple[NDArray[Any], NDArray[np.intp]]] = []

    def search(start: int) -> None:
        if not hasattr(of_thread, "columns"):
            of_thread.columns = unset(len(columns), width, n_columns, dtype)
            all_columns.append(of_thread.columns)
        mine = slice(start, start + block)
        sums = np.empty(ROWS * width, dtype), start * ROWS
        found = row_max[mine], row_arg[mine], *of_thread.columns
        _fold(rows[mine], columns, *found, *sums, *of_rows, *of_columns, radius_mm**2)

    map_threads(search, range(0, len(rows), block), n_threads)
    _, column_arg = merged(all_columns)
    return row_arg.ravel()[:n_rows], column_arg.ravel()[:n_columns]


@njit(cache=True, nogil=True)
def _fold(
    rows: NDArray[Any],
    columns: NDArray[Any],
    row_max: NDArray[Any],
    row_arg: NDArray[np.intp],
    column_max: NDArray[Any],
    column_arg: NDArray[np.intp],
    tile: NDArray[Any],
    first_row: int,
    row_at: NDArray[np.float64],
    row_away: NDArray[np.float64],
    column_at: NDArray[np.float64],
    column_away: NDArray[np.float64],
    radius_squared: float,
) -> None:
    n_in_panel, width = rows.shape[2], columns.shape[2]
    for c in range(columns.shape[0]):
        for r in range(rows.shape[0]):
            if not multiply_tile(rows[r], columns[c], row_max[r], column_max[c], tile, False, True):  # noqa: FBT003
                continue
            row, column = first_row + r * n_in_panel, c * width
            for i in range(min(n_in_panel, len(row_at) - row)):
                for j in range(min(width, len(column_at) - column)):
                    value = tile[i * width + j]
                    if value > row_max[r, i] and _is_far(
                        column_at[column + j], row_away[row + i], radius_squared
                    ):
                        row_max[r, i] = value
                        row_arg[r, i] = column + j
                    if value > column_max[c, j] and _is_far(
                        row_at[row + i], column_away[column + j], radius_squared
                    ):
                        column_max[c, j] = value
                        column_arg[c, j] = row + i


@njit(cache=True, nogil=True)
def _is_far(
    position: NDArray[np.float64], others: NDArray[np.float64], radius_squared: float
) -> bool:
    for n in range(others.shape[0]):
        squared = 0.0
        for axis in range(3):
            squared += (position[axis] - others[n, axis]) ** 2
        if squared <= radius_squared:
            return False
    return True
