"""Effective degrees of freedom join the model where censoring or length make them differ."""

import json

import numpy as np
import pandas as pd
import pytest

from commissure.inputs.people import Participants
from commissure.problems import InputError
from commissure.records.runs import Measured, RunKey
from commissure.report.reading import read_study
from commissure.settings.group import GroupSettings
from commissure.study import run as study_run
from commissure.study.group.people import with_freedom
from commissure.study.run import run_study
from tests.study.studies import Inline, study_of, write_derivatives

N = 6


def people(**columns):
    table = pd.DataFrame({"participant_id": [f"sub-{i}" for i in range(N)], **columns})
    return Participants(table, (), {}, {}, source="participants.tsv")


def runs(nominal, effective):
    return [
        [Measured(RunKey("sub-x", None, "rest", None), nominal_df=n, effective_df=e)]
        for n, e in zip(nominal, effective, strict=True)
    ]


@pytest.mark.parametrize(
    ("nominal", "effective", "joins"),
    [
        ([60] * N, [50, 51, 49, 52, 50, 48], False),  # estimates alone differ always
        ([60, 60, 60, 60, 60, 59.7], [50] * N, False),
        ([60, 60, 60, 45, 40, 50], [50, 51, 49, 40, 35, 44], True),
        ([60, 60, 60, 45, 40, None], [50, 51, 49, 40, 35, 44], False),
        ([60, 60, 60, 45, 40, 50], [50, 51, 49, 40, 35, None], False),
    ],
)
def test_they_join_where_those_of_white_noise_differ(nominal, effective, joins):
    found = with_freedom(people(effective_df=7), runs(nominal, effective), GroupSettings())
    assert ("effective_df" in found.table) == joins
    if joins:
        np.testing.assert_array_equal(found.table["effective_df"], effective)
        assert "from 35.0 to 51.0" in found.notes["effective_df"]
    never = GroupSettings(effective_df_covariate=False)
    assert "effective_df" not in with_freedom(people(), runs(nominal, effective), never).table


def test_of_several_runs_it_is_the_mean():
    one = runs([60, 60, 60, 45, 40, 50], [50, 51, 49, 40, 35, 44])
    both = [[run[0], runs([60], [30])[0][0]] for run in one]
    found = with_freedom(people(), both, GroupSettings()).table["effective_df"]
    np.testing.assert_allclose(found, [40, 40.5, 39.5, 35, 32.5, 37])


def test_a_study_whose_runs_have_unlike_freedom(tmp_path, monkeypatch):
    monkeypatch.setattr(study_run, "write_report", lambda _out, *, wait: wait)
    folder = write_derivatives(tmp_path / "in", n=8)
    for number, sidecar in enumerate(sorted(folder.glob("sub-*/func/*_bold.json"))):
        about = json.loads(sidecar.read_text())
        about["NominalDegreesOfFreedom"] = 60.0 - 4 * (number % 3)
        sidecar.write_text(json.dumps(about))
    out = tmp_path / "out"
    outcome = run_study(study_of(folder, out), "all", Inline())
    assert not outcome.group_problems
    record = json.loads((out / "group" / "stats.json").read_text())
    assert record["Settings"]["formula"] == "group + age + effective_df"
    table = pd.read_csv(out / "group" / "participants.tsv", sep="\t")
    assert list(table["effective_df"]) == [50.0 + i for i in range(1, 9)]
    assert "effective degrees of freedom" in (out / "group" / "methods.md").read_text()
    # What it was compared by is what would be asked now.
    assert read_study(out).stale == ()
    without = study_of(folder, out, {"group": {"effective_df_covariate": False}})
    assert not run_study(without, "all", Inline()).group_problems
    record = json.loads((out / "group" / "stats.json").read_text())
    assert record["Settings"]["formula"] == "group + age"


def test_a_column_of_that_name_in_the_formula_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(study_run, "write_report", lambda _out, *, wait: wait)
    folder = write_derivatives(tmp_path / "in", n=8)
    file = folder / "participants.tsv"
    table = pd.read_csv(file, sep="\t")
    table.assign(effective_df=np.arange(8.0)).to_csv(file, sep="\t", index=False, na_rep="n/a")
    study = study_of(folder, tmp_path / "out", {"group": {"formula": "group + effective_df"}})
    with pytest.raises(InputError, match="effective_df, which is what the degrees of freedom are"):
        run_study(study, "all", Inline())
