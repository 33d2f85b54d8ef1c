"""CFH as one would write it down, in float64: the oracle."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from commissure import Domain


def correlations(series: NDArray[Any]) -> NDArray[np.float64]:
    """Return all correlations; NaN for series that are constant or not finite."""
    n = len(series)
    r = np.full((n, n), np.nan)
    usable = np.isfinite(series).all(axis=1)
    usable &= ~(series == series[:, :1]).all(axis=1)
    good = np.flatnonzero(usable)
    centred = series[good].astype(np.longdouble)
    centred -= centred.mean(axis=1, keepdims=True)
    centred /= np.sqrt((centred**2).sum(axis=1, keepdims=True))
    r[np.ix_(good, good)] = (centred @ centred.T).astype(np.float64)
    return r


def other_side(domain: Domain) -> NDArray[np.bool_]:
    """Tell for each pair of places whether they are in different hemispheres."""
    side = domain.hemisphere
    return side[:, None] * side[None, :] == -1


def check_against(
    r_all: NDArray[np.float64],
    r: NDArray[Any],
    partner: NDArray[np.intp],
    domain: Domain,
    tolerance: float,
) -> None:
    """Check maxima and partners against the matrix of correlations (or sums of them)."""
    candidates = np.where(other_side(domain) & np.isfinite(r_all), r_all, -np.inf)
    best = candidates.max(axis=1)
    has = np.isfinite(best)
    np.testing.assert_array_equal(partner >= 0, has)
    np.testing.assert_array_equal(np.isfinite(r), has)
    np.testing.assert_allclose(r[has], best[has], rtol=0, atol=tolerance)
    at_partner = candidates[np.flatnonzero(has), partner[has]]
    np.testing.assert_allclose(at_partner, best[has], rtol=0, atol=2 * tolerance)
    ranked = np.sort(candidates[has], axis=1)
    clear = ranked[:, -1] - ranked[:, -2] > 2 * tolerance
    np.testing.assert_array_equal(partner[has][clear], candidates.argmax(axis=1)[has][clear])
