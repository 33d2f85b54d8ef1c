"""Realignment parameters as SPM writes them, and what SPM and DPABI write beside."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from commissure.files.images import load_image, read_volumes
from commissure.inputs.confounds_tables import MOTION, completed, read_numbers
from commissure.preprocessing import (
    framewise_displacement_jenkinson,
    framewise_displacement_power,
    motion_matrices,
    motion_parameters,
)
from commissure.preprocessing.brain_mask import head_centre
from commissure.preprocessing.registration import Image
from commissure.problems import InputError

# fMRIPrep's rmsd is MCFLIRT's, after Jenkinson.
POWER = "framewise_displacement"
JENKINSON = ("framewise_displacement_jenkinson", "rmsd")
_RP = re.compile(r"(S\d+_)?rp.*\.txt")


def is_spm_motion(path: Path) -> bool:
    """Tell whether a file is one of realignment parameters, by its name."""
    return _RP.fullmatch(path.name) is not None


def spm_motion(path: Path, mean: Path | None, centre: NDArray[np.float64]) -> pd.DataFrame:
    """Read SPM's parameters, and displacements as DPABI writes them beside.

    Parameters
    ----------
    path : Path
    mean : Path or None
        The mean image beside it.
    centre : ndarray of shape (3,)
        Of the head in it, mm.

    Raises
    ------
    InputError
        If a file cannot be read, or its length is another.
    """
    parameters = read_numbers(path, 6)
    table = completed(path, pd.DataFrame(parameters, columns=list(MOTION)))
    session = (found.group(1) or "") if (found := _RP.fullmatch(path.name)) else ""
    # At the head: at the scanner's origin, which may be far away, a small nod is a large shift.
    if mean is not None:
        img, motion = load_image(mean), motion_matrices(parameters)
        there = motion_parameters(motion, centre)
        table[POWER] = framewise_displacement_power(there)
        table[JENKINSON[0]] = framewise_displacement_jenkinson(motion, img.affine, img.shape)
    for column, kind in ((POWER, "Power"), (JENKINSON[0], "Jenkinson")):
        files = sorted(path.parent.glob(f"{session}FD_{kind}_*.txt"))
        if len(files) == 1:
            displacement = read_numbers(files[0], 1)[:, 0]
            if len(displacement) != len(table):
                msg = f"{files[0]} has {len(displacement)} rows and {path} has {len(table)}."
                raise InputError(msg)
            table[column] = displacement
    return table


def centre_of(mean: Path) -> NDArray[np.float64]:
    """Return the centre of the head in a mean image, mm."""
    img = read_volumes(mean, gaps=True)
    return head_centre(Image(np.asarray(img.dataobj, np.float32), img.affine))


def mean_beside(path: Path) -> Path | None:
    """Return the mean image that SPM wrote beside its parameters."""
    return next(iter(sorted(path.parent.glob("mean*.nii*"))), None)
