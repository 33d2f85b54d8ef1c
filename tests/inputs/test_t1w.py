"""Which T1w is taken of several: the finest, of repeated ones the first, never a guess."""

import numpy as np
import pytest

from commissure.inputs import Selection, read_bids
from commissure.problems import InputError
from tests.inputs.images import image
from tests.inputs.test_bids import bids  # noqa: F401 - a fixture

FINE, COARSE = np.diag([1.0, 1, 1, 1]), np.diag([4.0, 4, 4, 1])


@pytest.fixture
def anat(bids):  # noqa: F811
    folder = bids / "sub-01/anat"
    (folder / "sub-01_T1w.nii.gz").unlink()
    return folder


def t1w_of(folder, asked=None):
    scans = read_bids(folder.parents[1], Selection(("01",), t1w=asked), slice_timing=False)
    return scans[0].t1w.name, scans[0].warnings


def test_the_finest_is_taken_whatever_it_is_called_and_told(anat):
    image(anat / "sub-01_acq-lowres_T1w.nii.gz", (5, 4, 4), affine=COARSE)
    image(anat / "sub-01_acq-mprage_T1w.nii.gz", (5, 4, 4), affine=FINE)
    name, (told,) = t1w_of(anat)
    assert name == "sub-01_acq-mprage_T1w.nii.gz"
    assert "acq-lowres" in told
    assert "finest" in told


def test_of_repeated_ones_the_first(anat):
    for run in (2, 1):
        image(anat / f"sub-01_run-{run}_T1w.nii.gz", (5, 4, 4), affine=FINE)
    name, (told,) = t1w_of(anat)
    assert name == "sub-01_run-1_T1w.nii.gz"
    assert "2 T1w" in told
    assert t1w_of(anat, "run-2") == ("sub-01_run-2_T1w.nii.gz", ())


def test_kinds_that_are_as_fine_are_chosen_by_the_user(anat):
    image(anat / "sub-01_acq-flash_T1w.nii.gz", (5, 4, 4), affine=FINE)
    image(anat / "sub-01_acq-mprage_T1w.nii.gz", (5, 4, 4), affine=FINE * [1.01, 1, 1, 1])
    with pytest.raises(InputError, match=r"sub-01_acq-mprage_T1w.*t1w = \"acq-flash\""):
        t1w_of(anat)
    assert t1w_of(anat, "acq-mprage") == ("sub-01_acq-mprage_T1w.nii.gz", ())
    with pytest.raises(InputError, match="no T1w whose name has acq-x"):
        t1w_of(anat, "acq-x")
