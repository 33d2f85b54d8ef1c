"""Intensity non-uniformity of a T1w."""

from pathlib import Path
from tempfile import TemporaryDirectory

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from commissure.preprocessing.programs import run_niimath
from commissure.preprocessing.registration import Image


def correct_bias(
    t1w: Image, mask: NDArray[np.bool_], n_threads: int | None = None
) -> NDArray[np.float32]:
    """Divide a T1w by its bias field as N4 estimates it inside a mask.

    Returns
    -------
    ndarray of shape (x, y, z)
        The corrected T1w, zero outside the mask.

    References
    ----------
    Tustison NJ et al. (2010) N4ITK: improved N3 bias correction. IEEE TMI 29:1310-1320. Run by
    niimath's port of it.
    """
    with TemporaryDirectory() as name:
        directory = Path(name)
        data = np.where(mask, t1w.data, 0).astype(np.float32)
        nib.save(nib.Nifti1Image(data, t1w.affine), directory / "t1w.nii")
        nib.save(nib.Nifti1Image(mask.astype(np.uint8), t1w.affine), directory / "mask.nii")
        run_niimath(["t1w.nii", "-n4", "-mask", "mask.nii", "corrected.nii"], directory, n_threads)
        corrected = np.asarray(nib.load(directory / "corrected.nii").dataobj, np.float32)
    return np.where(mask, corrected, np.float32(0))
