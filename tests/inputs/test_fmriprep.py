"""Derived datasets: what is found in them, what is taken of several, and what is wrong."""

import json
import logging

import numpy as np
import pytest

from commissure.inputs import Selection
from commissure.inputs.fmriprep import read_fmriprep
from commissure.inputs.spaces import Space, symmetric_template_problem
from commissure.problems import InputError
from tests.inputs.images import AFFINE, image

COLUMNS = ["trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z", "csf", "white_matter"]


def table(path, n=12, columns=COLUMNS, flagged=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [["0.1"] * len(columns) for _ in range(n)]
    header = [*columns, *(f"non_steady_state_outlier{k:02d}" for k in range(flagged))]
    for number, row in enumerate(rows):
        row += ["1.0" if number == k else "0.0" for k in range(flagged)]
    path.write_text("\n".join("\t".join(row) for row in [header, *rows]) + "\n")
    return path


def run(root, stem, spaces=("MNI152NLin2009cAsym_res-2",), desc="preproc", mask=True, flagged=2):
    """Write a run as fMRIPrep does: "sub-01/func/sub-01_task-rest" in some spaces."""
    for space in spaces:
        label = f"_space-{space}" if space else ""
        bold = image(root / f"{stem}{label}_desc-{desc}_bold.nii.gz")
        bold.with_name(bold.name.replace(".nii.gz", ".json")).write_text('{"RepetitionTime": 2}')
        if mask:
            image(root / f"{stem}{label}_desc-brain_mask.nii.gz", (5, 4, 4))
    return table(root / f"{stem}_desc-confounds_timeseries.tsv", flagged=flagged)


@pytest.fixture
def derived(tmp_path):
    root = tmp_path / "fmriprep"
    root.mkdir()
    about = {"Name": "x", "DatasetType": "derivative", "GeneratedBy": [{"Name": "fMRIPrep"}]}
    (root / "dataset_description.json").write_text(json.dumps(about))
    spaces = ("MNI152NLin2009cAsym_res-2", "MNI152NLin6Asym_res-02", "T1w", "")
    run(root, "sub-01/func/sub-01_task-rest", spaces)
    run(root, "sub-02/ses-a/func/sub-02_ses-a_task-rest_run-1", spaces)
    run(root, "sub-02/ses-a/func/sub-02_ses-a_task-rest_run-2", spaces, flagged=0)
    image(root / "sub-01/func/sub-01_task-rest_space-fsLR_den-91k_bold.dtseries.nii")
    (root / "sub-01/figures").mkdir()
    return root


def problems(root, *selection, **options):
    with pytest.raises(InputError) as caught:
        read_fmriprep(root, *selection, **options)
    return caught.value.problems


def test_scans_with_all_that_belongs_to_them(derived):
    first, *rest = read_fmriprep(derived)
    func = derived / "sub-01/func"
    stem = "sub-01_task-rest_space-MNI152NLin6Asym_res-02"
    assert first.bold == func / f"{stem}_desc-preproc_bold.nii.gz"
    assert first.mask == func / f"{stem}_desc-brain_mask.nii.gz"
    assert first.confounds == func / "sub-01_task-rest_desc-confounds_timeseries.tsv"
    assert (first.kind, first.space, first.tr) == ("preprocessed", "MNI152NLin6Asym", 2)
    assert (first.done, first.n_non_steady, first.warnings) == (frozenset(), 2, ())
    assert [(s.participant_id, s.session, s.task, s.run) for s in rest] == [
        ("sub-02", "a", "rest", "1"),
        ("sub-02", "a", "rest", "2"),
    ]
    assert [s.name for s in (first, *rest)] == [
        "sub-01_task-rest",
        "sub-02_ses-a_task-rest_run-1",
        "sub-02_ses-a_task-rest_run-2",
    ]
    assert len(read_fmriprep(derived, Selection(participant_labels=("02",), runs=("02",)))) == 1


def made_by(root, *names):
    """Say who made a dataset: what "denoised" means depends on it."""
    about = {"Name": "x", "DatasetType": "derivative", "GeneratedBy": [{"Name": n} for n in names]}
    (root / "dataset_description.json").write_text(json.dumps(about))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("MNI152NLin2009cAsym", "MNI152NLin2009cAsym"),
        ("space-MNI152NLin6Asym", "MNI152NLin6Asym"),
        ("MNI152NLin6Asym:res-2", "MNI152NLin6Asym"),
        ("T1w", None),
    ],
)
def test_the_space_asked_for(derived, asked, found):
    assert {scan.space for scan in read_fmriprep(derived, space=asked)} == {found}


