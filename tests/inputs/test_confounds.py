"""Confounds of others' preprocessing, against nilearn and the definitions."""

import shutil
from pathlib import Path

import nibabel as nib
import nilearn.interfaces.fmriprep as nilearn_fmriprep
import numpy as np
import pandas as pd
import pytest
from nilearn.interfaces.fmriprep import load_confounds, load_confounds_strategy
from nilearn.interfaces.fmriprep.load_confounds import ALL_CONFOUNDS, COMPCOR_TYPES, CONFOUND_MODEL
from nilearn.interfaces.fmriprep.load_confounds_strategy import preset_strategies
from nilearn.masking import compute_epi_mask

from commissure.inputs.confounds import (
    _OPTIONS,
    COMPONENTS,
    FRISTON24,
    MOTION,
    NAMED_STRATEGIES,
    read_confounds,
    strategy_problems,
)
from commissure.inputs.confounds_tables import table_shape
from commissure.preprocessing import friston24, motion_matrices, motion_parameters
from commissure.problems import InputError
from tests.preprocessing.test_realignment import spm_matrix

NILEARN_DATA = Path(nilearn_fmriprep.__file__).parent / "data"
REALIGN = Path(__file__).parents[1] / "data" / "realign"


@pytest.fixture(params=["test_desc-confounds_regressors", "test-v21_desc-confounds_timeseries"])
def run(request, tmp_path):
    """Real tables of fMRIPrep (1.4 and 21), as nilearn ships them, and the image beside."""
    ending = request.param.split("_desc-")[1]
    stem = tmp_path / "func" / "sub-01_task-rest_run-1"
    stem.parent.mkdir()
    for extension in ("tsv", "json"):
        shutil.copyfile(
            NILEARN_DATA / f"{request.param}.{extension}", f"{stem}_desc-{ending}.{extension}"
        )
    return Path(
        f"{stem}_desc-{ending}.tsv"
    ), f"{stem}_space-MNI152NLin6Asym_desc-preproc_bold.nii.gz"


def test_names_and_values_are_nilearns():
    assert set(COMPONENTS) == {*ALL_CONFOUNDS, "friston24", "motion6"} - {"tedana"}
    assert set(NAMED_STRATEGIES) == set(preset_strategies)
    for name in ("motion", "wm_csf", "global_signal"):
        assert set(_OPTIONS[name]) == set(CONFOUND_MODEL)
    assert set(_OPTIONS["compcor"]) == set(COMPCOR_TYPES)


@pytest.mark.parametrize(
    ("strategy", "options"),
    [
        (("motion",), {"motion": "basic"}),
        (("motion", "high_pass", "wm_csf"), {}),
        (("motion", "wm_csf", "global_signal"), {"motion": "power2", "wm_csf": "full"}),
        (("motion", "global_signal"), {"motion": "derivatives", "global_signal": "full"}),
        (("high_pass", "compcor"), {"compcor": "anat_separated", "n_compcor": 2}),
        (("motion", "scrub"), {"motion": "basic", "fd_threshold": 0.2, "scrub": 2}),
        ("simple", {"global_signal": "basic"}),
        ("scrubbing", {"fd_threshold": 0.3}),
        ("compcor", {"n_compcor": 3}),
    ],
)
@pytest.mark.filterwarnings("ignore:All volumes were marked")
def test_columns_are_nilearns(run, strategy, options):
    table, image = run
    load = load_confounds_strategy if isinstance(strategy, str) else load_confounds
    theirs, sample = load(image, strategy, demean=False, **options)
    ours = read_confounds(table, strategy, **options)
    assert list(ours.names) == list(theirs)
    np.testing.assert_array_equal(ours.regressors, theirs)
    kept = np.arange(len(theirs)) if sample is None else sample
    np.testing.assert_array_equal(np.flatnonzero(ours.kept), kept)


