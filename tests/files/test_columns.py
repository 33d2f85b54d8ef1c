"""What a column is, decided once: numbers, levels, or what has to be corrected."""

import pytest

from commissure.files.columns import describe, values_of

AGES = ["51", "49.5", "38", "62", "45", "57"]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (AGES, "number"),
        (["-1.5e-3", "+2", ".5", "7."], "number"),
        (["1", "n/a", "2.5", "NaN", "", "N/A"], "number"),
        (["patient", "control", "n/a", "patient"], "factor"),
        (["site1", "site2", "3T"], "factor"),
        (["True", "False"], "factor"),
    ],
)
def test_kinds(cells, kind):
    column = describe("x", cells)
    assert (column.kind, column.problems, column.notes) == (kind, (), ())
    assert column.n_missing == sum(cell in ("n/a", "NaN", "", "N/A") for cell in cells)


def test_levels_are_counted_and_numbers_among_them_have_one_name():
    assert describe("group", ["p", "c", "p", ""]).levels == {"p": 2, "c": 1}
    assert describe("site", ["1", "1.0", "2"], declared="factor").levels == {"1": 2, "2": 1}


@pytest.mark.parametrize("words", [["51,5", "49,5", "51,5"], ["51,5", "49,0", "0,125"]])
def test_decimal_commas_are_understood_where_they_can_be_nothing_else(words):
    column = describe("age_at_scan", words)
    assert column.kind == "number"
    assert "decimal commas" in column.notes[0]
    assert values_of(words, "number") == [float(word.replace(",", ".")) for word in words]


@pytest.mark.parametrize(
    "odd",
    ["51,5", "1.234,5", "1 234", "1,234", "٣", "inf", "-Infinity", "50%", "5O", "10²", ".", "-"],
)  # fmt: skip
def test_numbers_that_are_none_are_named_with_their_rows(odd):
    rows = [f"sub-{n:02d}" for n in range(7)]
    column = describe("score", [*AGES, odd], rows)
    (said,) = column.problems
    assert "score" in said
    assert repr(odd) in said
    assert "sub-06" in said


def test_thousands_are_never_taken_for_decimals():
    assert describe("volume", ["1,234", "2,500"]).problems
    assert describe("volume", ["1.234,5", "2.500,5"]).problems
    assert describe("volume", ["inf", "inf"]).problems
    assert describe("volume", ["51,5", "50"]).problems


def test_codes_of_other_programs_are_missing_among_numbers_and_unclear_among_words():
    column = describe("age", [*AGES, "NA", "NULL", "#N/A"])
    assert (column.kind, column.n_missing, column.problems) == ("number", 3, ())
    assert "3 values such as NA" in column.notes[0]
    assert "level, or a missing value" in describe("region", ["EU", "NA", "EU"]).problems[0]


@pytest.mark.parametrize("cell", ["1e400", "1e308", "1e-300"])
def test_numbers_that_nobody_measured(cell):
    assert "too large or too small" in describe("x", [*AGES, cell]).problems[0]


@pytest.mark.parametrize("age", ["0", "-5", "999", "121"])
def test_ages_that_nobody_has(age):
    rows = [f"sub-{n:02d}" for n in range(7)]
    (said,) = describe("age", [*AGES, age], rows).problems
    assert f"'{age}' (sub-06)" in said
    assert not describe("age", ["200", "300", "700"], age_in_years=False).problems


@pytest.mark.parametrize("code", ["-9", "-99", "999", "9999", "-999"])
def test_codes_of_missing_values_far_from_the_others(code):
    (said,) = describe("score", ["3", "5", "8", "2", "6", code]).problems
    assert f"'{code}'" in said
    assert "2 to 8" in said
    assert 'numeric = ["score"]' in said
    assert not describe("score", ["3", "5", "8", "2", "6", code], declared="number").problems


def test_values_within_reach_are_no_codes():
    assert not describe("weight", ["70", "85", "99", "101", "66", "90"]).problems
    assert not describe("z", ["-9", "3", "12", "-14", "8", "-2", "9"]).problems


@pytest.mark.parametrize(
    "other",
    ["Patient", "PATIENT", "p\u0430tient", "\u0440atient", "ΡATIENT"],
    ids=ascii,
)
def test_levels_that_look_alike(other):
    rows = [f"sub-{n:02d}" for n in range(4)]
    (said,) = describe("group", ["patient", "control", "patient", other], rows).problems
    assert ascii(other) in said
    assert "sub-03" in said


def test_dashes_and_blanks_look_alike():
    assert describe("site", ["A-1", "A–1"]).problems
    assert describe("site", ["A 1", "A_1"]).problems
    assert not describe("stage", ["1-2", "12", "low", "high", "mid"]).problems
    assert "two alphabets" in describe("group", ["p\u0430tient", "control"]).problems[0]
    assert not describe("drug", ["β-blocker", "ACE", "Ж", "ж2"]).problems


@pytest.mark.parametrize(
    ("cells", "coded"),
    [
        (["1", "2", "3", "4"] * 2, True),
        (["101", "102", "103"] * 3, True),
        (["0", "1"] * 5, False),
        (["1", "2"] * 5, True),
        (["1", "2", "3"], False),
        (["12", "9", "16", "15", "12", "18", "11", "20", "13"], False),
        (["1.5", "2.5", "3.5"] * 4, False),
    ],
)
def test_codes_of_levels(cells, coded):
    assert describe("site", cells).coded is coded
    assert not describe("site", cells, declared="number").coded


def test_errors_of_spreadsheets_are_no_levels():
    assert "'#REF!'" in describe("group", ["patient", "control", "#REF!"]).problems[0]


def test_a_column_without_a_value():
    assert "is empty" in describe("age", ["n/a", "", "NaN"]).problems[0]
