"""Planted distortions of an EPI, in a head of lobes that are known."""

import numpy as np
import pytest
from nibabel.affines import apply_affine

from commissure.preprocessing.border import white_border
from commissure.preprocessing.distortion import Shifts, find_distortion
from commissure.preprocessing.epi import EpiInT1w
from commissure.preprocessing.registration import Image
from tests.preprocessing.heads import points_of, rigid
from tests.preprocessing.lobes import AFFINE, EPI_AFFINE, EPI_SHAPE, SHAPE, tissues

TO_T1W = rigid((4, -3, 5), (2, 3, -4))


@pytest.fixture(scope="module")
def border():
    return white_border(*tissues(points_of(SHAPE, AFFINE)), AFFINE)


def shift(points, most):
    """Millimetres by which the signal of places is off, in the front and at one side."""
    front = np.exp(-(((points - (0, 32, -8)) / 18) ** 2).sum(axis=-1) / 2)
    side = np.exp(-(((points - (30, -5, -10)) / 18) ** 2).sum(axis=-1) / 2)
    return most * (front - 0.7 * side)


def distorted(axis, most, noise=0.03):
    """Return an EPI in which the signal of undistorted places lies off by `shift`."""
    along = np.eye(3)[axis]
    seen = points_of(EPI_SHAPE, EPI_AFFINE)
    at = seen
    for _ in range(40):
        at = seen - shift(at, most)[..., None] * along
    grey, white = tissues(apply_affine(TO_T1W, at))
    rng = np.random.default_rng(axis)
    image = (800 * grey + 600 * white) * (1 + noise * rng.standard_normal(grey.shape))
    return Image(np.clip(image, 0, None).astype(np.float32), EPI_AFFINE)


@pytest.mark.parametrize("axis", [0, 1])
def test_planted_shifts_are_found_along_their_axis(border, axis):
    found = find_distortion(distorted(axis, 6.0), np.linalg.inv(TO_T1W), border)
    assert found is not None
    np.testing.assert_allclose(np.abs(found.direction), np.eye(3)[axis])
    places = apply_affine(np.linalg.inv(TO_T1W), border.white)
    truth = shift(places, 6.0)
    error = found.moved(places) - places - truth[:, None] * np.eye(3)[axis]
    error = np.linalg.norm(error, axis=1)
    far = np.abs(truth) > 2
    assert np.abs(truth[far]).mean() > 3
    assert error[far].mean() < 0.35 * np.abs(truth[far]).mean()
    assert error[~far].mean() < 0.8


def test_places_of_the_t1w_are_moved_by_the_shifts():
    knots = np.zeros((3, 3, 3))
    knots[1, 1, 1] = 4.0
    shifts = Shifts(knots, np.diag([10.0, 10, 10, 1]), np.array([0.0, 1, 0]))
    in_t1w = EpiInT1w(TO_T1W, 0.5, 9.0, shifts, 1.0)
    places = np.array([[10.0, 10, 10], [15, 10, 10], [20, 20, 20]])
    expected = places + np.array([4.0, 2, 0])[:, None] * [0, 1, 0]
    np.testing.assert_allclose(in_t1w.to_epi(apply_affine(TO_T1W, places)), expected, atol=1e-6)


def test_shifts_along_another_axis_than_that_of_the_phase_are_none_of_distortion(border):
    epi = distorted(1, 6.0)
    assert find_distortion(epi, np.linalg.inv(TO_T1W), border, (0,)) is None
    assert find_distortion(epi, np.linalg.inv(TO_T1W), border, (1,)) is not None


def test_without_distortion_nothing_is_corrected(border):
    assert find_distortion(distorted(1, 0.0), np.linalg.inv(TO_T1W), border) is None


def test_noise_is_not_fitted_to(border):
    rng = np.random.default_rng(0)
    noise = Image(rng.uniform(500, 1500, EPI_SHAPE).astype(np.float32), EPI_AFFINE)
    assert find_distortion(noise, np.linalg.inv(TO_T1W), border) is None


def test_where_nothing_is_seen_nothing_is_corrected(border):
    far = rigid((0, 0, 0), (300, 0, 0))
    assert find_distortion(distorted(1, 6.0), far, border) is None
