from types import SimpleNamespace

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from commissure.inference.glm import Model, fit
from commissure.problems import InputError
from tests.inference.brute_force import PlainDesign


@settings(max_examples=30, deadline=None)
@given(
    n_scans=st.integers(12, 80),
    n_columns=st.integers(1, 8),
    n_rows=st.integers(1, 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_statistics_and_effects_equal_statsmodels(n_scans, n_columns, n_rows, seed):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((n_scans, n_columns)) * rng.uniform(0.1, 50, n_columns) + 3
    weights = rng.standard_normal((min(n_rows, n_columns), n_columns))
    maps = rng.standard_normal((n_scans, 5)) * [1, 1e-3, 1e3, 1, 1] + matrix[:, :1] * 0.1
    model = Model.of(PlainDesign(matrix), weights)
    statistic, effect, _ = fit(maps, model)
    for place in range(5):
        fitted = sm.OLS(maps[:, place], matrix).fit()
        assert model.df == fitted.df_resid
        np.testing.assert_allclose(
            np.atleast_2d(effect)[:, place], weights @ fitted.params, rtol=1e-8, atol=1e-12
        )
        if len(weights) == 1:
            expected = fitted.t_test(weights).tvalue.item()
        else:
            expected = np.asarray(fitted.f_test(weights).fvalue).item()
        np.testing.assert_allclose(statistic[place], expected, rtol=1e-10, atol=1e-10)


def test_repeated_columns_and_rows_change_nothing(rng):
    group = np.repeat([1.0, 0.0], 10)
    age = rng.uniform(20, 60, 20)
    maps = rng.standard_normal((20, 6))
    lean = PlainDesign(np.column_stack([group, np.ones(20), age]))
    full = PlainDesign(np.column_stack([group, 1 - group, np.ones(20), age]))
    t, effect, _ = fit(maps, Model.of(lean, "column0"))
    other, other_effect, _ = fit(maps, Model.of(full, np.array([1.0, -1, 0, 0])))
    np.testing.assert_allclose(other, t, rtol=1e-10)
    np.testing.assert_allclose(other_effect, effect, rtol=1e-9)
    doubled = Model.of(lean, np.array([[1.0, 0, 0], [2.0, 0, 0]]))
    np.testing.assert_allclose(np.abs(fit(maps, doubled)[0]), np.abs(t), rtol=1e-10)
    assert doubled.n_rows == 1


def test_places_that_nuisance_explains_are_constant(rng):
    group = np.repeat([1.0, 0.0], 8)
    age = rng.uniform(20, 60, 16)
    maps = np.column_stack([np.full(16, 7.3), np.zeros(16), 3 + age * 0.1, rng.random(16)])
    model = Model.of(PlainDesign(np.column_stack([group, np.ones(16), age])), "column0")
    t, _, constant = fit(maps, model)
    np.testing.assert_array_equal(constant, [True, True, True, False])
    np.testing.assert_array_equal(t[:3], 0)
    assert t[3] != 0


@pytest.mark.parametrize(
    ("matrix", "weights", "words"),
    [
        (np.eye(4), np.ones(4), "no degrees of freedom"),
        (np.ones((9, 2)), np.array([1.0, 0]), "not estimable"),
        (np.ones((9, 1)), np.array([0.0]), "tests nothing"),
        (np.ones((9, 1)), np.array([1.0, 2]), "one weight for each"),
        (np.full((9, 1), np.nan), np.array([1.0]), "not finite"),
    ],
)
def test_impossible_contrasts_are_refused(matrix, weights, words):
    with pytest.raises(InputError, match=words):
        Model.of(PlainDesign(matrix), weights)


@pytest.mark.parametrize(
    ("columns", "weights", "expected"),
    [
        (SimpleNamespace(one=True, x=False), [1.0], True),
        (SimpleNamespace(one=True, x=True), [1.0, 0], True),
        (SimpleNamespace(one=True, x=True), [0, 1.0], False),
        (SimpleNamespace(one=False, x=True), [1.0], False),
    ],
)
def test_signs_are_flipped_only_where_a_mean_is_tested(rng, columns, weights, expected):
    parts = [np.ones((9, 1))] * columns.one + [rng.standard_normal((9, 1))] * columns.x
    model = Model.of(PlainDesign(np.hstack(parts)), np.array(weights))
    assert model.tests_mean is expected
