"""The smallest p that there can be is the one that the clearest data have."""

import numpy as np
import pandas as pd
import pytest

from commissure.inference import design_matrix, permutation_test, smallest_p
from commissure.inference.glm import Model

WHO = [f"s{i // 2}" for i in range(8)]
FREEDMAN_LANE, DRAPER_STONEMAN = "freedman-lane", "draper-stoneman"


@pytest.mark.parametrize("tail", ["two-sided", "one-sided-each"])
@pytest.mark.parametrize(
    ("formula", "contrast", "groups", "method", "n", "alike", "directed"),
    [
        # Equal groups exchanged: t is -t.
        ("group", "group[b] - group[a]", "aaabbb", FREEDMAN_LANE, 20, 2, 1),
        ("group", "group[b] - group[a]", "aabbb", FREEDMAN_LANE, 10, 1, 1),
        ("group", "group[b] - group[a]", "aabbcc", FREEDMAN_LANE, 90, 2, 1),
        # What is left beside the third group is the same for all orders of the three.
        ("group", "group[b] - group[a]", "aabbcc", DRAPER_STONEMAN, 90, 6, 3),
        ("group + age", "group[b] - group[a]", "aaabbb", DRAPER_STONEMAN, 20, 2, 1),
        ("group + age", "group[b] - group[a]", "aaabbb", FREEDMAN_LANE, 720, 1, 1),
        # All orders of three equal groups; F has no direction.
        ("group", "group[b] - group[a], group[c] - group[a]", "aabbcc", FREEDMAN_LANE, 90, 6, 6),
        ("group", "group[b] - group[a], group[c] - group[a]", "aabbccc", FREEDMAN_LANE, 210, 2, 2),
        # All signs flipped, each block's exchange, ages that are as far below as above.
        ("1", "mean", "aaaaa", FREEDMAN_LANE, 32, 2, 1),
        ("group + who", "group[b] - group[a]", "abababab", FREEDMAN_LANE, 16, 2, 1),
        ("even", "even", "aaaaaa", FREEDMAN_LANE, 720, 2, 1),
        ("age", "age", "aaaaaa", FREEDMAN_LANE, 720, 1, 1),
    ],
)
def test_clear_data_have_it(domain, formula, contrast, groups, method, n, alike, directed, tail):
    size = len(groups)
    people = pd.DataFrame({"group": list(groups), "who": WHO[:size], "even": np.arange(size) + 0.0})
    people["age"] = [31.0, 45, 28, 60, 33, 51, 40, 41][:size]
    design = design_matrix(formula, people, blocks="who" if "who" in formula else None)
    weights = design.contrast(contrast)
    least = (alike if tail == "two-sided" else directed) / n
    p, counted, exhaustive = smallest_p(design, weights, 5000, method, tail)
    assert (p, counted, exhaustive) == (pytest.approx(least), n, True)
    rng = np.random.default_rng(2)
    clear = Model.of(design, weights).tested_basis @ [10, 3][: len(weights)]
    maps = clear[:, None] + rng.standard_normal((size, domain.n_places)) / 100
    found = permutation_test(
        maps, design, weights, domain, n_permutations=5000, method=method, tail=tail, seed=1
    )
    assert found.n_permutations == n
    assert found.exhaustive
    assert found.p_fwe.min() == pytest.approx(least)
    for of in found.clusters:
        assert min(of.p_size, of.p_mass) >= least * (1 - 1e-9)
    assert found.p_tfce.min() == pytest.approx(least)


@pytest.mark.parametrize("method", ["freedman-lane", "draper-stoneman"])
@pytest.mark.parametrize(("tail", "least"), [("two-sided", 2 / 20), ("one-sided-each", 1 / 20)])
def test_an_exchange_of_equal_groups_is_another_direction(domain, method, tail, least):
    design = design_matrix("group", pd.DataFrame({"group": list("aaabbb")}))
    weights = design.contrast("group[b] - group[a]")
    assert smallest_p(design, weights, 5000, method, tail) == (least, 20, True)
    maps = np.repeat([0.0, 10], 3)[:, None] + np.random.default_rng(2).random((6, domain.n_places))
    found = permutation_test(maps, design, weights, domain, method=method, tail=tail)
    assert found.p_fwe.min() == pytest.approx(least)


def test_of_many_there_are_as_many_as_asked_for():
    people = pd.DataFrame({"group": list("ab" * 20), "age": np.arange(40.0)})
    design = design_matrix("group + age", people)
    weights = design.contrast("group[b] - group[a]")
    found = smallest_p(design, weights, 500, "freedman-lane", "two-sided")
    assert found == (1 / 500, 500, False)


@pytest.mark.parametrize(("dtype", "noise"), [(np.float64, 1e-4), (np.float32, 1e-2)])
def test_ties_of_large_statistics_count(domain, dtype, noise):
    """All signs flipped is the same |t|, though little is left of which products can tell more."""
    maps = 1 + noise * np.random.default_rng(3).standard_normal((6, domain.n_places))
    design = design_matrix("1", pd.DataFrame({"participant_id": range(6)}))
    found = permutation_test(maps, design, "mean", domain, dtype=dtype, cluster_forming_p=0.01)
    for p in (found.p_uncorrected, found.p_fwe, found.p_tfce, [c.p_mass for c in found.clusters]):
        assert np.min(p) == 2 / 64


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_what_all_relabellings_tell_is_not_made_smaller_by_a_fitted_tail(domain, dtype):
    people = pd.DataFrame({"group": list("aaaaabbbbbb")})
    maps = np.random.default_rng(3).standard_normal((11, domain.n_places))
    maps[:5, :20] += 3
    counted, fitted = (
        permutation_test(
            maps, design_matrix("group", people), "group[a] - group[b]", domain,
            dtype=dtype, pareto_tail=tail,
        )
        for tail in (False, True)
    )  # fmt: skip
    assert counted.exhaustive
    assert not fitted.p_fwe_fitted.any()
    np.testing.assert_array_equal(fitted.p_fwe, counted.p_fwe)