def test_the_default_is_the_papers_29_less_trend(run):
    table = pd.read_csv(run[0], sep="\t", na_values="n/a")
    ours = read_confounds(run[0], n_trim=4)
    assert ours.names == (*FRISTON24, "csf", "global_signal", "white_matter")
    kept = table.iloc[4:]
    np.testing.assert_array_equal(ours.regressors[:, :24], friston24(kept[list(MOTION)].to_numpy()))
    np.testing.assert_array_equal(ours.regressors[0, 6:12], 0)
    np.testing.assert_array_equal(
        ours.regressors[:, 24:], kept[["csf", "global_signal", "white_matter"]]
    )
    np.testing.assert_array_equal(ours.parameters, kept[list(MOTION)])
    np.testing.assert_array_equal(ours.fd_power[1:], kept["framewise_displacement"][1:])
    assert ours.fd_power[0] == 0
    assert set(ours.columns) >= {*FRISTON24, "framewise_displacement"}


def test_six_parameters_are_the_tables_columns(run):
    six, all_of_them = (
        read_confounds(run[0], (name, "wm_csf")) for name in ("motion6", "friston24")
    )
    assert six.names == (*MOTION, *all_of_them.names[24:])
    np.testing.assert_array_equal(six.regressors[:, :6], all_of_them.regressors[:, :6])
    np.testing.assert_array_equal(six.regressors[:, :6], six.parameters)


def test_no_component_is_no_regressor(run):
    assert read_confounds(run[0], ()).regressors.shape == (len(pd.read_csv(run[0], sep="\t")), 0)


def test_flagged_volumes_are_counted_and_left_out(run):
    flags = pd.read_csv(run[0], sep="\t").filter(like="non_steady_state").sum(axis=1)
    n = int(flags.sum())
    assert n > 0
    assert table_shape(run[0]).n_non_steady == n
    assert not read_confounds(run[0]).kept[:n].any()
    assert read_confounds(run[0], n_trim=n).kept.all()


def simple_table(path, n=20, **more):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(0, 0.02, (n, 6)), columns=list(MOTION))
    for name in ("csf", "white_matter", "global_signal"):
        table[name] = rng.normal(100, 1, n)
    for name, column in more.items():
        table[name] = column
    table.to_csv(path, sep="\t", index=False, na_rep="n/a")
    return table


