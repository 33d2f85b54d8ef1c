"""One border for tables: what any program saves is read alike, or refused in plain words."""

import os

import pytest

from commissure.files.tables import read_cells, read_table, tidy
from commissure.problems import InputError

TEXT = "participant_id\tgroup\tage\nsub-01\tpätient\t51.5\nsub-02\tcontrol\tn/a\n"


def written(folder, content, name="participants.tsv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def problem(path):
    with pytest.raises(InputError) as caught:
        read_cells(path)
    (only,) = caught.value.problems
    assert str(path) in only
    return only


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.rstrip().encode(),
        TEXT.replace("\t", ",").encode(),
        TEXT.replace("\t", ";").encode(),
        TEXT.replace("\n", "\n\n\t\t\n").encode(),
        TEXT.replace("\n", "\t\n").encode(),
        TEXT.replace("control", '"control"').encode(),
        TEXT.replace("control", " control\u00a0").encode(),
        TEXT.replace("group", "\u200bgroup ").encode(),
    ],
    ids=[
        "utf-8", "bom", "utf-16-le", "utf-16-be", "crlf", "cr", "no last newline", "commas",
        "semicolons", "empty lines", "empty column", "quotes", "blanks", "blanks in the header",
    ],
)  # fmt: skip
def test_the_same_table_is_read_whatever_saved_it(tmp_path, content):
    table = read_cells(written(tmp_path, content))
    assert table.names == ("participant_id", "group", "age")
    assert table.rows == (("sub-01", "pätient", "51.5"), ("sub-02", "control", "n/a"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (TEXT.encode("latin-1"), "line 2.*Latin-1.*UTF-8"),
        (b"", "empty"),
        (b"\n \n\t\n", "empty"),
        (b"participant_id\tage\n", "no rows"),
        (TEXT.replace("control", "cont\0rol"), "NUL"),
        (b"PK\x03\x04rest of a workbook", r"spreadsheet program \(\.xlsx"),
        (b"/annex/objects/MD5E-s5--x.tsv\n", "pointer of git-annex"),
        (b"\x1f\x8b\x08rest", "gzip"),
        (TEXT + "sub-03\tpatient\n", "header has 3 cells .*line 4 has 2"),
        (TEXT + "sub-03\tpatient\t1\t2\n", "line 4 has 4"),
        (TEXT + 'sub-03\t"patient\t5\n', "quotation mark"),
        (b"participant_id\tage\tgroup\tage\nsub-01\t51\tx\t1\n", "column age more than once"),
        (b"participant_id\tage\tAge\nsub-01\t51\t1\n", "column age and Age more than once"),
        (b"participant_id\tage \tage\nsub-01\t51\t1\n", "column age more than once"),
        (b"participant_id\t\nsub-01\t51\n", "column 2, which has no name"),
        (b"participant_id;age,years\nsub-01;3,5\n", "commas and semicolons"),
        (b"participant_id  age\nsub-01 5\n", "neither tabs, commas nor semicolons"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused(tmp_path, content, said):
    path = written(tmp_path, content)
    with pytest.raises(InputError, match=said):
        read_cells(path)
    assert str(path) in problem(path)


def test_what_cannot_be_opened_is_refused(tmp_path):
    assert "does not exist" in problem(tmp_path / "none.tsv")
    assert "is a folder" in problem(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        read_cells(tmp_path / ("x" * 300))
    locked = written(tmp_path, TEXT, "locked.tsv")
    locked.chmod(0)
    if os.geteuid():
        assert "who may read it" in problem(locked)


def test_what_was_tidied_is_told_column_by_column(tmp_path):
    text = "participant_id\tgroup\tnotes\nsub-01\tpatient\u00a0\tx\nsub-02\tcontrol\t y\n"
    notes = read_cells(written(tmp_path, text)).notes
    assert set(notes) == {"group", "notes"}
    assert r"'patient\xa0' (line 2)" in notes["group"]


def test_paths_keep_their_letters(tmp_path):
    name = "a  b/e\u0301.nii"
    table = read_cells(written(tmp_path, f"participant_id\tpath\nsub-01\t{name} \n"))
    assert table.column("path") == (name,)


def test_no_value_is_changed_by_tidying():
    assert tidy("10²") == "10²"
    assert tidy("½") == "½"
    assert tidy("５１") == "51"
    assert tidy("e\u0301") == "é"


def test_a_frame_has_numbers_and_names(tmp_path):
    text = "participant_id\tsession_id\ttr\tn\n007\t01\t2.5\t3\n008\t02\tn/a\t4\n"
    table = read_table(written(tmp_path, text))
    assert list(table["participant_id"]) == ["007", "008"]
    assert list(table["session_id"]) == ["01", "02"]
    assert table["tr"][0] == 2.5
    assert table["tr"].isna()[1]
    assert table["n"].dtype == "int64"
