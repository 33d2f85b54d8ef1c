"""Raw BIDS datasets: what is found in them, and every way they can be wrong."""

import gzip
import json
import logging

import nibabel as nib
import numpy as np
import pytest

from commissure.files.images import read_volumes
from commissure.inputs import Selection
from commissure.inputs import read_bids as read_dataset
from commissure.problems import InputError

TIMES = [0.0, 1.0, 0.5, 1.5]
SIDECAR = {"RepetitionTime": 2.0, "TaskName": "rest", "SliceTiming": TIMES}


def image(path, shape=(5, 4, 4, 12), zoom=2.0, units=("mm", "sec"), qform=None, data=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    affine = np.diag([3.0, 3.0, 4.0, 1.0])
    img = nib.Nifti1Image(np.ones(shape, np.int16) if data is None else data, affine)
    img.set_sform(affine, 1)
    img.set_qform(affine if qform is None else qform, 1)
    if len(shape) == 4:
        img.header.set_zooms((3, 3, 4, zoom))
    img.header.set_xyzt_units(*units)
    img.to_filename(path)
    return path


def sidecar(path, **content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def read_bids(root, *, n_trim=0, slice_timing=True, **wishes):
    return read_dataset(root, Selection(**wishes), n_trim=n_trim, slice_timing=slice_timing)


@pytest.fixture
def bids(tmp_path):
    """One participant without sessions, one with two of them and two runs."""
    root = tmp_path / "bids"
    image(root / "sub-01/func/sub-01_task-rest_bold.nii.gz")
    image(root / "sub-01/anat/sub-01_T1w.nii.gz", (5, 4, 4))
    for session in ("a", "b"):
        for run in ("1", "2"):
            image(
                root / f"sub-02/ses-{session}/func"
                f"/sub-02_ses-{session}_task-rest_dir-AP_run-{run}_bold.nii.gz"
            )
    image(root / "sub-02/ses-a/anat/sub-02_ses-a_T1w.nii.gz", (5, 4, 4))
    sidecar(root / "task-rest_bold.json", **SIDECAR)
    return root


def problems(root, **wishes):
    with pytest.raises(InputError) as caught:
        read_bids(root, **wishes)
    return caught.value.problems


BOLD_1 = "sub-01/func/sub-01_task-rest_bold.nii.gz"


def test_scans_come_in_order_with_what_is_known_of_them(bids):
    scans = read_bids(bids)
    assert [(s.participant_id, s.session, s.task, s.run) for s in scans] == [
        ("sub-01", None, "rest", None),
        ("sub-02", "a", "rest", "1"),
        ("sub-02", "a", "rest", "2"),
        ("sub-02", "b", "rest", "1"),
        ("sub-02", "b", "rest", "2"),
    ]
    first = scans[0]
    assert first.bold == bids / BOLD_1
    assert first.t1w == bids / "sub-01/anat/sub-01_T1w.nii.gz"
    assert (first.tr, first.slice_times, first.warnings) == (2.0, tuple(TIMES), ())


def test_nearer_sidecars_win_and_only_those_that_apply(bids):
    sidecar(bids / "task-rest_run-2_bold.json", FlipAngle=80, EchoTime=0.03)
    sidecar(bids / "task-other_bold.json", FlipAngle=1)
    sidecar(bids / "task-rest_T1w.json", FlipAngle=2)
    sidecar(bids / "sub-02/sub-02_task-rest_bold.json", FlipAngle=70)
    sidecar(bids / "sub-02/ses-b/func/sub-02_ses-b_task-rest_bold.json", EchoTime=0.025)
    found = {
        (s.participant_id, s.session, s.run): (
            s.metadata.get("FlipAngle"),
            s.metadata.get("EchoTime"),
        )
        for s in read_bids(bids)
    }
    assert found == {
        ("sub-01", None, None): (None, None),
        ("sub-02", "a", "1"): (70, None),
        ("sub-02", "a", "2"): (70, 0.03),
        ("sub-02", "b", "1"): (70, 0.025),
        ("sub-02", "b", "2"): (70, 0.025),
    }


def test_t1w_of_the_session_else_of_another_else_none_is_said(bids):
    scans = read_bids(bids)
    assert {s.t1w.name for s in scans[1:]} == {"sub-02_ses-a_T1w.nii.gz"}
    assert [bool(s.warnings) for s in scans] == [False, False, False, True, True]
    image(bids / "sub-02/ses-b/anat/sub-02_ses-b_T1w.nii.gz", (5, 4, 4))
    (bids / "sub-01/anat/sub-01_T1w.nii.gz").unlink()
    scans = read_bids(bids)
    assert [s.t1w and s.t1w.name[7:12] for s in scans] == [None, *["ses-a"] * 2, *["ses-b"] * 2]
    assert "no T1w" in scans[0].warnings[0]
    assert not any(s.warnings for s in scans[1:])


@pytest.mark.parametrize(
    ("wishes", "n"),
    [
        ({"participant_labels": ["02"]}, 4),
        ({"participant_labels": ["sub-02", "01"]}, 5),
        ({"participant_labels": ["02"], "sessions": ["ses-b"]}, 2),
        ({"participant_labels": ["02"], "runs": ["02"]}, 2),
        ({"participant_labels": ["02"], "sessions": ["a"], "runs": ["run-1"]}, 1),
        ({"task": "task-rest"}, 5),
    ],
)
def test_wishes(bids, wishes, n):
    assert len(read_bids(bids, **wishes)) == n


def test_who_has_no_matching_run_is_named(bids, caplog):
    with caplog.at_level(logging.WARNING):
        assert len(read_bids(bids, sessions=["b"])) == 2
    assert "sub-01 has no BOLD run that matches session b" in caplog.text
    (said,) = problems(bids, sessions=["b"], participant_labels=["01"])
    assert "sub-01 has no BOLD run" in said


def test_what_is_not_raw_data_is_ignored(bids):
    image(bids / "derivatives/x/sub-01/func/sub-01_task-rest_bold.nii.gz")
    image(bids / "sourcedata/sub-03/func/sub-03_task-rest_bold.nii.gz")
    image(bids / "sub-01/func/sub-01_task-rest_sbref.nii.gz")
    image(bids / "sub-01/func/sub-01_task-rest_part-phase_bold.nii.gz")
    image(bids / "sub-01/func/.sub-01_task-hidden_bold.nii.gz")
    image(bids / "sub-01/func/sub-01_task-broken_bold.nii.gz", (5, 4, 4))
    image(bids / "sub-09/func/sub-09_task-rest_bold.nii.gz", (5, 4, 4))
    (bids / ".bidsignore").write_text("# no good\n*_task-broken_*\n/sub-09/\n")
    assert len(read_bids(bids)) == 5


def test_derived_images_among_raw_runs_are_refused(bids):
    image(bids / "sub-02/ses-a/func/sub-02_ses-a_task-rest_space-T1w_desc-preproc_bold.nii.gz")
    (said,) = problems(bids, slice_timing=False)
    assert "no raw dataset" in said


def test_all_problems_are_said_together(bids):
    sidecar(bids / "sub-01/func/sub-01_task-rest_bold.json", RepetitionTime=2000)
    image(bids / "sub-02/ses-a/func/sub-02_ses-a_task-rest_dir-AP_run-1_bold.nii.gz", (5, 4, 4))
    (bids / "sub-02/ses-b/func/sub-02_ses-b_task-rest_bold.json").write_text("{")
    found = problems(bids, participant_labels=["01", "02", "77"])
    assert len(found) == 4
    for said in ("no participant sub-77. It has: sub-01, sub-02", "milliseconds", "single volume"):
        assert sum(said in problem for problem in found) == 1
    assert "not valid JSON" in found[-1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"RepetitionTime": 2000}, r"milliseconds.*\(2\)"),
        ({"RepetitionTime": 1.5}, "1.5 s by the sidecar and 2 s by the header"),
        ({"RepetitionTime": "2"}, "must be a number"),
        ({"RepetitionTime": 0}, "greater than 0"),
        ({"RepetitionTime": None, "VolumeTiming": [0, 1, 5]}, "acquired with gaps"),
        ({"RepetitionTime": None}, "no RepetitionTime.*header says 2 s"),
        ({"SliceTiming": None}, "no SliceTiming.*skip slice timing"),
        ({"SliceTiming": TIMES[:3]}, "3 values and the image has 4 slices"),
        ({"SliceTiming": [-0.1, 0, 1, 1.5]}, "negative"),
        ({"SliceTiming": [0, 0.5, 1, 2.0]}, "up to 2, past"),
        ({"SliceTiming": [0, 500, 1000, 1500]}, "milliseconds"),
        ({"SliceTiming": "interleaved"}, "list of numbers"),
        ({"SliceEncodingDirection": "i"}, "third"),
    ],
)
def test_bad_sidecars(bids, content, said):
    sidecar(bids / "sub-01/func/sub-01_task-rest_bold.json", **content)
    with pytest.raises(InputError, match=said) as caught:
        read_bids(bids)
    (problem,) = caught.value.problems
    assert str(bids / BOLD_1) in problem


