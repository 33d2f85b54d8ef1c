"""Partial correlations against residual regression in statsmodels."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.multitest import multipletests

from commissure.clinical import partial_correlations
from commissure.problems import InputError


def study(seed, n=30, k=5, n_rois=2, n_scores=4):
    rng = np.random.default_rng(seed)
    covariates = rng.normal(size=(n, k)) * rng.uniform(0.1, 50, k) + rng.uniform(-90, 90, k)
    shared = covariates @ rng.normal(size=(k, n_rois + n_scores)) / 50
    data = shared + rng.normal(size=shared.shape)
    scores = data[:, n_rois:].round(1)  # ties
    return data[:, :n_rois] + 0.3 * scores[:, :1], scores, covariates


def correlate(values, scores, covariates, **kwargs):
    names = {
        "roi_names": [f"roi{i}" for i in range(np.shape(values)[1])],
        "score_names": [f"score{i}" for i in range(np.shape(scores)[1])],
        "covariate_names": [f"covariate{i}" for i in range(np.shape(covariates)[1])],
        "participants": [f"sub-{i:02d}" for i in range(len(values))],
    }
    return partial_correlations(values, scores, covariates, **(names | kwargs))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("k", [0, 1, 5, 12])
@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_equals_residual_regression(seed, k, method):
    values, scores, covariates = study(seed, k=k)
    result = correlate(values, scores, covariates, method=method)
    table = result.table.set_index(["roi", "score"])
    if method == "spearman":
        values, scores, covariates = (
            np.apply_along_axis(stats.rankdata, 0, a) if a.size else a
            for a in (values, scores, covariates)
        )
    nuisance = np.column_stack([np.ones(30), covariates])
    kept = iter(result.residuals)
    p_values = []
    for i in range(2):
        for j in range(4):
            x, y = (sm.OLS(a, nuisance).fit().resid for a in (scores[:, j], values[:, i]))
            full = sm.OLS(values[:, i], np.column_stack([scores[:, j], nuisance])).fit()
            r, half = np.corrcoef(x, y)[0, 1], 1.959963984540054 / np.sqrt(30 - k - 3)
            if method == "spearman":  # Bonett & Wright (2000)
                half *= np.sqrt(1 + r**2 / 2)
            row, residuals = table.loc[(f"roi{i}", f"score{j}")], next(kept)
            assert row["r"] == pytest.approx(r, abs=1e-10)
            assert row["p"] == pytest.approx(full.pvalues[0], abs=1e-10)
            assert row["ci_low"] == pytest.approx(np.tanh(np.arctanh(r) - half), abs=1e-10)
            assert row["ci_high"] == pytest.approx(np.tanh(np.arctanh(r) + half), abs=1e-10)
            assert (row["n"], row["df"]) == (30, full.df_resid)
            np.testing.assert_allclose(residuals.x, x, atol=1e-10)
            np.testing.assert_allclose(residuals.y, y, atol=1e-10)
            assert residuals.slope == pytest.approx(full.params[0], abs=1e-10)
            p_values.append(full.pvalues[0])
    q = multipletests(p_values, method="fdr_bh")[1]
    np.testing.assert_allclose(table["q"], q, atol=1e-10)


def test_without_covariates_it_is_scipys_correlation():
    values, scores, _ = study(0, k=0)
    for method, scipys in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr)):
        table = correlate(values, scores, np.empty((30, 0)), method=method).table
        expected = [scipys(values[:, i], scores[:, j]) for i in range(2) for j in range(4)]
        np.testing.assert_allclose(table["r"], [e.statistic for e in expected], rtol=1e-10)
        np.testing.assert_allclose(table["p"], [e.pvalue for e in expected], rtol=1e-10)


@pytest.mark.parametrize("rho", [0.0, 0.7])
def test_intervals_of_ranks_cover_what_they_should(rho):
    rng = np.random.default_rng(1)
    truth, covered, n_studies = 6 / np.pi * np.arcsin(rho / 2), 0, 2000
    for _ in range(n_studies):
        x = rng.standard_normal((40, 1))
        y = rho * x + np.sqrt(1 - rho**2) * rng.standard_normal((40, 1))
        row = correlate(x, y, np.empty((40, 0)), method="spearman").table.iloc[0]
        covered += bool(row["ci_low"] <= truth <= row["ci_high"])
    low, high = stats.binom.interval(0.999, n_studies, 0.95)
    assert low <= covered <= high, covered


def test_complete_cases_are_taken_for_each_pair_and_listed():
    values, scores, covariates = study(3)
    scores[[2, 7], 1] = np.nan
    covariates[11, 4] = np.nan
    result = correlate(values, scores, covariates)
    table = result.table.set_index(["roi", "score"])
    assert table.loc[("roi0", "score0"), "dropped"] == "sub-11"
    assert table.loc[("roi1", "score1"), "dropped"] == "sub-02 sub-07 sub-11"
    assert table.loc[("roi1", "score1"), ["n", "df"]].tolist() == [27, 20]
    kept = np.delete(np.arange(30), [2, 7, 11])
    alone = correlate(
        values[kept], scores[kept], covariates[kept], participants=[f"sub-{i:02d}" for i in kept]
    )
    assert alone.table["r"][1] == table["r"].iloc[1]
    assert alone.residuals[1].participants == result.residuals[1].participants


def test_redundant_covariates_cost_no_degree_of_freedom():
    values, scores, covariates = study(4, k=3)
    more = np.column_stack([np.full(30, 7.3), covariates, covariates[:, 0] - 3 * covariates[:, 2]])
    table = correlate(values, scores, more).table
    expected = correlate(values, scores, covariates).table
    numbers = ["r", "ci_low", "ci_high", "p", "q", "df"]
    np.testing.assert_allclose(table[numbers], expected[numbers], atol=1e-10)
    assert (table["note"] == "redundant, so left out: covariate0, covariate4").all()


def test_covariates_far_from_zero_are_not_redundant():
    values, scores, covariates = study(5)
    expected = correlate(values, scores, covariates).table
    table = correlate(values, scores, covariates + 1e6).table
    np.testing.assert_allclose(table["r"], expected["r"], atol=1e-8)
    assert (table["df"] == expected["df"]).all()


def test_what_cannot_be_correlated_is_said():
    values, scores, covariates = study(6)
    scores[:, 0] = 4
    scores[:, 1] = 2 * covariates[:, 1] + 5
    scores[8:, 2] = np.nan
    table = correlate(values, scores, covariates).table.set_index(["roi", "score"])
    assert table.loc[("roi0", "score0"), "note"] == "score0 is the same for everyone"
    assert table.loc[("roi0", "score1"), "note"] == "score1 follows from covariates"
    assert table.loc[("roi0", "score2"), "note"] == "8 complete cases are too few with 5 covariates"
    assert table["r"].notna().tolist() == [False, False, False, True] * 2
    q = stats.false_discovery_control(table["p"].dropna())
    np.testing.assert_allclose(table["q"].dropna(), q)


def test_the_fewest_cases_that_have_an_interval():
    values, scores, covariates = study(7, n=9, k=5)
    table = correlate(values, scores, covariates).table
    assert np.isfinite(table[["r", "ci_low", "ci_high", "p"]]).all(axis=None)
    with pytest.raises(InputError, match="8 complete cases are too few with 5 covariates"):
        correlate(values[:8], scores[:8], covariates[:8])


@pytest.mark.parametrize("sign", [1, -1])
def test_a_perfect_correlation(sign):
    scores = np.arange(12.0)[:, None]
    row = correlate(sign * scores**3, scores, np.empty((12, 0)), method="spearman").table.iloc[0]
    assert row["r"] == pytest.approx(sign, abs=1e-15)
    assert row["ci_low"] == pytest.approx(sign, abs=1e-6)
    assert row["ci_high"] == pytest.approx(sign, abs=1e-6)
    assert row["p"] < 1e-60


def test_no_region_is_said():
    values, scores, covariates = study(8)
    with pytest.raises(InputError, match="There is no region"):
        correlate(values[:, :0], scores, covariates)


def test_all_problems_are_told_together():
    values, scores, covariates = study(8)
    values[4, 1] = np.inf
    with pytest.raises(InputError) as error:
        correlate(values, scores[:20], covariates, method="kendall")
    assert len(error.value.problems) == 3
    assert "infinite values in roi1" in error.value.problems[0]
    assert "scores has shape (20, 4)" in error.value.problems[1]
    assert "kendall" in error.value.problems[2]
