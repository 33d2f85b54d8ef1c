"""Labels become names of files: none may lead elsewhere, and no two may be one."""

import re

import pytest

from commissure.files.labels import distinct_labels, label_problem, name_problem


@pytest.mark.parametrize("text", ["01", "Sub_001", "sub-01", "a.b", "A-1", "x" * 64])
def test_names_that_tables_have(text):
    assert label_problem("participant_id", text) is None


@pytest.mark.parametrize(
    "text",
    [
        "", " ", ".", "..", "../../x", "/home/me/scan", "~", "~me", "a/b", "a\\b", "C:\\data",
        "C:", "a\0b", "a\nb", "a\tb", ".hidden", "a..b", "a.", "-x", "_x", "x" * 65, "a*", 'a"',
        "a?", "a|b", "a<b", "a b", "a ", "\u00e9", "\u202ea", "\uff0fx",
        "group", "Study", "REPORT", "provenance",
    ],
)  # fmt: skip
def test_names_that_no_file_may_have(text):
    problem = label_problem("participant_id", text)
    assert problem.startswith("participant_id")
    assert "letters" in problem or "Choose" in problem
    assert "\0" not in problem
    assert "\n" not in problem
    assert len(problem) < 300


@pytest.mark.parametrize("text", ["a_b", "a-b", "a.b", "sub-01", "", "é", "../x"])
def test_bids_has_letters_and_digits_only(text):
    assert label_problem("sub-", "01", bids=True) is None
    assert label_problem("sub-", text, bids=True)


def test_a_column_mixed_up_is_told():
    assert "columns mixed up" in label_problem("participant_id", "/data/sub-01_bold.nii.gz")


@pytest.mark.parametrize("text", ["", "  ", "a\nb", "a\0", "x" * 65])
def test_names_that_no_text_may_have(text):
    assert name_problem("The region", text).startswith("The region")


def test_names_in_any_language():
    assert name_problem("The region", "Left putamen (−30, 2)") is None
    assert name_problem("The region", "左壳核") is None


def test_labels_of_files_are_never_alike():
    names = ["patient", "a-b", "ab", "AB", "a b", "左", "右", "x" * 70, "x" * 71]
    labels = distinct_labels(names)
    assert list(labels) == names
    assert labels["patient"] == "patient"
    assert len({label.lower() for label in labels.values()}) == len(names)
    assert all(re.fullmatch("[A-Za-z0-9]{1,64}", label) for label in labels.values())
    assert distinct_labels(["a-b", "cd"]) == {"a-b": "ab", "cd": "cd"}
    assert distinct_labels(["cluster 1", "a_b"], "-") == {"cluster 1": "cluster-1", "a_b": "a-b"}
    assert len(set(distinct_labels(["a b", "a_b"], "-").values())) == 2
