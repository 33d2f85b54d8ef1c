import numpy as np
import pytest
from nibabel.affines import apply_affine
from scipy.ndimage import gaussian_filter

from commissure.preprocessing import programs
from commissure.preprocessing.programs import ProgramError, run_greedy, run_niimath
from commissure.preprocessing.registration import (
    Image,
    Warp,
    in_cubes,
    register_affine,
    register_deformable,
    register_rigid,
    rigid_map,
)
from commissure.preprocessing.resampling import resample_image
from commissure.space.templates import load_template
from tests.preprocessing.heads import points_of, rigid

SHAPE = (40, 44, 36)
AFFINE = np.diag([4.0, 4.0, 4.0, 1.0])
AFFINE[:3, 3] = -4 * np.array(SHAPE) / 2
# Another field of view, stored the other way round and oblique.
MOVING_AFFINE = rigid((4, -7, 9), (0, 0, 0)) @ np.diag([-4.0, 4.0, 4.0, 1.0])
MOVING_AFFINE[:3, 3] = (5, -3, 4) - MOVING_AFFINE[:3, :3] @ (np.array(SHAPE) / 2)


@pytest.fixture(scope="module")
def fixed():
    """Something like a brain: an ellipsoid with smooth structure inside."""
    rng = np.random.default_rng(0)
    points = points_of(SHAPE, AFFINE)
    inside = (np.linalg.norm(points / (60, 72, 55), axis=-1) < 1).astype(float)
    texture = gaussian_filter(rng.standard_normal(SHAPE), 1.5)
    image = gaussian_filter(inside * (2 + texture / texture.std() * 0.5), 0.5)
    return Image(image.astype(np.float32), AFFINE)


def seen_at(fixed, where):
    """The fixed image as a scanner sees it that has `where` (moving mm -> fixed mm)."""
    points = where(points_of(SHAPE, MOVING_AFFINE))
    return Image(resample_image(fixed.data, fixed.affine, points, order=3), MOVING_AFFINE)


def inner_points():
    points = points_of(SHAPE, AFFINE).reshape(-1, 3)
    return points[np.linalg.norm(points / (52, 64, 47), axis=-1) < 1]


def errors(found, truth):
    return np.linalg.norm(found - truth, axis=-1)


def test_rigid_registration_finds_a_known_movement_twice_the_same(fixed):
    truth = rigid((3, -2, 4), (5, -4, 3))  # fixed -> moving
    moving = seen_at(fixed, lambda points: apply_affine(np.linalg.inv(truth), points))
    found = register_rigid(fixed, moving)
    np.testing.assert_array_equal(found, register_rigid(fixed, moving))
    points = inner_points()
    assert errors(apply_affine(found, points), apply_affine(truth, points)).mean() < 0.8
    np.testing.assert_allclose(found[:3, :3] @ found[:3, :3].T, np.eye(3), atol=1e-5)


def test_rigid_registration_goes_on_from_where_it_is_started(fixed):
    truth = rigid((50, 0, 40), (80, -70, 30))
    near = rigid((3, -2, 4), (5, -4, 3)) @ truth
    points = inner_points()
    found = register_rigid(fixed, Image(fixed.data, truth @ AFFINE), near)
    assert errors(apply_affine(found, points), apply_affine(truth, points)).mean() < 0.8


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_rigid_map_of_points_is_that_which_moved_them(mirrored):
    truth = rigid((30, -70, 110), (5, 6, 7)) @ np.diag([-1 if mirrored else 1, 1, 1, 1])
    points = np.random.default_rng(0).uniform(-50, 50, (20, 3))
    found = rigid_map(points, apply_affine(truth, points), mirrored=mirrored)
    np.testing.assert_allclose(found, truth, atol=1e-9)
    forced = rigid_map(points, apply_affine(truth, points), mirrored=not mirrored)
    assert np.linalg.det(forced) == pytest.approx(1 if mirrored else -1)


