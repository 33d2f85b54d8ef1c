"""Plain tables of files."""

import pytest

from commissure.inputs import Selection, read_scan_table
from commissure.problems import InputError
from tests.inputs.images import image
from tests.inputs.test_fmriprep import table as confounds


@pytest.fixture
def files(tmp_path):
    image(tmp_path / "data/one_space-MNI152NLin6Asym_bold.nii.gz")
    image(tmp_path / "data/two.nii", zoom=1.0, units=("mm", "unknown"))
    image(tmp_path / "maps/one.nii.gz", (5, 4, 4))
    image(tmp_path / "mask.nii.gz", (5, 4, 4))
    confounds(tmp_path / "data/one.tsv")
    return tmp_path


def write(folder, *rows, name="scans.tsv", encoding="utf-8"):
    path = folder / name
    path.write_text("\n".join("\t".join(row.split()) for row in rows) + "\n", encoding=encoding)
    return path


def problems(path, *selection, **options):
    with pytest.raises(InputError) as caught:
        read_scan_table(path, *selection, **options)
    return caught.value.problems


def test_kinds_by_dimensions_and_paths_by_the_table(files):
    table = write(
        files,
        "participant_id session_id run path mask age",
        "sub-01 1 01 data/one_space-MNI152NLin6Asym_bold.nii.gz mask.nii.gz 30",
        "P2 2 n/a data/two.nii n/a 31",
        "P2 n/a n/a maps/one.nii.gz n/a 31",
    )
    one, two, a_map = read_scan_table(table, space="X")
    assert (one.kind, one.participant_id, one.session, one.run) == ("clean", "sub-01", "1", "1")
    assert (one.bold.parent, one.mask) == (files / "data", files / "mask.nii.gz")
    assert (one.space, one.tr, two.space, two.tr) == ("MNI152NLin6Asym", 2, "X", 0)
    assert (two.participant_id, two.session, two.name) == ("P2", "2", "sub-P2_ses-2")
    assert (a_map.kind, a_map.session, a_map.tr) == ("map", None, 0)
    assert "regression" in one.done
    (found,) = read_scan_table(table, Selection(participant_labels=("P2",), sessions=("2",)))
    assert found == read_scan_table(table)[1]


def test_preprocessed_runs_with_confounds_and_tr(files):
    table = write(
        files,
        "participant_id path kind confounds tr space",
        "007 data/two.nii preprocessed data/one.tsv 2.5 MNI152NLin2009aSym",
    )
    (scan,) = read_scan_table(table, n_trim=3)
    assert (scan.participant_id, scan.tr, scan.done) == ("007", 2.5, frozenset())
    assert scan.confounds == files / "data/one.tsv"
    assert scan.space == "MNI152NLin2009aSym"


def test_windows_and_commas(files):
    path = files / "scans.csv"
    path.write_bytes(b"\xef\xbb\xbfparticipant_id,path\r\n01,data/two.nii\r\n")
    assert [s.participant_id for s in read_scan_table(path, tr=2)] == ["01"]


def test_all_problems_are_said_together(files):
    image(files / "small.nii", (4, 4, 4))
    (files / "empty.nii").write_bytes(b"")
    confounds(files / "short.tsv", n=11)
    table = write(
        files,
        "participant_id path kind mask confounds tr",
        "01 none.nii n/a n/a n/a n/a",
        "02 data/two.nii raw n/a n/a n/a",
        "03 data/two.nii map n/a n/a n/a",
        "04 maps/one.nii.gz clean n/a n/a n/a",
        "05 data/two.nii preprocessed n/a n/a n/a",
        "06 data/two.nii clean small.nii short.tsv 2000",
        "07 empty.nii n/a n/a n/a n/a",
        "n/a data/two.nii n/a n/a n/a n/a",
        "09 data/two.nii preprocessed mask.nii.gz data/one.tsv 2",
    )
    found = problems(table, n_trim=12)
    for said in (
        "none.nii does not exist",
        'row 2: kind must be one of preprocessed, clean, map; it is "raw"',
        "row 3",
        "single volume",
        "row 5: preprocessed series need a table of confounds",
        "two.nii does not tell its repetition time",
        "row 6: tr must be in seconds",
        "small.nii is not on the grid of",
        "short.tsv has 11 rows and the image 12 volumes",
        "empty.nii is empty",
        "row 8 lacks participant_id or path",
    ):
        assert sum(said in problem for problem in found) == 1, said
    assert sum("12 are to be dropped" in problem for problem in found) == 1


def test_tables_that_are_none(files):
    assert "does not exist" in problems(files / "none.tsv")[0]
    assert (
        "has no column path; its columns are participant_id, file"
        in problems(write(files, "participant_id file", "01 x"))[0]
    )
    table = write(files, "participant_id path", "01 data/two.nii")
    assert "no participant sub-02" in problems(table, Selection(participant_labels=("02",)))[0]
    assert "has no row that matches session 2" in problems(table, Selection(sessions=("2",)))[0]


def test_one_participant_by_two_names_is_two_rows(files):
    table = write(files, "participant_id path", "01 data/two.nii", "sub-01 maps/one.nii.gz")
    assert [s.participant_id for s in read_scan_table(table)] == ["01", "sub-01"]
    chosen = Selection(participant_labels=("01",))
    assert [s.participant_id for s in read_scan_table(table, chosen)] == ["01", "sub-01"]
