"""Files and folders that cannot be believed: one sentence that names them, before anything runs."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commissure.cli import main
from commissure.inputs import read_scans
from commissure.inputs.bids_files import BidsDataset
from commissure.inputs.confounds import read_confounds
from commissure.problems import InputError
from tests.inputs.images import image
from tests.inputs.test_axes import raw
from tests.inputs.test_fmriprep import made_by, run
from tests.inputs.test_fmriprep import table as confounds

STEM = "sub-01/func/sub-01_task-rest"
BOLD = f"{STEM}_space-MNI152NLin6Asym_desc-preproc_bold"


@pytest.fixture
def derived(tmp_path):
    run(tmp_path, STEM, ("MNI152NLin6Asym",))
    made_by(tmp_path, "fMRIPrep")
    return tmp_path


def problems(path):
    with pytest.raises(InputError) as caught:
        read_scans(path, slice_timing=False)
    return caught.value.problems


@pytest.mark.parametrize(
    "tr", [True, "2", [2], {"a": 1}, -2, 0, 1e308, 2000, 10**400, "1e999", [[2]]]
)
@pytest.mark.parametrize("kind", ["raw", "derived"])
def test_repetition_times_that_are_none(tmp_path, kind, tr):
    if kind == "raw":
        raw(tmp_path, "01_task-rest")
        sidecar = tmp_path / f"{STEM}_bold.json"
    else:
        run(tmp_path, STEM, ("MNI152NLin6Asym",))
        made_by(tmp_path, "fMRIPrep")
        sidecar = tmp_path / f"{BOLD}.json"
    text = json.dumps({"RepetitionTime": tr})
    sidecar.write_text(text.replace('"1e999"', "1e999"))
    (said,) = problems(tmp_path)
    assert "RepetitionTime" in said
    assert "_bold.nii.gz" in said


@pytest.mark.parametrize(
    "times", ["x", [[0, 1]], [0, "1", 2, 3], [None] * 4, {}, [], 1, [True] * 4]
)
def test_slice_times_that_are_none(tmp_path, times):
    raw(tmp_path, "01_task-rest")
    sidecar = tmp_path / f"{STEM}_bold.json"
    sidecar.write_text(json.dumps({"RepetitionTime": 2, "SliceTiming": times}))
    with pytest.raises(InputError, match="SliceTiming") as caught:
        read_scans(tmp_path)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("direction", [["k"], 3, {"k": 1}, "k+"])
def test_directions_of_slices_that_are_none(tmp_path, direction):
    raw(tmp_path, "01_task-rest")
    about = {"RepetitionTime": 2, "SliceTiming": [0, 1, 0.5, 1.5]}
    sidecar = tmp_path / f"{STEM}_bold.json"
    sidecar.write_text(json.dumps(about | {"SliceEncodingDirection": direction}))
    with pytest.raises(InputError, match="SliceEncodingDirection"):
        read_scans(tmp_path)


@pytest.mark.parametrize("freedom", ["x", -1, 0, True, [50], 10**400, {"a": 1}])
def test_degrees_of_freedom_are_told_before(derived, freedom):
    sidecar = derived / f"{BOLD}.json"
    about = {"RepetitionTime": 2, "EffectiveDegreesOfFreedom": freedom}
    sidecar.write_text(json.dumps(about))
    (said,) = problems(derived)
    assert "EffectiveDegreesOfFreedom must be a number greater than 0" in said


def test_descriptions_of_the_scanner_that_cannot_be_used_are_left_out(derived):
    odd = {"EchoTime": "x", "FlipAngle": [1], "Manufacturer": 3, "MagneticFieldStrength": 3}
    (derived / f"{BOLD}.json").write_text(json.dumps({"RepetitionTime": 2} | odd))
    (scan,) = read_scans(derived)
    assert scan.metadata == {"RepetitionTime": 2, "MagneticFieldStrength": 3}
    assert sum("in the sidecar, and not told" in warning for warning in scan.warnings) == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[1]", "must hold an object"),
        (b"\xff{}", "no text in UTF-8"),
        (b"", "not valid JSON"),
        (b'{"a": ' * 5000, "nested too deeply"),
        (None, "cannot be read"),
    ],
)
@pytest.mark.parametrize("name", ["dataset_description.json", f"{BOLD}.json"])
def test_json_that_is_none(derived, name, content, said, caplog, capsys):
    path = derived / name
    path.unlink()
    path.mkdir() if content is None else path.write_bytes(content)
    assert main(["run", str(derived), str(derived.parent / "out"), "participant"]) == 2
    told = caplog.text + capsys.readouterr().err
    assert name.rpartition("/")[2] in told
    assert said in told
    assert not (derived.parent / "out").exists()


@pytest.mark.parametrize("content", [b"\xff\xfe*\x00", b"caf\xe9\n", None])
def test_bidsignore_that_is_no_text(derived, content):
    path = derived / ".bidsignore"
    path.mkdir() if content is None else path.write_bytes(content)
    (said,) = problems(derived)
    assert ".bidsignore" in said


@pytest.mark.parametrize("content", ["", "\n\n", "# nothing\n", "[", "/\n", "**/x"])
def test_bidsignore_that_ignores_nothing(derived, content):
    (derived / ".bidsignore").write_text(content)
    assert len(read_scans(derived)) == 1


@pytest.mark.parametrize("place", ["sub-02", "sub-01/ses-a", "sub-01/func"])
@pytest.mark.parametrize("write", [raw, None])
def test_links_to_nowhere_are_not_passed_over(tmp_path, place, write):
    if write:
        raw(tmp_path, "01_task-rest", "03_task-rest")
    else:
        for who in ("01", "03"):
            run(tmp_path, f"sub-{who}/func/sub-{who}_task-rest", ("MNI152NLin6Asym",))
        made_by(tmp_path, "fMRIPrep")
    link = tmp_path / place
    if link.exists():
        link.rename(tmp_path / "elsewhere")
    link.symlink_to("nowhere")
    (said,) = problems(tmp_path)
    assert f"{link} is a link to nowhere" in said


@pytest.mark.parametrize("place", [".", "sub-01", "sub-01/func"])
def test_folders_that_may_not_be_read(derived, place, monkeypatch):
    closed = derived / place
    listed = Path.iterdir

    def iterdir(path):
        if path == closed:
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    (said,) = problems(derived)
    assert f"{closed} cannot be listed (Permission denied)" in said


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("P1\t\tn/a\tn/a", "row 1 lacks participant_id or path"),
        ("P1\tfolder\tn/a\tn/a", "folder is a folder"),
        ("P1\t.\tn/a\tn/a", "is a folder"),
        (f"P1\t{'x' * 5000}\tn/a\tn/a", "cannot be a path"),
        ("P1\tone.nii.gz\tprepocessed\tn/a", "Is preprocessed meant?"),
        ("P1\tone.nii.gz\tclean\t2200", "2.2 s, if these are milliseconds"),
        ("P1\tone.nii.gz\tclean\tfast", "tr must be in seconds"),
        ("P1\tnone.nii.gz\tclean\t2", "none.nii.gz"),
        ("P1\t../none/one.nii.gz\tclean\t2", "one.nii.gz"),
    ],
)
def test_rows_that_name_no_scan(tmp_path, row, said):
    image(tmp_path / "one.nii.gz")
    (tmp_path / "folder").mkdir()
    (tmp_path / "scans.tsv").write_text(f"participant_id\tpath\tkind\ttr\n{row}\n")
    (problem,) = problems(tmp_path / "scans.tsv")
    assert said in problem


def test_one_wrong_word_in_a_column_is_one_message(tmp_path):
    rows = ["participant_id\tpath\tkind"]
    for number in range(11):
        image(tmp_path / f"{number}.nii.gz")
        rows.append(f"P{number}\t{number}.nii.gz\tcleen")
    (tmp_path / "scans.tsv").write_text("\n".join(rows) + "\n")
    (said,) = problems(tmp_path / "scans.tsv")
    assert "scans.tsv, 11 rows (1, 2, 3" in said
    assert "Is clean meant?" in said


TABLES = st.one_of(
    st.binary(max_size=80),
    st.text("trans_xyzrot\t\n,;.0129e-n/a \"'", max_size=160).map(str.encode),
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace")),
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(TABLES)
def test_any_bytes_are_read_or_named(tmp_path_factory, content):
    root = tmp_path_factory.getbasetemp() / "fuzz"
    if not root.exists():
        run(root, STEM, ("MNI152NLin6Asym",))
        made_by(root, "fMRIPrep")
    for name in (".bidsignore", f"{STEM}_desc-confounds_timeseries.tsv", "scans.tsv", "rp_x.txt"):
        path = root / name
        before = path.read_bytes() if path.exists() else None
        path.write_bytes(content)
        # Anything else that is raised fails the test.
        with suppress(InputError):
            if name == "scans.tsv":
                read_scans(path)
            elif name == ".bidsignore":
                BidsDataset(root).participants()
            else:
                read_confounds(path)
        path.unlink() if before is None else path.write_bytes(before)


def test_a_table_of_confounds_is_told_with_the_scan(derived):
    confounds(derived / f"{STEM}_desc-confounds_timeseries.tsv", n=11)
    (said,) = problems(derived)
    assert "11 rows" in said


HEADER = "trans_x\ttrans_y\ttrans_z\trot_x\trot_y\trot_z"
ROW = "\t".join(["0.1"] * 6)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([HEADER.replace("\t", ","), *[ROW.replace("\t", ",")] * 12], "not separated by tabs"),
        ([HEADER.replace("\t", ";"), *[ROW.replace("\t", ";")] * 12], "not separated by tabs"),
        ([HEADER + "\ttrans_x", *[ROW + "\t9"] * 12], "several columns called 'trans_x'"),
        ([HEADER, *[ROW] * 5, ROW + "\t1", *[ROW] * 6], "line 7 has 7 cells and the header 6"),
        ([HEADER, *[ROW] * 5, "0.1\t0.2", *[ROW] * 6], "line 7 has 2 cells"),
        ([HEADER, *[ROW] * 11, "0.1" + "\tn/a" * 5], "gaps (n/a) in the motion parameters"),
        ([HEADER, *[ROW] * 11, ROW.replace("0.1", "0,1")], "not numbers in the columns"),
        ([HEADER, *[ROW.replace("0.1", "TRUE")] * 12], "not numbers in the columns"),
        ([HEADER, *[ROW] * 11, ROW.replace("0.1", "inf")], "gaps (n/a) in the motion"),
        ([HEADER + "\tframewise_displacement", *[ROW + "\t0.1"] * 11, ROW + "\tn/a"], "missing"),
        ([HEADER + "\trmsd", *[ROW + "\t0.1"] * 11, ROW + "\t-1"], "negative"),
        ([HEADER + "\trmsd", *[ROW + "\t0.1"] * 11, ROW + "\tinf"], "infinite"),
        ([HEADER], "no rows below its header"),
        ([HEADER, ROW], "too few rows"),
        (["x\ty", *["1\t2"] * 12], "no column trans_x"),
        ([], "is empty"),
    ],
)
def test_confounds_that_cannot_be_believed(tmp_path, lines, said):
    path = tmp_path / "sub-01_desc-confounds_timeseries.tsv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError) as caught:
        read_confounds(path, ("motion",), motion="basic")
    (problem,) = caught.value.problems
    assert str(path) in problem
    assert said in problem


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "utf-8-sig"])
def test_encodings_of_confounds(tmp_path, encoding):
    path = tmp_path / "sub-01_desc-confounds_timeseries.tsv"
    rows = [f"{HEADER}\té", *[f"{ROW}\t1"] * 12]
    path.write_text("\r\n".join(rows) + "\r\n", encoding=encoding)
    if encoding == "utf-8-sig":
        assert read_confounds(path, ("motion",), motion="basic").regressors.shape == (12, 6)
        return
    with pytest.raises(InputError, match=r"no text in UTF-8 .*Save it as UTF-8"):
        read_confounds(path, ("motion",), motion="basic")


@pytest.mark.parametrize(
    "rows", [["1 2 3"] * 12, ["1 2 3 4 5 x"] * 12, ["1 2 3 4 5 nan"] * 12, ["1 " * 6, "1 2"], []]
)
def test_realignment_parameters_that_are_none(tmp_path, rows):
    path = tmp_path / "rp_x.txt"
    path.write_text("\n".join(rows))
    with pytest.raises(InputError, match=r"rp_x.txt (must have 6|is empty)"):
        read_confounds(path, ("friston24",))


@pytest.mark.parametrize("rows", [["0.1"] * 11, ["0.1"] * 11 + ["-1"], ["x"] * 12])
def test_displacements_beside_realignment_parameters(tmp_path, rows):
    path = tmp_path / "rp_x.txt"
    path.write_text("\n".join(["0 0 0 0 0 0"] * 12))
    (tmp_path / "FD_Power_x.txt").write_text("\n".join(rows))
    with pytest.raises(InputError, match=r"rp_x.txt|FD_Power_x.txt"):
        read_confounds(path, ("friston24",))


def test_what_confounds_lack_is_told_before_anything_is_computed(derived, caplog, capsys):
    # The default strategy asks for the global signal, which this table has not.
    out = derived.parent / f"{derived.name}-out"
    assert main(["run", str(derived), str(out), "participant"]) == 2
    told = caplog.text + capsys.readouterr().err
    assert "desc-confounds_timeseries.tsv does not have what the strategy needs" in told
    assert not out.exists()
