"""What the simulated study says of itself is true of its images."""

import filecmp
import json
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nilearn.datasets import load_mni152_brain_mask, load_mni152_gm_template, load_mni152_template
from scipy import ndimage
from scipy.spatial.transform import Rotation

from commissure.preprocessing import framewise_displacement_jenkinson
from commissure.problems import InputError
from commissure.simulation import Acquisition, bold, read_truth, simulate_study
from commissure.simulation.anatomy import BRAIN_MIDDLE
from commissure.simulation.bold import make_head, signal_sources, simulate_bold
from commissure.simulation.motion import draw_severity, motion_matrices
from commissure.simulation.networks import load_networks
from commissure.simulation.people import draw_people
from commissure.simulation.raw import plan_run
from commissure.simulation.sources import NEURAL_BAND_HZ, Sources
from commissure.simulation.warp import HeadWarp, SplineField, grid_points, transform

SMALL = Acquisition(
    n_volumes=60, matrix=(36, 36, 24), voxel_size=(6.0, 6.0, 6.0), t1w_voxel_size=3.0
)
BOX = np.array([BRAIN_MIDDLE - 110, BRAIN_MIDDLE + 110])


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sim") / "bids"
    return simulate_study(folder, 1, 1, seed=5, acquisition=SMALL, resolution_mm=8, n_threads=2)


def _sample(img_path, points, order=1):
    img = nib.load(img_path)
    index = transform(np.linalg.inv(img.affine), points)
    return ndimage.map_coordinates(img.get_fdata(), index, order=order)


def _template_points(mask_img):
    voxels = np.argwhere(mask_img.get_fdata() > 0.5)[::7]
    return transform(mask_img.affine, voxels.T)


