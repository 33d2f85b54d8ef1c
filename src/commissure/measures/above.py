"""How many series each series correlates with above a threshold, or the sum of these correlations.

The matrix of correlations is never stored: see `commissure.measures.kernel`.
"""

import threading
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commissure.compiled_code import njit
from commissure.measures.kernel import BLOCK_BYTES
from commissure.measures.register_tile import VECTORS, add_above
from commissure.threads import map_threads


def sums_above(
    rows: NDArray[Any],
    columns: NDArray[Any],
    n_rows: int,
    n_columns: int,
    threshold: float,
    *,
    weighted: bool = False,
    within: bool = False,
    n_threads: int | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Count, in each row and column of ``rows @ columns.T``, what exceeds a threshold.

    Parameters
    ----------
    rows, columns : ndarray
        Packed series, see `commissure.measures.kernel.pack`.
    n_rows, n_columns : int
        Number of series on either side, without the filling of the last panel.
    threshold : float
        0 or more.
    weighted : bool
        Add the values that exceed it, instead of counting them.
    within : bool
        Rows and columns are the same series: each pair of two is looked at once, and what there is
        is the sum of both results. The diagonal is left out.
    n_threads : int, optional
        By default all cores. The result does not depend on it.

    Returns
    -------
    ndarray of shape (n_rows,) and of shape (n_columns,)
    """
    block = max(1, BLOCK_BYTES // (rows[0].size * rows.dtype.itemsize))
    starts = range(0, len(rows), block)
    of_rows = np.zeros((len(rows), rows.shape[2] * (columns.shape[2] // VECTORS)), rows.dtype)
    of_columns = _Ordered(starts, (len(columns), columns.shape[2]))
    least = np.array([threshold], rows.dtype)

    def add(start: int) -> None:
        mine = slice(start, start + block)
        sums = np.zeros(of_columns.total.shape, rows.dtype)
        _add(rows[mine], columns, least, weighted, within, start, of_rows[mine], sums)
        of_columns.add(start, sums)

    map_threads(add, starts, n_threads)
    by_row = of_rows.reshape(len(rows) * rows.shape[2], -1).sum(axis=1, dtype=np.float64)
    return by_row[:n_rows], of_columns.total.ravel()[:n_columns]


class _Ordered:
    """A sum of arrays in a given order, whoever has made his first: sums depend on their order."""

    def __init__(self, order: Iterable[int], shape: tuple[int, ...]) -> None:
        self.total = np.zeros(shape)
        self._due = list(order)
        self._made: dict[int, NDArray[Any]] = {}
        self._lock = threading.Lock()

    def add(self, number: int, part: NDArray[Any]) -> None:
        with self._lock:
            self._made[number] = part
            while self._due and self._due[0] in self._made:
                self.total += self._made.pop(self._due.pop(0))


@njit(cache=True, nogil=True)
def _add(
    rows: NDArray[Any],
    columns: NDArray[Any],
    threshold: NDArray[Any],
    weighted: bool,  # noqa: FBT001
    within: bool,  # noqa: FBT001
    first_panel: int,
    row_sums: NDArray[Any],
    column_sums: NDArray[Any],
) -> None:
    n_in_panel, width = rows.shape[2], columns.shape[2]
    for c in range(columns.shape[0]):
        column = c * width
        for r in range(rows.shape[0]):
            row = (first_panel + r) * n_in_panel
            if not within or column >= row + n_in_panel:
                add_above(rows[r], columns[c], threshold, weighted, row_sums[r], column_sums[c])
            elif column + width > row:
                _add_diagonal(
                    rows[r],
                    columns[c],
                    threshold[0],
                    weighted,
                    row_sums[r],
                    column_sums[c],
                    column - row,
                )


@njit(cache=True, nogil=True)
def _add_diagonal(
    row: NDArray[Any],
    column: NDArray[Any],
    threshold: Any,
    weighted: bool,  # noqa: FBT001
    row_sums: NDArray[Any],
    column_sums: NDArray[Any],
    ahead: int,
) -> None:
    """Add of a tile on the diagonal what is above it; its first column is so far ahead."""
    lanes = len(row_sums) // row.shape[1]
    for i in range(row.shape[1]):
        for j in range(max(0, i + 1 - ahead), column.shape[1]):
            value = threshold * 0
            for volume in range(row.shape[0]):
                value += row[volume, i] * column[volume, j]
            if value > threshold:
                what = value if weighted else threshold * 0 + 1
                row_sums[i * lanes] += what
                column_sums[j] += what
