"""Whoever is forgotten is nowhere in the output folder, and the others are as they were."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from commissure.cli import main
from commissure.problems import InputError
from commissure.study import forget as module
from commissure.study.forget import forget
from commissure.study.provenance import held
from commissure.study.run import run_study
from commissure.study.verdict_files import leave_verdicts, read_verdicts
from commissure.workspace.ledger import lock_of
from commissure.workspace.left import kept_apart
from tests.study.studies import Inline, files_of, study_of, write_derivatives


@pytest.fixture(autouse=True)
def no_report(monkeypatch):
    """Reports take long and have their own tests; one test here writes a real one."""
    monkeypatch.setattr("commissure.study.run.write_report", lambda out, *, wait: None)
    monkeypatch.setattr(module, "write_report", lambda out: None)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    root = tmp_path_factory.mktemp("forget")
    folder = write_derivatives(root / "in", n=7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("commissure.study.run.write_report", lambda out, *, wait: None)
        run_study(study_of(folder, root / "out"), "all", Inline())
    with held(root / "out") as content:
        content["Runs"][0]["Command"] += ["--participant-label", "03", "04", "--seed", "03"]
    return folder, root / "out"


@pytest.fixture
def study(finished, tmp_path):
    folder, out = finished
    return shutil.copytree(folder, tmp_path / "in"), shutil.copytree(out, tmp_path / "out")


def everything(out):
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


def naming(out, text):
    return [
        name
        for name, content in everything(out).items()
        if text in name or text.encode() in content
    ]


def forget_in_input(folder, label):
    shutil.rmtree(folder / f"sub-{label}")
    table = folder / "participants.tsv"
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join(line for line in lines if not line.startswith(f"sub-{label}")))


def test_nothing_of_a_person_is_left(study):
    folder, out = study
    assert len(naming(out, "sub-03")) > 10
    others = {k: v for k, v in files_of(out).items() if k.startswith("sub-") and "sub-03" not in k}
    assert main(["forget", str(out), "--participant-label", "03", "--quiet"]) == 0
    assert not naming(out, "sub-03")
    assert not (out / "sub-03").exists()
    assert not (out / "group").exists()
    after = files_of(out)
    assert {k: after.get(k) for k in others} == others
    assert "--seed" in (out / "provenance.json").read_text()
    forget_in_input(folder, "03")
    run_study(study_of(folder, out), "all", Inline())
    run_study(study_of(folder, out.with_name("fresh")), "all", Inline())
    assert files_of(out) == files_of(out.with_name("fresh"))


def test_a_second_call_changes_nothing_and_says_so(study, capsys):
    _, out = study
    for label in ("03", "sub-03"):
        assert main(["forget", str(out), "--participant-label", label, "--quiet"]) == 0
    assert "holds nothing of sub-03" in " ".join(capsys.readouterr().err.split())
    before = everything(out)
    forget(out, ["99"])
    assert everything(out) == before


def test_files_of_others_are_left_and_told(study, capsys):
    _, out = study
    (out / "sub-03" / "my_notes.txt").write_text("mine")
    (out / "notes.txt").write_text("sub-03 was tired\n")
    assert main(["forget", str(out), "--participant-label", "03", "--quiet"]) == 0
    assert naming(out, "sub-03") == ["notes.txt", "sub-03/my_notes.txt"]
    said = "".join(capsys.readouterr().err.split())
    assert "sub-03/my_notes.txt" in said
    assert "notes.txtisnotcommissure's" in said


def test_killed_at_any_moment_calling_again_finishes(study, monkeypatch):
    _, out = study

    class CrashError(BaseException):
        """As if the process had been killed."""

    straight = shutil.copytree(out, out.with_name("straight"))
    forget(straight, ["03", "05"])
    expected = files_of(straight)
    for moment in (1, 2, 4, 8, 12, 20, 30, 45):
        copy = shutil.copytree(out, out.with_name(f"copy-{moment}"))
        left = [moment]

        def crashing(original, left=left):
            def call(*arguments, **options):
                left[0] -= 1
                if left[0] == 0:
                    raise CrashError
                return original(*arguments, **options)

            return call

        with monkeypatch.context() as patch:
            for name in ("unlink", "replace", "rmdir"):
                patch.setattr(Path, name, crashing(getattr(Path, name)))
            with pytest.raises(CrashError):
                forget(copy, ["03", "05"])
        forget(copy, ["03", "05"])
        assert files_of(copy) == expected
        assert not naming(copy, "sub-03") + naming(copy, "sub-05")


def test_someone_who_is_worked_on_is_not_forgotten(study, monkeypatch):
    _, out = study
    monkeypatch.setattr(module, "_PATIENCE_S", 0)
    with lock_of(out, "sub-03"), pytest.raises(InputError, match="Another run works on sub-03"):
        forget(out, ["03"])
    assert (out / "sub-03").exists()


def test_no_study_is_said(tmp_path, capsys):
    (tmp_path / "sub-03").mkdir()
    assert main(["forget", str(tmp_path), "--participant-label", "03"]) == 2
    assert "holds no study" in capsys.readouterr().err
    assert (tmp_path / "sub-03").exists()


def test_whoever_is_taken_out_of_the_input_is_told(study, caplog):

    folder, out = study
    forget_in_input(folder, "03")
    run_study(replace(study_of(folder, out), whole=True), "participant", Inline())
    (said,) = [r.getMessage() for r in caplog.records if "not in the input" in r.getMessage()]
    assert "sub-03 is in" in said
    assert f"commissure forget {out} --participant-label 03" in said
    caplog.clear()
    run_study(study_of(folder, out), "participant", Inline())
    assert "not in the input" not in caplog.text


def test_what_jobs_have_left_is_forgotten_too(study):
    _, out = study
    run = {"Command": ["commissure", "run", "--participant-label", "03"], "Started": ""}
    with kept_apart(out, "runs", {"Runs": [run], "Outputs": {"sub-03/func/x.nii.gz": "1"}}):
        pass
    leave_verdicts(out, [v for v in read_verdicts(out) if v.measured.of.participant_id == "sub-03"])
    forget(out, ["03"])
    assert not naming(out, "sub-03")
    with held(out) as content:
        assert content["Runs"][-1]["Command"] == [*run["Command"][:-1], "(forgotten)"]
