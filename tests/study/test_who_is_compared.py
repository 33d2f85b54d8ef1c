"""Who is compared: people left out by name, studies limited to a part of them."""

import json

import pandas as pd
import pytest

from commissure.problems import InputError
from commissure.report.methods.files import methods_of
from commissure.study import run as study_run
from commissure.study.participant import steps as participant
from commissure.study.run import run_study
from tests.study.studies import Inline, study_of, write_derivatives

MUSICIANS = {"within": None, "clinical": [], "formula": "age", "contrast": "age"}


@pytest.fixture(autouse=True)
def no_report(monkeypatch):
    monkeypatch.setattr(study_run, "write_report", lambda _out, *, wait: wait)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_derivatives(tmp_path_factory.mktemp("study") / "in", n=8)


def run(folder, out, **changes):
    return run_study(study_of(folder, out, changes), "all", Inline())


def test_who_is_left_out_by_name_is_not_computed_and_the_reason_is_told(
    folder, tmp_path, monkeypatch
):
    made, mapped = participant.clean_series, []
    monkeypatch.setattr(
        participant, "clean_series", lambda scan, *rest: mapped.append(scan) or made(scan, *rest)
    )
    out = tmp_path / "out"
    outcome = run(folder, out, quality={"exclude": {"sub-07": "withdrew", "02": "fell asleep"}})
    assert outcome.group.n_scans == 6
    assert not outcome.failed
    assert {scan.participant_id for scan in mapped} == {f"sub-0{n}" for n in (1, 3, 4, 5, 6, 8)}
    assert not (out / "sub-07").exists()
    quality = pd.read_csv(out / "quality.tsv", sep="\t", index_col="participant_id")
    assert quality.loc["sub-07", "reasons"] == "left out: withdrew"
    assert quality.loc["sub-02", "reasons"] == "left out: fell asleep"
    assert not quality.loc["sub-07", "included"]
    excluded = pd.read_csv(out / "group" / "excluded.tsv", sep="\t", index_col="participant_id")
    assert excluded.loc["sub-07", "reasons"] == "left out: withdrew"
    assert "reasons given by name" in methods_of(out, out / "group").text
    # They need no row of participants.tsv, and come back when they are named no more.
    assert run(folder, out).group.n_scans == 8


@pytest.mark.parametrize(
    ("exclude", "said"),
    [
        ({"sub-99": "withdrew"}, "exclude names sub-99"),
        ({"sub-07_run-3": "moved"}, "exclude names sub-07_run-3"),
        ({f"sub-{n:02d}": "x" for n in range(1, 9)}, "leaves nobody"),
    ],
)
def test_names_that_are_not_there_are_refused(folder, tmp_path, exclude, said):
    with pytest.raises(InputError, match=said):
        run(folder, tmp_path / "out", quality={"exclude": exclude})
    assert not (tmp_path / "out").exists()


def test_a_study_is_limited_to_a_part_of_its_people(folder, tmp_path):
    out = tmp_path / "out"
    outcome = run(folder, out, group=MUSICIANS | {"subset": {"group": ["patient"]}})
    assert outcome.group.n_scans == 4
    people = pd.read_csv(out / "group" / "participants.tsv", sep="\t")
    assert list(people["participant_id"]) == ["sub-01", "sub-03", "sub-05", "sub-07"]
    record = json.loads((out / "group" / "stats.json").read_text())
    assert record["Settings"]["subset"] == {"group": ["patient"]}
    assert "Only people with group patient are compared: 4 of 8 runs." in record["Notes"]
    text = " ".join(methods_of(out, out / "group").text.split())
    assert "limited to people with group patient" in text


@pytest.mark.parametrize(
    ("subset", "said"),
    [
        ({"group": ["patients"]}, "nobody has group patients; there are control, patient"),
        ({"site": ["A"]}, "subset names site; the participants' columns are"),
    ],
)
def test_parts_that_are_not_there_are_refused(folder, tmp_path, subset, said):
    with pytest.raises(InputError, match=said):
        run(folder, tmp_path / "out", group=MUSICIANS | {"subset": subset})
    assert not (tmp_path / "out").exists()


def test_columns_that_no_setting_names_reach_no_output_of_a_study(tmp_path):
    folder = write_derivatives(tmp_path / "in")
    lines = (folder / "participants.tsv").read_text().splitlines()
    secret = ["surname\tbirth_date", *(f"Mayer{n}\t1970-01-0{n}" for n in range(1, 7))]
    lines = [f"{line}\t{more}" for line, more in zip(lines, secret, strict=True)]
    (folder / "participants.tsv").write_text("\n".join(lines) + "\n")
    out = tmp_path / "out"
    assert run(folder, out).group.n_scans == 6
    for path in out.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for planted in (b"Mayer", b"1970-01", b"surname", b"birth_date"):
                assert planted not in content, path


def test_motion_that_will_not_be_known_is_told_before_anything_is_computed(folder, tmp_path):
    with pytest.raises(InputError, match=r"The motion of sub-01, .*mean_fd_covariate = false"):
        run(folder, tmp_path / "out", group={"mean_fd_covariate": True})
    assert not (tmp_path / "out").exists()


def test_a_column_that_is_called_as_our_own_measure_is_refused_where_it_is_named(tmp_path):
    folder = write_derivatives(tmp_path / "in")
    lines = (folder / "participants.tsv").read_text().splitlines()
    more = ["mean_fd", "0.1", "0.2", "0.15", "0.12", "0.3", "0.25"]
    lines = [f"{line}\t{cell}" for line, cell in zip(lines, more, strict=True)]
    (folder / "participants.tsv").write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=r"column mean_fd, .*Rename"):
        run(folder, tmp_path / "out", group={"formula": "group + mean_fd"})
    assert run(folder, tmp_path / "out").group.n_scans == 6
    people = pd.read_csv(tmp_path / "out" / "group" / "participants.tsv", sep="\t")
    assert "mean_fd" not in people
