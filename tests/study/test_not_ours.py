"""What users and their other programs do to an output folder: it is told, and nothing is lost."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from commissure.cli import main
from commissure.problems import InputError
from commissure.study.identity import claim
from commissure.study.run import run_study
from commissure.workspace.places import placed
from tests.study.studies import Inline, files_of, study_of, write_derivatives


@pytest.fixture(autouse=True)
def no_report(monkeypatch):
    """Reports take long and have their own tests."""
    monkeypatch.setattr("commissure.study.run.write_report", lambda out, *, wait: None)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    root = tmp_path_factory.mktemp("not_ours")
    folder = write_derivatives(root / "in")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("commissure.study.run.write_report", lambda out, *, wait: None)
        run_study(study_of(folder, root / "out"), "all", Inline())
    return folder, root / "out"


@pytest.fixture
def study(finished, tmp_path):
    folder, out = finished
    return folder, shutil.copytree(out, tmp_path / "out")


def run(folder, out, stage="all", **changes):
    return run_study(study_of(folder, out, changes), stage, Inline())


def everything(root):
    return {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def one_map(out, who):
    return next((out / who / "func").glob("*stat-cfh_*.nii.gz"))


def edit_quality(out):
    path = out / "quality.tsv"
    path.write_text(path.read_text().replace("True", "False", 1))
    return path


def spreadsheet_quality(out):
    path = out / "quality.tsv"
    path.write_text(path.read_text().replace("\t", ";"))
    return path


def exchange_maps(out):
    path = one_map(out, "sub-01")
    path.write_bytes(one_map(out, "sub-02").read_bytes())
    return path


def same_size(out):
    path = one_map(out, "sub-03")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    return path


def edit_findings(out):
    path = out / "group" / "clusters.tsv"
    path.write_text(path.read_text() + "mine\n")
    return path


@pytest.mark.parametrize(
    "change", [edit_quality, spreadsheet_quality, exchange_maps, same_size, edit_findings]
)
def test_a_changed_output_is_named_and_stays(study, change):
    folder, out = study
    path = change(out)
    before = files_of(out)
    for stage in ("all", "group"):
        with pytest.raises(InputError) as error:
            run(folder, out, stage)
        assert f"{path} was changed" in str(error.value)
        assert "move it away" in str(error.value)
        assert files_of(out) == before


def test_moved_away_it_is_made_again(study, finished):
    folder, out = study
    for change in (edit_quality, exchange_maps, edit_findings):
        change(out).unlink()
    run(folder, out)
    assert files_of(out) == files_of(finished[1])


def test_a_copied_study_is_done(finished, tmp_path):
    folder, out = finished
    copy = shutil.copytree(out, tmp_path / "copy", copy_function=shutil.copyfile)
    assert run(folder, copy).n_done == 6
    assert files_of(copy) == files_of(out)


@pytest.mark.parametrize("name", ["report.html", "group/clusters.tsv", "sub-01/notes.txt", "x/y"])
def test_a_folder_of_the_users_is_refused(finished, tmp_path, name):
    folder, _ = finished
    out = tmp_path / "mine"
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text("mine")
    before = everything(tmp_path)
    with pytest.raises(InputError) as error:
        run(folder, out)
    assert f"did not write: {name.partition('/')[0]}" in str(error.value)
    assert everything(tmp_path) == before


def test_a_users_file_among_ours_is_not_replaced(finished, tmp_path):
    folder, out = finished[0], tmp_path / "out"
    run(folder, out, "participant")
    (out / "group").mkdir()
    (out / "group" / "clusters.tsv").write_text("mine")
    outcome = run(folder, out)
    assert "clusters.tsv is not commissure's" in outcome.group_problems[0]
    assert [path.name for path in (out / "group").iterdir()] == ["clusters.tsv"]
    assert (out / "group" / "clusters.tsv").read_text() == "mine"


@pytest.mark.parametrize("text", [b"", b"[]", b"\xff", b"{}", b'{"input": 1, "runs": {}}', b"{"])
def test_a_damaged_identity_is_written_anew_by_who_read_the_scans(study, text, caplog):
    folder, out = study
    (out / ".commissure" / "study.json").write_bytes(text)
    assert run(folder, out).n_done == 6
    assert "written anew" in caplog.text
    assert len(json.loads((out / ".commissure" / "study.json").read_text())["runs"]) == 6


def test_a_damaged_identity_of_another_study_is_refused(study, tmp_path):
    _, out = study
    other = write_derivatives(tmp_path / "other")
    (out / ".commissure" / "study.json").write_bytes(b"[]")
    before = everything(out)
    with pytest.raises(InputError, match=r"study\.json .* Put the file back"):
        run(other, out)
    assert everything(out) == before


@pytest.mark.parametrize("text", [b"", b"[]", b"\xff", b'{"Runs": 3}', b'{"Runs": [1]}'])
def test_a_damaged_provenance_is_said(study, text):
    folder, out = study
    (out / "provenance.json").write_bytes(text)
    with pytest.raises(InputError, match=r"provenance\.json .*move it away"):
        run(folder, out)
    (out / "provenance.json").unlink()
    run(folder, out)


@pytest.mark.parametrize("text", [b"", b"[]", b'{"steps": {"clean x": 3}}', b"\xff\xfe"])
@pytest.mark.parametrize("who", ["sub-01", "group", "study"])
def test_a_damaged_ledger_is_done_again(study, finished, who, text):
    folder, out = study
    (out / ".commissure" / "ledger" / f"{who}.json").write_bytes(text)
    run(folder, out)
    assert files_of(out) == files_of(finished[1])


@pytest.mark.parametrize("who", ["../../victim", "{victim}", "a/b", "a\\b", "..", "~", "a\nb"])
def test_an_id_that_is_a_path_deletes_nothing(finished, tmp_path, who, capsys):
    folder, _ = finished
    victim = tmp_path / "victim"
    victim.mkdir()
    scan = next((folder / "sub-01" / "func").glob("*.nii.gz"))
    shutil.copy(scan, victim / "scan.nii.gz")
    who = who.format(victim=victim)
    (victim / "table.tsv").write_text(f'participant_id\tpath\n"{who}"\tscan.nii.gz\n')
    before = everything(tmp_path)
    arguments = ["run", str(victim / "table.tsv"), str(tmp_path / "out"), "participant"]
    for _ in range(2):
        assert main([*arguments, "--quiet"]) == 2
        assert "Traceback" not in capsys.readouterr().err
        assert everything(tmp_path) == before


@pytest.mark.parametrize(
    ("one", "two"), [("Sub_001", "Sub001"), ("sub-a", "sub-A"), ("1", "sub-1")]
)
def test_names_that_would_share_files_are_refused(finished, tmp_path, one, two):
    folder, _ = finished
    lines = ["participant_id\tpath"]
    for i, who in enumerate((one, two)):
        path = next((folder / f"sub-0{i + 1}" / "func").glob("*.nii.gz"))
        lines.append(f"{who}\t{path}")
    (tmp_path / "table.tsv").write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError) as error:
        run(tmp_path / "table.tsv", tmp_path / "out" / "x", "participant")
    assert one in str(error.value)
    assert two in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
@pytest.mark.parametrize("mode", [0o555, 0o700])
@pytest.mark.parametrize("name", ["", "out"])
def test_a_folder_that_may_not_be_written_is_said(mode, name):
    """As another user: root may write anywhere."""
    with tempfile.TemporaryDirectory() as root:
        Path(root).chmod(0o755)
        locked = Path(root) / "locked"
        locked.mkdir()
        locked.chmod(mode)
        out = locked / name

        def place():
            with placed(out) as folder:
                (folder / "x").write_text("x")

        os.seteuid(65534)
        try:
            for go in (place, lambda: claim(out, Path("/usr"), [])):
                with pytest.raises(InputError, match=f"Cannot write to {out}"):
                    go()
        finally:
            os.seteuid(0)
        assert not list(locked.iterdir())