def test_slice_timing_can_be_skipped_and_can_run_downwards(bids):
    own = bids / "sub-01/func/sub-01_task-rest_bold.json"
    sidecar(own, SliceEncodingDirection="k-")
    assert read_bids(bids)[0].slice_times == tuple(TIMES[::-1])
    sidecar(own, SliceTiming=[1, 2])
    assert read_bids(bids, slice_timing=False)[0].slice_times is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shape": (5, 4, 4)}, "single volume"),
        ({"shape": (5, 4, 4, 1)}, "single volume"),
        ({"zoom": 2.5}, "2 s by the sidecar and 2.5 s by the header"),
        ({"zoom": 2000}, "header's repetition time is 2000 s.*milliseconds"),
        (
            {"qform": nib.affines.from_matvec(np.diag([3.0, 3.0, 4.0]), [0, 0, 1.2])},
            "disagree by up to 1.2 mm",
        ),
        ({"qform": np.diag([-3.0, 3.0, 4.0, 1.0])}, "which side is left"),
        ({"shape": (5, 4, 4, 8)}, "8 volumes and 10 are to be dropped"),
    ],
)
def test_bad_headers(bids, changes, said):
    image(bids / BOLD_1, **changes)
    with pytest.raises(InputError, match=said) as caught:
        read_bids(bids, n_trim=10)
    (problem,) = caught.value.problems
    assert str(bids / BOLD_1) in problem


