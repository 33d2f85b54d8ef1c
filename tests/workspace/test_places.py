"""Single commands and studies write beside nobody's files and over none."""

import pytest

from commissure.problems import InputError
from commissure.workspace.places import check_outputs, check_place, placed


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def put(out, **texts):
    with placed(out) as folder:
        for name, text in texts.items():
            (folder / f"{name}.txt").write_text(text)


def test_commands_fill_a_folder_one_after_the_other(tmp_path):
    out = tmp_path / "out"
    put(out, a="one")
    put(out, b="two")
    put(out, a="three")
    assert {n: t for n, t in files(out).items() if n.endswith(".txt")} == {
        "a.txt": b"three",
        "b.txt": b"two",
    }


def test_a_folder_with_other_files_is_refused_naming_them(tmp_path):
    (tmp_path / "report.html").write_text("mine")
    before = files(tmp_path)
    with pytest.raises(InputError, match=r"did not write: report\.html"):
        put(tmp_path, a="one")
    assert files(tmp_path) == before


@pytest.mark.parametrize("name", ["a", "b"])
def test_changed_and_foreign_files_are_not_replaced(tmp_path, name):
    out = tmp_path / "out"
    put(out, a="one")
    (out / f"{name}.txt").write_text("mine")
    before = files(out)
    with pytest.raises(InputError, match=rf"{name}\.txt .*[Mm]ove it away"):
        put(out, a="two", b="two")
    assert files(out) == before


def test_killed_while_files_move_the_next_goes_on(tmp_path, monkeypatch):
    out = tmp_path / "out"
    put(out, a="one", b="one")
    with monkeypatch.context() as patch:
        patch.setattr("commissure.workspace.places.replace_file", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            put(out, a="two", b="two")
    put(out, a="three", b="three")
    assert files(out)["a.txt"] == b"three"


@pytest.mark.parametrize(
    "out",
    [
        "in", ".", "in/sub-01", "in/sub-01/func/out", "in/sub-07/out",
        "in/derivatives/x/sub-01/out",
        "link/out", "in/participants.tsv", "in/participants.tsv/out", "study/.commissure/out",
    ],
)  # fmt: skip
def test_places_that_are_the_inputs(tmp_path, out):
    scan = tmp_path / "in" / "sub-01" / "func" / "sub-01_bold.nii.gz"
    scan.parent.mkdir(parents=True)
    (tmp_path / "in" / "participants.tsv").write_text("")
    scan.write_text("")
    (tmp_path / "link").symlink_to(scan.parent)
    with pytest.raises(InputError, match="Give"):
        check_place(tmp_path / out, tmp_path / "in", [scan])
    check_place(tmp_path / "in" / "derivatives" / "out", tmp_path / "in", [scan])
    check_place(tmp_path / "out", tmp_path / "in", [scan])


def test_among_the_scans_of_dpabi(tmp_path):
    scan = tmp_path / "FunImgARWS" / "Sub_001" / "a.nii"
    scan.parent.mkdir(parents=True)
    with pytest.raises(InputError, match="among the scans"):
        check_place(tmp_path / "FunImgARWS" / "out", tmp_path, [scan])


def test_single_commands_do_not_write_into_a_study(tmp_path):
    (tmp_path / ".commissure").mkdir()
    (tmp_path / ".commissure" / "study.json").write_text("{}")
    with pytest.raises(InputError, match="output folder of a study"):
        check_outputs(tmp_path)
