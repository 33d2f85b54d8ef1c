"""The border of white matter, and the place of an EPI by it, in a head of lobes that are known."""

import numpy as np
import pytest
from nibabel.affines import apply_affine

from commissure.preprocessing.border import border_costs, refine_by_border, white_border
from commissure.preprocessing.registration import Image
from tests.preprocessing.heads import points_of, rigid
from tests.preprocessing.lobes import AFFINE, SHAPE, depth, epi, tissues


@pytest.fixture(scope="module")
def border():
    return white_border(*tissues(points_of(SHAPE, AFFINE)), AFFINE)


def test_the_pairs_lie_2_mm_inside_and_outside_of_the_border(border):
    assert 5000 < len(border.white) <= 20_000
    apart = np.linalg.norm(border.white - border.grey, axis=1)
    np.testing.assert_allclose(apart, 4, atol=1e-9)
    middle = depth((border.white + border.grey) / 2)
    assert np.abs(middle).mean() < 0.2
    assert np.abs(depth(border.white) + 2).mean() < 0.6
    assert np.abs(depth(border.grey) - 2).mean() < 0.6


def test_costs_are_those_of_the_contrast(border):
    still = np.eye(4)
    flat = Image(np.full(SHAPE, 7, np.float32), AFFINE)
    np.testing.assert_allclose(border_costs(flat, still, border), 1)
    empty = Image(np.zeros(SHAPE, np.float32), AFFINE)
    assert np.isnan(border_costs(empty, still, border)).all()
    slope = Image((1000 + points_of(SHAPE, AFFINE)[..., 1]).astype(np.float32), AFFINE)
    white, grey = (1000 + side[:, 1] for side in (border.white, border.grey))
    expected = 1 - np.tanh(5 * (grey - white) / ((grey + white) / 2))
    np.testing.assert_allclose(border_costs(slope, still, border), expected, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_an_epi_is_moved_to_where_it_is(border, seed):
    rng = np.random.default_rng(seed)
    truth = rigid(rng.uniform(-8, 8, 3), rng.uniform(-8, 8, 3))  # EPI to T1w
    off = rigid(rng.uniform(-1.5, 1.5, 3), rng.uniform(-1.5, 1.5, 3))
    found = refine_by_border(epi(truth), np.linalg.inv(truth) @ off, border)
    apart = apply_affine(found, border.white) - apply_affine(np.linalg.inv(truth), border.white)
    before = apply_affine(off, border.white) - border.white
    assert np.linalg.norm(before, axis=1).mean() > 1
    # Partial volume moves borders that are bent more to one side, by a fifth of a voxel here.
    assert np.linalg.norm(apart, axis=1).mean() < 0.5


def test_where_no_border_is_seen_nothing_is_moved(border):
    start = rigid((1, 2, 3), (4, 5, 6))
    np.testing.assert_array_equal(
        refine_by_border(epi(rigid((0, 0, 0), (300, 0, 0))), start, border), start
    )
