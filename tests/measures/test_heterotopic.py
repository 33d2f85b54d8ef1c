"""Heterotopic connectivity against the full matrix of correlations."""

import numpy as np
import pytest

from commissure.measures import heterotopic
from commissure.problems import InputError
from tests.measures.brute_force import correlations, other_side
from tests.measures.test_vmhc import odd_domain, odd_series

MIRRORED = (-1, 1, 1)


def expected(series, domain, radius_mm):
    """Return partner, r, and mean positive and negative r, pair by pair."""
    r, mm, n = correlations(series), domain.coordinates, domain.n_places
    there = other_side(domain) & np.isfinite(r)
    partner, best = np.full(n, -1), np.full(n, np.nan)
    positive, negative = np.full((2, n), np.nan)
    for i in np.flatnonzero(there.any(axis=1)):
        own = np.where(there[i], r[i], -np.inf)
        from_mirror = np.linalg.norm(mm - mm[i] * MIRRORED, axis=1)
        from_partner = np.linalg.norm(mm - mm[own.argmax()], axis=1)
        far = (from_mirror > radius_mm) & there[i]
        if far.any():
            positive[i] = r[i, far].clip(0).sum() / far.sum()
            negative[i] = r[i, far].clip(None, 0).sum() / far.sum()
        far &= from_partner > radius_mm
        if far.any():
            partner[i] = np.where(far, r[i], -np.inf).argmax()
            best[i] = r[i, partner[i]]
    return partner, best, positive, negative


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("radius_mm", [5.0, 7.0, 12.0])
@pytest.mark.parametrize("midline_mm", [0, 6.0])
def test_equals_the_full_matrix(midline_mm, radius_mm, n_threads):
    domain = odd_domain(midline_mm)
    series = odd_series(domain)
    partner, best, positive, negative = expected(series, domain, radius_mm)
    found = heterotopic(series, domain, radius_mm=radius_mm, dtype="float64", n_threads=n_threads)
    np.testing.assert_array_equal(found.partner, partner)
    np.testing.assert_allclose(found.r, best, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.z, np.arctanh(best), rtol=0, atol=1e-10)
    np.testing.assert_allclose(found.positive, positive, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.negative, negative, rtol=0, atol=1e-12)
    assert (found.constant.sum(), found.nonfinite.sum()) == (3, 4)
    assert (partner >= 0).sum() > 10
    single = heterotopic(series, domain, radius_mm=radius_mm)
    np.testing.assert_allclose(single.r, best, rtol=0, atol=1e-6)


def test_a_planted_heterotopic_tie_is_found():
    domain = odd_domain(0)
    rng = np.random.default_rng(0)
    series = rng.standard_normal((domain.n_places, 80))
    mirror, mm = domain.mirror, domain.coordinates
    i = next(p for p in domain.left if mirror[p] >= 0)
    far = max(domain.right, key=lambda p: np.linalg.norm(mm[p] - mm[mirror[i]]))
    shared, other = rng.standard_normal((2, 80))
    series[i] = 1.5 * shared + other
    series[mirror[i]] = shared + 0.1 * rng.standard_normal(80)
    series[far] = other + 0.3 * rng.standard_normal(80)
    found = heterotopic(series, domain, radius_mm=7)
    assert found.partner[i] == far
    assert found.r[i] == pytest.approx(0.53, abs=0.15)


def test_a_radius_that_is_none_is_refused():
    domain = odd_domain(0)
    with pytest.raises(InputError, match="radius_mm must be above 0"):
        heterotopic(odd_series(domain), domain, radius_mm=0)
    with pytest.raises(InputError, match=r"Take a smaller radius_mm\."):
        heterotopic(odd_series(domain), domain, radius_mm=100)