def test_spline_field_equals_direct_sum_of_splines():
    rng = np.random.default_rng(0)
    field = SplineField.random(rng, 2, np.array([[-50.0] * 3, [50.0] * 3]), 20.0, 3.0)
    axes = [np.linspace(-45, 48, 4), np.linspace(-50, 20, 3), np.linspace(-10, 10, 5)]
    on_axes = field.on_axes(*axes)
    points = np.stack(np.meshgrid(*axes, indexing="ij"))
    np.testing.assert_allclose(on_axes, field.at(points), atol=1e-12)

    def bump(t):
        t = np.abs(t)
        return np.where(t < 1, 2 / 3 - t**2 + t**3 / 2, np.where(t < 2, (2 - t) ** 3 / 6, 0))

    point = points[:, 1, 2, 3]
    expected = np.zeros(2)
    for knot in np.ndindex(*field.coefficients.shape[1:]):
        position = field.origin + field.spacing * np.array(knot)
        expected += field.coefficients[:, *knot] * bump((point - position) / field.spacing).prod()
    np.testing.assert_allclose(on_axes[:, 1, 2, 3], expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_warp_is_invertible_and_a_few_mm(seed):
    rng = np.random.default_rng(seed)
    warp = HeadWarp.random(rng, np.array([[-100.0] * 3, [100.0] * 3]), 48.0)
    points = rng.uniform(-75, 75, (3, 4000))
    np.testing.assert_allclose(warp.to_template(warp.to_t1w(points)), points, atol=2e-5)
    assert 1.5 < np.linalg.norm(warp.field.at(points), axis=0).mean() < 4
    step = 0.01
    jacobian = np.stack(
        [
            (warp.to_template(points + step * axis) - warp.to_template(points - step * axis))
            / (2 * step)
            for axis in np.eye(3)[:, :, None]
        ]
    )
    assert (np.linalg.det(jacobian.transpose(2, 0, 1)) > 0.1).all()


def test_truth_takes_the_t1w_to_the_template(study):
    for person in ("01", "02"):
        truth = read_truth(study, person)
        anat = study / "derivatives/truth" / f"sub-{person}" / "anat"
        template = load_mni152_template(resolution=2)
        brain = load_mni152_brain_mask(resolution=2)
        points = _template_points(brain)
        at = truth.warp.to_t1w(points)
        t1w = _sample(study / f"sub-{person}/anat/sub-{person}_T1w.nii.gz", at)
        expected = template.get_fdata()[brain.get_fdata() > 0.5][::7]
        # Bias, noise and sharper tissues keep it from 1; an untrue place loses much.
        r = np.corrcoef(t1w, expected)[0, 1]
        elsewhere = _sample(study / f"sub-{person}/anat/sub-{person}_T1w.nii.gz", at + 6)
        assert r > 0.8
        assert r > np.corrcoef(elsewhere, expected)[0, 1] + 0.2
        grey = _sample(anat / f"sub-{person}_label-GM_probseg.nii.gz", at)
        prior = load_mni152_gm_template(resolution=2).get_fdata()[brain.get_fdata() > 0.5][::7]
        assert np.corrcoef(grey, prior)[0, 1] > 0.85


def test_brain_mask_is_the_warped_template_mask(study):
    truth = read_truth(study, "01")
    anat = study / "derivatives/truth/sub-01/anat"
    mask = nib.load(anat / "sub-01_desc-brain_mask.nii.gz")
    points = truth.warp.to_template(grid_points(mask.shape, mask.affine))
    template = load_mni152_brain_mask(resolution=1)
    warped = ndimage.map_coordinates(
        template.get_fdata(), transform(np.linalg.inv(template.affine), points), order=1
    )
    np.testing.assert_array_equal(mask.get_fdata() > 0, warped > 0.5)
    shares = [
        nib.load(anat / f"sub-01_label-{label}_probseg.nii.gz").get_fdata()
        for label in ("GM", "WM", "CSF")
    ]
    np.testing.assert_allclose(np.sum(shares, axis=0), warped, atol=3 * 0.5 / 255 + 1e-3)


def test_displacement_image_is_the_warp(study):
    truth = read_truth(study, "02")
    img = nib.load(
        study / "derivatives/truth/sub-02/anat"
        "/sub-02_from-MNI152NLin2009aSym_to-T1w_desc-displacement_xfm.nii.gz"
    )
    points = grid_points(img.shape[:3], img.affine)
    t1w = points + np.moveaxis(img.get_fdata(), -1, 0)
    np.testing.assert_allclose(truth.warp.to_template(t1w), points, atol=1e-4)


@pytest.fixture
def no_local_activity(monkeypatch):
    monkeypatch.setattr(bold, "_LOCAL", 0.0)


def _scan(*, active, blur=0.0, **motion_settings):
    """Scan a head with hardly any noise and no pulsation; return what is true, and grey places."""
    rng = np.random.default_rng(4)
    warp = HeadWarp.random(rng, BOX, 48.0)
    networks, (person,) = draw_people(4, 0, 1)
    truth, affine = plan_run(rng, warp, person.coupling, networks, SMALL)
    middle = affine[:3] @ [*(np.array(SMALL.matrix) / 2), 1]
    motion = motion_matrices(rng, SMALL.n_volumes, middle, **motion_settings)
    truth = replace(truth, motion=motion)
    starts = SMALL.tr * np.arange(SMALL.n_volumes)
    times = starts[:, None] + truth.slice_times
    sources = signal_sources(rng, truth.latents, truth.loadings, times)
    sources[..., len(truth.loadings) if active else 0 :] = 0
    head = make_head(rng, warp, truth.bold_to_t1w, SMALL.matrix, affine)
    head = replace(head, signal=ndimage.gaussian_filter(head.signal, blur))
    data = simulate_bold(rng, head, sources, truth.motion, affine, tsnr=10_000)

    grey = load_mni152_gm_template(resolution=4)
    points = transform(grey.affine, np.argwhere(grey.get_fdata() > 0.8)[::12].T)
    voxel = transform(np.linalg.inv(truth.voxel_to_t1w(affine)), warp.to_t1w(points))
    last = np.array(SMALL.matrix)[:, None] - 1
    inside = ((voxel > 2) & (voxel < last - 2)).all(axis=0)
    assert inside.sum() > 300
    return truth, affine, data.astype(np.float32), points[:, inside], voxel[2, inside]


def _series(truth, affine, data, points, *, motion_known):
    """Sample the volumes at template points by the true transforms; drift and mean removed."""
    t1w = truth.warp.to_t1w(points)
    series = np.empty((points.shape[1], SMALL.n_volumes))
    for volume in range(SMALL.n_volumes):
        to_voxel = np.linalg.inv(truth.voxel_to_t1w(affine, volume if motion_known else 0))
        index = transform(to_voxel, t1w)
        series[:, volume] = ndimage.map_coordinates(data[..., volume], index, order=3)
    return _detrended(series)


def _detrended(series):
    basis = np.polynomial.legendre.legvander(np.linspace(-1, 1, SMALL.n_volumes), 2)
    return series - series @ basis @ np.linalg.pinv(basis)


@pytest.mark.usefixtures("no_local_activity")
def test_true_transforms_and_slice_times_recover_the_clean_series():
    truth, affine, data, points, slices = _scan(active=True)
    series = _series(truth, affine, data, points, motion_known=True)
    starts = SMALL.tr * np.arange(SMALL.n_volumes)
    offsets = truth.slice_times[np.rint(slices).astype(int)]

    def median_r(offsets):
        clean = np.empty_like(series)
        for offset in np.unique(offsets):
            at = offsets == offset
            clean[at] = truth.neural_series(points[:, at], starts + offset)
        a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (series, _detrended(clean)))
        return np.median((a * b).sum(axis=1))

    # Voxels of 6 mm mix what lies within them.
    assert median_r(offsets) > 0.85
    assert median_r(offsets) > median_r(0 * offsets) + 0.05
    assert median_r(offsets) > median_r(offsets + 0.5)
    assert median_r(offsets) > median_r(offsets - 0.5)


