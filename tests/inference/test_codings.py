"""Relabellings and p are those of the question, however factors are coded."""

from math import factorial

import numpy as np
import pandas as pd
import pytest

from commissure.inference import Apart, design_matrix, permutation_test
from tests.inference import brute_force
from tests.inference.test_permutation import snpm_study

N = 12
PEOPLE = pd.DataFrame(
    {
        "group": list("abc" * 4),
        "sex": list("fffmmmfffmmm"),
        "age": [31.0, 45, 28, 60, 33, 51, 40, 41, 58, 29, 37, 62],
        "who": [f"s{i // 3}" for i in range(N)],
    }
)
# Each makes another level the reference, which is the first by name.
NAMES = [dict(zip("abc", names, strict=True)) for names in ("abc", "cab", "bca")]
QUESTIONS = {
    "two of three": ("group", "group[a] - group[b]", None),
    "two of three, age": ("group + age", "group[a] - group[b]", None),
    "one against two": ("group + sex", "group[a] - (group[b] + group[c]) / 2", None),
    "F": ("group + age", "group[a] - group[b], group[b] - group[c]", None),
    "within sex": ("group * sex", "group[a]:sex[f] - group[b]:sex[f]", None),
    "slopes": ("group * age", "group[a]:age - group[b]:age", None),
    "blocks": ("group + who", "group[a] - group[b]", "who"),
    "blocks, without": ("group", "group[a] - group[b]", "who"),
}


def renamed(text, names):
    for old, new in names.items():
        text = text.replace(f"group[{old}]", f"group[<{new}>]")
    return text.replace("<", "").replace(">", "")


@pytest.mark.parametrize("method", ["freedman-lane", "draper-stoneman"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_neither_reference_nor_intercept_changes_p(rng, question, method):
    formula, contrast, blocks = QUESTIONS[question]
    maps = rng.standard_normal((N, 8))
    found = []
    for names in NAMES:
        people = PEOPLE.assign(group=PEOPLE["group"].map(names))
        for text in (formula, f"0 + {formula}"):
            design = design_matrix(text, people, blocks=blocks)
            result = permutation_test(
                maps, design, design.contrast(renamed(contrast, names)), Apart(8), 2000,
                method=method, statistics=(), seed=1,
            )  # fmt: skip
            found.append((result.n_permutations, result.exhaustive, result.p_uncorrected))
    for n, exhaustive, p in found:
        assert (n, exhaustive) == found[0][:2]
        if exhaustive:
            np.testing.assert_allclose(p, found[0][2], rtol=1e-12)


def test_draper_stoneman_relabels_the_levels_that_are_named(rng):
    """Their weights over their sizes; the level that is not named stands for itself."""
    people = PEOPLE.iloc[:7]
    design = design_matrix("group + age", people)
    maps = rng.standard_normal((7, 5))
    result = permutation_test(
        maps, design, "group[b] - group[c]", Apart(5), 5000, method="draper-stoneman", statistics=()
    )
    assert result.n_permutations == factorial(7) / (factorial(3) * factorial(2) * factorial(2))
    of_level = {"a": 0, "b": 1 / 2, "c": -1 / 2}
    tested = people["group"].map(of_level).to_numpy(float)[:, None]
    groups = np.column_stack([people["group"] == "a", people["group"] != "a"])
    nuisance = np.column_stack([groups, people["age"]])
    relabellings = brute_force.distinct(
        brute_force.as_matrices(brute_force.orders(7, None)), tested
    )
    observed = [np.array_equal(p @ tested, tested) for p in relabellings].index(True)
    t = brute_force.draper_stoneman(maps, tested, nuisance, relabellings)
    np.testing.assert_allclose(result.t, t[observed], rtol=1e-9)
    p = (np.abs(t) >= np.abs(result.t) * (1 - 1e-9)).mean(axis=0)
    np.testing.assert_allclose(result.p_uncorrected, p, rtol=1e-12)


@pytest.mark.parametrize("levels", ["ab", "ba"])
def test_designs_of_formulas_equal_snpm13_too(levels):
    maps, domain, first, covariates, snpm = snpm_study()
    people = pd.DataFrame({f"c{i}": values for i, values in enumerate(covariates)}).astype(float)
    people["group"] = np.where(first, *levels)
    design = design_matrix("group + c0 + c1 + c2 + c3 + c4", people, group="group")
    result = permutation_test(
        maps, design, "group[{}] - group[{}]".format(*levels), domain, method="draper-stoneman",
        statistics=("size",), labellings=snpm["first_group"],
    )  # fmt: skip
    np.testing.assert_allclose(result.max_t, snpm["max_t"], rtol=0, atol=1e-10)
    np.testing.assert_array_equal(result.max_cluster_size, snpm["max_cluster"])
