"""Designs and contrasts, against statsmodels in other codings and predictions at brute force."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from patsy import build_design_matrices
from scipy.stats import ttest_1samp, ttest_ind, ttest_rel

from commissure.inference.formula_design import design_matrix, match_maps
from commissure.problems import InputError


def study(n=60, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "participant_id": [f"sub-{i:02d}" for i in range(n)],
            "group": rng.permutation(np.resize(["patient", "control", "other"], n)),
            "sex": rng.permutation(np.resize(["F", "M", "F"], n)),
            "site": rng.permutation(np.resize([1, 2], n)),
            "age": rng.normal(50, 6, n),
            "SDS": rng.normal(40, 5, n),
            "cfh": rng.normal(size=n),
        }
    )


def t_test(design, contrast, y):
    """Return t, or F, from the normal equations."""
    weights = design.contrast(contrast)
    X = design.matrix
    inverse = np.linalg.inv(X.T @ X)
    beta = inverse @ X.T @ y
    variance = np.sum((y - X @ beta) ** 2) / (len(y) - X.shape[1])
    value = weights @ beta
    if len(weights) == 1:
        return value[0], (value / np.sqrt(variance * weights @ inverse @ weights.T))[0, 0]
    f = value @ np.linalg.inv(weights @ inverse @ weights.T) @ value / len(weights) / variance
    return value, f


CODINGS = {
    "treatment": ["group", "sex"],
    "other reference": [
        "C(group, Treatment(reference='patient'))",
        "C(sex, Treatment(reference='M'))",
    ],
    "sum": ["C(group, Sum)", "C(sex, Sum)"],
    "helmert": ["C(group, Helmert)", "C(sex, Helmert)"],
}


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("formula", ["{0} + {1} + age", "{0} * {1} + age", "{0} * age + {1} * SDS"])
@pytest.mark.parametrize("start", ["", "0 + "])
def test_a_contrast_of_levels_is_the_difference_of_statsmodels_balanced_predictions(
    coding, formula, start
):
    people = study()
    plain = formula.format("group", "sex")
    ours = design_matrix(start + plain, people)
    fit = smf.ols("cfh ~ " + formula.format(*CODINGS[coding]), people).fit()

    def row(group):
        points = pd.DataFrame({"group": group, "sex": ["F", "M"]})
        points = points.assign(age=people.age.mean(), SDS=people.SDS.mean())
        coded = build_design_matrices([fit.model.data.model_spec], points)[0]
        return np.asarray(coded).mean(axis=0)

    expected = fit.t_test(row("patient") - row("control"))
    value, t = t_test(ours, "group[patient] - group[control]", people.cfh.to_numpy())
    assert_allclose(value, expected.effect.item(), rtol=1e-9)
    assert_allclose(t, expected.tvalue.item(), rtol=1e-9)


def predicted(fit, **at):
    """Return statsmodels' prediction, averaged over every combination of what is listed."""
    values = {name: np.atleast_1d(value) for name, value in at.items()}
    return fit.predict(pd.DataFrame(product(*values.values()), columns=list(values))).mean()


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_every_kind_of_quantity_is_what_statsmodels_predicts(seed):
    people = study(seed=seed)
    formula = "group * age + sex * age + group * SDS + C(site)"
    design = design_matrix(formula, people, categorical=["site"])
    fit = smf.ols("cfh ~ " + formula, people).fit()
    y = people.cfh.to_numpy()
    age, sds = people.age.mean(), people.SDS.mean()
    groups, sexes, sites = ["control", "other", "patient"], ["F", "M"], [1, 2]
    every = {"group": groups, "sex": sexes, "site": sites, "age": age, "SDS": sds}

    def at(**fixed):
        return predicted(fit, **(every | fixed))

    expected = {
        "mean": at(),
        "1": at(),
        "group[other]": at(group="other"),
        "site[2] - site[1]": at(site=2) - at(site=1),
        "group[patient]:sex[F]": at(group="patient", sex="F"),
        "age": at(age=age + 1) - at(age=age),
        "-age/2": -(at(age=age + 1) - at(age=age)) / 2,
        "age:group[patient] - group[control]:age": (
            at(age=9, group="patient") - at(age=8, group="patient")
        )
        - (at(age=9, group="control") - at(age=8, group="control")),
        "0.5*group[patient] + 0.5*group[other] - group[control]": (
            at(group="patient") / 2 + at(group="other") / 2 - at(group="control")
        ),
        "(group[patient] + group[other]) / 2 - 1 * group[control]": (
            at(group="patient") / 2 + at(group="other") / 2 - at(group="control")
        ),
    }
    for text, value in expected.items():
        assert_allclose(t_test(design, text, y)[0], value, rtol=1e-7, atol=1e-9, err_msg=text)


