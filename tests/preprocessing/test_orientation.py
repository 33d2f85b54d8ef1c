"""Which way round a real head lies, whatever its header says."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from commissure.preprocessing.orientation import find_orientation
from commissure.preprocessing.registration import Image
from tests.preprocessing.turned import HEADERS, MIRRORED, with_header

REAL = Path(__file__).parents[1] / "data/registration/epi_6mm.nii.gz"


@pytest.fixture(scope="module")
def real_epi():
    img = nib.load(REAL)
    return Image(np.asarray(img.dataobj, np.float32), img.affine)


# Seconds each, for 24 orientations: what is commonest is tried always.
_ALWAYS = ("RAS", "RPS", "RSA")


@pytest.mark.parametrize(
    "axes",
    [axes if axes in _ALWAYS else pytest.param(axes, marks=pytest.mark.slow) for axes in HEADERS],
)
def test_the_content_tells_where_the_axes_of_a_header_point_to(real_epi, axes):
    found = find_orientation(with_header(real_epi, HEADERS[axes]))
    assert found.axes == axes
    assert found.doubt < 0.8
    assert (found.turn < 60) == (axes == "RAS")


def test_a_mirrored_header_cannot_be_told(real_epi):
    found = find_orientation(with_header(real_epi, MIRRORED))
    assert found.axes == "RAS"
    assert found.turn < 60


def test_it_does_not_depend_on_threads(real_epi):
    one, two = (find_orientation(real_epi, n_threads=n) for n in (1, 2))
    np.testing.assert_array_equal(one.matrix, two.matrix)
    assert one.doubt == two.doubt


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_heads_of_any_size_tilted_and_far_off_are_not_taken_for_turned(real_epi, seed):
    rng = np.random.default_rng(seed)
    axis = rng.standard_normal(3)
    tilt = Rotation.from_rotvec(np.deg2rad(25) * axis / np.linalg.norm(axis)).as_matrix()
    for size in (0.85, 1.15):
        for axes in ("RAS", "RPS"):
            change, shift = HEADERS[axes] @ tilt * size, rng.uniform(-60, 60, 3)
            found = find_orientation(with_header(real_epi, change, shift))
            assert found.axes == axes
            assert found.doubt < 0.85


@pytest.mark.parametrize("value", [0.0, 100.0])
def test_an_image_without_a_head_is_in_doubt(value):
    empty = Image(np.full((20, 20, 20), value, np.float32), np.diag([8.0, 8, 8, 1]))
    assert find_orientation(empty).doubt == 1
    noise = np.random.default_rng(0).standard_normal(empty.data.shape).astype(np.float32)
    assert find_orientation(Image(noise, empty.affine)).doubt > 0.9