@pytest.mark.parametrize("units", [("mm", "msec"), ("mm", "unknown")])
def test_header_times_in_other_units_are_understood(bids, units):
    image(bids / BOLD_1, zoom=2000, units=units)
    assert read_bids(bids)[0].tr == 2.0


def test_echoes_leave_a_choice(bids):
    (bids / BOLD_1).unlink()
    for echo in (1, 2):
        image(bids / f"sub-01/func/sub-01_task-rest_echo-{echo}_bold.nii.gz")
    (said,) = problems(bids)
    assert "several echoes (1, 2)" in said
    assert "combine" in said
    assert read_bids(bids, echo="02")[0].bold.name == "sub-01_task-rest_echo-2_bold.nii.gz"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sub-01_bold.nii.gz", "names no task"),
        ("sub-02_task-rest_bold.nii.gz", "another participant"),
        ("sub-01_ses-x_task-rest_bold.nii.gz", "another participant or session"),
        ("sub-01_task-rest_junk_bold.nii.gz", "a name that BIDS does not know"),
        ("sub-01_task-rest_bold.nii", "there twice"),
    ],
)
def test_misnamed_files_are_not_passed_over(bids, name, said):
    image(bids / "sub-01/func" / name)
    (problem,) = problems(bids)
    assert said in problem


def test_folders_that_are_no_dataset(tmp_path):
    assert "is not a folder" in problems(tmp_path / "none")[0]
    assert "no BIDS dataset" in problems(tmp_path)[0]
    (tmp_path / "sub-01").mkdir()
    assert "has no BOLD run" in problems(tmp_path)[0]


def test_unreadable_images(bids):
    (bids / BOLD_1).write_bytes(b"no image")
    (bids / "sub-01/anat/sub-01_T1w.nii.gz").unlink()
    (bids / "sub-01/anat/sub-01_T1w.nii.gz").symlink_to("../../.git/annex/none")
    found = problems(bids)
    assert len(found) == 2
    assert "datalad get" in found[0]
    assert "cannot be read as an image" in found[1]


def test_volumes_are_read_to_the_end(tmp_path):
    rng = np.random.default_rng(0)
    good = image(
        tmp_path / "good.nii.gz", data=rng.integers(1, 999, (9, 8, 7, 12)).astype(np.int16)
    )
    read_volumes(good)
    whole = good.read_bytes()
    for name, content in (
        ("cut.nii.gz", whole[:-500]),
        ("no_checksum.nii.gz", whole[:-4]),
        ("flipped.nii.gz", whole[:-6] + bytes([whole[-6] ^ 1]) + whole[-5:]),
        ("cut.nii", gzip.decompress(whole)[:-50]),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=rf"{name} is damaged or cut short"):
            read_volumes(tmp_path / name)


def test_empty_volumes_and_nan_are_found(tmp_path):
    data = np.ones((5, 4, 4, 12), np.float32)
    data[..., 7:9] = 0
    data[2, 2, 2, 3] = np.nan
    with pytest.raises(InputError) as caught:
        read_volumes(image(tmp_path / "x.nii.gz", data=data))
    zero, nan = caught.value.problems
    with pytest.raises(InputError) as told:
        read_volumes(tmp_path / "x.nii.gz", gaps=True)
    assert told.value.problems == (zero,)
    assert "2 volume(s) that are zero everywhere (the first is number 7" in zero
    assert "1 volume(s), the first being number 3" in nan
