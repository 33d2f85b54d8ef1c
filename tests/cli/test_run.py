"""The run command: its options, what it says, its exit code."""

import pytest

from commissure.cli import main
from commissure.cli.main import BAD_INPUT
from commissure.cli.plan import SOME_FAILED
from commissure.study import run as study_run
from tests.study.studies import CHANGES, write_derivatives


@pytest.fixture
def options(tmp_path):
    chosen = {**CHANGES["quality"], **CHANGES["group"]}
    settings = tmp_path / "study.toml"
    lines = ["[quality]", "least_volumes = 10", "least_df = 0", "[group]"]
    lines += ['formula = "group + age"', 'contrast = "group[patient] - group[control]"']
    lines += ["mean_fd_covariate = false", 'clinical = ["score"]']
    lines += [f"n_permutations = {chosen['n_permutations']}", 'atlas = "none"']
    lines += ['statistics = ["size", "mass"]']
    settings.write_text("\n".join(lines))
    return ["--config", str(settings), "--n-procs", "2"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_derivatives(tmp_path_factory.mktemp("study") / "in")


@pytest.fixture(autouse=True)
def no_report(monkeypatch):
    monkeypatch.setattr(study_run, "write_report", lambda out, *, wait: None)


def test_the_command_says_what_it_did(folder, tmp_path, options, capsys):
    out = tmp_path / "out"
    assert main(["run", str(folder), str(out), "all", *options]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "6 of 6 runs are included" in said
    assert "clusters are significant" in said
    assert main(["run", str(folder), str(out), "all", *options]) == 0
    assert "6 of 6 participants are done already" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("spelling", ["--participant-label", "--participant_label"])
def test_some_participants(folder, tmp_path, options, spelling):
    out = tmp_path / "out"
    main(["run", str(folder), str(out), "participant", spelling, "sub-02", "03", *options])
    assert sorted(p.name for p in out.glob("sub-*")) == ["sub-02", "sub-03"]


def test_who_failed_is_told_with_the_reason(tmp_path, options, capsys):
    folder = write_derivatives(tmp_path / "in", n=5)
    scan = next((folder / "sub-02" / "func").glob("*.nii.gz"))
    scan.write_bytes(scan.read_bytes()[:-100])
    command = ["run", str(folder), str(tmp_path / "out"), "all", *options]
    assert main(command) == SOME_FAILED
    said = capsys.readouterr().err
    assert "Failed" in said
    assert "sub-02" in said
    assert "damaged" in said
    assert "Traceback" not in said


def test_problems_of_settings_and_input_come_before_anything_is_done(folder, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["run", str(folder), str(out), "all", "--set", "cfh.patner=group"]
    assert main(command) == BAD_INPUT
    assert "no setting 'patner'. Is partner meant?" in capsys.readouterr().err
    assert main(["run", str(folder), str(out), "all", "--formula", "group + weight"]) == BAD_INPUT
    assert "weight" in capsys.readouterr().err
    assert main(["run", str(tmp_path / "none"), str(out), "all"]) == BAD_INPUT
    assert not out.exists()