def test_of_several_spaces_the_symmetric_one_that_all_have(derived, caplog):
    stem = "sub-01/func/sub-01_task-rest"
    run(derived, stem, ("MNI152NLin2009aSym_res-3",))
    with caplog.at_level(logging.WARNING, logger="commissure"):
        assert {s.space for s in read_fmriprep(derived)} == {"MNI152NLin6Asym"}
    assert (
        "Taking desc-preproc in MNI152NLin6Asym:res-2; there is also desc-preproc in "
        in caplog.text
    )
    only = Selection(participant_labels=("01",))
    assert {s.space for s in read_fmriprep(derived, only)} == {"MNI152NLin2009aSym"}
    (said, *_) = problems(derived, space="MNI152NLin2009aSym")
    assert (
        "sub-02_ses-a_task-rest_run-1 has no BOLD in MNI152NLin2009aSym; it has desc-preproc"
        in said
    )


def test_a_run_that_lacks_what_the_others_have_is_named(derived):
    one = "sub-01/func/sub-01_task-rest_space-MNI152NLin6Asym_res-02"
    two = "sub-02/ses-a/func/sub-02_ses-a_task-rest_run-1_space-MNI152NLin2009cAsym_res-2"
    for name in (one, two):
        (derived / f"{name}_desc-preproc_bold.nii.gz").unlink()
    (said,) = problems(derived)
    assert "has no BOLD desc-preproc in MNI152NLin6Asym:res-2, which 2 of 3 runs have" in said
    assert "sub-01/func/sub-01_task-rest has" in said


@pytest.mark.parametrize(
    ("desc", "kind", "left"),
    [
        ("clean", "clean", set()),
        ("denoisedSmoothed", "clean", set()),
        ("denoised", "clean", {"smoothing"}),
    ],
)
def test_clean_data_are_taken_before_preprocessed(derived, desc, kind, left):
    made_by(derived, "XCP-D")
    for scan in read_fmriprep(derived):
        image(scan.bold.with_name(scan.bold.name.replace("preproc", desc)), units=("mm", "unknown"))
    found = read_fmriprep(derived, n_trim=99)
    assert {s.kind for s in found} == {kind}
    assert {frozenset(("trim", "smoothing", "regression", "filter")) - s.done for s in found} == {
        frozenset(left)
    }
    assert all(f"desc-{desc}_" in s.bold.name and s.n_non_steady == 0 for s in found)
    assert all("desc-preproc" in s.bold.name for s in read_fmriprep(derived, desc="preproc"))


def test_xcp_d_censored_series_keep_their_motion_table(tmp_path):
    stem = "sub-01/func/sub-01_task-rest"
    run(tmp_path, stem, ("MNI152NLin6Asym",), desc="denoised", mask=False).unlink()
    table(tmp_path / f"{stem}_motion.tsv", n=15)
    (scan,) = read_fmriprep(tmp_path)
    assert scan.confounds.name == "sub-01_task-rest_motion.tsv"
    assert "15 rows" in scan.warnings[0]
    assert "no brain mask" in scan.warnings[1]


def test_single_echoes_and_other_files_are_not_runs(derived):
    run(derived, "sub-01/func/sub-01_task-rest_echo-1", ("",))
    image(derived / "sub-01/func/sub-01_task-rest_space-T1w_boldref.nii.gz", (5, 4, 4))
    image(
        derived / "sub-01/func/sub-01_task-rest_space-MNI152NLin6Asym_res-02_boldref.nii.gz",
        (5, 4, 4),
    )
    (derived / "sub-01/func/sub-01_task-rest_desc-confounds_timeseries 2.json").write_text("no")
    assert len(read_fmriprep(derived)) == 3


def test_bidsignore_hides_images_but_not_tables(derived):
    (derived / ".bidsignore").write_text("*_timeseries.tsv\n*_xfm.*\n*_run-2_*\n")
    assert [s.confounds is not None for s in read_fmriprep(derived)] == [True, True]


def test_old_names_of_confounds_and_two_of_them(derived):
    new = derived / "sub-01/func/sub-01_task-rest_desc-confounds_timeseries.tsv"
    old = new.with_name("sub-01_task-rest_desc-confounds_regressors.tsv")
    old.write_bytes(new.read_bytes())
    first = read_fmriprep(derived)[0]
    assert first.confounds == new
    assert "2 tables" in first.warnings[0]
    new.unlink()
    assert read_fmriprep(derived)[0].confounds == old


