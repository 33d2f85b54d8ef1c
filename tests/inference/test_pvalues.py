import numpy as np
import pytest
from scipy import stats

from commissure.inference.pvalues import counted_p, pareto_p, signed_p


def test_p_counts_the_observed_and_ties():
    null = np.array([3.0, 1, 2, 3 * (1 - 1e-10), 3 * (1 - 1e-8)])
    np.testing.assert_allclose(counted_p(null, [3.0, 2.0, 0.5, 9.0]), [0.4, 0.8, 1, 0])
    assert counted_p(null, [3.0], closeness=1e-5) == [0.6]


def test_tails():
    null = np.array([[4.0, 1.0], [1.0, 5.0], [2.0, 3.0], [0.0, 0.0]])
    observed = np.array([4.0, -4.0, 2.0, -2.0])
    two_sided, _ = signed_p(null, observed, "two-sided")
    np.testing.assert_allclose(two_sided, [0.5, 0.5, 0.75, 0.75])
    each, _ = signed_p(null, observed, "one-sided-each")
    np.testing.assert_allclose(each, [0.25, 0.25, 0.5, 0.5])
    sizes, _ = signed_p(null, np.abs(observed), "one-sided-each", sign=np.sign(observed))
    np.testing.assert_allclose(sizes, each)
    for tail in ("two-sided", "one-sided-each"):
        without_direction, _ = signed_p(null[:, :1], np.array([2.0]), tail)
        np.testing.assert_allclose(without_direction, 0.5)


@pytest.mark.parametrize(
    "law", [stats.gumbel_r(3.5, 0.4), stats.gamma(4), stats.beta(2, 4), stats.t(8)]
)
def test_a_fitted_tail_is_nearer_to_the_truth_than_counting(law):
    rng = np.random.default_rng(5)
    truth = np.array([1e-2, 1e-3, 1e-4])
    observed = law.isf(truth)
    fitted, counted = [], []
    for _ in range(60):
        # The observed labelling is not of the null: one count is its own.
        null = np.append(observed[-1], law.rvs(999, random_state=rng))
        counted.append(counted_p(null, observed))
        p, is_fitted = pareto_p(null, observed, counted[-1])
        assert is_fitted.all()
        fitted.append(p)
    error = np.abs(np.array(fitted) - truth).mean(axis=0)
    # Ten in a thousand are counted about as well; one or less is not.
    assert (error < [1.2, 1, 1] * np.abs(np.array(counted) - truth).mean(axis=0)).all()
    ratio = np.median(np.array(fitted) / truth, axis=0)
    assert (ratio > [0.9, 0.5, 0.2]).all()
    assert (ratio < [1.1, 2, 5]).all()


def test_only_small_p_are_taken_from_the_tail():
    rng = np.random.default_rng(1)
    null = rng.gumbel(size=2000)
    observed = np.array([null.max() + 3, np.quantile(null, 0.97), np.quantile(null, 0.5)])
    counted = counted_p(null, observed)
    p, fitted = pareto_p(null, observed, counted)
    np.testing.assert_array_equal(fitted, [True, True, False])
    assert 0 < p[0] < 1 / 2000
    assert p[1] == pytest.approx(0.03, rel=0.15)
    assert p[2] == counted[2]


def test_what_does_not_look_pareto_stays_counted():
    null = np.repeat([0.0, 1.0], 500)
    p, fitted = pareto_p(null, np.array([1.0, 5.0]), np.array([0.05, 0.001]))
    assert not fitted.any()
    np.testing.assert_array_equal(p, [0.05, 0.001])
