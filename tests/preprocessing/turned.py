"""Images whose headers say something else of where right, front and top are."""

import numpy as np
from nibabel.affines import apply_affine

from commissure.preprocessing.registration import Image

# What is done to the header's x, y and z, and where these then really point to.
HEADERS = {
    "RAS": np.eye(3),
    "RPS": np.diag([1.0, -1, 1]),  # front to back
    "RAI": np.diag([1.0, 1, -1]),  # upside down
    "RPI": np.diag([1.0, -1, -1]),
    "RSA": np.eye(3)[[0, 2, 1]],
    "ARS": np.eye(3)[[1, 0, 2]],
    "RIA": np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]),  # a quarter turn
}
MIRRORED = np.diag([-1.0, 1, 1])


def with_header(image, change, shift=(0, 0, 0)):
    """The same voxels, whose header is changed (3 x 3) about their middle, and shifted by mm."""
    middle = apply_affine(image.affine, (np.array(image.data.shape) - 1) / 2)
    matrix = np.eye(4)
    matrix[:3, :3] = change
    matrix[:3, 3] = middle - matrix[:3, :3] @ middle + shift
    return Image(image.data, matrix @ image.affine)
