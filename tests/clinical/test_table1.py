"""Table 1 against SciPy, statsmodels, enumeration and the paper's own numbers."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.oneway import anova_oneway

from commissure.clinical import table1
from commissure.problems import InputError


def normal_sample(mean, sd, n=30):
    """Return normal quantiles, scaled to have exactly this mean and SD."""
    z = stats.norm.ppf((np.arange(n) + 0.5) / n)
    return mean + sd * (z - z.mean()) / z.std(ddof=1)


@pytest.fixture
def study():
    """Return data with the moments of the reference study's Table 1."""
    moments = {
        "age": ((51.07, 6.46), (49.93, 5.99)),
        "education": ((9.40, 3.62), (9.97, 3.96)),
        "SAS": ((43.33, 6.73), (36.67, 5.44)),
        "SDS": ((44.97, 6.45), (38.40, 5.26)),
    }
    none = np.full(30, np.nan)
    columns = {
        name: np.concatenate([normal_sample(*patients), normal_sample(*controls)])
        for name, (patients, controls) in moments.items()
    }
    return pd.DataFrame(
        {
            "participant_id": [f"sub-{i:02d}" for i in range(60)],
            "group": ["patient"] * 30 + ["control"] * 30,
            "sex": (["M"] * 12 + ["F"] * 18) * 2,
            "illness_duration": np.concatenate([normal_sample(12.33, 4.9), none]),
            "JRS_total": np.concatenate([[2] * 9 + [3] * 12 + [4] * 5 + [5] * 3 + [6], none]),
        }
        | columns
    )


def rows_of(*args, **kwargs):
    return {row.variable: row for row in table1(*args, **kwargs).rows}


def two_groups(first, second):
    values = np.concatenate([first, second])
    return pd.DataFrame({"group": ["a"] * len(first) + ["b"] * len(second), "x": values})


def test_the_papers_table(study):
    result = table1(study, levels=["patient", "control"])
    rows = {row.variable: row for row in result.rows}
    assert result.groups == ("patient", "control")
    assert result.n == (30, 30)
    assert rows["age"].summaries[0] == pytest.approx((51.07, 6.46), abs=1e-12)
    assert round(rows["age"].test.p, 2) == 0.48
    assert round(rows["education"].test.p, 2) == 0.56
    assert rows["sex"].levels == ("F", "M")
    assert rows["sex"].summaries == ((18, 12), (18, 12))
    assert rows["sex"].test.p == 1
    assert rows["SAS"].test.p < 0.005
    assert rows["SDS"].test.p < 0.005
    assert rows["illness_duration"].kind == "mean"
    assert rows["JRS_total"].kind == "median"
    assert rows["JRS_total"].summaries == ((3, 2, 6), ())
    for score in ("illness_duration", "JRS_total"):
        assert rows[score].n == (30, 0)
        assert rows[score].test.name == ""
        assert np.isnan(rows[score].test.p)
        assert "only patient" in rows[score].test.note
        assert rows[score].missing == ()


@pytest.mark.parametrize("welch", [False, True])
def test_t_equals_the_textbook_formula(study, welch):
    for name in ("age", "education", "SAS", "SDS"):
        row = rows_of(study, variables=[name], levels=["patient", "control"], welch=welch)[name]
        (m1, s1), (m2, s2) = row.summaries
        df, v1, v2 = 58, s1**2 / 30, s2**2 / 30
        if welch:
            df = (v1 + v2) ** 2 / (v1**2 / 29 + v2**2 / 29)
        t = (m1 - m2) / np.sqrt(v1 + v2)  # equal n: the same t pooled and unpooled
        assert row.test.statistic == pytest.approx(t, rel=1e-10)
        assert row.test.df == pytest.approx((df,), rel=1e-10)
        assert row.test.p == pytest.approx(2 * stats.t.sf(abs(t), df), rel=1e-10)
        assert row.test.name == ("Welch's t test" if welch else "Student's t test")


def test_a_group_that_rejects_normality_decides(study):
    study.loc[:29, "age"] = np.exp(normal_sample(0, 1.5))
    row = rows_of(study)["age"]
    first, second = study["age"][30:], study["age"][:30]  # control sorts before patient
    assert stats.shapiro(first).pvalue > 0.05 > stats.shapiro(second).pvalue
    assert row.kind == "median"
    assert row.because == "Shapiro-Wilk rejects normality in patient"
    assert row.summaries[1] == (second.median(), second.min(), second.max())
    expected = stats.mannwhitneyu(first, second)
    assert (row.test.statistic, row.test.p) == (expected.statistic, expected.pvalue)