@pytest.mark.usefixtures("no_local_activity")
def test_true_motion_brings_every_volume_back():
    # Blurred, so that voxels of 6 mm can be interpolated without error.
    truth, affine, data, points, _ = _scan(active=False, blur=5, jump=1.5, volumes_per_jump=12)
    known, unknown = (
        np.median(_series(truth, affine, data, points, motion_known=known).std(axis=1))
        for known in (True, False)
    )
    assert known < unknown / 5


def test_a_source_is_the_sum_of_its_waves():
    source = Sources.random(np.random.default_rng(0), 3, (0.01, 0.1))
    times = np.array([[0.0, 3.3], [7.1, 9.9]])
    waves = zip(source.amplitude[2], source.frequency[2], source.phase[2], strict=True)
    expected = sum(a * np.cos(2 * np.pi * f * 3.3 + phase) for a, f, phase in waves)
    assert source.at(times).shape == (2, 2, 3)
    np.testing.assert_allclose(source.at(times)[0, 1, 2], expected, rtol=1e-12)


def test_sources_have_unit_variance_their_band_and_nothing_in_common():
    sources = Sources.random(np.random.default_rng(3), 6)
    series = sources.at(np.arange(0, 40_000, 2.0))
    np.testing.assert_allclose(series.std(axis=0), 1, rtol=0.03)
    assert np.abs(np.corrcoef(series.T) - np.eye(6)).max() < 0.1
    assert sources.frequency.min() > NEURAL_BAND_HZ[0]
    assert sources.frequency.max() < NEURAL_BAND_HZ[1]


def test_the_neural_series_have_the_covariance_of_the_networks(study):
    truth = read_truth(study, "01")
    points = np.random.default_rng(0).uniform(-50, 50, (3, 15))
    series = truth.neural_series(points, np.arange(0, 16_000, 2.0))
    networks = load_networks()
    mixed = networks.weights(points) @ networks.loadings(truth.coupling)
    covariance = mixed @ mixed.T
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    np.testing.assert_allclose(np.cov(series) / scale, covariance / scale, atol=0.12)


def test_motion_is_rigid_and_starts_at_rest():
    motion = motion_matrices(np.random.default_rng(2), 230, np.array([3.0, -10.0, 20.0]))
    np.testing.assert_allclose(motion[0], np.eye(4), atol=1e-12)
    rotation = motion[:, :3, :3]
    np.testing.assert_allclose(rotation @ rotation.transpose(0, 2, 1), [np.eye(3)] * 230, atol=1e-9)
    degrees = np.degrees(Rotation.from_matrix(rotation).magnitude())
    assert 0.1 < degrees.max() < 6
    assert 0.1 < np.abs(motion[:, :3, 3]).max() < 6


