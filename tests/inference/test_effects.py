"""Effect sizes against textbook formulas and simulation; leaving out against fitting again."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import integrate, optimize, stats
from statsmodels.api import OLS
from statsmodels.stats.meta_analysis import effectsize_smd

from commissure.inference.effects import (
    contrast_effect,
    hedges_correction,
    hedges_g,
    hedges_g_interval,
    leave_one_out,
)
from commissure.inference.formula_design import design_matrix


def design_of(rng, n=40, n_covariates=3):
    group = np.repeat([0.0, 1.0], [n // 2 + 3, n - n // 2 - 3])
    covariates = rng.normal(size=(n, n_covariates)) + 0.5 * group[:, None]
    return np.column_stack([np.ones(n), group, covariates]), group


@pytest.mark.parametrize("df", [2, 3, 10, 53, 998])
def test_the_correction_is_the_integral_it_stands_for(df):
    # J = 1 / E(sigma / s), and df * s^2 / sigma^2 is chi-square.
    end = stats.chi2.isf(1e-16, df)
    mean = integrate.quad(lambda q: np.sqrt(df / q) * stats.chi2.pdf(q, df), 0, end)[0]
    assert_allclose(hedges_correction(df), 1 / mean, rtol=1e-6)


def test_without_covariates_it_is_the_textbooks_g():
    rng = np.random.default_rng(0)
    a, b = rng.normal(1, 2, 17), rng.normal(0, 2, 26)
    t = stats.ttest_ind(a, b).statistic
    # statsmodels' correction is the approximation 1 - 3 / (4 N - 9).
    approximate = effectsize_smd(a.mean(), a.std(ddof=1), 17, b.mean(), b.std(ddof=1), 26)[0]
    assert_allclose(
        hedges_g(t, 41, (17, 26)),
        approximate / (1 - 3 / (4 * 43 - 9)) * hedges_correction(41),
        rtol=1e-12,
    )
    assert_allclose(hedges_g(t, 41, (17, 26)), approximate, rtol=1e-3)


def test_of_one_group_it_is_the_mean_over_the_standard_deviation():
    values = np.random.default_rng(1).normal(1, 2, 15)
    t = stats.ttest_1samp(values, 0).statistic
    expected = values.mean() / values.std(ddof=1) * hedges_correction(14)
    assert_allclose(hedges_g(t, 14, (15,)), expected)


@pytest.mark.parametrize(("t", "df", "sizes"), [(3.25, 53, (32, 28)), (-0.4, 10, (6, 6))])
def test_limits_are_noncentralities_that_put_t_in_the_tails(t, df, sizes):
    scale = np.sqrt(sum(1 / n for n in sizes)) * hedges_correction(df)
    limits = hedges_g_interval(t, df, sizes, confidence=0.9)
    for limit, tail in zip(limits, (0.95, 0.05), strict=True):
        noncentrality = optimize.brentq(lambda nc: stats.nct.cdf(t, df, nc) - tail, -20, 20)  # noqa: B023
        assert_allclose(limit, noncentrality * scale, rtol=1e-6)


def test_limits_of_a_map_are_those_of_its_places():
    t = np.random.default_rng(2).normal(0, 3, (4, 5))
    t[0, 0] = 0
    low, high = hedges_g_interval(t, 53, (30, 30))
    each = [hedges_g_interval(v, 53, (30, 30)) for v in t.ravel()]
    assert_allclose(np.stack([low.ravel(), high.ravel()], 1), each, rtol=1e-12)
    assert (low < hedges_g(t, 53, (30, 30))).all()
    assert (hedges_g(t, 53, (30, 30)) < high).all()
    assert_allclose(low[0, 0], -high[0, 0])


def test_limits_cover_the_true_effect_as_often_as_they_say():
    rng = np.random.default_rng(3)
    n_studies, n, delta = 4000, 12, 0.8
    a, b = rng.normal(delta, 1, (n, n_studies)), rng.normal(0, 1, (n, n_studies))
    t = stats.ttest_ind(a, b).statistic
    low, high = hedges_g_interval(t, 2 * n - 2, (n, n))
    # The limits are of g, which estimates delta; they bracket J * delta.
    true = delta * hedges_correction(2 * n - 2)
    covered = ((low <= true) & (true <= high)).sum()
    assert stats.binom.ppf(0.001, n_studies, 0.95) <= covered
    assert covered <= stats.binom.ppf(0.999, n_studies, 0.95)
    # g itself is unbiased: its mean is delta within 4 standard errors.
    g = hedges_g(t, 2 * n - 2, (n, n))
    assert abs(g.mean() - delta) < 4 * g.std() / np.sqrt(n_studies)


def test_the_effect_of_a_contrast_is_that_of_statsmodels():
    rng = np.random.default_rng(4)
    matrix, group = design_of(rng)
    values = rng.normal(size=(40, 6)) + group[:, None]
    contrast = np.array([[0, 1.0, 0, 0, 0]])
    effect = contrast_effect(values, matrix, contrast, (17, 23))
    fits = [OLS(v, matrix).fit() for v in values.T]
    assert effect.df == 35
    assert_allclose(effect.estimate, [f.params[1] for f in fits], rtol=1e-10)
    assert_allclose(effect.t, [f.tvalues[1] for f in fits], rtol=1e-10)
    assert_allclose(effect.g, hedges_g(effect.t, 35, (17, 23)))
    assert_allclose([effect.g_low, effect.g_high], hedges_g_interval(effect.t, 35, (17, 23)))


@given(seed=st.integers(0, 10_000), n_covariates=st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_leaving_a_scan_out_is_fitting_again_without_it(seed, n_covariates):
    rng = np.random.default_rng(seed)
    matrix, _ = design_of(rng, 20, n_covariates)
    values = rng.normal(size=(20, 3))
    contrast = rng.normal(size=(1, matrix.shape[1]))
    found = leave_one_out(values, matrix, contrast)
    everyone = [OLS(v, matrix).fit().t_test(contrast) for v in values.T]
    for scan in range(20):
        without = [
            OLS(np.delete(v, scan), np.delete(matrix, scan, 0)).fit().t_test(contrast)
            for v in values.T
        ]
        for k, (with_it, left) in enumerate(zip(everyone, without, strict=True)):
            change = left.effect.item() - with_it.effect.item()
            assert_allclose(found.estimate_change[scan, k], change, rtol=1e-7, atol=1e-10)
            change = left.tvalue.item() - with_it.tvalue.item()
            assert_allclose(found.t_change[scan, k], change, rtol=1e-7, atol=1e-10)
    influence = OLS(values[:, 0], matrix).fit().get_influence()
    assert_allclose(found.leverage, influence.hat_matrix_diag, rtol=1e-9)


def test_a_scan_that_cannot_be_left_out_has_no_change():
    rng = np.random.default_rng(5)
    matrix = np.column_stack([np.ones(12), np.eye(12)[3], rng.normal(size=12)])
    found = leave_one_out(rng.normal(size=(12, 2)), matrix, np.array([[0, 0, 1.0]]))
    assert np.isnan(found.t_change[3]).all()
    assert np.isfinite(np.delete(found.t_change, 3, axis=0)).all()


def test_with_a_design_from_a_formula():
    rng = np.random.default_rng(6)
    people = pd.DataFrame({"group": ["a", "b"] * 10, "age": rng.normal(size=20)})
    design = design_matrix("group + age", people)
    weights = design.contrast("group[b] - group[a]")
    values = rng.normal(size=(20, 2))
    effect = contrast_effect(
        values, design.matrix, weights, tuple(design.scans_compared("group[b] - group[a]").values())
    )
    swapped = contrast_effect(values, design.matrix, -weights, (10, 10))
    assert_allclose([effect.g_low, effect.g_high], [-swapped.g_high, -swapped.g_low])


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit together"):
        leave_one_out(np.zeros((5, 1)), np.ones((6, 1)), np.ones((1, 1)))


def test_g_of_two_groups_against_a_third_is_that_of_the_groups_joined():
    """Oracle: with a and b of equal size, (a + b) / 2 - c over the SD within the three groups."""
    rng = np.random.default_rng(8)
    people = pd.DataFrame({"group": np.repeat(["a", "b", "c"], 8)})
    y = rng.normal(size=24) + np.repeat([4.0, 4.0, 0.0], 8)
    design = design_matrix("group", people)
    text = "(group[a] + group[b]) / 2 - group[c]"
    sizes = [design.effective_size(text)]
    effect = contrast_effect(y[:, None], design.matrix, design.contrast(text), sizes)
    a, b, c = y.reshape(3, 8)
    sd = np.sqrt((a.var(ddof=1) + b.var(ddof=1) + c.var(ddof=1)) / 3)
    g = ((a.mean() + b.mean()) / 2 - c.mean()) / sd * (1 - 3 / (4 * 21 - 1))
    assert effect.g[0] == pytest.approx(g, rel=1e-3)
    # The limits are those of noncentralities, in the same units.
    for limit, tail in ((effect.g_low[0], 0.975), (effect.g_high[0], 0.025)):
        scale = effect.g[0] / effect.t[0]
        assert stats.nct.cdf(effect.t[0], 21, limit / scale) == pytest.approx(tail, abs=1e-6)
