"""Segregation and integration against means of the full matrix, and planted lateralisation."""

import numpy as np
import pytest

from commissure.measures import integration, segregation
from commissure.problems import InputError
from tests.measures.brute_force import correlations
from tests.measures.test_cfh import two_columns
from tests.measures.test_vmhc import odd_domain, odd_series


@pytest.mark.parametrize("midline_mm", [0, 3.0, 6.0])
def test_equal_the_full_matrix(midline_mm):
    domain = odd_domain(midline_mm)
    series = odd_series(domain)
    r = correlations(series)
    np.fill_diagonal(r, np.nan)
    side = domain.hemisphere
    own, other = np.full((2, domain.n_places), np.nan)
    for i in np.flatnonzero((side != 0) & np.isfinite(r).any(axis=1)):
        own[i] = np.nanmean(r[i, side == side[i]])
        other[i] = np.nanmean(r[i, side == -side[i]])
    for of, sign in ((segregation, -1), (integration, 1)):
        found = of(series, domain)
        np.testing.assert_allclose(found.own, own, rtol=0, atol=1e-12)
        np.testing.assert_allclose(found.other, other, rtol=0, atol=1e-12)
        kept = own + sign * other
        expected = np.where(domain.mirror >= 0, kept - kept[domain.mirror], np.nan)
        np.testing.assert_allclose(found.value, expected, rtol=0, atol=1e-12)
        assert 50 < np.isfinite(found.value).sum() < domain.n_places
        has = found.mirror >= 0
        np.testing.assert_allclose(found.value[found.mirror[has]], -found.value[has], atol=1e-12)


def test_each_finds_its_own_kind():
    domain = odd_domain()
    rng = np.random.default_rng(0)
    n_volumes, left, right = 4000, domain.left, domain.right
    noise = rng.standard_normal((domain.n_places, n_volumes))
    of_left, of_all = rng.standard_normal((2, n_volumes))
    base = noise.copy()
    base[left] += of_left
    base[right] += rng.standard_normal(n_volumes)
    base += of_all
    pairs = [i for i in left if domain.mirror[i] >= 0][:40]
    more_left, more_both = base.copy(), base.copy()
    more_left[pairs] += of_left
    more_both[pairs] += of_all
    for series, found in ((more_left, segregation), (more_both, integration)):
        changed = found(series, domain).value[pairs] - found(base, domain).value[pairs]
        assert changed.mean() > 0.05


def test_a_half_of_one_place_has_no_correlation_within():
    domain = two_columns(1, 4)
    with pytest.raises(InputError, match="one usable time series only"):
        segregation(np.random.default_rng(0).standard_normal((5, 20)), domain)
