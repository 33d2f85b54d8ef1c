"""The smallest p that there can be is the one that the clearest data have."""

import numpy as np
import pandas as pd
import pytest

from commissure.inference import design_matrix, permutation_test, smallest_p


@pytest.mark.parametrize(
    ("formula", "contrast", "groups", "n", "least"),
    [
        ("group", "group[b] - group[a]", "aaabbb", 20, 2 / 20),
        ("group", "group[b] - group[a]", "aabbb", 10, 1 / 10),
        ("1", "mean", "aaaaa", 32, 2 / 32),
        ("group", "group[a] - group[b], group[b] - group[c]", "aabbcc", 90, 6 / 90),
        ("group", "group[a] - group[b], group[b] - group[c]", "aabbccc", 210, 2 / 210),
    ],
)
def test_clear_data_have_it(domain, formula, contrast, groups, n, least):
    people = pd.DataFrame({"group": list(groups)})
    design = design_matrix(formula, people)
    weights = design.contrast(contrast)
    p, counted, exhaustive = smallest_p(design, weights, 5000, "freedman-lane", "two-sided")
    assert (p, counted, exhaustive) == (least, n, True)
    rng = np.random.default_rng(2)
    height = (1 + people["group"].map("abc".index)).to_numpy(float) * 10
    maps = height[:, None] + rng.standard_normal((len(people), domain.n_places)) / 10
    found = permutation_test(maps, design, weights, domain, n_permutations=5000, seed=1)
    assert found.n_permutations == n
    assert found.exhaustive
    assert found.p_fwe.min() == pytest.approx(least)


@pytest.mark.parametrize("method", ["freedman-lane", "draper-stoneman"])
@pytest.mark.parametrize(("tail", "least"), [("two-sided", 2 / 20), ("one-sided-each", 1 / 20)])
def test_an_exchange_of_equal_groups_is_another_direction(domain, method, tail, least):
    design = design_matrix("group", pd.DataFrame({"group": list("aaabbb")}))
    weights = design.contrast("group[b] - group[a]")
    assert smallest_p(design, weights, 5000, method, tail) == (least, 20, True)
    maps = np.repeat([0.0, 10], 3)[:, None] + np.random.default_rng(2).random((6, domain.n_places))
    found = permutation_test(maps, design, weights, domain, method=method, tail=tail)
    assert found.p_fwe.min() == pytest.approx(least)


def test_of_many_there_are_as_many_as_asked_for(domain):
    people = pd.DataFrame({"group": list("ab" * 20), "age": np.arange(40.0)})
    design = design_matrix("group + age", people)
    weights = design.contrast("group[b] - group[a]")
    found = smallest_p(design, weights, 500, "freedman-lane", "two-sided")
    assert found == (1 / 500, 500, False)
