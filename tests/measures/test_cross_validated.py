"""Cross-validated CFH: brute force, no coupling, and planted coupling."""

import numpy as np
import pytest

from commissure import cfh
from commissure.measures import cross_validated_cfh
from commissure.problems import InputError
from tests.measures.brute_force import correlations, other_side

TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


def parts(domain, seed=0, lengths=(40, 33), coupling=0.0):
    """Return two independent parts; each left place may be coupled with one right place."""
    rng = np.random.default_rng(seed)
    both = []
    for length in lengths:
        series = rng.standard_normal((domain.n_places, length))
        n = min(len(domain.left), len(domain.right))
        left, right = domain.left[:n], domain.right[:n][::-1]
        series[right] = coupling * series[left] + np.sqrt(1 - coupling**2) * series[right]
        both.append(series + 50)
    return both


def explicit(first, second, domain):
    r = [np.where(other_side(domain), correlations(part), np.nan) for part in (first, second)]
    usable = np.isfinite(correlations(first)) & np.isfinite(correlations(second))
    r = [np.where(usable, matrix, np.nan) for matrix in r]
    has = np.flatnonzero(np.isfinite(r[0]).any(axis=1))
    z, partners = np.full(domain.n_places, np.nan), np.full((2, domain.n_places), -1)
    partners[:, has] = [np.nanargmax(matrix[has], axis=1) for matrix in r]
    crossed = r[1][has, partners[0, has]], r[0][has, partners[1, has]]
    z[has] = np.mean(np.arctanh(crossed), axis=0)
    return z, partners


@pytest.mark.parametrize("dtype", sorted(TOLERANCE))
def test_equals_brute_force(domain, dtype):
    first, second = parts(domain)
    first[domain.left[3]] = 1
    second[domain.left[4]] = 1
    second[domain.right[2], 5] = np.nan
    result = cross_validated_cfh(first, second, domain, dtype=dtype)
    z, partners = explicit(first, second, domain)
    assert result.z.dtype == dtype
    np.testing.assert_array_equal(result.first_partner, partners[0])
    np.testing.assert_array_equal(result.second_partner, partners[1])
    np.testing.assert_allclose(result.z, z, atol=TOLERANCE[dtype])
    np.testing.assert_allclose(result.r, np.tanh(z), atol=TOLERANCE[dtype])
    assert list(np.flatnonzero(result.constant)) == sorted(domain.left[3:5])
    assert list(np.flatnonzero(result.nonfinite)) == [domain.right[2]]


def test_the_order_of_the_parts_does_not_matter(domain):
    first, second = parts(domain, coupling=0.5)
    one = cross_validated_cfh(first, second, domain)
    other = cross_validated_cfh(second, first, domain)
    np.testing.assert_array_equal(one.z, other.z)
    np.testing.assert_array_equal(one.first_partner, other.second_partner)


def test_without_coupling_it_is_zero_where_cfh_is_far_above(domain):
    means = []
    for seed in range(40):
        first, second = parts(domain, seed)
        means.append(np.nanmean(cross_validated_cfh(first, second, domain).z))
    error = np.std(means, ddof=1) / np.sqrt(len(means))
    assert error < 0.005
    assert abs(np.mean(means)) < 3 * error
    assert np.nanmean(cfh(np.hstack([first, second]), domain).z) > 0.25


def test_planted_coupling_is_found_without_bias(domain):
    coupling = 0.8
    means = []
    for seed in range(40):
        first, second = parts(domain, seed, (60, 60), coupling)
        result = cross_validated_cfh(first, second, domain)
        n = min(len(domain.left), len(domain.right))
        left, right = domain.left[:n], domain.right[:n][::-1]
        for found in (result.first_partner, result.second_partner):
            assert (found[left] == right).mean() > 0.99
        means.append(result.z[left].mean())
    # Fisher's z of 60 volumes itself lies above that of the coupling, by r / (2 (n - 1)).
    expected = np.arctanh(coupling) + coupling / (2 * 59)
    error = np.std(means, ddof=1) / np.sqrt(len(means))
    assert error < 0.005
    assert abs(np.mean(means) - expected) < 3 * error


def test_threads_do_not_matter(domain):
    one, many = (cross_validated_cfh(*parts(domain), domain, n_threads=n) for n in (1, 4))
    np.testing.assert_array_equal(one.z, many.z)


def test_progress_ends_at_one(domain):
    shares = []
    cross_validated_cfh(*parts(domain), domain, progress=shares.append)
    assert shares == [0.5, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s, d: s[:-1], "the domain has"),
        (lambda s, d: s[:, :2], "at least 3"),
        (lambda s, d: np.where(d.hemisphere[:, None] == 1, np.nan, s), "right hemisphere"),
    ],
)
@pytest.mark.parametrize("number", [0, 1])
def test_unusable_parts_are_refused(domain, change, message, number):
    both = parts(domain)
    both[number] = change(both[number], domain)
    with pytest.raises(InputError, match=message):
        cross_validated_cfh(*both, domain)


def test_sides_that_no_part_shares_are_refused(domain):
    first, second = parts(domain)
    first[domain.right[::2]] = 1
    second[domain.right[1::2]] = 1
    with pytest.raises(InputError, match="right hemisphere"):
        cross_validated_cfh(first, second, domain)
