"""Realignment, against motion that is known and against another program."""

import subprocess
from pathlib import Path
from typing import Any

import nibabel as nib
import niimath
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import affine_transform
from scipy.spatial.transform import Rotation

from commissure.preprocessing import motion_parameters, realign
from commissure.problems import InputError

DATA = Path(__file__).parents[1] / "data" / "realign"


def spm_matrix(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return SPM's matrix of x, y, z, pitch, roll, yaw, rotations written out."""
    x, y, z, a, b, c = parameters
    pitch = [[1, 0, 0], [0, np.cos(a), np.sin(a)], [0, -np.sin(a), np.cos(a)]]
    roll = [[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]]
    yaw = [[np.cos(c), np.sin(c), 0], [-np.sin(c), np.cos(c), 0], [0, 0, 1]]
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(pitch) @ np.array(roll) @ np.array(yaw)
    matrix[:3, 3] = x, y, z
    return matrix


def displacement(a: NDArray[np.float64], b: NDArray[np.float64], img: Any) -> NDArray[np.float64]:
    """Return how far apart two transforms put each brain voxel, (n_volumes, n_voxels), in mm."""
    first = np.asarray(img.dataobj[..., 0])
    mm = nib.affines.apply_affine(img.affine, np.argwhere(first > 0.1 * first.max()))
    mm = np.column_stack([mm, np.ones(len(mm))])
    return np.linalg.norm(((a - b) @ mm.T)[:, :3], axis=1)


@pytest.fixture(scope="module")
def moving() -> Any:
    return nib.load(DATA / "func_motion.nii.gz")


@pytest.fixture(scope="module")
def true(moving: Any) -> NDArray[np.float64]:
    return np.array([spm_matrix(p) for p in np.loadtxt(DATA / "true_motion_spm.txt")])


@pytest.fixture(scope="module")
def estimated(moving: Any) -> NDArray[np.float64]:
    return realign(np.asarray(moving.dataobj), moving.affine)


def test_the_measure_of_error_is_that_of_the_reference(
    moving: Any, true: NDArray[np.float64]
) -> None:
    spm = np.array([spm_matrix(p) for p in np.loadtxt(DATA / "spm12_rtm0_q0.9_rp.txt")])
    assert displacement(spm, true, moving).mean() == pytest.approx(0.0142, abs=1e-4)


def test_nearer_to_the_truth_than_spm(
    moving: Any, true: NDArray[np.float64], estimated: NDArray[np.float64]
) -> None:
    error = displacement(estimated, true, moving)
    assert error.mean() < 0.0100
    assert error.mean(axis=1).max() < 0.02


def test_agrees_with_niimath(moving: Any, estimated: NDArray[np.float64], tmp_path: Path) -> None:
    parameters = tmp_path / "motion.1D"
    source = str(DATA / "func_motion.nii.gz")
    subprocess.run([niimath.bin, source, "-moco", "-estimate", str(parameters)], check=True)
    roll, pitch, yaw, superior, left, posterior = np.loadtxt(parameters).T
    other = np.tile(np.eye(4), (len(roll), 1, 1))
    angles = np.column_stack([-yaw, -pitch, roll])
    other[:, :3, :3] = Rotation.from_euler("YXZ", angles, degrees=True).as_matrix()
    centre = nib.affines.apply_affine(moving.affine, (np.array(moving.shape[:3]) - 1) / 2)
    shift = np.column_stack([-left, -posterior, superior])
    other[:, :3, 3] = shift + centre - other[:, :3, :3] @ centre
    apart = displacement(estimated, other, moving)
    assert apart.mean() < 0.02
    assert displacement(estimated, estimated[:1], moving).mean() > 0.5


def test_the_matrices_bring_the_volumes_onto_the_first(
    moving: Any, true: NDArray[np.float64], estimated: NDArray[np.float64]
) -> None:
    data = np.asarray(moving.dataobj, dtype=np.float64)
    inner = (slice(8, -8), slice(8, -8), slice(6, -6))

    def difference(matrix: NDArray[np.float64]) -> float:
        voxels = np.linalg.inv(matrix @ moving.affine) @ moving.affine
        resampled = affine_transform(data[..., 10], voxels, order=3)
        return float(np.std(resampled[inner] - data[..., 0][inner]))

    assert difference(estimated[10]) == pytest.approx(difference(true[10]), rel=0.01)
    assert difference(np.eye(4)) > 1.5 * difference(true[10])


@pytest.mark.parametrize("size", [4, 12])
def test_large_motion_on_an_oblique_flipped_grid(moving: Any, size: float) -> None:
    rng = np.random.default_rng(int(size))
    first = np.asarray(moving.dataobj[..., 0], dtype=np.float64)[:, ::-1]
    affine = spm_matrix(np.array([3, -8, 5, 0.3, -0.2, 0.1])) @ moving.affine
    affine = affine @ np.array([[1, 0, 0, 0], [0, -1, 0, 63], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    shift, turn = rng.normal(size=(2, 3))
    turn *= np.deg2rad(size) / np.linalg.norm(turn)
    centre = nib.affines.apply_affine(affine, (np.array(first.shape) - 1) / 2)
    planted = np.eye(4)
    planted[:3, :3] = Rotation.from_rotvec(turn).as_matrix()
    planted[:3, 3] = centre + size * shift / np.linalg.norm(shift) - planted[:3, :3] @ centre
    moved = 1.1 * affine_transform(first, np.linalg.inv(affine) @ planted @ affine, order=3)
    found = realign(np.stack([first, moved], axis=-1), affine)
    flipped = nib.Nifti1Image(np.stack([first, moved], axis=-1), affine)
    assert displacement(found[1:], planted[None], flipped).mean() < 0.03


def test_the_same_bits_on_any_number_of_threads(
    moving: Any, estimated: NDArray[np.float64]
) -> None:
    few = np.asarray(moving.dataobj[..., :6])
    assert np.array_equal(realign(few, moving.affine, n_threads=1), estimated[:6])
    assert np.array_equal(realign(few, moving.affine, n_threads=3), estimated[:6])


def test_parameters_are_those_of_spm() -> None:
    parameters = np.random.default_rng(0).normal(0, 0.4, size=(20, 6))
    matrices = np.array([spm_matrix(p) for p in parameters])
    assert np.allclose(motion_parameters(matrices), parameters, atol=1e-12)


def test_volumes_that_cannot_be_registered_are_named(moving: Any) -> None:
    data = np.asarray(moving.dataobj[..., :4]).copy()
    data[..., 2] = 0
    with pytest.raises(InputError, match="Volume 2 "):
        realign(data, moving.affine)
    with pytest.raises(InputError, match="first volume is constant"):
        realign(np.full((8, 8, 8, 2), 3.3), np.eye(4))
    broken = data.astype(np.float32)
    broken[0, 0, 0, [1, 3]] = np.nan
    with pytest.raises(InputError, match="Volumes 1, 3 "):
        realign(broken, moving.affine)
    with pytest.raises(InputError, match="5 voxels or more"):
        realign(data[:, :, :3], moving.affine)
