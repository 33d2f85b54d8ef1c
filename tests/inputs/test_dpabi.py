"""Working folders of DPABI: stages, sessions, parameters, results, and what can be wrong."""

import numpy as np
import pytest

from commissure.inputs import Selection, read_confounds
from commissure.inputs.dpabi import Stage, read_dpabi
from commissure.inputs.dpabi_results import read_dpabi_maps
from commissure.problems import InputError
from tests.inputs.images import image

EVERYTHING = {"trim", "smoothing", "regression", "filter"}
MASK = "Masks/AllResampled_BrainMask_05_91x109x91.nii"


def parameters(root, name, prefix="", n=12):
    folder = root / "RealignParameter" / name
    folder.mkdir(parents=True, exist_ok=True)
    np.savetxt(folder / f"{prefix}rp_a{name}.txt", np.full((n, 6), 0.01))


@pytest.fixture
def dpabi(tmp_path):
    root = tmp_path / "work"
    for name in ("Sub_001", "Sub_002"):
        for stage in ("FunImg", "FunImgAR", "FunImgARW", "FunImgARWS", "FunImgARWSDC"):
            image(root / stage / name / "image.nii")
        image(root / "FunImgARWSDCF" / name / "Filtered_4DVolume.nii")
        parameters(root, name)
        (root / "FunImgARCovs" / name).mkdir(parents=True)
    image(root / MASK, (5, 4, 4))
    return root


def problems(*arguments, reader=read_dpabi, **options):
    with pytest.raises(InputError) as caught:
        reader(*arguments, **options)
    return caught.value.problems


@pytest.mark.parametrize(
    ("name", "kind", "done", "normalised"),
    [
        ("FunImg", "preprocessed", {"trim"}, False),
        ("FunImgAR", "preprocessed", {"trim"}, False),
        ("FunImgARW", "preprocessed", {"trim"}, True),
        ("FunImgARWS", "preprocessed", {"trim", "smoothing"}, True),
        ("FunImgARWSDC", "preprocessed", {"trim", "smoothing", "regression"}, True),
        ("FunImgARWSDCF", "clean", EVERYTHING, True),
        ("FunImgARglobalCWF", "clean", EVERYTHING - {"smoothing"}, True),
        ("FunImgARCWFsymS", "clean", EVERYTHING, True),
    ],
)
def test_letters_say_what_was_done(name, kind, done, normalised):
    stage = Stage(name)
    assert (stage.kind, stage.done, stage.is_normalised) == (kind, done, normalised)


def test_the_furthest_stage_is_taken_unless_another_is_named(dpabi):
    first, second = read_dpabi(dpabi)
    assert first.bold == dpabi / "FunImgARWSDCF/Sub_001/Filtered_4DVolume.nii"
    assert (first.participant_id, first.session, first.name) == (
        "Sub_001",
        None,
        "sub-Sub001_task-rest",
    )
    assert (first.kind, first.done, first.space, first.tr) == ("clean", EVERYTHING, "MNI", 2)
    assert first.mask == dpabi / MASK
    assert first.confounds == dpabi / "RealignParameter/Sub_001/rp_aSub_001.txt"
    assert (second.participant_id, first.warnings) == ("Sub_002", ())
    named = read_dpabi(dpabi, folder="FunImgARW", space="MNI152NLin6Asym")
    assert {(s.kind, s.space) for s in named} == {("preprocessed", "MNI152NLin6Asym")}
    assert read_confounds(named[0], ("friston24",)).regressors.shape == (12, 24)
    (native, _) = read_dpabi(dpabi, folder="FunImgAR")
    assert native.space is None
    assert "not in MNI space" in native.warnings[0]


def test_with_and_without_the_global_signal_one_must_be_named(dpabi):
    for stage in ("FunImgARglobalWSDCF", "FunImgARCWFsymS"):
        image(dpabi / stage / "Sub_001/image.nii")
    (said,) = problems(dpabi)
    assert "has FunImgARWSDCF, FunImgARglobalWSDCF, processed equally far" in said
    assert len(read_dpabi(dpabi, folder="FunImgARglobalWSDCF")) == 1


