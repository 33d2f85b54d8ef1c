"""Reading image files, with errors that say which file and what to do."""

import gzip
import zlib
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from commissure.files.bids_names import IMAGE_EXTENSIONS, split_extension
from commissure.files.text import read_json
from commissure.problems import InputError
from commissure.space import Domain

# What reading damaged files raises: in the header, in the compression, in sizes that cannot be.
_UNREADABLE = (
    nib.filebasedimages.ImageFileError,
    nib.spatialimages.HeaderDataError,
    OSError,
    EOFError,
    OverflowError,
    zlib.error,
)

# Seconds; a longer repetition time is one in milliseconds.
LONGEST_TR = 30

_SECONDS = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6}


def load_image(path: Path) -> Any:
    """Open an image file; its data are read later.

    Raises
    ------
    InputError
        If it is not there, is no NIfTI file, or has no real numbers in it.
    """
    if not path.exists():
        msg = f"{path} does not exist. Check the path."
        raise InputError(msg)
    if split_extension(path)[1] not in IMAGE_EXTENSIONS:
        msg = f"{path} is not a NIfTI file: its name must end in .nii or .nii.gz."
        raise InputError(msg)
    try:
        img: Any = nib.load(path)
    except _UNREADABLE as error:
        msg = f"{path} cannot be read as an image ({_first_line(error)}). Copy or convert it again."
        raise InputError(msg) from error
    kind = img.get_data_dtype()
    if kind.kind not in "iuf":
        msg = (
            f"{path} has values of the type {kind}; an image of real numbers is needed. Convert it."
        )
        raise InputError(msg)
    return img


def read_image(path: Path) -> Any:
    """Open an image file and read its data to their end.

    Raises
    ------
    InputError
        As `load_image`, or if the data are damaged.
    """
    img = load_image(path)
    try:
        if path.suffix == ".gz":
            # nibabel stops reading before the checksum at the end, and would not see damage.
            img = type(img).from_bytes(gzip.decompress(path.read_bytes()))
            img.set_filename(path)
        else:
            np.asanyarray(img.dataobj)
    except _UNREADABLE as error:
        msg = (
            f"{path} is damaged or cut short: its data cannot be read to their end "
            f"({_first_line(error)}). Copy or convert it again."
        )
        raise InputError(msg) from error
    return img


def sample_file(path: Path, domain: Domain) -> NDArray[np.float64]:
    """Read an image file at the places of a domain, shape (n_places,) or (n_places, n_volumes).

    Raises
    ------
    InputError
        If its data cannot be read to their end, or are on another grid.
    """
    return domain.sample(read_image(path))


def repetition_time(path: Path, img: Any) -> float | None:
    """Return the repetition time (s) from the sidecar, else the header; None if not told.

    Raises
    ------
    InputError
        If the sidecar is no JSON, or the time is not in seconds.
    """
    sidecar = path.with_name(split_extension(path)[0] + ".json")
    if sidecar.exists():
        tr = read_json(sidecar).get("RepetitionTime")
        if tr is not None:
            return _plausible(tr, f"RepetitionTime in {sidecar}")
    unit = img.header.get_xyzt_units()[1]
    step = float(img.header.get_zooms()[3])
    if unit not in _SECONDS and step == 1:
        return None  # what programs write that do not know it
    return _plausible(step * _SECONDS.get(unit, 1), f"the header of {path}") if step > 0 else None


def _plausible(tr: Any, where: str) -> float:
    if not isinstance(tr, int | float) or not 0 < tr < LONGEST_TR:
        msg = (
            f"The repetition time in {where} is {tr!r}, which is not a time in seconds. Give --tr."
        )
        raise InputError(msg)
    return float(tr)


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