def test_in_cubes_everything_stays_where_it_is():
    affine = rigid((4, -7, 9), (1, 2, 3)) @ np.diag([-2.2, 2.2, 4.1, 1])
    slope = np.array([0.3, -0.2, 0.5])
    cubes = in_cubes(
        Image((50 + points_of((40, 42, 20), affine) @ slope).astype(np.float32), affine), 3
    )
    np.testing.assert_allclose(np.linalg.norm(cubes.affine[:3, :3], axis=0), 3)
    inner = (slice(1, -1),) * 3
    expected = 50 + points_of(cubes.data.shape, cubes.affine) @ slope
    np.testing.assert_allclose(cubes.data[inner], expected[inner], atol=1e-3)


@pytest.mark.slow
def test_affine_registration_of_the_template_from_far_away():
    template = load_template(1)
    fixed = Image(template.t1w, template.affine)
    truth = rigid((10, -6, 12), (35, -40, 22)) @ np.diag([1.06, 0.95, 1.03, 1])
    shape = (100, 110, 90)
    affine = rigid((4, -7, 9), (0, 0, 0)) @ np.diag([-2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = apply_affine(truth, (0, -18, 5)) - affine[:3, :3] @ (np.array(shape) / 2)
    points = apply_affine(np.linalg.inv(truth), points_of(shape, affine))
    moving = Image(resample_image(fixed.data, fixed.affine, points), affine)
    found = register_affine(fixed, moving)
    np.testing.assert_array_equal(found, register_affine(fixed, moving, n_threads=1))
    inside = points[moving.data > 0]
    assert errors(apply_affine(found, inside), apply_affine(truth, inside)).mean() < 1


def test_deformable_registration_finds_a_known_warp_whatever_the_threads(fixed):
    def bent(points):  # moving -> fixed
        x, y, z = np.moveaxis(points, -1, 0)
        bend = np.stack([np.sin(y / 25), np.sin(z / 25 + 1), np.sin(x / 25 - 1)], axis=-1)
        return points + 4 * bend

    moving = seen_at(fixed, bent)
    warp = register_deformable(fixed, moving, np.eye(4), n_threads=2)
    again = register_deformable(fixed, moving, np.eye(4), n_threads=1)
    np.testing.assert_array_equal(warp.forward, again.forward)
    np.testing.assert_array_equal(warp.backward, again.backward)
    points = inner_points()
    before = errors(bent(points), points).mean()
    after = errors(bent(warp.to_moving(points)), points)
    # That the axes and signs are right; test_anatomy says how accurate it is on a brain.
    assert after.mean() < before / 3
    assert errors(warp.to_fixed(warp.to_moving(points)), points).max() < 0.5


def test_warp_applies_displacement_then_matrix():
    matrix = rigid((0, 0, 90), (10, 0, 0))
    field = np.zeros((5, 5, 5, 3), np.float32)
    field[..., 1] = 2
    warp = Warp(matrix, field, -field, np.diag([10.0, 10, 10, 1]))
    np.testing.assert_allclose(warp.to_moving(np.array([[20.0, 5, 0]])), [[3, 20, 0]], atol=1e-6)
    points = np.random.default_rng(0).uniform(5, 35, (20, 3))
    np.testing.assert_allclose(warp.to_fixed(warp.to_moving(points)), points, atol=1e-5)


def test_a_failing_program_says_why(tmp_path):
    with pytest.raises(ProgramError, match=r"(?s)greedy failed.*missing\.nii"):
        run_greedy(["-a", "-i", "missing.nii", "other.nii", "-o", "out.mat"], tmp_path)
    with pytest.raises(ProgramError, match=r"(?s)niimath failed.*missing"):
        run_niimath(["missing.nii", "-add", "1", "out.nii"], tmp_path)


def test_a_program_that_is_killed_is_told_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "_GREEDY", "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(ProgramError, match=r"greedy was killed by signal 9.*memory.*mem_gb"):
        run_greedy(["-x"], tmp_path)