def test_sessions(dpabi):
    image(dpabi / "S2_FunImgARWSDCF/Sub_001/Filtered_4DVolume.nii.gz")
    parameters(dpabi, "Sub_001", "S2_")
    scans = read_dpabi(dpabi)
    assert [(s.participant_id, s.session) for s in scans] == [
        ("Sub_001", "1"),
        ("Sub_001", "2"),
        ("Sub_002", "1"),
    ]
    assert [s.confounds.name for s in scans][:2] == ["rp_aSub_001.txt", "S2_rp_aSub_001.txt"]
    assert len({s.name for s in scans}) == 3
    (second,) = read_dpabi(dpabi, Selection(sessions=("2",)))
    assert second.bold.name == "Filtered_4DVolume.nii.gz"
    only = Selection(participant_labels=("Sub_002",), task="rest")
    assert [s.participant_id for s in read_dpabi(dpabi, only)] == ["Sub_002"]


def test_the_repetition_time(dpabi):
    for path in dpabi.glob("FunImgARWSDCF/*/*.nii"):
        image(path, zoom=1.0, units=("mm", "unknown"))
    assert {s.tr for s in read_dpabi(dpabi)} == {0}
    assert {s.tr for s in read_dpabi(dpabi, tr=2.5)} == {2.5}
    assert "tr must be in seconds" in problems(dpabi, tr=2500)[0]
    (dpabi / "TRInfo.tsv").write_text(
        "Subject ID\tTR\tS2_TR\tSlice Number\nSub_001\t2\t3\t4\nSub_002\t1.5\t3\t4\n"
    )
    assert [s.tr for s in read_dpabi(dpabi)] == [2, 1.5]
    (dpabi / "TRInfo.tsv").write_text("Subject ID\tTR\nSub_001\tx\n")
    assert "TRInfo.tsv cannot be read" in problems(dpabi)[0]


def test_all_problems_are_said_together(dpabi):
    stage = dpabi / "FunImgARW"
    image(stage / "Sub_001/again.nii")
    (stage / "Sub_002/image.nii").unlink()
    (stage / "Sub_002/image.img").write_bytes(b"1")
    for name, n in (("Sub_003", 12), ("Sub_004", 11), ("Sub_005", 12), ("Sub_006", 12)):
        image(stage / name / "image.nii", zoom=0.0 if name == "Sub_005" else 2.0)
        parameters(dpabi, name, n=n)
    image(stage / "Sub_003/image.nii.gz")
    (stage / "Sub_007").mkdir()
    (dpabi / "RealignParameter/Sub_006/rp_aSub_006.txt").unlink()
    (stage / "Sub_006/.hidden.nii").write_bytes(b"")
    image(stage / "Sub_008/image.nii", (5, 4, 4))
    found = problems(dpabi, Selection(participant_labels=None), folder="FunImgARW")
    for said in (
        "Sub_001 has 2 images",
        "pairs of .img and .hdr",
        "image.nii is there twice",
        "11 rows, and the image 12 volumes. Cleaning needs it",
        "does not tell its repetition time",
        "Sub_006 has 0 files rp*.txt; one is expected. Cleaning needs it",
        "Sub_007 has no image",
        "single volume",
    ):
        assert sum(said in problem for problem in found) == 1, said


def test_a_clean_scan_needs_no_parameters_but_says_so(dpabi):
    (dpabi / "RealignParameter/Sub_001/rp_aSub_001.txt").write_text("1 2 3\n")
    (dpabi / MASK).unlink()
    first = read_dpabi(dpabi)[0]
    assert first.confounds is None
    assert "6 number(s) in each row" in first.warnings[0]
    assert "no AllResampled_BrainMask" in first.warnings[1]
    for name in ("Sub_001", "Sub_002"):
        image(dpabi / "FunImgARWSDF" / name / "image.nii")
    first = read_dpabi(dpabi, folder="FunImgARWSDF")[0]
    assert "no covariates were removed" in first.warnings[0]


