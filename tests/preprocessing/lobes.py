"""A head of lobes whose tissues are known anywhere, and EPIs of it."""

import numpy as np
from nibabel.affines import apply_affine

from commissure.preprocessing.registration import Image
from tests.preprocessing.heads import points_of, rigid

SHAPE = (84, 100, 76)
AFFINE = rigid((3, -5, 8), (4, -6, 2)) @ np.diag([-1.25, 1.25, 1.25, 1])
AFFINE[:3, 3] -= apply_affine(AFFINE, (np.array(SHAPE) - 1) / 2)
EPI_SHAPE, EPI_AFFINE = (84, 90, 70), np.diag([2.0, 2, 2, 1])
EPI_AFFINE[:3, 3] = -np.array([84, 90, 70])


def depth(points):
    """Millimetres, about, from the border of white matter outwards."""
    x, y, z = np.moveaxis(points, -1, 0)
    radius = np.linalg.norm(points / (1, 1.2, 0.9), axis=-1)
    return radius - 34 - 6 * np.sin(x / 8 + 0.5) * np.sin(y / 9) * np.cos(z / 7 + 0.3)


def tissues(points):
    """Grey and white matter; the grey is 5 mm thick."""
    out = depth(points)
    white = np.clip(0.5 - out / 2, 0, 1)
    return np.clip(0.5 - (out - 5) / 2, 0, 1) - white, white


def epi(to_t1w):
    grey, white = tissues(apply_affine(to_t1w, points_of(EPI_SHAPE, EPI_AFFINE)))
    return Image((800 * grey + 600 * white).astype(np.float32), EPI_AFFINE)