def test_what_a_table_lacks_is_made_as_fmriprep_makes_it(run, tmp_path):
    full, image = run
    table = pd.read_csv(full, sep="\t", na_values="n/a")
    lean = tmp_path / "lean_timeseries.tsv"
    table[[*MOTION, "csf", "white_matter"]].to_csv(lean, sep="\t", index=False)
    strategy = {"strategy": ("motion", "wm_csf"), "motion": "full", "wm_csf": "full"}
    theirs, _ = load_confounds(image, demean=False, **strategy)
    ours = read_confounds(lean, **strategy)
    # One of these tables is cut out of a longer one, with a derivative from before the cut.
    made = pd.DataFrame(ours.regressors, columns=list(ours.names))[list(theirs)]
    np.testing.assert_allclose(made[2:], theirs[2:], rtol=1e-3, atol=1e-5)


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path):
    path = tmp_path / "sub-01_desc-confounds_timeseries.tsv"
    simple_table(path, non_steady_state_outlier00=[1.0] + [0.0] * 19)
    before, shape = read_confounds(path, ("motion", "wm_csf")), table_shape(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    assert table_shape(path) == shape
    assert (shape.n_rows, shape.n_non_steady) == (20, 1)
    after = read_confounds(path, ("motion", "wm_csf"))
    assert before.names == after.names
    np.testing.assert_array_equal(before.regressors, after.regressors)


def test_gaps_in_the_first_row_are_filled_others_are_told(tmp_path):
    path = tmp_path / "x_timeseries.tsv"
    wm = np.arange(20.0)
    simple_table(path, white_matter=np.where(wm == 0, np.nan, wm))
    assert read_confounds(path, ("wm_csf",)).regressors[0, 1] == 1
    simple_table(path, white_matter=np.where(wm == 7, np.nan, wm))
    with pytest.raises(InputError, match=r"gaps \(n/a\) after the first row in white_matter"):
        read_confounds(path, ("wm_csf",))
    assert read_confounds(path, ("global_signal",)).names == ("global_signal",)
    simple_table(path, rot_x=np.where(wm == 7, np.nan, wm))
    with pytest.raises(InputError, match=r"gaps .* in the motion parameters"):
        read_confounds(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("a\tb\n1\t2\n", "has no column trans_x, trans_y"),
        (
            "\t".join(MOTION) + "\n" + "\t".join(["x"] * 6) + "\n",
            "not numbers in the columns trans_x",
        ),
        ("\t".join(MOTION) + "\n" + "\t".join("1" * 6) + "\n", "too few rows"),
        ("\t".join(MOTION) + "\n" + ("\t".join("1" * 6) + "\n") * 5, "does not have what"),
        ("a\tb\n1\t2\n1\t2\t3\t4\n", "cannot be read as a table"),
        ("\t".join(MOTION) + "\n" + "0\t0\t0\t0\t0\t-9\n" * 5, "rotations of up to 9 rad"),
        ("\t".join(MOTION) + "\n" + "0\t1e14\t0\t0\t0\t0\n" * 5, "as no head moves"),
        ("\t".join(MOTION) + "\n" + "0\t1e154\t0\t0\t0\t0\n" * 5, "too large to be measured"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path, content, said):
    path = tmp_path / "x_timeseries.tsv"
    path.write_text(content)
    with pytest.raises(InputError, match=said) as caught:
        read_confounds(path)
    assert str(path) in str(caught.value)


def test_strategies_that_cannot_be(tmp_path):
    assert strategy_problems(("friston24", "wm_csf"), {"wm_csf": "full"}) == []
    said = strategy_problems(("friston24", "motion", "compcor", "x"), {"motion": "all", "y": 1})
    assert len(said) == 5
    assert "simple, scrubbing" in strategy_problems("none", {})[0]
    simple_table(tmp_path / "x.tsv")
    with pytest.raises(InputError, match="smoothAROMAnonaggr"):
        read_confounds(tmp_path / "x.tsv", ("ica_aroma",))
    with pytest.raises(InputError, match="std_dvars"):
        read_confounds(tmp_path / "x.tsv", ("scrub",))


def test_parameters_of_spm_with_what_dpabi_writes_beside(tmp_path):
    rp = REALIGN / "spm12_rtm0_q0.9_rp.txt"
    parameters = np.loadtxt(rp)
    shutil.copyfile(rp, tmp_path / "S2_rp_aSub_001.txt")
    shutil.copyfile(rp, tmp_path / "rp_aSub_001.txt")
    ours = read_confounds(tmp_path / "rp_aSub_001.txt", ("friston24",))
    np.testing.assert_array_equal(ours.parameters, parameters)
    np.testing.assert_array_equal(ours.regressors, friston24(parameters))
    change = np.abs(np.diff(parameters, axis=0))
    np.testing.assert_allclose(ours.fd_power[1:], change[:, :3].sum(1) + 50 * change[:, 3:].sum(1))
    between = np.array([spm_matrix(p) for p in parameters])
    between = between[1:] @ np.linalg.inv(between[:-1]) - np.eye(4)
    square = 80**2 / 5 * (between[:, :3, :3] ** 2).sum(axis=(1, 2))
    origin = (between[:, :3, 3] ** 2).sum(axis=1)
    np.testing.assert_allclose(ours.fd_jenkinson[1:], np.sqrt(square + origin), atol=1e-12)
    assert "no mean*.nii" in ours.warnings[0]
    np.testing.assert_array_equal(ours.centre, 0)
    img = nib.load(REALIGN / "func_motion.nii.gz")
    nib.save(img.slicer[..., 0], tmp_path / "meanaSub_001.nii")
    expected = np.loadtxt(REALIGN / "FD_Jenkinson_rtm0.txt")
    ours = read_confounds(tmp_path / "rp_aSub_001.txt", ("motion",), motion="basic")
    np.testing.assert_allclose(ours.fd_jenkinson, expected, atol=1e-12)
    assert ours.warnings == ()
    # The same head, whatever the origin: its centre is what shifts.
    at = np.append(ours.centre, 1)
    shifts = np.array([(spm_matrix(p) @ at)[:3] for p in parameters])
    change = np.abs(np.diff(np.column_stack([shifts, parameters[:, 3:]]), axis=0))
    np.testing.assert_allclose(ours.fd_power[1:], change @ np.repeat([1, 50], 3))
    brain = np.argwhere(compute_epi_mask(img.slicer[..., 0], opening=2).get_fdata() > 0)
    np.testing.assert_allclose(ours.centre, nib.affines.apply_affine(img.affine, brain.mean(0)))
    np.testing.assert_array_equal(ours.regressors, parameters[:, [3, 4, 5, 0, 1, 2]])
    np.savetxt(tmp_path / "FD_Jenkinson_Sub_001.txt", expected + 1)
    np.savetxt(tmp_path / "S2_FD_Power_Sub_001.txt", expected + 2)
    ours = read_confounds(tmp_path / "rp_aSub_001.txt", ("friston24",), n_trim=3)
    np.testing.assert_allclose(ours.fd_jenkinson[1:], expected[4:] + 1)
    ours = read_confounds(tmp_path / "S2_rp_aSub_001.txt", ("friston24",))
    np.testing.assert_allclose(ours.fd_power[1:], expected[1:] + 2)
    np.testing.assert_allclose(ours.fd_jenkinson, expected, atol=1e-12)
    with pytest.raises(InputError, match="wm_csf"):
        read_confounds(tmp_path / "rp_aSub_001.txt")


def test_jenkinsons_displacement_is_the_tables_or_that_about_the_parameters_origin(tmp_path):
    path = tmp_path / "x_timeseries.tsv"
    table = simple_table(path, rmsd=np.r_[np.nan, np.full(19, 0.25)])
    np.testing.assert_array_equal(read_confounds(path).fd_jenkinson, [0, *[0.25] * 19])
    table.drop(columns="rmsd").to_csv(path, sep="\t", index=False)
    parameters = table[list(MOTION)].to_numpy()
    rng = np.random.default_rng(1)
    points = rng.uniform(-80, 80, (200_000, 3))
    points = points[np.linalg.norm(points, axis=1) < 80]
    matrices = [spm_matrix(p) for p in parameters[:4]]
    found = read_confounds(path).fd_jenkinson
    for n in (1, 2, 3):
        between = matrices[n] @ np.linalg.inv(matrices[n - 1])
        moved = points @ between[:3, :3].T + between[:3, 3] - points
        assert found[n] == pytest.approx(np.sqrt((moved**2).sum(axis=1).mean()), rel=5e-3)


def test_matrices_are_spms_and_go_back():
    parameters = np.random.default_rng(2).normal(0, 0.1, (5, 6))
    matrices = motion_matrices(parameters)
    np.testing.assert_allclose(matrices, [spm_matrix(p) for p in parameters], atol=1e-14)
    np.testing.assert_allclose(motion_parameters(matrices), parameters, atol=1e-14)


def test_tables_of_fmriprep_before_1_2(tmp_path):
    path = tmp_path / "sub-01_task-rest_bold_confounds.tsv"
    table = simple_table(path, framewise_displacement=np.full(20, 0.1))
    expected = read_confounds(path)
    names = dict(zip(MOTION, ("X", "Y", "Z", "RotX", "RotY", "RotZ"), strict=True))
    names |= {"csf": "CSF", "white_matter": "WhiteMatter", "global_signal": "GlobalSignal"}
    old = table.rename(columns=names | {"framewise_displacement": "FramewiseDisplacement"})
    old["aCompCor00"] = 1.0
    old.to_csv(path, sep="\t", index=False)
    ours = read_confounds(path)
    assert ours.names == expected.names
    np.testing.assert_array_equal(ours.regressors, expected.regressors)
    np.testing.assert_array_equal(ours.fd_power, expected.fd_power)
