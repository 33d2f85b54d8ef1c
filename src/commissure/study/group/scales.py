"""Whose map is of another scale than the others: in other units, or made otherwise."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Of the median over scans. People differ less: a map that does was made otherwise.
_LARGEST_RATIO = 4
# Of fewer scans none can be told to be the odd one.
_LEAST_SCANS = 3


def scale_notes(values: NDArray[np.float64], scans: Sequence[str]) -> list[str]:
    """Name the scans whose maps spread far more, or far less, than those of the others.

    Parameters
    ----------
    values : ndarray of shape (n_scans, n_places)
        At the places that all have.
    scans : sequence of str
    """
    deviations = np.abs(values - np.median(values, axis=1, keepdims=True))
    spread = np.median(deviations, axis=1)
    usual = float(np.median(spread))
    if len(scans) < _LEAST_SCANS or not usual > 0:
        return []
    return [
        f"The map of {scan} spreads {_times(own / usual)} those of the other scans (median "
        f"absolute deviation over the places {own:.3g}, usually {usual:.3g}): its values may be of "
        "another scale or unit. See how it was made; one such map can decide a comparison."
        for scan, own in zip(scans, spread, strict=True)
        if not usual / _LARGEST_RATIO <= own <= usual * _LARGEST_RATIO
    ]


def _times(ratio: float) -> str:
    return f"{ratio:.3g} times as much as" if ratio > 1 else f"only {ratio:.2g} times as much as"
