"""The images in the page are the images on disk."""

import base64
import gzip

import nibabel as nib
import numpy as np
import pytest

from commissure.render.viewer import encoded, template_background
from commissure.space.templates import load_template

AFFINE = np.array([[3.0, 0, 0, -90], [0, 3, 0, -126], [0, 0, 3, -72], [0, 0, 0, 1]])


def decoded(text):
    return nib.Nifti1Image.from_bytes(gzip.decompress(base64.b64decode(text)))


@pytest.mark.parametrize("largest", [7.3, 1e-4, 3e5])
def test_values_survive_to_a_30000th(largest):
    rng = np.random.default_rng(0)
    values = rng.standard_normal((7, 6, 5))
    values *= largest / np.abs(values).max()
    img = decoded(encoded(values, AFFINE))
    assert np.abs(img.get_fdata() - values).max() <= largest / 30000
    np.testing.assert_array_equal(img.affine, AFFINE)
    assert img.get_data_dtype() == np.int16


def test_masks_are_exact():
    values = np.zeros((4, 5, 6))
    values[1, 2, 3] = 1
    img = decoded(encoded(values, AFFINE))
    np.testing.assert_array_equal(img.get_fdata(), values)
    assert img.get_data_dtype() == np.uint8


def test_nothing_is_an_image_too():
    assert not decoded(encoded(np.zeros((3, 3, 3)), AFFINE)).get_fdata().any()


def test_the_same_image_gives_the_same_text():
    assert encoded(np.eye(3)[None], AFFINE) == encoded(np.eye(3)[None], AFFINE)


def test_the_background_is_the_template():
    img = decoded(template_background())
    template = load_template(2)
    np.testing.assert_allclose(img.get_fdata() / 255, template.t1w, atol=0.5 / 255)
    np.testing.assert_array_equal(img.affine, template.affine)