def test_tied_ranks_are_corrected_with_continuity():
    first, second = np.array([1, 1, 1, 2, 2, 3, 9.0]), np.array([1, 2, 3, 3, 3, 3, 4, 4, 20.0])
    row = rows_of(two_groups(first, second))["x"]
    pooled = np.concatenate([first, second])
    n1, n2, n = 7, 9, 16
    u = sum((a > b) + 0.5 * (a == b) for a in first for b in second)
    ties = sum(t**3 - t for t in np.unique(pooled, return_counts=True)[1])
    sd = np.sqrt(n1 * n2 / 12 * (n + 1 - ties / (n * (n - 1))))
    assert row.test.statistic == u
    assert row.test.p == pytest.approx(
        2 * stats.norm.sf((abs(u - n1 * n2 / 2) - 0.5) / sd), rel=1e-12
    )
    assert "asymptotic" in row.test.note


def test_small_untied_groups_get_the_exact_u():
    first, second = np.array([0.1, 0.2, 0.3, 90.0]), np.array([0.4, 0.5, 0.6, 0.7, 80.0])
    row = rows_of(two_groups(first, second))["x"]
    values = np.concatenate([first, second])

    def u(chosen):
        others = np.delete(values, chosen)
        return (values[list(chosen)][:, None] > others).sum()

    all_u = np.array([u(chosen) for chosen in combinations(range(9), 4)])
    assert row.test.note == "exact"
    assert row.test.p == pytest.approx((abs(all_u - 10) >= abs(u((0, 1, 2, 3)) - 10)).mean())


def test_counts_by_chi_square_without_yates():
    table = np.array([[12, 18, 7], [20, 10, 9]])
    people = pd.DataFrame(
        [
            (group, level)
            for group, row in zip("ab", table, strict=True)
            for level, count in zip("xyz", row, strict=True)
            for _ in range(count)
        ],
        columns=["group", "kind"],
    )
    row = rows_of(people)["kind"]
    expected = table.sum(1, keepdims=True) * table.sum(0) / table.sum()
    chi2 = ((table - expected) ** 2 / expected).sum()
    assert row.summaries == tuple(map(tuple, table))
    assert row.test.statistic == pytest.approx(chi2, rel=1e-12)
    assert row.test.p == pytest.approx(stats.chi2.sf(chi2, 2), rel=1e-12)


def people_of(table):
    return pd.DataFrame(
        [(i, j) for (i, j), count in np.ndenumerate(np.array(table)) for _ in range(count)],
        columns=["group", "kind"],
    )


def test_small_expected_counts_get_fishers_exact_test():
    row = rows_of(people_of([[8, 2], [1, 5]]), categorical=["kind"])["kind"]
    pmf = stats.hypergeom.pmf(np.arange(10), 16, 9, 10)
    assert row.test.name == "Fisher's exact test"
    assert row.test.p == pytest.approx(pmf[pmf <= pmf[8] * (1 + 1e-9)].sum(), rel=1e-12)


def test_fishers_test_beyond_2_by_2_equals_enumeration():
    row = rows_of(people_of([[8, 2, 3], [1, 5, 4]]), categorical=["kind"])["kind"]
    margins = stats.random_table([13, 10], [9, 7, 7])
    tables = [
        [[a, b, 13 - a - b], [9 - a, 7 - b, a + b - 6]]
        for a in range(10)
        for b in range(8)
        if 6 <= a + b <= 13
    ]
    pmf = margins.pmf(np.array(tables))
    exact = pmf[pmf <= margins.pmf([[8, 2, 3], [1, 5, 4]]) * (1 + 1e-9)].sum()
    assert pmf.sum() == pytest.approx(1)
    assert row.test.p == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 1e5))
    assert "Monte Carlo over 99,999" in row.test.note
    again = rows_of(people_of([[8, 2, 3], [1, 5, 4]]), categorical=["kind"])["kind"]
    assert again.test.p == row.test.p


