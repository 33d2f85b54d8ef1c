"""Degrees of freedom in the report: both kinds, and that runs or groups differ in either."""

import pytest

from commissure.records.runs import Measured, RunKey
from commissure.report.contents import Participant, Run, Study
from commissure.report.page.parts import Table, Text
from commissure.report.sections.checks import freedom_section


def section(effective, nominal):
    """The section of a study of patients and controls, one run each."""
    people = []
    for i, (own, white) in enumerate(zip(effective, nominal, strict=True)):
        measured = Measured(RunKey(f"sub-{i}"), effective_df=own, nominal_df=white)
        group = "patient" if i % 2 else "control"
        people.append(Participant(f"sub-{i}", "", group, (Run("", "done", True, (), measured),)))
    return freedom_section(Study("s", tuple(people), None), {})


def warnings(parts):
    return [part.text for part in parts if isinstance(part, Text) and part.kind == "warning"]


@pytest.mark.parametrize(
    ("effective", "nominal", "said"),
    [
        ((41, 42, 41, 42), (52, 52, 52, 52), []),
        ((40, 43, 40, 43), (52, 52, 52, 52), ["medians differ by more than 5 % in effective"]),
        ((40, 40, 45, 45), (52, 52, 52, 52), ["runs differ by more than 10 % in effective"]),
        ((40, 40, 40, 40), (50, 53, 50, 53), ["5 % in nominal"]),
        ((40, 40), (45, 52), ["10 % in nominal", "52.0 (patient)"]),
        ((None, None), (None, None), []),
    ],
)
def test_who_differs_is_told(effective, nominal, said):
    found = warnings(section(effective, nominal).parts)
    assert len(found) == len(said)
    assert all(words in text for words, text in zip(said, found, strict=True))


def test_both_kinds_by_group():
    (table,) = [p for p in section((40, 43), (52, 53)).parts if isinstance(p, Table)]
    assert table.rows == (
        ("effective", "control", "40.0", "40.0 to 40.0"),
        ("effective", "patient", "43.0", "43.0 to 43.0"),
        ("nominal", "control", "52.0", "52.0 to 52.0"),
        ("nominal", "patient", "53.0", "53.0 to 53.0"),
    )