def test_all_problems_are_said_together(derived):
    func1, func2 = derived / "sub-01/func", derived / "sub-02/ses-a/func"
    one = func1 / "sub-01_task-rest_space-MNI152NLin6Asym_res-02_desc-preproc_bold.nii.gz"
    two = (
        func2 / "sub-02_ses-a_task-rest_run-2_space-MNI152NLin6Asym_res-02_desc-preproc_bold.nii.gz"
    )
    table(func1 / "sub-01_task-rest_desc-confounds_timeseries.tsv", n=11)
    one.with_name(one.name.replace(".nii.gz", ".json")).write_text('{"RepetitionTime": 2000}')
    image(func1 / one.name.replace("preproc_bold", "brain_mask"), (5, 4, 5))
    (func2 / "sub-02_ses-a_task-rest_run-1_desc-confounds_timeseries.tsv").unlink()
    two.write_bytes(b"")
    image(func2 / two.name.removesuffix(".gz"))
    found = problems(derived, Selection(participant_labels=("01", "02", "03")))
    for said in (
        "no participant sub-03",
        "is there twice, as sub-02",
        "11 rows and sub-01_task-rest_space-MNI152NLin6Asym_res-02_desc-preproc_bold.nii.gz 12 vol",
        "milliseconds",
        "brain_mask.nii.gz is not on the grid",
        "run-1_space-MNI152NLin6Asym_res-02_desc-preproc_bold.nii.gz has no table of confounds",
    ):
        assert sum(said in problem for problem in found) == 1, said


def test_empty_and_missing_files(derived):
    for bold in derived.rglob("*6Asym*_bold.nii.gz"):
        bold.write_bytes(b"")
    found = problems(derived)
    assert len(found) == 3
    assert all("is empty (0 bytes)" in problem for problem in found)


def test_too_few_volumes_count_the_flagged_ones(derived):
    flags = derived / "sub-01/func/sub-01_task-rest_desc-confounds_timeseries.tsv"
    table(flags, flagged=12)
    (said,) = problems(derived, n_trim=3)
    assert "12 volumes and 12 are to be dropped" in said
    (said,) = problems(derived, Selection(participant_labels=("02",), runs=("1",)), n_trim=12)
    assert "12 volumes and 12" in said


def test_only_native_space_is_refused_with_the_reason(tmp_path):
    run(tmp_path, "sub-01/func/sub-01_task-rest", ("", "T1w"))
    (said,) = problems(tmp_path)
    assert "no BOLD in a template space; it has desc-preproc in native space" in said


def test_folders_that_are_no_such_dataset(tmp_path):
    assert "is not a folder" in problems(tmp_path / "none")[0]
    assert "no BIDS dataset" in problems(tmp_path)[0]
    assert "desc must be one of" in problems(tmp_path, desc="x")[0]
    image(tmp_path / "sub-01/func/sub-01_task-rest_bold.nii.gz")
    assert "no preprocessed BOLD run" in problems(tmp_path)[0]
    only = Selection(participant_labels=("01",), task="x")
    assert "matches task x" in problems(tmp_path, only)[0]


def test_tr_of_the_header_if_no_sidecar_tells_it(derived):
    for sidecar in derived.rglob("*_bold.json"):
        sidecar.unlink()
    assert {scan.tr for scan in read_fmriprep(derived)} == {2.0}
    for bold in derived.rglob("*6Asym*_bold.nii.gz"):
        image(bold, zoom=1.0, units=("mm", "unknown"))
    found = problems(derived)
    assert len(found) == 3
    assert "does not tell its repetition time" in found[0]


def test_masks_on_the_same_grid_stored_otherwise_are_the_same(derived):
    flipped = AFFINE @ np.array([[-1, 0, 0, 4], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    for mask in derived.rglob("*6Asym*_mask.nii.gz"):
        image(mask, (5, 4, 4), affine=flipped)
    assert len(read_fmriprep(derived)) == 3


def test_spaces():
    infant = Space.of({"space": "MNIInfant", "cohort": "1", "res": "native"})
    assert (infant.name, str(infant), infant.is_template) == (
        "MNIInfant+1",
        "MNIInfant+1:res-native",
        True,
    )
    assert infant.answers("MNIInfant:cohort-1:res-native")
    assert infant.answers("MNIInfant+1")
    assert not infant.answers("MNIInfant")
    assert not infant.answers("no space!")
    assert not Space.of({"space": "T1w"}).is_template
    assert not Space.of({}).is_template


def test_only_the_symmetric_template_has_mirror_positions():
    assert symmetric_template_problem("MNI152NLin2009aSym") is None
    assert "in MNI152NLin6Asym, and not in MNI152NLin2009aSym" in symmetric_template_problem(
        "MNI152NLin6Asym"
    )
    assert "native space" in symmetric_template_problem(None)


def test_a_repetition_time_that_is_asked_for_overrides_what_files_say(derived):
    scans = read_fmriprep(derived, tr=1.5)
    assert {scan.tr for scan in scans} == {1.5}
    assert all(
        "is 1.5 s, as [input] tr says, though its sidecar says 2" in s.warnings[0] for s in scans
    )
    assert problems(derived, tr=1500) == (
        "tr must be in seconds, above 0 and up to 20; it is 1500.",
    )
