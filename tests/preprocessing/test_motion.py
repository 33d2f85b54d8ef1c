"""Numbers that describe motion, against DPABI and the definitions."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from commissure.preprocessing import (
    framewise_displacement_jenkinson,
    framewise_displacement_power,
    friston24,
    max_motion,
    motion_parameters,
)
from tests.preprocessing.test_realignment import spm_matrix

DATA = Path(__file__).parents[1] / "data" / "realign"


def test_friston24_column_by_column() -> None:
    motion = np.random.default_rng(0).normal(size=(9, 6))
    columns = friston24(motion)
    assert columns.shape == (9, 24)
    for axis in range(6):
        before = [0.0, *motion[:-1, axis]]
        assert np.array_equal(columns[:, axis], motion[:, axis])
        assert np.array_equal(columns[:, 6 + axis], before)
        assert np.array_equal(columns[:, 12 + axis], motion[:, axis] ** 2)
        assert np.array_equal(columns[:, 18 + axis], np.square(before))


def test_jenkinson_is_dpabis() -> None:
    img = nib.load(DATA / "func_motion.nii.gz")
    parameters = np.loadtxt(DATA / "spm12_rtm0_q0.9_rp.txt")
    matrices = np.array([spm_matrix(p) for p in parameters])
    ours = framewise_displacement_jenkinson(matrices, img.affine, img.shape)
    assert np.allclose(ours, np.loadtxt(DATA / "FD_Jenkinson_rtm0.txt"), atol=1e-12)


def test_jenkinson_is_the_rms_over_a_sphere() -> None:
    rng = np.random.default_rng(1)
    affine, shape = np.diag([3.0, 3, 3, 1]), (20, 20, 20)
    matrices = np.array([spm_matrix(p) for p in rng.normal(0, [2, 2, 2, 0.1, 0.1, 0.1], (3, 6))])
    inside = rng.uniform(-80, 80, size=(400_000, 3))
    inside = inside[np.linalg.norm(inside, axis=1) < 80]
    between = matrices[1:] @ np.linalg.inv(matrices[:-1])
    for matrix, ours in zip(
        between, framewise_displacement_jenkinson(matrices, affine, shape)[1:], strict=True
    ):
        points = inside + 3 * 9.0
        moved = points @ matrix[:3, :3].T + matrix[:3, 3]
        assert ours == pytest.approx(np.sqrt(((moved - points) ** 2).sum(axis=1).mean()), rel=5e-3)


def test_power_and_maximum_by_hand() -> None:
    motion = np.array([[0, 0, 0, 0, 0, 0], [1, -2, 0, 0.01, 0, 0], [1, -2, 0.5, 0, 0, -0.02]])
    assert np.allclose(framewise_displacement_power(motion), [0, 3.5, 2.0])
    found = max_motion(np.array([spm_matrix(p) for p in motion]), np.zeros(3))
    assert found == pytest.approx((2.0, np.rad2deg(0.02)))


def test_displacement_does_not_depend_on_where_the_origin_lies() -> None:
    rng = np.random.default_rng(4)
    near = np.array([spm_matrix(p) for p in rng.normal(0, [1, 1, 1, 0.02, 0.02, 0.02], (5, 6))])
    # The same head in a scanner whose origin is far away, as where a header counts from a corner.
    away = np.eye(4)
    away[:3, 3] = 100, -120, 70
    far = away @ near @ np.linalg.inv(away)
    expected = framewise_displacement_power(motion_parameters(near))
    there = framewise_displacement_power(motion_parameters(far, away[:3, 3]))
    np.testing.assert_allclose(there, expected)
    assert framewise_displacement_power(motion_parameters(far)).mean() > 1.5 * expected.mean()


def test_a_nod_is_no_shift_of_the_head() -> None:
    """Where the header's origin is far from the head, its translations are what turns make."""
    centre = np.array([5.0, -40, 60])
    nod = spm_matrix([0, 0, 0, 0.1, 0, 0])
    about_the_head = np.eye(4)
    about_the_head[:3, :3] = nod[:3, :3]
    about_the_head[:3, 3] = centre + np.array([0.5, 0, 0]) - nod[:3, :3] @ centre
    matrices = np.array([np.eye(4), about_the_head])
    assert max_motion(matrices, centre) == pytest.approx((0.5, np.rad2deg(0.1)))
    assert max_motion(matrices, np.zeros(3))[0] > 4
