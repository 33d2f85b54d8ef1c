"""Whose map is of another scale than the others: in other units, or made otherwise."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Of the median over scans. People differ less: a map that does was made otherwise.
_LARGEST_RATIO = 4
# Of fewer scans none can be told to be the odd one.
_LEAST_SCANS = 3
# A measured value is hardly ever the same at so many places, so far from the median, in median
# absolute deviations: -9999, or 0 in an image that was scaled.
_FAR, _OFTEN, _LEAST_OFTEN = 20, 0.002, 5


def scale_notes(values: NDArray[np.float64], scans: Sequence[str]) -> list[str]:
    """Name the scans whose maps spread otherwise than the others', or have codes for no data.

    Parameters
    ----------
    values : ndarray of shape (n_scans, n_places)
        At the places that all have.
    scans : sequence of str
    """
    # A scan at a time: copies of all maps would be as large as they are.
    spread = np.array([np.median(_deviations(row)) for row in values])
    usual = float(np.median(spread))
    if len(scans) < _LEAST_SCANS or not usual > 0:
        return []
    notes = [
        f"The map of {scan} spreads {_times(own / usual)} those of the other scans (median "
        f"absolute deviation over the places {own:.3g}, usually {usual:.3g}): its values may be of "
        "another scale or unit. See how it was made; one such map can decide a comparison."
        for scan, own in zip(scans, spread, strict=True)
        if not usual / _LARGEST_RATIO <= own <= usual * _LARGEST_RATIO
    ]
    return notes + [
        f"The map of {scan} has the value {value:g} at {count:,} of {values.shape[1]:,} places, "
        "far from all its others: it may stand for places without data. Write NaN or 0 there."
        for scan, own in zip(scans, values, strict=True)
        for value, count in _codes(own)
    ]


def _codes(values: NDArray[np.float64]) -> list[tuple[float, int]]:
    """Return values that stand again and again far from the others, and how often."""
    deviations = _deviations(values)
    reach = _FAR * float(np.median(deviations))
    if not reach or not (far := deviations > reach).any():
        return []
    found, counts = np.unique(values[far], return_counts=True)
    often = counts >= max(_LEAST_OFTEN, _OFTEN * len(values))
    return list(zip(found[often].tolist(), counts[often].tolist(), strict=True))


def _deviations(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.abs(values - np.median(values))


def _times(ratio: float) -> str:
    return f"{ratio:.3g} times as much as" if ratio > 1 else f"only {ratio:.2g} times as much as"