def test_some_people_move_a_lot_and_most_do_not():
    rng = np.random.default_rng(0)
    severity = np.array([draw_severity(rng) for _ in range(1000)])
    assert np.median(severity) == pytest.approx(1, abs=0.1)
    assert 0.05 < (severity > 2).mean() < 0.15
    shape = (64, 64, 64)
    affine = np.diag([3.0, 3, 3, 1])
    affine[:3, 3] = -93  # the middle of the sphere
    displacement = [
        framewise_displacement_jenkinson(
            motion_matrices(rng, 230, np.zeros(3), severity=s), affine, shape
        ).mean()
        for s in (0.5, 1, 3)
    ]
    assert np.all(np.diff(displacement) > 0)
    assert 0.03 < displacement[1] < 0.1  # of healthy volunteers
    assert displacement[2] > 0.2  # too much for the rules of `recommended`


def test_falling_noise_has_unit_variance_and_a_spectrum_of_1_over_f():
    noise = bold._falling_noise(np.random.default_rng(0), (200, 30, 30))
    assert noise.shape == (200, 30, 30)
    power = (np.abs(np.fft.rfft(noise, axis=0)) ** 2).mean(axis=(1, 2))
    np.testing.assert_allclose(noise.var(axis=0).mean(), 1, rtol=0.05)
    harmonic = (1 / np.arange(1, 101)).mean()
    np.testing.assert_allclose(
        power[[1, 2, 10]] / 200, 1 / harmonic / np.array([1, 2, 10]), rtol=0.15
    )


def test_smoothed_noise_keeps_its_variance():
    operator = bold._unit_smoother(21, 1.3)
    white = np.random.default_rng(0).normal(size=(4000, 21))
    np.testing.assert_allclose((white @ operator).std(axis=0), 1, rtol=0.06)


def test_same_seed_same_bytes_whatever_the_threads_and_the_others(study, tmp_path):
    again = simulate_study(
        tmp_path / "again", 1, 0, seed=5, acquisition=SMALL, resolution_mm=8, n_threads=1
    )
    files = sorted(p.relative_to(again) for p in again.rglob("sub-01_*") if p.is_file())
    assert len(files) == 10
    _, different, errors = filecmp.cmpfiles(study, again, files, shallow=False)
    assert not different
    assert not errors


def test_another_seed_is_another_person():
    a, b = (HeadWarp.random(np.random.default_rng(s), BOX, 48.0) for s in (1, 2))
    assert np.abs(a.to_t1w(np.zeros((3, 1))) - b.to_t1w(np.zeros((3, 1)))).max() > 0.1


def test_dataset_is_laid_out_as_bids_has_it(study):
    description = json.loads((study / "dataset_description.json").read_text())
    assert {"Name", "BIDSVersion", "DatasetType"} <= description.keys()
    img = nib.load(study / "sub-02/func/sub-02_task-rest_bold.nii.gz")
    sidecar = json.loads((study / "sub-02/func/sub-02_task-rest_bold.json").read_text())
    assert img.shape == (*SMALL.matrix, SMALL.n_volumes)
    assert img.get_data_dtype() == np.int16
    assert img.header.get_zooms() == (6, 6, 6, sidecar["RepetitionTime"])
    np.testing.assert_allclose(img.get_qform(), img.get_sform(), atol=1e-3)
    times = np.array(sidecar["SliceTiming"])
    assert len(times) == img.shape[2]
    assert times.min() == 0
    assert times.max() < SMALL.tr
    # Oblique, and stored from right to left.
    assert np.linalg.det(img.affine) < 0
    assert nib.affines.obliquity(img.affine).max() > np.radians(2)


@pytest.mark.parametrize(
    ("patients", "controls", "seed", "said"),
    [(-1, 1, 0, "n_patients"), (0, 0, 0, "nobody"), (1, 1, -2, "seed")],
)
def test_impossible_numbers_are_refused(tmp_path, patients, controls, seed, said):
    with pytest.raises(InputError, match=said):
        simulate_study(tmp_path / "x", patients, controls, seed)
    assert not (tmp_path / "x").exists()


def test_a_folder_in_use_is_refused(tmp_path):
    Path(tmp_path, "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not an empty folder"):
        simulate_study(tmp_path, 1, 1, 0)
    with pytest.raises(InputError, match=r"tr must be greater than 0.*\n.*n_volumes"):
        Acquisition(tr=-1, n_volumes=1)
