"""The check command: everything that would stop a study, at once, and nothing written."""

import shutil

import pytest

from commissure.cli import main
from commissure.cli.main import BAD_INPUT
from commissure.study import run as study_run
from tests.cli.test_run import folder, options  # noqa: F401
from tests.study.studies import write_derivatives


@pytest.fixture(autouse=True)
def no_report(monkeypatch):
    monkeypatch.setattr(study_run, "write_report", lambda out, *, wait: None)


def said(capsys):
    captured = capsys.readouterr()
    return " ".join((captured.out + captured.err).split())


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_written(folder, tmp_path, capsys):  # noqa: F811
    out = tmp_path / "out"
    out.write_text("a file")
    wrong = ["--formula", "group + weight", "--contrast", "group[patient] - group[control]"]
    wrong += ["--set", 'group.rois=["A=none.nii"]', "--set", "cfh.mask=none.nii"]
    assert main(["check", str(folder), str(out), *wrong]) == BAD_INPUT
    told = capsys.readouterr().err
    assert "weight" in told
    assert "A=none.nii" in told
    assert "[cfh] mask" in told
    assert f"{out} is a file" in told
    assert out.read_text() == "a file"


def test_the_table_of_participants_is_checked_where_scans_cannot_be_read(tmp_path, capsys):
    unreadable = write_derivatives(tmp_path / "in")
    for scan in unreadable.glob("sub-*/func/*.nii.gz"):
        scan.write_bytes(b"nothing")
    assert (
        main(["check", str(unreadable), str(tmp_path / "out"), "--formula", "weight"]) == BAD_INPUT
    )
    told = capsys.readouterr().err
    assert "nii.gz" in told
    assert "weight" in told


def test_the_disk_it_takes_is_about_what_it_said(folder, tmp_path, options, capsys):  # noqa: F811
    out, chosen = tmp_path / "out", [*options, "--set", "cfh.noise_floor=0"]
    assert main(["check", str(folder), str(out), *chosen]) == 0
    told = said(capsys)
    assert "6 participants with 6 runs (clean)" in told
    megabytes = float(told.partition(f"{out} takes about ")[2].split()[0])
    assert not out.exists()
    assert main(["run", str(folder), str(out), "participant", *chosen]) == 0
    of_people = sum(f.stat().st_size for f in out.glob("sub-*/**/*") if f.is_file()) / 1e6
    assert of_people / 2 < megabytes < of_people * 2
    capsys.readouterr()
    assert main(["check", str(folder), str(out), *chosen]) == 0
    assert "6 of them are done already" in said(capsys)


def test_what_was_changed_in_a_study_is_told(folder, tmp_path, options, capsys):  # noqa: F811
    out = tmp_path / "out"
    main(["run", str(folder), str(out), "participant", *options])
    series = next(out.glob("sub-01/func/*stat-cfh_*boldmap.nii.gz"))
    shutil.copy(next(out.glob("sub-02/func/*stat-cfh_*boldmap.nii.gz")), series)
    capsys.readouterr()
    assert main(["check", str(folder), str(out), *options]) == BAD_INPUT
    assert str(series) in capsys.readouterr().err