def test_the_slope_of_a_slope_is_the_coefficient_of_the_product():
    people = study()
    design = design_matrix("age * SDS + group", people)
    fit = smf.ols("cfh ~ age * SDS + group", people).fit()
    value, t = t_test(design, "age:SDS", people.cfh.to_numpy())
    assert_allclose([value, t], [fit.params["age:SDS"], fit.tvalues["age:SDS"]], rtol=1e-6)


def test_a_list_is_an_f_test():
    people = study()
    design = design_matrix("group + age + SDS", people)
    fit = smf.ols("cfh ~ group + age + SDS", people).fit()
    _, f = t_test(
        design, "group[patient] - group[control], group[other] - group[control]", people.cfh
    )
    expected = fit.compare_f_test(smf.ols("cfh ~ age + SDS", people).fit())
    assert_allclose(f, expected[0], rtol=1e-9)


def test_one_group_is_a_one_sample_test():
    people = study()
    design = design_matrix("1", people)
    assert_array_equal(design.matrix, np.ones((60, 1)))
    assert_array_equal(design.contrast("mean"), [[1]])
    assert_allclose(t_test(design, "1", people.cfh)[1], ttest_1samp(people.cfh, 0).statistic)
    adjusted = design_matrix("1 + age", people)
    centred = smf.ols("cfh ~ I(age - age.mean())", people).fit()
    assert_allclose(t_test(adjusted, "mean", people.cfh)[1], centred.tvalues["Intercept"])


def test_a_group_coded_in_numbers_is_a_factor_and_its_levels_are_written_as_they_look():
    people = study().assign(group=lambda p: p.group.map({"control": 1.0, "patient": 2.0}))
    people = people.dropna(subset="group")
    design = design_matrix("group + age", people)
    assert design.factors == {"group": ("1", "2")}
    assert design.names == ("Intercept", "group[T.2]", "age")
    assert_array_equal(design.contrast("group[2] - group[1]"), [[0, 1, 0]])
    assert design.scans_compared("group[2] - group[1]") == {"group[2]": 20, "group[1]": 20}
    assert design_matrix("site", people).covariates == ("site",)
    assert design_matrix("C(site)", people).factors == {"site": ("1", "2")}
    assert design_matrix("site", people, categorical=("site", "other")).factors["site"]


