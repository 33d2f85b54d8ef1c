"""Runs of another template's space are brought to the symmetric one, once, or refused."""

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from commissure.inputs import read_scans
from commissure.inputs.template_images import MOST_PEOPLE
from commissure.preprocessing.anatomy import Anatomy, prepare_anatomy
from commissure.preprocessing.registration import Image, Warp, grid_points
from commissure.preprocessing.resampling import linear_at, resample_image
from commissure.preprocessing.template_space import in_template, mean_head
from commissure.problems import InputError
from commissure.records.runs import RegistrationCheck
from commissure.space.templates import TEMPLATE_SPACE, analysis_grid, load_template
from commissure.study.participant import anatomy_cache
from commissure.study.participant.job import memory_of
from commissure.study.run import run_study
from tests.study.studies import Inline, begin_derivatives, study_of, write_participants

OTHER, TR, N_VOLUMES = "MNI152NLin2009cAsym", 2.0, 60
# Where a place of the template is in the other space.
SHIFT = np.array([4.0, -3.0, 5.0])
AFFINE = nib.affines.from_matvec(np.diag([6.0, 6, 6]), [-100, -135, -90])
SHAPE = (35, 42, 35)


def shifted():
    """Return the warp from the template to the other space."""
    grid = nib.affines.from_matvec(np.diag([40.0, 40, 40]), [-120, -160, -120])
    field = np.broadcast_to(SHIFT, (7, 8, 7, 3)).astype(np.float32)
    return Warp(np.eye(4), field, -field, grid)


def course(points, seed):
    """Return smooth series at places of the template, for a seed the same wherever seen."""
    rng = np.random.default_rng(seed)
    waves = rng.normal(0, 0.03, (3, 12))
    phases, courses = rng.uniform(0, 6, 12), rng.standard_normal((12, N_VOLUMES))
    return 1000 + 5 * np.cos(points @ waves + phases) @ courses


def write_people(folder, n=3, *, desc="preproc", t1w=True):
    begin_derivatives(folder)
    for i in range(1, n + 1):
        rng = np.random.default_rng(i)
        func, anat = (folder / f"sub-{i:02d}" / name for name in ("func", "anat"))
        func.mkdir(parents=True)
        stem = f"sub-{i:02d}_task-rest"
        image = func / f"{stem}_space-{OTHER}_desc-{desc}_bold.nii.gz"
        series = course(grid_points(SHAPE, AFFINE) - SHIFT, i).astype(np.float32)
        img = nib.Nifti1Image(series, AFFINE)
        img.header.set_zooms((6, 6, 6, TR))
        img.header.set_xyzt_units("mm", "sec")
        nib.save(img, image)
        image.with_name(image.name.replace(".nii.gz", ".json")).write_text(
            json.dumps({"RepetitionTime": TR})
        )
        names = [f"{kind}_{axis}" for kind in ("trans", "rot") for axis in "xyz"]
        table = pd.DataFrame(rng.normal(0, 0.0005, (N_VOLUMES, 6)), columns=names)
        for name in ("white_matter", "csf", "global_signal"):
            table[name] = rng.standard_normal(N_VOLUMES)
        table.to_csv(func / f"{stem}_desc-confounds_timeseries.tsv", sep="\t", index=False)
        if t1w:
            anat.mkdir()
            head = nib.Nifti1Image(np.full(SHAPE, i, np.float32), AFFINE)
            nib.save(head, anat / f"sub-{i:02d}_space-{OTHER}_desc-preproc_T1w.nii.gz")
    write_participants(folder, n)
    return folder


@pytest.fixture
def found(monkeypatch):
    """Find the known way without a registration; tell what it was asked of."""
    asked = []

    def prepare(t1w, n_threads=None, *, coarse=False):
        asked.append(t1w)
        nothing = np.zeros(SHAPE, bool)
        tissues = np.zeros((*SHAPE, 3), np.float32)
        check = RegistrationCheck("RAS", 0.0, 0.1, 0.5, 1.0, stretch=1.0, warped=0.0)
        return Anatomy(t1w, nothing, tissues, shifted(), check)

    monkeypatch.setattr(anatomy_cache, "prepare_anatomy", prepare)
    return asked


def test_series_are_seen_where_the_warp_says():
    series = course(grid_points(SHAPE, AFFINE) - SHIFT, 7).astype(np.float32)
    shape, grid = analysis_grid(8)
    moved, inside, affine = in_template(series, AFFINE, None, shifted(), 8)
    np.testing.assert_array_equal(affine, grid)
    expected = course(grid_points(shape, grid), 7)
    np.testing.assert_allclose(moved[inside], expected[inside], atol=0.15)
    np.testing.assert_array_equal(inside, load_template(8).brain)
    series[:10] = 0
    _, less, _ = in_template(series, AFFINE, None, shifted(), 8)
    x = np.argwhere(inside & ~less) @ grid[0, :3] + grid[0, 3]
    assert x.size
    assert x.max() <= 10 * 6 - 100 - SHIFT[0]
    mask = np.zeros(SHAPE, bool)
    mask[18:] = True
    _, right, _ = in_template(series, AFFINE, mask, shifted(), 8)
    assert right.any()
    assert (np.argwhere(right) @ grid[0, :3] + grid[0, 3]).min() >= 18 * 6 - 100 - 3 - SHIFT[0]
    assert not (right & ~less).any()


