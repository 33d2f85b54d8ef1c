"""The smallest p that there can be is the one that the clearest data have."""

import numpy as np
import pandas as pd
import pytest

from commissure.inference import design_matrix, permutation_test, smallest_p


@pytest.mark.parametrize(
    ("formula", "contrast", "groups", "n", "least"),
    [
        ("group", "group[b] - group[a]", "aaabbb", 20, 1 / 20),
        ("group", "group[b] - group[a]", "aabbb", 10, 1 / 10),
        ("1", "mean", "aaaaa", 32, 2 / 32),
    ],
)
def test_clear_data_have_it(domain, formula, contrast, groups, n, least):
    people = pd.DataFrame({"group": list(groups)})
    design = design_matrix(formula, people)
    weights = design.contrast(contrast)
    p, counted, exhaustive = smallest_p(design, weights, 5000, "freedman-lane", "two-sided")
    assert (p, counted, exhaustive) == (least, n, True)
    rng = np.random.default_rng(2)
    height = (people["group"] == groups[-1]).to_numpy(float) * 10
    maps = height[:, None] + rng.standard_normal((len(people), domain.n_places)) / 10
    found = permutation_test(maps, design, weights, domain, n_permutations=5000, seed=1)
    assert found.n_permutations == n
    assert found.exhaustive
    # Where groups are as large as each other, their exchange is as clear.
    assert found.p_fwe.min() in (pytest.approx(least), pytest.approx(2 * least))


def test_of_many_there_are_as_many_as_asked_for(domain):
    people = pd.DataFrame({"group": list("ab" * 20), "age": np.arange(40.0)})
    design = design_matrix("group + age", people)
    weights = design.contrast("group[b] - group[a]")
    found = smallest_p(design, weights, 500, "freedman-lane", "two-sided")
    assert found == (1 / 500, 500, False)