NAMES = [
    "log",
    "scale",
    "center",
    "poly",
    "bs",
    "C",
    "I",
    "Q",
    "np",
    "class",
    "lambda",
    "is",
    "None",
    "True",
    "__import__",
    "_x",
    "âge",
    "年龄",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_column_is_what_its_name_means_whatever_python_makes_of_it(name):
    people = study().rename(columns={"age": name, "sex": "open"})
    design = design_matrix(f"group + {name} * C(open)", people)
    expected = design_matrix("group + age * sex", study())
    assert_array_equal(design.matrix, expected.matrix)
    assert_array_equal(design.contrast(name), expected.contrast("age"))


@pytest.mark.parametrize(
    "kind",
    [
        pd.CategoricalDtype(["patient", "other", "control", "nobody"]),
        "category",
        "object",
        "string",
    ],
)
def test_however_text_is_stored_it_is_a_factor(kind):
    people = study()
    design = design_matrix("group + age", people.assign(group=people.group.astype(kind)))
    assert set(design.factors["group"]) == {"control", "other", "patient"}
    y = people.cfh.to_numpy()
    text = "group[patient] - group[other]"
    assert_allclose(
        t_test(design, text, y), t_test(design_matrix("group + age", people), text, y), rtol=1e-9
    )


def test_true_and_false_are_levels_and_nullable_numbers_are_numbers():
    people = study()
    people["smoker"] = people.sex == "F"
    people["years"] = pd.array(np.resize([9, 12, 13, 16, 11], 60), dtype="Int64")
    design = design_matrix("smoker + years", people)
    assert design.factors == {"smoker": ("False", "True")}
    assert_array_equal(design.contrast("smoker[True] - smoker[False], years"), np.eye(3)[1:])
    people.loc[2, "years"] = pd.NA
    assert "'years' are missing for sub-02" in problems("smoker + years", people)[0]


def test_an_empty_table_is_said_to_be_empty():
    assert "no rows" in problems("group", study().iloc[:0])[0]


def test_levels_in_numbers_are_in_the_order_of_numbers():
    people = study().assign(site=np.resize([10, 9, 2], 60))
    assert design_matrix("C(site)", people).factors["site"] == ("2", "9", "10")


def test_left_side_and_brackets():
    people = study()
    expected = design_matrix("group + age + SDS + group:age + group:SDS + age:SDS", people)
    for formula in ("cfh ~ (group + age + SDS)^2", "cfh~(group+age+SDS)^2"):
        design = design_matrix(formula, people)
        assert design.names == expected.names
        assert_array_equal(design.matrix, expected.matrix)


# Formulas that are no formulas of this grammar, and what the message must speak of.
REFUSED = {
    "group + __import__('os').system('true')": "function",
    "np.log(age)": "'.'",
    "log(age)": r"log\(\) is a function",
    "I(age)": r"I\(\) is a function",
    "{age}": "'{'",
    "`age`": "'`'",
    "group - age": "intercept",
    "(group - 1) * age": "brackets",
    "age^2": "add a column with the squares",
    "(group + age)^0": "1 to 9",
    "(group + age)^99": "1 to 9",
    "group age": "'age'",
    "group +": "ends",
    "": "ends",
    "(group": "closing bracket",
    "C(group, Sum)": "closing bracket",
    "C('group')": "no name",
    "age ~ group": "left",
    "cfh ~ group ~ age": "'~'",
    "2*age": "number 2",
    "1*age": r"'\*'",
    "group / age": "'/'",
    "group | age": r"'\|'",
    "group ** 2": r"'\*'",
    "group %in% age": "'%'",
    ".": r"'\.'",
    "[age]": r"'\['",
    "age # group": "'#'",
    '"age"': "'\"'",
}


@pytest.mark.parametrize("formula", REFUSED)
def test_anything_else_is_refused_before_it_is_evaluated(formula, monkeypatch):
    def evaluated(*args, **kwargs):
        raise AssertionError

    monkeypatch.setattr("formulaic.Formula", evaluated)
    with pytest.raises(InputError, match=REFUSED[formula]):
        design_matrix(formula, study())


@given(st.text(st.sampled_from("ab(C)+:*^01~- .,[]'"), max_size=14))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_design_or_an_input_error(formula):
    people = pd.DataFrame({"a": np.arange(20.0) ** 2, "b": np.arange(20) % 3})
    try:
        design = design_matrix(formula, people)
    except InputError:
        return
    assert np.linalg.matrix_rank(design.matrix) == design.matrix.shape[1] > 0


def test_columns_that_need_quoting_are_named():
    people = study().rename(columns={"age": "age (years)"})
    with pytest.raises(InputError, match=r"column 'age \(years\)' cannot be written"):
        design_matrix("group + age (years)", people)
    with pytest.raises(InputError, match=r"no column 'age'.*age \(years\)"):
        design_matrix("group + age", people)


def problems(formula, people, **options):
    with pytest.raises(InputError) as caught:
        design_matrix(formula, people, **options)
    return caught.value.problems


def test_all_problems_are_reported_at_once():
    people = study()
    people.loc[3, "age"] = np.nan
    people.loc[5, "sex"] = "n/a"
    people["SDS"] = np.where(people.group == "patient", 60.0, 40.0) + np.arange(60) / 10
    people["months"] = people.age * 12
    people["score"] = np.resize(["1", "2", "unknown", "4", "5", "6"], 60)
    found = problems("group + age + sex + SDS + months + score", people, blocks="participant_id")
    text = "\n".join(found)
    for part in (
        "'age' are missing for sub-03",
        "'sex' are missing for sub-05",
        "'months' are missing for sub-03",
        "'unknown' (sub-02)",
        "age, months of the design can be computed from one another",
        "'SDS' separates the groups",
        "'participant_id' has one scan only",
    ):
        assert part in text
    assert len([p for p in found if "separates" in p]) == 2  # patient against each of the others


@pytest.mark.parametrize(("n", "refused"), [(4, False), (5, False), (6, True), (30, True)])
def test_a_covariate_that_separates_few_scans_is_doubtful_and_no_mistake(n, refused):
    """By chance 2 of comb(2 n, n) orders do: 2.9 % of 4 against 4, 0.2 % of 6 against 6."""
    people = pd.DataFrame({"group": ["a"] * n + ["b"] * n, "age": np.arange(2.0 * n)})
    people["other"] = np.random.default_rng(0).standard_normal(2 * n)
    if refused:
        (said,) = problems("group + age", people)
    else:
        (said,) = design_matrix("group + age", people).notes
    assert "'age' separates the groups" in said
    assert ("may be chance" in said) != refused
    assert design_matrix("group + other", people).notes == ()


def test_unknown_columns_list_what_there_is():
    found = problems("group + aeg + sexx", study())
    assert len(found) == 2
    assert "'aeg'" in found[0]
    assert "participant_id, group, sex, site, age, SDS, cfh" in found[0]


def test_one_level_and_one_value():
    people = study().assign(sex="F", age=50.0)
    found = problems("group + sex + age", people)
    assert [("'sex' has one level only (F)" in found[0]), "'age' has one value only" in found[1]]
    assert len(found) == 2


def test_rank_deficiency_names_the_columns_concerned_and_no_other():
    people = study()
    people["total"] = people.age + people.SDS
    (found,) = problems("group + sex + age + SDS + total", people)
    assert "The columns age, SDS, total of the design" in found
    assert "7 columns, rank 6" in found


def test_an_empty_cell_is_named():
    people = study()
    people["sex"] = np.where(people.group == "patient", "F", people.sex)
    found = problems("group * sex", people)
    assert any("group[T.patient]:sex[T.M] is 0 for every scan" in p for p in found)


def test_a_scan_with_a_column_of_its_own():
    people = study()
    people.loc[7, "site"] = 3
    (found,) = problems("group + C(site)", people)
    assert "sub-07 has leverage 1 (only it has site[T.3])" in found
    # Not as large, but legitimate: an outlier's leverage is below 1.
    people.loc[7, "age"] = 500
    assert design_matrix("group + age", people).matrix.shape == (60, 4)


def test_too_few_scans():
    people = study(6)
    (found,) = problems("group + age + SDS", people)
    assert "5 columns for 6 scans; it needs at least 7" in found


@pytest.mark.parametrize(
    ("contrast", "message"),
    [
        ("group[patient] - group[controls]", "no level 'controls'; it has control, other, patient"),
        ("diagnosis[a] - diagnosis[b]", r"not estimable.*group\[...\], sex\[...\], age, mean"),
        ("SDS", "SDS is not in the formula, so the contrast is not estimable"),
        ("group", r"group\[patient\] - group\[control\]"),
        ("age[50]", "continuous and has no levels"),
        ("group[patient] - 1", "number is added"),
        ("2", "a number where"),
        ("group[patient] * age", "combine with :"),
        ("1 / group[patient]", "divides"),
        ("age / 0", "divides"),
        ("group[patient] group[control]", "not understood there"),
        ("group[patient] -", "ends"),
        ("group[patient],", "ends"),
        ("", "ends"),
        ("(age", "closing bracket"),
        ("group[patient", r"'\['|not understood"),
        ("group[patient]:group[control]", "two levels of the same factor"),
        ("age:age", "same covariate twice"),
        ("group[patient] - group[patient]", "compares nothing"),
        ("group[patient] - group[other], group[other] - group[patient]", "follow from one another"),
        ("__import__('os')", "not in the formula|not understood"),
    ],
)
def test_contrasts_that_cannot_be(contrast, message):
    design = design_matrix("group + sex + age", study())
    with pytest.raises(InputError, match=message):
        design.contrast(contrast)


@given(
    st.lists(
        st.sampled_from(["group[a]", "group[b]", "x", "mean", "z", *"+-*/:(),1 2[]0."]), max_size=9
    )
)
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_contrast_or_an_input_error(parts):
    people = pd.DataFrame({"group": ["a", "b"] * 10, "x": np.arange(20.0) % 7})
    try:
        weights = design_matrix("group * x", people).contrast("".join(parts))
    except InputError:
        return
    assert np.linalg.matrix_rank(weights) == len(weights) > 0


def test_all_problems_of_a_contrast_are_reported_at_once():
    with pytest.raises(InputError) as caught:
        design_matrix("group + sex", study()).contrast("group[x] - sex[y], age")
    assert len(caught.value.problems) == 3


def test_a_level_may_be_any_words():
    people = study().assign(site=np.resize(["New York, NY", "São Paulo (2)"], 60))
    design = design_matrix("group + site", people)
    assert_array_equal(design.contrast("site[São Paulo (2)] - site[New York, NY]"), [[0, 0, 0, 1]])


def pairs(n=12, seed=0):
    """Return two visits of each of n people."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "participant_id": np.repeat([f"sub-{i:02d}" for i in range(n)], 2),
            "group": np.repeat(np.resize(["patient", "control"], n), 2),
            "visit": np.tile(["before", "after"], n),
            "motion": rng.normal(size=2 * n),
            "cfh": rng.normal(size=2 * n) + np.repeat(rng.normal(0, 3, n), 2),
        }
    )


def test_a_paired_design_is_the_paired_t_test():
    people = pairs()
    design = design_matrix("visit + participant_id", people, blocks="participant_id")
    assert_array_equal(design.blocks, np.repeat(np.arange(12), 2))
    numbered = people.assign(participant_id=design.blocks + 101)
    same = design_matrix("visit + participant_id", numbered, blocks="participant_id")
    assert_array_equal(same.matrix, design.matrix)
    y = people.cfh.to_numpy()
    _, t = t_test(design, "visit[after] - visit[before]", y)
    assert_allclose(t, ttest_rel(y[1::2], y[::2]).statistic, rtol=1e-9)


def test_between_block_terms_are_explained_by_the_blocks_own_means():
    people = pairs()
    design = design_matrix("group * visit + participant_id", people, blocks="participant_id")
    assert design.matrix.shape == (24, 14)
    assert np.linalg.matrix_rank(design.matrix) == 14
    text = (
        "group[patient]:visit[after] - group[patient]:visit[before]"
        " - group[control]:visit[after] + group[control]:visit[before]"
    )
    change = people.cfh.to_numpy()[1::2] - people.cfh.to_numpy()[::2]
    patient = people.group.to_numpy()[::2] == "patient"
    _, t = t_test(design, text, people.cfh.to_numpy())
    assert_allclose(t, ttest_ind(change[patient], change[~patient]).statistic, rtol=1e-9)
    with pytest.raises(InputError, match=r"not estimable: .*differs between blocks"):
        design.contrast("group[patient] - group[control]")


def test_only_what_varies_within_blocks_can_be_tested_with_blocks():
    people = pairs()
    design = design_matrix("group + visit", people, blocks="participant_id")
    assert design.contrast("visit[after] - visit[before]").shape == (1, 3)
    of_people = design_matrix("visit + motion + participant_id", people, blocks="participant_id")
    assert of_people.contrast("motion").shape == (1, 14)
    only_groups = design_matrix("group", people, blocks="participant_id")
    with pytest.raises(InputError, match="nothing within the blocks of participant_id"):
        only_groups.contrast("group[patient] - group[control]")
    # Signs of whole blocks are flipped where a mean is tested.
    assert_allclose(only_groups.contrast("mean"), [[1, 0.5]])
    assert_allclose(only_groups.contrast("group[patient]"), [[1, 1]])


@pytest.mark.parametrize(
    ("formula", "contrast"),
    [
        ("group * visit", "group[patient]:visit[after] - group[control]:visit[after]"),
        ("visit + motion", "motion"),
        ("visit * age", "visit[after]:age"),
        ("group + visit", "visit[after] - visit[before], group[patient] - group[control]"),
    ],
)
def test_what_compares_blocks_with_one_another_is_refused(formula, contrast):
    people = pairs().assign(age=np.repeat(np.arange(20.0, 32), 2))
    design = design_matrix(formula, people, blocks="participant_id")
    with pytest.raises(InputError, match=r"no blocks\.") as caught:
        design.contrast(contrast)
    assert "participant_id" in str(caught.value)


def test_what_people_change_differently_is_compared_within_them():
    people = pairs().assign(age=np.repeat(np.arange(20.0, 32), 2))
    design = design_matrix("visit * age", people, blocks="participant_id")
    difference = design.contrast("visit[after]:age - visit[before]:age")
    y = people["cfh"].to_numpy()
    change = y[1::2] - y[::2]
    slope = np.polyfit(np.arange(20.0, 32), change, 1)[0]
    assert_allclose(difference @ np.linalg.lstsq(design.matrix, y)[0], [slope])
    # Somebody with one visit brings the difference between people in, unless they have own means.
    uneven = people.iloc[1:]
    with pytest.raises(InputError, match="Name participant_id in the formula too"):
        design_matrix("visit", uneven, blocks="participant_id").contrast(
            "visit[after] - visit[before]"
        )


def test_the_size_of_a_weighted_contrast_is_that_of_its_weights():
    people = pd.DataFrame({"group": np.repeat(["a", "b", "c"], 8)})
    design = design_matrix("group", people)
    assert design.effective_size("group[a] - group[b]") == pytest.approx(4)
    size = design.effective_size("(group[a] + group[b]) / 2 - group[c]")
    assert size == pytest.approx(1 / (0.25 / 8 + 0.25 / 8 + 1 / 8))
    assert design.effective_size("mean") == pytest.approx(24)
    # The mean of all without c is that of a and b, weighted by their thirds.
    assert design.effective_size("1.5 * mean - 0.5 * group[c]") == pytest.approx(16)


def test_blocks_do_not_excuse_columns_that_depend_on_one_another_within_blocks():
    people = pairs().assign(motion_twice=lambda p: p.motion * 2)
    (found,) = problems(
        "visit + motion + motion_twice + participant_id", people, blocks="participant_id"
    )
    assert "motion, motion_twice" in found


def test_maps_come_in_the_order_of_the_participants():
    people = pd.DataFrame({"participant_id": ["sub-03", "sub-01", "sub-02"]})
    maps = pd.DataFrame({"participant_id": ["sub-01", "sub-02", "sub-03"], "path": list("abc")})
    assert list(match_maps(people, maps).path) == ["c", "a", "b"]


def test_unmatched_maps_and_participants_are_listed():
    people = pd.DataFrame({"participant_id": ["sub-01", "sub-02", "sub-03", "sub-03"]})
    maps = pd.DataFrame({"participant_id": ["sub-01", "sub-04", "sub-04"], "path": list("abc")})
    with pytest.raises(InputError) as caught:
        match_maps(people, maps)
    twice, maps_twice, no_map, no_participant = caught.value.problems
    assert "sub-03" in twice
    assert "sub-04" in maps_twice
    assert "sub-02, sub-03" in no_map
    assert "sub-04" in no_participant
    with pytest.raises(InputError, match="no column 'session_id'"):
        match_maps(people, maps, on=("participant_id", "session_id"))


def test_repeated_scans_match_by_session():
    people = pd.DataFrame({"participant_id": ["a", "a"], "session_id": [2, 1]})
    maps = pd.DataFrame({"participant_id": ["a", "a"], "session_id": [1, 2], "path": ["x", "y"]})
    assert list(match_maps(people, maps, on=("participant_id", "session_id")).path) == ["y", "x"]