def test_heads_count_alike_however_bright():
    rng = np.random.default_rng(0)
    one, two = rng.uniform(1, 2, (2, 5, 6, 7))
    found = mean_head([Image(one, AFFINE), Image(1000 * two, AFFINE)])
    np.testing.assert_allclose(found.data, one / one.mean() + two / two.mean(), rtol=1e-6)
    with pytest.raises(InputError, match="empty"):
        mean_head([Image(np.zeros((3, 3, 3)), AFFINE)])


def test_a_study_in_another_space_ends_in_the_symmetric_one(tmp_path, found):
    folder = write_people(tmp_path / "in", n=2)
    changes = {
        "input": {"to_template": True},
        "preprocessing": {"n_trim": 0, "fwhm": 0.0, "high": 0.24, "resolution_mm": 4},
        "cfh": {"noise_floor": 0},
    }
    study = study_of(folder, tmp_path / "out", changes, "liu2025", to_template=True)
    assert all(scan.space == OTHER for scan in study.scans)
    assert all(scan.clean_space == TEMPLATE_SPACE for scan in study.scans)
    assert memory_of(study.jobs[0]) > 0
    outcome = run_study(study, "participant", Inline())
    assert not outcome.failed
    # One way for all: the mean of their heads, each of mean 1.
    assert len(found) == 1
    np.testing.assert_allclose(found[0].data, 2)
    func = tmp_path / "out" / "sub-01" / "func"
    stem = f"sub-01_task-rest_space-{TEMPLATE_SPACE}_res-4"
    about = json.loads((func / f"{stem}_desc-clean_bold.json").read_text())
    assert about["SpaceBefore"] == OTHER
    assert sum(source.endswith("_T1w.nii.gz") for source in about["Sources"]) == 2
    # The partner's way from the mirror position is there only in the symmetric space.
    assert list(func.glob(f"{stem}_stat-cfhshift*"))
    again = run_study(
        study_of(folder, tmp_path / "out", changes, "liu2025", to_template=True),
        "participant",
        Inline(),
    )
    assert again.n_done == 2
    assert len(found) == 1


def test_what_cannot_be_brought_is_refused(tmp_path):
    for name, options, said in (
        ("clean", {"desc": "clean"}, "is clean already"),
        ("headless", {"t1w": False}, "nobody has one"),
    ):
        folder = write_people(tmp_path / name, n=1, **options)
        with pytest.raises(InputError) as error:
            read_scans(folder, to_template=True)
        assert said in " ".join(error.value.problems)
        assert "to_template" in " ".join(error.value.problems)
    raw = tmp_path / "raw"
    (raw / "sub-01" / "func").mkdir(parents=True)
    with pytest.raises(InputError, match="to_template cannot be chosen"):
        read_scans(raw, "bids", to_template=True)


def test_the_first_people_are_enough_and_everybody_finds_the_same(tmp_path):
    folder = write_people(tmp_path / "in", n=MOST_PEOPLE + 1)
    scans = read_scans(folder, to_template=True)
    (one,) = {scan.template_t1ws for scan in scans}
    assert [path.parent.parent.name for path in one] == [
        f"sub-{i:02d}" for i in range(1, MOST_PEOPLE + 1)
    ]


@pytest.mark.slow
def test_the_way_from_an_asymmetric_template_is_found_within_a_millimetre():
    """Heads in a space that is bent by up to 4 mm, each not quite in it, as others leave them."""
    template = load_template(2)
    points = grid_points(template.t1w.shape, template.affine)
    rng = np.random.default_rng(6)

    def field(size, width):
        noise = rng.standard_normal((*template.t1w.shape, 3))
        smooth = np.stack([gaussian_filter(noise[..., k], width) for k in range(3)], axis=-1)
        return size * smooth / np.abs(smooth).max()

    # Where a place of the other space is in the template.
    bent = field(8.0, 14)
    heads = []
    for _ in range(6):
        own = points + bent + field(1.0, 6)
        heads.append(Image(resample_image(template.t1w, template.affine, own), template.affine))
    warp = prepare_anatomy(mean_head(heads), n_threads=1).warp
    grey = points[template.grey > 0.5]
    there = warp.to_moving(grey)
    back = there + linear_at(
        bent.astype(np.float32),
        nib.affines.apply_affine(np.linalg.inv(template.affine), there),
        outside="nearest",
    )
    error = np.linalg.norm(back - grey, axis=1)
    bending = np.linalg.norm(bent[template.grey > 0.5], axis=1)
    assert np.median(bending) > 1.5
    assert np.median(error) < 1.0
    assert np.percentile(error, 95) < 2.5
