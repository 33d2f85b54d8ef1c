"""Leave out the first volumes, while the magnetisation reaches its steady state."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from commissure.problems import InputError


def trim_volumes(series: NDArray[Any], n: int, *, axis: int = -1) -> NDArray[Any]:
    """Leave out the first `n` volumes.

    Parameters
    ----------
    series : ndarray
        Volumes along `axis`: the scan itself (the last axis), or confounds, whose rows (axis 0)
        are volumes. Slice times do not change; events go by `trim_onsets`.
    n : int
    axis : int

    Returns
    -------
    ndarray
        A view.

    Raises
    ------
    InputError
        If `n` is negative or no volume is left.
    """
    n_volumes = series.shape[axis]
    if not 0 <= n < n_volumes:
        msg = (
            f"The first {n} volumes cannot be left out of {n_volumes}: give a number from 0 to "
            f"{n_volumes - 1}."
        )
        raise InputError(msg)
    kept: NDArray[Any] = np.moveaxis(np.moveaxis(series, axis, 0)[n:], 0, axis)
    return kept


def trim_onsets(onsets: ArrayLike, n: int, tr: float) -> NDArray[np.float64]:
    """Return the onsets of events, in s, counted from the first kept volume.

    An event that began before it gets a negative onset, as BIDS allows; its duration stays.
    """
    return np.asarray(onsets, dtype=np.float64) - n * tr