@pytest.mark.parametrize("welch", [False, True])
def test_three_groups_by_anova(welch):
    samples = [normal_sample(0, 1, 12), normal_sample(0.5, 2, 15), normal_sample(1, 1.5, 9)]
    people = pd.DataFrame(
        {"group": np.repeat([1, 2, 10], [12, 15, 9]), "x": np.concatenate(samples)}
    )
    result = table1(people, welch=welch)
    use_var = "unequal" if welch else "equal"
    expected = anova_oneway(samples, use_var=use_var, welch_correction=welch)
    assert result.groups == ("1", "2", "10")
    assert result.rows[0].test.statistic == pytest.approx(expected.statistic, rel=1e-10)
    assert result.rows[0].test.p == pytest.approx(expected.pvalue, rel=1e-10)


def test_three_groups_by_kruskal_wallis():
    rng = np.random.default_rng(1)
    people = pd.DataFrame({"group": list("abc") * 20, "x": rng.exponential(size=60).round(1)})
    row = rows_of(people)["x"]
    expected = stats.kruskal(*(people["x"][people["group"] == g] for g in "abc"))
    assert row.test.name == "Kruskal-Wallis test"
    assert row.test.p == expected.pvalue
    assert row.test.df == (2,)


def test_of_three_groups_those_with_values_are_compared():
    people = pd.DataFrame({"group": list("abc") * 20, "x": normal_sample(0, 1, 60)})
    people.loc[people["group"] == "b", "x"] = np.nan
    row = rows_of(people)["x"]
    expected = stats.ttest_ind(people["x"][::3], people["x"][2::3])
    assert row.n == (20, 0, 20)
    assert row.test.p == expected.pvalue


def test_missing_values_are_counted_and_listed(study):
    study.loc[[3, 40], "age"] = np.nan
    study.loc[5, "sex"] = None
    rows = rows_of(study, levels=["patient", "control"])
    assert rows["age"].n == (29, 29)
    assert rows["age"].missing == ("sub-03", "sub-40")
    assert rows["sex"].n == (29, 30)
    assert rows["sex"].missing == ("sub-05",)
    expected = stats.ttest_ind(study["age"][:30].dropna(), study["age"][30:].dropna())
    assert rows["age"].test.p == expected.pvalue


def test_the_order_of_rows_and_of_other_variables_does_not_matter(study):
    study.loc[3, "sex"] = "other"  # a Monte Carlo p
    shuffled = study.sample(frac=1, random_state=0)
    alone = rows_of(shuffled, variables=["sex"])["sex"]
    assert alone.test.p == rows_of(study)["sex"].test.p


def test_numbers_coded_as_categories_are_counted(study):
    study["sex"] = study["sex"].map({"M": 1.0, "F": 2.0})
    study.loc[0, "sex"] = np.nan
    row = rows_of(study, categorical=["sex"])["sex"]
    assert row.levels == ("1", "2")
    assert row.summaries == ((12, 18), (11, 18))


def test_booleans_and_ordered_levels_are_counted(study):
    study["treated"] = [True, False] * 29 + [True, None]
    study["stage"] = pd.Categorical(["late", "early"] * 30, categories=["early", "late", "never"])
    rows = rows_of(study)
    assert rows["treated"].levels == ("False", "True")
    assert rows["stage"].levels == ("early", "late")


@pytest.mark.parametrize(
    ("second", "note"),
    [([5.0], "only one value in b"), ([1.0, 1, 1], "all values are the same")],
)
def test_what_cannot_be_tested_is_not(second, note):
    row = rows_of(two_groups([1.0, 1, 1], second))["x"]
    assert row.test.name == ""
    assert note in row.test.note
    assert row.because == "normality cannot be judged in a, b"


def test_a_variable_without_any_value_has_an_empty_row(study):
    row = rows_of(study.assign(empty=np.nan))["empty"]
    assert row.summaries == ((), ())
    assert "nobody" in row.test.note


def test_all_problems_are_told_together(study):
    study["age"] = study["age"].round().astype(object)
    study.loc[2, "age"] = "unknown"
    study.loc[4, "SAS"] = np.inf
    study.loc[5, "group"] = None
    with pytest.raises(InputError) as error:
        table1(study, levels=["patient", "healthy"])
    problems = error.value.problems
    assert len(problems) == 4
    assert "No group is given for sub-05" in problems[0]
    assert "healthy; there are: control, patient" in problems[1]
    assert "unknown (sub-02)" in problems[2]
    assert "inf (sub-04)" in problems[3]


def test_an_unknown_column_is_named(study):
    with pytest.raises(InputError, match="no column weight; its columns are: participant_id"):
        table1(study, variables=["age", "weight"])
