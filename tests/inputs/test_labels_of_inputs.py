"""What inputs call people, sessions, tasks and runs: nothing that leads to another file."""

from pathlib import Path

import pytest

from commissure.cli import main
from commissure.inputs import read_scans
from commissure.problems import InputError
from tests.inputs.images import image

PATHS = (
    "/etc/passwd",
    "../../x",
    "..",
    "a..b",
    "a/b",
    "~",
    "~root",
    "a\\b",
    "C:\\x",
    "a b",
    "a:b",
    ".hidden",
    "-x",
    "é1",
    "x" * 65,
    "group",
)


def table(folder, *rows, columns="participant_id session_id task run path"):
    lines = ["\t".join(columns.split()), *("\t".join(row) for row in rows)]
    (folder / "scans.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "scans.tsv"


def problems(path):
    with pytest.raises(InputError) as caught:
        read_scans(path)
    return caught.value.problems


@pytest.mark.parametrize("label", PATHS)
@pytest.mark.parametrize("column", range(4))
def test_labels_that_lead_elsewhere_are_refused(tmp_path, label, column):
    image(tmp_path / "one.nii.gz", (5, 4, 4))
    row = ["P1", "1", "rest", "1", "one.nii.gz"]
    row[column] = label
    (said,) = problems(table(tmp_path, row))
    name = ("participant_id", "session_id", "task", "run")[column]
    assert "scans.tsv, row 1: " + name in said
    assert "Use " in said or "Choose another name" in said


@pytest.mark.parametrize("label", ["sub-", "sub-study", "sub-sub/x"])
def test_what_stands_behind_sub_is_the_label(tmp_path, label):
    image(tmp_path / "one.nii.gz", (5, 4, 4))
    (said,) = problems(table(tmp_path, [label, "1", "rest", "1", "one.nii.gz"]))
    assert "row 1: participant_id" in said


@pytest.mark.parametrize(
    "folder", ["sub 1", "Sub..1", "x" * 65, "é1", "C:1", "group"], ids=lambda name: name[:6]
)
def test_folders_of_dpabi(tmp_path, folder):
    image(tmp_path / "FunImgARWSDCF" / folder / "image.nii")
    (said,) = problems(tmp_path)
    assert "the name of a participant" in said


@pytest.mark.parametrize(
    ("one", "two"), [("P1", "p1"), ("P-1", "P1"), ("P_1", "P.1"), ("01", "sub-01"), ("Ab", "aB")]
)
def test_people_whose_files_would_be_the_same(tmp_path, one, two):
    for name in ("one.nii.gz", "two.nii.gz"):
        image(tmp_path / name, (5, 4, 4))
    rows = ([one, "a", "rest", "1", "one.nii.gz"], [two, "b", "rest", "1", "two.nii.gz"])
    (said,) = problems(table(tmp_path, *rows))
    assert one in said
    assert two in said
    assert "same files" in said


def test_sessions_that_differ_in_case_only(tmp_path):
    for name in ("one.nii.gz", "two.nii.gz"):
        image(tmp_path / name, (5, 4, 4))
    rows = (["P1", "a", "rest", "1", "one.nii.gz"], ["P1", "A", "rest", "1", "two.nii.gz"])
    (said,) = problems(table(tmp_path, *rows))
    assert "would both be called sub-P1_ses-a" in said


@pytest.mark.parametrize("name", ["01", "sub-01"])
def test_a_table_says_more_than_the_names_of_its_files(tmp_path, name):
    for session in "ab":
        image(tmp_path / session / f"{name}_bold.nii.gz", (5, 4, 4))
    rows = [[name, session, "rest", "n/a", f"{session}/{name}_bold.nii.gz"] for session in "ab"]
    scans = read_scans(table(tmp_path, *rows))
    assert [scan.name for scan in scans] == ["sub-01_ses-a_task-rest", "sub-01_ses-b_task-rest"]


def test_a_folder_in_the_column_of_names_stays_as_it_is(tmp_path, capsys, caplog):
    scans = tmp_path / "in" / "P1"
    image(scans / "bold.nii.gz")
    path = table(tmp_path, [str(scans), "in/P1/bold.nii.gz"], columns="participant_id path")
    (tmp_path / "participants.tsv").write_text(f"participant_id\tgroup\n{scans}\tpatient\n")
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert main(["run", str(path), str(tmp_path / "out"), "all"]) == 2
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
    said = capsys.readouterr().err + caplog.text
    assert "looks like a path" in said
    assert not Path(tmp_path / "out").exists()
