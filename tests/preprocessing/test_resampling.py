import numpy as np
import pytest
from nibabel.affines import apply_affine
from scipy.ndimage import map_coordinates

from commissure.preprocessing.resampling import linear_at, resample_image, resample_series
from tests.preprocessing.heads import points_of, rigid

SHAPE = (24, 22, 18)
AFFINE = rigid((10, -5, 3), (0, 0, 0)) @ np.diag([-3.0, 3.0, 4.0, 1.0])
AFFINE[:3, 3] = -AFFINE[:3, :3] @ (np.array(SHAPE) / 2)


def smooth_image(points):
    """A known function of position (mm) that a 4 mm grid samples well."""
    x, y, z = np.moveaxis(points, -1, 0)
    return 100 + 20 * np.sin(x / 9) * np.cos(y / 11) + 10 * np.sin(z / 10 + 0.3) + 5 * np.cos(x / 8)


def some_motion(n_volumes, rng):
    return np.stack([rigid(rng.uniform(-3, 3, 3), rng.uniform(-2, 2, 3)) for _ in range(n_volumes)])


def moved_series(motion):
    """What a scanner sees of the function when the head moves."""
    points = points_of(SHAPE, AFFINE)
    return np.stack([smooth_image(apply_affine(m, points)) for m in motion], axis=-1)


def test_motion_is_undone_against_the_analytic_truth():
    rng = np.random.default_rng(0)
    motion = some_motion(5, rng)
    points = rng.uniform(-18, 18, (500, 3))
    result = resample_series(moved_series(motion).astype(np.float32), AFFINE, points, motion)
    assert result.covered.all()
    truth = smooth_image(points)
    still = np.abs(result.data - truth[:, None]).max()
    assert still < 0.05
    ignored = resample_series(moved_series(motion).astype(np.float32), AFFINE, points)
    assert np.abs(ignored.data - truth[:, None]).max() > 20 * still


def test_same_as_scipy_wherever_covered():
    rng = np.random.default_rng(1)
    series = rng.standard_normal((*SHAPE, 4)).astype(np.float32)
    motion = some_motion(4, rng)
    points = rng.uniform(-50, 50, (3000, 3))
    result = resample_series(series, AFFINE, points, motion)
    covered = np.ones(len(points), bool)
    for t in range(4):
        voxels = apply_affine(np.linalg.inv(motion[t] @ AFFINE), points)
        covered &= ((voxels >= 0) & (voxels <= np.array(SHAPE) - 1)).all(axis=1)
        expected = map_coordinates(series[..., t].astype(float), voxels.T, order=3, mode="mirror")
        np.testing.assert_allclose(
            result.data[result.covered, t], expected[result.covered], rtol=2e-5, atol=2e-5
        )
    assert 0.1 < covered.mean() < 0.9
    np.testing.assert_array_equal(result.covered, covered)
    assert (result.data[~covered] == 0).all()


def test_the_grid_itself_comes_back_to_its_last_voxel():
    rng = np.random.default_rng(2)
    series = rng.uniform(1, 2, (*SHAPE, 2)).astype(np.float32)
    result = resample_series(series, AFFINE, points_of(SHAPE, AFFINE).reshape(-1, 3))
    assert result.covered.all()
    np.testing.assert_allclose(result.data.reshape(series.shape), series, rtol=1e-5)


def test_missing_voxels_are_not_covered():
    series = np.ones((*SHAPE, 3), np.float32)
    series[5, 6, 7, 1] = np.nan
    series[10, 6, 7] = 0
    series[12, 6, 7, 0] = 0  # dark once, but there
    result = resample_series(series, AFFINE, points_of(SHAPE, AFFINE).reshape(-1, 3))
    missing = np.argwhere(~result.covered.reshape(SHAPE))
    np.testing.assert_array_equal(missing, [(5, 6, 7), (10, 6, 7)])
    assert np.isfinite(result.data).all()


def test_the_number_of_threads_changes_nothing():
    rng = np.random.default_rng(3)
    series = rng.standard_normal((*SHAPE, 7)).astype(np.float32)
    motion, points = some_motion(7, rng), rng.uniform(-30, 30, (500, 3))
    one, three = (resample_series(series, AFFINE, points, motion, n) for n in (1, 3))
    np.testing.assert_array_equal(one.data, three.data)
    np.testing.assert_array_equal(one.covered, three.covered)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_single_slice_is_interpolated_within_itself(axis):
    shape = [8, 8, 8]
    shape[axis] = 1
    series = np.random.default_rng(4).uniform(1, 2, (*shape, 1)).astype(np.float32)
    voxels = np.full((1, 3), 3.4)
    voxels[0, axis] = 0
    result = resample_series(series, np.eye(4), voxels)
    expected = map_coordinates(series[..., 0].astype(float), voxels.T, order=3, mode="mirror")
    np.testing.assert_allclose(result.data[:, 0], expected, rtol=1e-5)


def test_linear_images_are_interpolated_exactly():
    points = np.random.default_rng(5).uniform(-15, 15, (4, 50, 3))
    ramp = points_of(SHAPE, AFFINE) @ (1.0, -2.0, 0.5)
    values = resample_image(ramp, AFFINE, points)
    np.testing.assert_allclose(values, points @ (1.0, -2.0, 0.5), atol=1e-3)


@pytest.mark.parametrize("shape", [SHAPE, (5, 1, 4)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("outside", "mode"), [("zero", "constant"), ("nearest", "nearest")])
def test_linear_interpolation_is_scipys_to_the_last_bit(shape, outside, mode, dtype):
    rng = np.random.default_rng(2)
    images = rng.standard_normal((*shape, 2)).astype(np.float32)
    voxels = rng.uniform(-3, np.array(shape) + 2, (40, 50, 3))
    voxels[:10] = np.rint(voxels[:10])  # on voxels, outermost ones among them
    voxels[10:20] = np.rint(2 * voxels[10:20]) / 2
    expected = [
        map_coordinates(
            images[..., k], np.moveaxis(voxels, -1, 0), order=1, mode=mode, output=dtype
        )
        for k in range(2)
    ]
    found = linear_at(images, voxels, outside=outside, dtype=dtype)
    np.testing.assert_array_equal(found, np.stack(expected, axis=-1))
    assert (found != 0).any()
