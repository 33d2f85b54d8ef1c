"""Planted exchanges of left and right, in a head of lobes that differ and in one of alike ones."""

import numpy as np
import pytest
from nibabel.affines import apply_affine

from commissure.preprocessing.border import border_costs, white_border
from commissure.preprocessing.registration import Image, Warp
from commissure.preprocessing.sides import sides_agree
from tests.preprocessing.heads import points_of, rigid
from tests.preprocessing.lobes import AFFINE, EPI_AFFINE, EPI_SHAPE, SHAPE, epi, tissues

FLIP = np.diag([-1.0, 1, 1, 1])
STILL = np.zeros((2, 2, 2, 3), np.float32)
TURNED = rigid((5, -4, 6), (3, 7, -2))  # template to T1w: the mid-plane is none of the grid's


def border_of(head):
    return white_border(*head(points_of(SHAPE, AFFINE)), AFFINE)


def turned(points):
    """The lobes, tilted in the T1w as the warp says."""
    return tissues(apply_affine(np.linalg.inv(TURNED), points))


def alike(points):
    """Both halves of this head are the right one of the lobes."""
    return tissues(np.abs(points * [1, 0, 0]) + points * [0, 1, 1])


def seen(head, to_t1w, noise=0.0):
    rng = np.random.default_rng(0)
    grey, white = head(apply_affine(to_t1w, points_of(EPI_SHAPE, EPI_AFFINE)))
    image = (800 * grey + 600 * white) * (1 + noise * rng.standard_normal(grey.shape))
    return Image(image.astype(np.float32), EPI_AFFINE)


@pytest.mark.parametrize("warp_by", [np.eye(4), TURNED])
def test_exchanged_sides_are_told_from_right_ones(warp_by):
    head = tissues if warp_by is not TURNED else turned
    border, warp = border_of(head), Warp(warp_by, STILL, STILL, np.eye(4))
    to_t1w = rigid((4, 5, -6), (2, -3, 4))
    image = seen(head, to_t1w, 0.05)
    right = sides_agree(image, np.linalg.inv(to_t1w), border, warp)
    # The same voxels; the best rigid map that does not know of it is right but for the mirror.
    flipped = Image(image.data, FLIP @ EPI_AFFINE)
    mirror = warp_by @ FLIP @ np.linalg.inv(warp_by)
    wrong = sides_agree(flipped, FLIP @ np.linalg.inv(to_t1w) @ mirror, border, warp)
    assert right > 8
    assert wrong < -8


def test_a_symmetric_head_tells_nothing():
    border, warp = border_of(alike), Warp(np.eye(4), STILL, STILL, np.eye(4))
    assert abs(sides_agree(seen(alike, np.eye(4), 0.05), np.eye(4), border, warp)) < 3


def test_what_is_not_seen_tells_nothing():
    border, warp = border_of(tissues), Warp(np.eye(4), STILL, STILL, np.eye(4))
    far = rigid((0, 0, 0), (300, 0, 0))
    assert sides_agree(epi(far), np.eye(4), border, warp) == 0


def test_certainty_is_the_mean_by_its_error_over_blocks(monkeypatch):
    border, warp = border_of(tissues), Warp(np.eye(4), STILL, STILL, np.eye(4))
    monkeypatch.setattr("commissure.preprocessing.sides.refine_by_border", lambda _, at, __: at)
    image = epi(np.eye(4))
    better = border_costs(image, FLIP, border) - border_costs(image, np.eye(4), border)
    blocks = {}
    for place, value in zip(border.white, better, strict=True):
        if np.isfinite(value):
            blocks.setdefault(tuple(np.floor(place / 20)), []).append(value)
    mean = np.nanmean(better)
    spread = np.sqrt(sum(sum(v - mean for v in block) ** 2 for block in blocks.values()))
    expected = mean / (spread / np.isfinite(better).sum())
    assert sides_agree(image, np.eye(4), border, warp) == pytest.approx(expected)
