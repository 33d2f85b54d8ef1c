"""A simulated participant through the whole of preprocessing, against its truth."""

import json
import shutil
from dataclasses import asdict, replace
from importlib import metadata
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nibabel.affines import apply_affine

from commissure.cli import main
from commissure.cli.plan import SOME_FAILED
from commissure.preprocessing import bandpass, placing, steps
from commissure.preprocessing.anatomy import prepare_anatomy
from commissure.preprocessing.epi import EpiInT1w
from commissure.preprocessing.registration import Image
from commissure.report.methods.files import what_was_done
from commissure.settings.reading import read_settings
from commissure.simulation import Acquisition, read_truth, simulate_study
from commissure.space.templates import load_template

SMALL = Acquisition(
    n_volumes=130, matrix=(48, 48, 30), voxel_size=(5.0, 5.0, 5.0), t1w_voxel_size=1.5, tsnr=600
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "bids"
    simulate_study(folder, 1, 0, 5, acquisition=SMALL)
    return folder


@pytest.fixture(scope="module")
def truth(study):
    return read_truth(study, "01")


def load(path):
    img = nib.load(path)
    return Image(np.asarray(img.dataobj, np.float32), img.affine)


@pytest.fixture(scope="module")
def bold(study):
    return load(study / "sub-01/func/sub-01_task-rest_bold.nii.gz")


@pytest.fixture(scope="module")
def anatomy(study):
    return prepare_anatomy(load(study / "sub-01/anat/sub-01_T1w.nii.gz"))


@pytest.fixture(scope="module")
def clean(bold, anatomy, truth):
    settings = read_settings("recommended").preprocessing
    times = tuple(truth.slice_times)
    return steps.preprocess(
        bold.data,
        bold.affine,
        truth.tr,
        times,
        anatomy,
        settings,
        variants={"noGSR": replace(settings, global_signal=False)},
    )


def places_of(clean):
    return apply_affine(clean.affine, np.argwhere(clean.mask))


def agreement(clean, truth):
    """Return the median correlation, over grey matter, with the true series cleaned alike."""
    grey = load_template(3).grey[clean.mask] > 0.5
    reference = np.unique(truth.slice_times)
    reference = reference[(len(reference) - 1) // 2]
    times = np.arange(10, SMALL.n_volumes) * truth.tr + reference
    true = truth.neural_series(places_of(clean)[grey].T, times)
    true = bandpass(np.asarray(true, float), truth.tr, 0.01, 0.1)
    found = clean.series[grey]
    r = (true * found).sum(1) / np.linalg.norm(true, axis=1) / np.linalg.norm(found, axis=1)
    return np.median(r)


@pytest.mark.slow
def test_places_are_where_they_should_be(clean, anatomy, truth):
    points = places_of(clean)
    error = truth.warp.to_template(anatomy.warp.to_moving(points).T).T - points
    distance = np.linalg.norm(error, axis=1)
    assert distance.mean() <= 1.0
    assert np.percentile(distance, 95) <= 2.0
    true = truth.bold_to_t1w @ np.linalg.inv(truth.motion[10])
    at = apply_affine(np.linalg.inv(true), anatomy.warp.to_moving(points))
    apart = apply_affine(clean.epi_to_t1w, at) - apply_affine(true, at)
    assert np.linalg.norm(apart, axis=1).mean() <= 0.8


@pytest.mark.slow
def test_series_are_what_least_squares_leave_with_and_without_the_global_signal(clean, truth):
    n = len(clean.motion)
    frequency, time = np.fft.rfftfreq(n, truth.tr), 2 * np.pi * truth.tr * np.arange(n)[:, None]
    outside = frequency[(frequency < 0.01 - 1e-9) | (frequency > 0.1 + 1e-9)]
    design = [np.cos(time * outside), np.sin(time * outside), np.arange(n)[:, None]]
    names = [name for name in clean.confounds if name.startswith(("trans_", "rot_"))]
    for series, more in (
        (clean.series, ["white_matter", "csf", "global_signal"]),
        (clean.variants["noGSR"].series, ["white_matter", "csf"]),
    ):
        columns = [clean.confounds[name][:, None] for name in names + more]
        full = np.hstack([*design, *columns])
        size = np.linalg.norm(full, axis=0)
        full = full[:, size > 1e-9] / size[size > 1e-9]  # without sines that are 0 all along
        before = clean.before[::997].astype(float).T
        left = before - full @ np.linalg.lstsq(full, before, rcond=1e-10)[0]
        np.testing.assert_allclose(series[::997], left.T, atol=1e-3 * np.abs(left).max())


@pytest.mark.slow
def test_series_are_as_good_as_registered_perfectly(clean, bold, anatomy, truth, monkeypatch):
    def registered(off_mm):
        """Preprocess with the true registration, moved by so much."""
        motion = truth.motion[10:] @ np.linalg.inv(truth.motion[10])
        to_t1w = truth.bold_to_t1w @ np.linalg.inv(truth.motion[10])
        to_t1w[1, 3] += off_mm
        monkeypatch.setattr(steps, "realign", lambda *_, **__: np.linalg.inv(motion))
        monkeypatch.setattr(placing, "register_epi_to_t1w", lambda *_, **__: EpiInT1w(to_t1w, 0, 9))
        warp = SimpleNamespace(
            to_moving=lambda at: truth.warp.to_t1w(at.reshape(-1, 3).T).T.reshape(at.shape)
        )
        with_truth = replace(anatomy, warp=warp)
        times = tuple(truth.slice_times)
        return steps.preprocess(
            bold.data,
            bold.affine,
            truth.tr,
            times,
            with_truth,
            read_settings("recommended").preprocessing,
        )

    perfect = agreement(registered(0), truth)
    assert agreement(clean, truth) >= perfect - 0.03
    # that the measure sees registration at all
    assert agreement(registered(6), truth) < perfect - 0.05


@pytest.mark.slow
def test_the_command_writes_everything_twice_the_same(study, tmp_path):
    events = study / "sub-01/func/sub-01_task-rest_events.tsv"
    events.write_text("onset\tduration\n25\t1\n")
    for out in ("a", "b"):
        assert main(["preprocess", str(study), str(tmp_path / out), "--quiet"]) == 0
    one, two = tmp_path / "a", tmp_path / "b"
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(two) for path in two.rglob("*") if path.is_file())
    for file in files:
        assert (one / file).read_bytes() == (two / file).read_bytes(), file
    func = one / "sub-01" / "func"
    clean = func / "sub-01_task-rest_space-MNI152NLin2009aSym_res-3_desc-clean_bold.nii.gz"
    series = nib.load(clean)
    assert series.shape == (61, 73, 61, 120)
    assert series.header.get_zooms() == (3, 3, 3, 2)
    mask = nib.load(one / "space-MNI152NLin2009aSym_res-3_label-GM_mask.nii.gz")
    np.testing.assert_array_equal(np.asarray(mask.dataobj) > 0, load_template(3).grey > 0.2)
    trimmed = pd.read_csv(func / "sub-01_task-rest_desc-trimmed_events.tsv", sep="\t")
    assert trimmed["onset"][0] == 25 - 10 * 2
    confounds = pd.read_csv(func / "sub-01_task-rest_desc-confounds_timeseries.tsv", sep="\t")
    assert len(confounds) == 120
    assert sum(name.startswith(("trans_", "rot_")) for name in confounds) == 24
    sidecar = json.loads(clean.with_name(clean.name.replace(".nii.gz", ".json")).read_text())
    quality = pd.read_csv(one / "quality.tsv", sep="\t")
    assert quality["effective_df"][0] == pytest.approx(sidecar["EffectiveDegreesOfFreedom"])
    assert (one / "sub-01/figures/sub-01_task-rest_desc-epiOnT1w_bold.png").exists()
    (scans,) = what_was_done(one, one).scans
    assert scans.recipe == asdict(read_settings("recommended").preprocessing)
    assert (scans.kind, scans.n_without_t1w, scans.tr) == ("raw", 0, (2.0,))
    assert (scans.n_discarded, scans.n_acquired) == ((10, 10), (130, 130))
    assert scans.acquisition["EchoTime"] == 0.03
    assert scans.versions["greedy"] == metadata.version("picsl_greedy")


def turned_front_to_back(path):
    img = nib.load(path)
    flip = np.diag([1.0, -1, 1, 1])
    turned = nib.Nifti1Image(np.asarray(img.dataobj), flip @ img.affine, img.header)
    for set_form in (turned.set_sform, turned.set_qform):
        set_form(flip @ img.affine, 1)
    nib.save(turned, path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("turned", "said"),
    [
        (("func", "bold"), "the EPI fits the template when its y axis (front to back) is reversed"),
        (("anat", "T1w"), "the T1w fits the template when its y axis (front to back) is reversed"),
        (None, "its header is wrong"),
    ],
)
def test_a_turned_header_excludes_the_run_and_the_reason_says_so(
    study, tmp_path, caplog, turned, said
):
    bids = tmp_path / "bids"
    shutil.copytree(study, bids)
    if turned:
        (path,) = (bids / "sub-01" / turned[0]).glob(f"*_{turned[1]}.nii.gz")
        turned_front_to_back(path)
    out = tmp_path / "out"
    command = ["run", str(bids), str(out), "participant", "--quiet"]
    # What is wrong here shall be the header, and not that the participant moves.
    chosen = ("preprocessing.warp=coarse", "quality.exclude_motion=false", "quality.least_df=5")
    code = main([*command, *(part for setting in chosen for part in ("--set", setting))])
    told = " ".join(caplog.text.split())
    (row,) = pd.read_csv(out / "quality.tsv", sep="\t", na_values=["n/a"]).to_dict("records")
    assert row["included"] is (turned is None)
    assert (code, said in told) == ((1, True) if turned else (0, False))
    assert said in row["reasons"] or not turned


@pytest.mark.slow
def test_the_preset_of_the_paper_goes_through(bold, anatomy, truth):
    settings, times = read_settings("liu2025").preprocessing, tuple(truth.slice_times)
    clean = steps.preprocess(bold.data, bold.affine, truth.tr, times, anatomy, settings)
    assert clean.series.shape == (clean.mask.sum(), 120)
    assert 20 < clean.effective_df < 60
    assert agreement(clean, truth) > 0.4


def test_every_problem_of_a_dataset_is_told_before_anything_is_done(study, tmp_path, capsys):
    bids = tmp_path / "bids"
    for name in ("sub-01", "sub-02"):
        (bids / name / "func").mkdir(parents=True)
    (bids / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}')
    source = study / "sub-01/func/sub-01_task-rest_bold"
    scan = source.with_name(f"{source.name}.nii.gz").read_bytes()
    sidecar = json.loads(source.with_name(f"{source.name}.json").read_text())
    (bids / "sub-01/func/sub-01_task-rest_bold.nii.gz").write_bytes(scan)
    (bids / "sub-02/func/sub-02_task-rest_bold.nii.gz").write_bytes(scan)
    without = {key: value for key, value in sidecar.items() if key != "SliceTiming"}
    (bids / "sub-01/func/sub-01_task-rest_bold.json").write_text(json.dumps(without))
    wrong = sidecar | {"RepetitionTime": 2000}
    (bids / "sub-02/func/sub-02_task-rest_bold.json").write_text(json.dumps(wrong))
    assert main(["preprocess", str(bids), str(tmp_path / "out"), "--quiet"]) == 2
    said = capsys.readouterr().err
    assert "sub-01_task-rest_bold.nii.gz has no SliceTiming" in said
    assert "must be milliseconds" in said
    assert not (tmp_path / "out").exists()


def test_damaged_data_are_told_and_leave_no_image(study, tmp_path, capsys):
    bids = tmp_path / "bids" / "sub-01" / "func"
    bids.mkdir(parents=True)
    source = study / "sub-01/func/sub-01_task-rest_bold"
    scan = source.with_name(f"{source.name}.nii.gz").read_bytes()
    (bids / "sub-01_task-rest_bold.nii.gz").write_bytes(scan[:-5000])
    (bids / "sub-01_task-rest_bold.json").write_text(
        source.with_name(f"{source.name}.json").read_text()
    )
    out = tmp_path / "out"
    # As in a study: it is known when it is read, and stops nobody else.
    assert main(["preprocess", str(tmp_path / "bids"), str(out), "--quiet"]) == SOME_FAILED
    assert "sub-01" in capsys.readouterr().err
    assert "damaged or cut short" in (out / "quality.tsv").read_text()
    assert not [path for path in out.rglob("*.nii.gz") if "sub-01" in path.name]
