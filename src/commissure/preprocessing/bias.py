"""Intensity non-uniformity of a T1w."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from commissure.preprocessing.programs import run_niimath
from commissure.preprocessing.registration import Image, load_data, save


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
        save(Image(np.where(mask, t1w.data, 0), t1w.affine), directory / "t1w.nii")
        save(Image(mask, t1w.affine), directory / "mask.nii")
        run_niimath(["t1w.nii", "-n4", "-mask", "mask.nii", "corrected.nii"], directory, n_threads)
        corrected = load_data(directory / "corrected.nii")
    return np.where(mask, corrected, np.float32(0))
