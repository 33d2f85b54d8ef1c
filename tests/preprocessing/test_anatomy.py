"""The steps from raw images to the template, on a synthetic head of known anatomy."""

import numpy as np
import pytest
from nibabel.affines import apply_affine

from commissure.preprocessing.anatomy import Anatomy
from commissure.preprocessing.bias import correct_bias
from commissure.preprocessing.brain_mask import dice, epi_brain_mask, t1w_brain_mask
from commissure.preprocessing.epi import (
    epi_t1w_overlap,
    register_epi_to_t1w,
    register_template_to_epi,
)
from commissure.preprocessing.head_model import refine_brain
from commissure.preprocessing.orientation import find_orientation
from commissure.preprocessing.registration import Image, register_deformable
from commissure.preprocessing.segmentation import segment, tissue_priors
from commissure.records.runs import RegistrationCheck
from commissure.space.templates import load_template
from tests.preprocessing.heads import make_head, points_of, rigid

pytestmark = pytest.mark.slow

EPI_SHAPE = (64, 64, 35)
EPI_AFFINE = rigid((15, 3, -4), (0, 0, 0)) @ np.diag([3.75, 3.75, 4.0, 1.0])
EPI_AFFINE[:3, 3] = (0, -20, 10) - EPI_AFFINE[:3, :3] @ (np.array(EPI_SHAPE) / 2)
UNCHECKED = RegistrationCheck("RAS", 0.0, 0.0, 0.0, 1.0)
POSITION = rigid((2, -1, 3), (3, -4, 2))  # EPI mm -> T1w mm


@pytest.fixture(scope="module")
def head():
    return make_head(seed=3, resolution=1.5)


@pytest.fixture(scope="module")
def anatomy(head):
    t1w = Image(head.t1w, head.affine)
    template = load_template(2)
    mask, matrix = t1w_brain_mask(t1w)
    corrected = Image(correct_bias(t1w, mask), head.affine)
    warp = register_deformable(Image(template.t1w, template.affine), corrected, matrix)
    return mask, corrected, warp


@pytest.fixture(scope="module")
def epi(head):
    rng = np.random.default_rng(0)
    return Image(head.epi(EPI_SHAPE, EPI_AFFINE, POSITION, rng), EPI_AFFINE)


def brain_points():
    template = load_template(2)
    return points_of(template.brain.shape, template.affine)[template.brain]


def test_brain_mask_of_a_head_twice_the_same(head, anatomy):
    mask = anatomy[0]
    assert dice(mask, head.tissues.sum(-1) > 0.5) >= 0.94
    again, _ = t1w_brain_mask(Image(head.t1w, head.affine), n_threads=1)
    np.testing.assert_array_equal(mask, again)


def test_bias_is_removed(head, anatomy):
    mask, corrected, _ = anatomy
    white = (head.tissues[..., 2] > 0.99) & mask
    noise = 0.03  # of white matter, which no field explains
    before, after = (
        np.sqrt((values[white].std() / values[white].mean()) ** 2 - noise**2)
        for values in (head.t1w, corrected.data)
    )
    assert after < 0.5 * before


def test_normalisation_error(head, anatomy):
    warp, points = anatomy[2], brain_points()
    error = np.linalg.norm(head.in_template(warp.to_moving(points)) - points, axis=-1)
    assert error.mean() <= 1.0
    assert np.percentile(error, 95) <= 2.0


def test_grey_matter(head, anatomy):
    mask, corrected, warp = anatomy
    found = segment(corrected.data, mask, tissue_priors(warp, corrected, mask))
    truth = (head.tissues.argmax(-1) == 1) & (head.tissues.sum(-1) > 0.5)
    assert dice(mask & (found.argmax(-1) == 1), truth) >= 0.9


def test_epi_to_t1w(epi, anatomy):
    mask, corrected, warp = anatomy
    tissues = segment(corrected.data, mask, tissue_priors(warp, corrected, mask))
    whole = Anatomy(corrected, mask, tissues, warp, UNCHECKED)
    found = register_epi_to_t1w(epi, whole, find_orientation(epi))
    matrix = found.matrix
    assert found.border < 0.8
    assert found.sides > 8
    points = points_of(EPI_SHAPE, EPI_AFFINE)[epi_brain_mask(epi)]
    error = apply_affine(matrix, points) - apply_affine(POSITION, points)
    assert np.linalg.norm(error, axis=-1).mean() <= 0.5
    t1w_mask = Image(mask, corrected.affine)
    assert epi_t1w_overlap(epi, matrix, t1w_mask) > 0.9
    wrong = rigid((0, 0, 0), (30, 20, 0)) @ matrix
    assert epi_t1w_overlap(epi, wrong, t1w_mask) < 0.8


def test_epi_without_t1w(head, epi):
    points = brain_points()
    found = apply_affine(POSITION, register_template_to_epi(epi).to_moving(points))
    error = np.linalg.norm(head.in_template(found) - points, axis=-1)
    assert error.mean() <= 3.0  # a voxel of the analysis grid


def test_the_brain_by_its_brightness_is_no_farther_from_the_truth(head, anatomy):
    """Of a head made of the template the outline is right already."""
    mask, corrected, warp = anatomy
    true = head.tissues.sum(-1) > 0.5
    refined = refine_brain(Image(head.t1w, head.affine), corrected.data, mask, warp)
    assert dice(refined, true) >= dice(mask, true) - 0.002
