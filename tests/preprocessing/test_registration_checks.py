"""What registrations of a real EPI are found to be, with headers right and wrong."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from commissure.preprocessing.epi import register_template_to_epi
from commissure.preprocessing.orientation import Orientation, find_orientation
from commissure.preprocessing.registration import Image, Warp
from commissure.preprocessing.registration_checks import brain_places, check_registration
from commissure.records.runs import Measured, RegistrationCheck, RunKey
from commissure.settings.judging import judge
from commissure.settings.quality import QualityRules
from commissure.space.templates import load_template
from tests.preprocessing.turned import HEADERS, with_header

REAL = Path(__file__).parents[1] / "data/registration/epi_6mm.nii.gz"

T1W = RegistrationCheck("RAS", 6.0, 0.4, 3.0, 1.0)  # that there is none is noted of any EPI


@pytest.fixture(scope="module")
def real_epi():
    img = nib.load(REAL)
    return Image(np.asarray(img.dataobj, np.float32), img.affine)


def reasons(epi):
    """What excludes an EPI that is registered straight to the template, and what is noted."""
    warp = register_template_to_epi(epi)
    check = check_registration(epi, find_orientation(epi), warp.to_moving(brain_places()), warp)
    found = judge(
        Measured(RunKey("sub-01"), checks={"epi": check, "t1w": T1W}), QualityRules()
    ).reasons
    return tuple("; ".join(r.sentence for r in found if r.excludes is out) for out in (True, False))


@pytest.mark.slow
def test_a_real_epi_passes_with_its_own_header(real_epi):
    assert reasons(real_epi) == ("", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ("RPS", "its y axis (front to back) is reversed"),
        ("RAI", "its z axis (upside down) is reversed"),
        ("RSA", "its x, y and z axes point to right, top and front"),
    ],
)
def test_no_other_header_of_it_passes(real_epi, axes, said):
    assert said in reasons(with_header(real_epi, HEADERS[axes]))[0]


@pytest.mark.slow
def test_a_real_epi_without_its_top_does_not_pass(real_epi):
    top = real_epi.data.shape[2] * 2 // 3
    assert reasons(Image(real_epi.data[:, :, :top], real_epi.affine))[0]


@pytest.mark.slow
def test_a_real_epi_whose_top_is_filled_with_zeros_does_not_pass_without_a_word(real_epi):
    data = real_epi.data.copy()
    data[:, :, data.shape[2] * 2 // 3 :] = 0
    assert "stretched" in "; ".join(reasons(Image(data, real_epi.affine)))


def test_numbers_of_a_known_map():
    grid = load_template(2)
    still = np.zeros((*grid.brain.shape, 3), np.float32)
    matrix = np.diag([1.25, 1, 0.5, 1])
    matrix[:3, 3] = 3, 4, 0
    warp = Warp(matrix, still, still, grid.affine)
    orientation = Orientation(np.diag([1.25, 1, 0.5, 1]), "RAS", 0.0, 0.5)
    half = Image(np.ones(grid.brain.shape, np.float32), matrix @ grid.affine)
    half.data[grid.brain.shape[0] // 2 + 1 :] = 0
    check = check_registration(half, orientation, warp.to_moving(brain_places()), warp)
    assert check.apart == pytest.approx(5)
    assert check.stretch == pytest.approx(2)
    assert check.warped == 0
    assert check.coverage == pytest.approx(0.5, abs=0.03)  # the template is symmetric


def test_a_warp_that_folds_one_side_is_seen():
    grid = load_template(2)
    field = np.zeros((*grid.brain.shape, 3), np.float32)
    middle = grid.brain.shape[0] // 2
    field[middle:, ..., 0] = -4.0 * np.arange(grid.brain.shape[0] - middle)[:, None, None]
    warp = Warp(np.eye(4), field, -field, grid.affine)
    places = brain_places()
    image = Image(np.ones(grid.brain.shape, np.float32), grid.affine)
    orientation = Orientation(np.eye(4), "RAS", 0.0, 0.5)
    check = check_registration(image, orientation, places, warp)
    assert check.warped == pytest.approx(0.5, abs=0.03)
    nowhere = check_registration(image, orientation, np.full(places.shape, np.nan))
    assert (nowhere.apart, nowhere.coverage) == (1000, 0)
