"""CFH beside that of surrogates: by those that the noise floor tells, and without coupling."""

from itertools import pairwise

import numpy as np
import pytest

from commissure.measures import above_floor, cfh, noise_floor
from commissure.problems import InputError
from tests.measures.test_vmhc import odd_domain, odd_series


def surrogates_of(series, domain, n, seed):
    """Return the CFH map of each surrogate, by the means of ever more of them."""
    floors = [noise_floor(series, domain, n_surrogates=k, seed=seed) for k in range(2, n + 1)]
    apart = floors[0].sd_z / np.sqrt(2)  # of the first two, in either order
    found = [floors[0].mean_z - apart, floors[0].mean_z + apart]
    found += [
        k * more.mean_z - (k - 1) * fewer.mean_z
        for k, (fewer, more) in enumerate(pairwise(floors), start=3)
    ]
    return np.stack(found)


def test_score_and_p_are_by_definition():
    domain = odd_domain(0)
    series = odd_series(domain)
    found = above_floor(series, domain, n_surrogates=6, seed=3)
    z, others = cfh(series, domain).z, surrogates_of(series, domain, 6, 3)
    has = np.isfinite(z)
    np.testing.assert_array_equal(np.isfinite(found.p), has)
    np.testing.assert_array_equal(np.isfinite(found.score), has)
    deviation = np.sqrt(((others - others.mean(axis=0)) ** 2).sum(axis=0) / 5 * (7 / 6))
    expected = (z - others.mean(axis=0)) / deviation
    np.testing.assert_allclose(found.score[has], expected[has], rtol=1e-4, atol=1e-5)
    clear = has & (np.abs(others - z).min(axis=0) > 1e-5)
    expected = (1 + (others > z).sum(axis=0)) / 7
    np.testing.assert_allclose(found.p[clear], expected[clear])
    assert clear.sum() > 0.9 * has.sum()
    assert (found.constant.sum(), found.nonfinite.sum()) == (3, 4)


@pytest.mark.parametrize("n_volumes", [15, 25])
def test_without_coupling_five_percent_of_places_are_above(n_volumes):
    domain = odd_domain(0)
    shares, scores = [], []
    for seed in range(30):
        series = np.random.default_rng(seed).standard_normal((domain.n_places, n_volumes))
        found = above_floor(series, domain, n_surrogates=19, seed=seed)
        shares.append(found.share)
        scores.append(np.nanmean(found.score))
    for values, expected, most in ((shares, 0.05, 0.005), (scores, 0.0, 0.03)):
        error = np.std(values, ddof=1) / np.sqrt(len(values))
        assert error < most
        assert abs(np.mean(values) - expected) < 3 * error


def test_planted_coupling_is_above():
    domain, rng = odd_domain(0), np.random.default_rng(2)
    series = rng.standard_normal((domain.n_places, 60))
    coupled = (domain.mirror >= 0) & (domain.coordinates[:, 1] > 3)
    left = np.flatnonzero(coupled & (domain.hemisphere < 0))
    right = domain.mirror[left]
    series[right] = series[left] + rng.standard_normal((len(left), 60))
    found = above_floor(series, domain)
    both = np.concatenate([left, right])
    assert (found.p[both] <= 0.05).mean() > 0.9
    rest = np.setdiff1d(np.flatnonzero(np.isfinite(found.p)), both)
    assert (found.p[rest] <= 0.05).mean() < 0.15


def test_too_few_surrogates_are_refused():
    domain = odd_domain(0)
    with pytest.raises(InputError, match="n_surrogates must be 2 or more"):
        above_floor(odd_series(domain), domain, n_surrogates=1)
