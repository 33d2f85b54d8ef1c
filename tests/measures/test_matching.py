"""Matching of degrees of freedom: brute force, and that chance no longer tells lengths apart."""

import numpy as np
import pytest
from scipy.signal import lfilter

from commissure import cfh
from commissure.measures.cfh_measure import CFHSettings, cfh_maps
from commissure.measures.matching import matched_dimensions, rarefied, temporal_basis
from tests.measures.brute_force import check_against, correlations

MATCHED = CFHSettings(match="rarefied", match_df=6.0, match_draws=3, dtype="float64")


@pytest.fixture
def series(domain):
    """Series of 30 volumes that span 12 dimensions, one of them constant, one not finite."""
    rng = np.random.default_rng(3)
    made = rng.standard_normal((domain.n_places, 12)) @ rng.standard_normal((12, 30))
    made[5] = 7
    made[9, 2] = np.nan
    return made


def test_the_space_in_time_is_found(series):
    basis = temporal_basis(series)
    assert basis.shape == (30, 12)
    np.testing.assert_allclose(basis.T @ basis, np.eye(12), atol=1e-12)
    rest = np.delete(series, [5, 9], axis=0)
    rest = rest - rest.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(rest @ basis @ basis.T, rest, atol=1e-9)
    assert temporal_basis(series.astype(np.float32).astype(float)).shape == (30, 12)


@pytest.mark.parametrize("effective_df", [12.0, 8.5])
@pytest.mark.parametrize("target", [3.0, 5.5, 8.0])
def test_dimensions_leave_the_degrees_of_freedom_that_are_asked_for(target, effective_df):
    """The mean, over random projections, of what the formula is made of."""
    rng = np.random.default_rng(4)
    spectrum = np.ones(12)
    while 1 / ((spectrum / spectrum.sum()) ** 2).sum() > effective_df + 1e-6:
        spectrum *= np.linspace(1, 0.999, 12)
    spectrum /= spectrum.sum()
    d = matched_dimensions(target, effective_df, 12)

    def left(dimensions):
        traces = []
        for _ in range(4000):
            basis, _ = np.linalg.qr(rng.standard_normal((12, dimensions)))
            small = basis.T * spectrum @ basis
            traces.append((np.trace(small), np.trace(small @ small)))
        one, two = np.mean(traces, axis=0)
        return one**2 / two

    # The nearest whole number of dimensions.
    near = {n: abs(left(n) - target) for n in (d - 1, d, d + 1) if 2 <= n <= 12}
    assert near[d] < min(near.values()) + 0.05
    if effective_df == 12:
        assert d == round(target)


def test_no_more_is_taken_than_there_is(series):
    assert matched_dimensions(12, 11, 12) == 12
    (same,) = rarefied(series, 12.0, 12.0, 8, np.random.default_rng(0))
    assert same is series


def test_maps_are_means_over_random_projections(domain, series):
    maps = cfh_maps(series, domain, MATCHED, effective_df=12.0, name="sub-01")
    rng = np.random.default_rng([0, *b"sub-01"])
    z, shift = [], []
    for k, draw in enumerate(rarefied(series, 6.0, 12.0, 3, rng)):
        assert draw.shape == (domain.n_places, 7)
        finite = np.isfinite(draw).all(axis=1)
        np.testing.assert_allclose(draw[finite].mean(axis=1), 0, atol=1e-12)
        assert np.linalg.matrix_rank(draw[finite]) == 6
        result = cfh(draw, domain, dtype=np.float64)
        check_against(correlations(draw), result.r, result.partner, domain, 1e-10)
        z.append(result.z)
        shift.append(result.shift(domain))
        if k == 0:
            has = result.partner >= 0
            np.testing.assert_array_equal(
                maps.values["cfhpartner"][has], domain.coordinates[result.partner[has]]
            )
    np.testing.assert_allclose(maps.values["cfh"], np.mean(z, axis=0), atol=1e-12)
    np.testing.assert_allclose(maps.values["cfhr"], np.tanh(np.mean(z, axis=0)), atol=1e-12)
    np.testing.assert_allclose(maps.values["cfhshift"], np.mean(shift, axis=0), atol=1e-9)
    assert np.isnan(maps.values["cfh"][[5, 9]]).all()
    assert maps.constant[5]
    assert maps.nonfinite[9]
    assert maps.counts["MatchedDimensions"] == 6


def test_a_projection_is_one_of_all_series(series):
    """Correlations of projected series are those of V P P' V' for one projector P."""
    (draw,) = rarefied(series, 6.0, 12.0, 1, np.random.default_rng(2))
    basis = temporal_basis(series)
    rng = np.random.default_rng(2)
    directions, _ = np.linalg.qr(rng.standard_normal((12, 6)))
    inside = (series - series.mean(axis=1, keepdims=True)) @ basis @ directions
    usable = np.delete(np.arange(len(series)), [5, 9])
    np.testing.assert_allclose(
        draw[usable] @ draw[usable].T, inside[usable] @ inside[usable].T, atol=1e-9
    )


def test_they_depend_on_seed_and_run_but_not_on_threads(domain, series):
    def made(settings=MATCHED, name="sub-01", n_threads=1):
        maps = cfh_maps(series, domain, settings, n_threads, effective_df=12.0, name=name)
        return maps.values["cfh"]

    np.testing.assert_array_equal(made(), made(n_threads=3))
    for other in (made(name="sub-02"), made(CFHSettings(**{**vars(MATCHED), "match_seed": 1}))):
        assert not np.array_equal(made()[~np.isnan(made())], other[~np.isnan(other)])


@pytest.mark.parametrize(("n_volumes", "ar"), [(40, 0.0), (80, 0.0), (200, 0.0), (200, 0.6)])
def test_chance_does_not_tell_lengths_apart(domain, n_volumes, ar):
    """Mean CFH of uncoupled series, whatever their length and autocorrelation."""
    rng = np.random.default_rng(n_volumes)
    white = rng.standard_normal((domain.n_places, 3 * n_volumes))
    series = lfilter([1], [1, -ar], white, axis=1)[:, -n_volumes:]
    # Of AR(1), by Bartlett's formula.
    df = (n_volumes - 1) * (1 - ar**2) / (1 + ar**2)
    settings = CFHSettings(match="rarefied", match_df=30.0)
    found = np.nanmean(cfh_maps(series, domain, settings, effective_df=df).values["cfh"])
    short = [rng.standard_normal((domain.n_places, 31)) for _ in range(8)]
    expected = np.mean([np.nanmean(cfh(s, domain).z) for s in short])
    assert found == pytest.approx(expected, rel=0.03)
    if n_volumes == 200:
        assert np.nanmean(cfh(series, domain).z) < 0.7 * expected


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"match_df": 30.0}, "add match"),
        ({"match": "rarefied", "match_df": 30.0, "partner": "group"}, "within the scan"),
        ({"match": "rarefied", "match_df": 30.0}, None),
    ],
)
def test_what_does_not_go_together_is_told(changes, said):
    problems = CFHSettings(**changes).problems
    assert [said in problem for problem in problems] == ([True] if said else [])
