"""Adjusted means and values against statsmodels."""

import numpy as np
import pandas as pd
import statsmodels.api as sm
from numpy.testing import assert_allclose

from commissure.inference import design_matrix
from commissure.inference.adjusted import adjusted_values, estimates


def model():
    rng = np.random.default_rng(4)
    people = pd.DataFrame(
        {
            "participant_id": [f"sub-{i}" for i in range(23)],
            "group": rng.choice(["a", "b", "c"], 23),
            "age": rng.normal(50, 8, 23),
            "sex": rng.choice(["F", "M"], 23),
        }
    )
    values = rng.standard_normal((23, 3)) + 0.05 * people["age"].to_numpy()[:, None]
    return people, values, design_matrix("group + age + sex", people)


def test_estimates_have_the_limits_of_statsmodels():
    _, values, design = model()
    rows = np.concatenate([design.contrast(f"group[{g}]") for g in "abc"])
    found = estimates(values, design.matrix, rows, confidence=0.9)
    for j in range(values.shape[1]):
        test = sm.OLS(values[:, j], design.matrix).fit().t_test(rows)
        assert_allclose(found.estimate[:, j], test.effect)
        limits = test.conf_int(alpha=0.1)
        assert_allclose(found.low[:, j], limits[:, 0])
        assert_allclose(found.high[:, j], limits[:, 1])


def test_adjusted_values_scatter_around_the_adjusted_means_by_the_residuals():
    people, values, design = model()
    at = {g: design.contrast(f"group[{g}]")[0] for g in "abc"}
    rows = np.stack([at[g] for g in people["group"]])
    adjusted = adjusted_values(values, design.matrix, rows)
    for j in range(values.shape[1]):
        fit = sm.OLS(values[:, j], design.matrix).fit()
        assert_allclose(adjusted[:, j], fit.resid + rows @ fit.params)
        for g in "abc":
            mean = adjusted[people["group"] == g, j].mean()
            assert_allclose(mean, at[g] @ fit.params)


def test_nothing_is_adjusted_where_nothing_else_is_in_the_model():
    people, values, _ = model()
    design = design_matrix("group", people)
    rows = np.stack([design.contrast(f"group[{g}]")[0] for g in people["group"]])
    assert_allclose(adjusted_values(values, design.matrix, rows), values)