def test_folders_that_are_no_working_directory(tmp_path):
    assert "is not a folder" in problems(tmp_path / "none")[0]
    assert "no working directory" in problems(tmp_path)[0]
    image(tmp_path / "FunImgAR/Sub_001/x.nii")
    assert "no images in MNI space" in problems(tmp_path)[0]
    assert "has no folder FunImgARW. It has: FunImgAR" in problems(tmp_path, folder="FunImgARW")[0]
    (said,) = problems(tmp_path, Selection(participant_labels=("9",)), folder="FunImgAR")
    assert "no participant sub-9. It has: Sub_001" in said


@pytest.fixture
def results(tmp_path):
    for name in ("Sub_001", "Sub_002"):
        for prefix in ("", "z"):
            image(tmp_path / f"Results/VMHC_FunImgARCWFsymS/{prefix}VMHCMap_{name}.nii", (5, 4, 4))
        for prefix in ("", "m", "z"):
            image(tmp_path / f"Results/ALFF_FunImgARC/{prefix}ALFFMap_{name}.nii", (5, 4, 4))
            image(tmp_path / f"ResultsWS/ALFF_FunImgARC/sw{prefix}ALFFMap_{name}.nii", (5, 4, 4))
        image(tmp_path / f"Results/FC_FunImgARCWF/zROI1FCMap_{name}.nii", (5, 4, 4))
        image(tmp_path / f"Results/FC_FunImgARCWF/zROI2FCMap_{name}.nii", (5, 4, 4))
        (tmp_path / f"Results/FC_FunImgARCWF/ROISignals_{name}.txt").write_text("1")
    return tmp_path


def test_maps_of_a_measure(results):
    first, second = read_dpabi_maps(results, "VMHC")
    assert first.bold.name == "zVMHCMap_Sub_001.nii"
    assert (first.kind, first.space, second.participant_id) == ("map", "MNI", "Sub_002")
    assert {s.bold.name[:9] for s in read_dpabi_maps(results, "ALFF")} == {"swzALFFMa"}
    assert {s.space for s in read_dpabi_maps(results, "ALFF")} == {"MNI"}
    assert {s.bold.name[:4] for s in read_dpabi_maps(results, "mALFFMap")} == {"mALF"}
    (said,) = problems(results, "FC", reader=read_dpabi_maps)
    assert "Results/FC_FunImgARCWF/zROI1FCMap_..., Results/FC" in said
    assert len(read_dpabi_maps(results, "zROI2FCMap")) == 2
    maps = read_dpabi_maps(results, "ALFF", folder="Results/ALFF_FunImgARC")
    assert {(s.bold.name[:8], s.space) for s in maps} == {("zALFFMap", None)}
    image(results / "S2_Results/VMHC_FunImgARCWFsymS/zVMHCMap_Sub_001.nii", (5, 4, 4))
    assert [s.session for s in read_dpabi_maps(results, "VMHC")] == ["1", "2", "1"]


def test_problems_of_maps(results, tmp_path):
    assert (
        "has no maps of X. It has those of ALFF, FC, VMHC"
        in problems(results, "X", reader=read_dpabi_maps)[0]
    )
    assert "in Y" in problems(results, "ALFF", reader=read_dpabi_maps, folder="Y")[0]
    assert "has no maps (" in problems(tmp_path / "none", "X", reader=read_dpabi_maps)[0]
    (results / "Results/VMHC_FunImgARCWFsymS/zVMHCMap_Sub_001.nii").write_bytes(b"")
    image(results / "Results/VMHC_FunImgARCWFsymS/zVMHCMap_Sub_002.nii")
    found = problems(results, "VMHC", reader=read_dpabi_maps)
    assert "is empty" in found[0]
    assert "has 4 dimensions; a map has 3" in found[1]
    image(results / "Results/ALFF_FunImgARC/ALFFMap_Sub_001.nii.gz", (5, 4, 4))
    assert "there twice" in problems(results, "VMHC", reader=read_dpabi_maps)[0]
