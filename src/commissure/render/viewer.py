"""What the interactive viewer in the page is given."""

import base64
import gzip
from dataclasses import dataclass
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from commissure.space.templates import load_template

_BACKGROUND_MM = 2


@dataclass(frozen=True)
class Viewer:
    """Images and scale of the viewer; `data` becomes JSON in the page.

    Attributes
    ----------
    background, statistic, significant : str
        NIfTI files, compressed, in base64.
    name : str
        What the map shows: t or F.
    threshold, largest : float
        Where the scale of the map begins and ends.
    at : tuple of float
        Where the crosshair is at first, mm.
    found : bool
        Whether there are significant clusters.
    meaning : str
        What the colours say.
    """

    background: str
    statistic: str
    significant: str
    name: str
    threshold: float
    largest: float
    at: tuple[float, float, float]
    found: bool
    meaning: str

    @property
    def data(self) -> dict[str, Any]:
        """All of it, as the script in the page reads it."""
        return dict(vars(self))


def encoded(values: NDArray[Any], affine: NDArray[np.float64]) -> str:
    """Return an image as a small NIfTI file in base64.

    Parameters
    ----------
    values : ndarray of shape (x, y, z)
        To be kept to 1/30,000 of the largest.
    affine : ndarray of shape (4, 4)
    """
    largest = float(np.abs(values).max()) or 1.0
    if values.min() >= 0 and float(largest).is_integer() and largest < 256:
        img = nib.Nifti1Image(values.astype(np.uint8), affine)
    else:
        slope = largest / 30000
        img = nib.Nifti1Image(np.round(values / slope).astype(np.int16), affine)
        img.header.set_slope_inter(slope, 0)
    img.set_sform(affine, 4)
    img.set_qform(affine, 4)
    return base64.b64encode(gzip.compress(_bytes(img), mtime=0)).decode("ascii")


def template_background() -> str:
    """Return the template's T1w as the viewer's background."""
    template = load_template(_BACKGROUND_MM)
    return encoded(np.round(template.t1w * 255), template.affine)


def _bytes(img: Any) -> bytes:
    """Return a file of the integers as they are: nibabel would scale them anew."""
    header = img.header.copy()
    header["magic"] = b"n+1"
    header["vox_offset"] = 352
    data = np.asarray(img.dataobj)
    return bytes(header.binaryblock) + b"\0" * 4 + data.tobytes(order="F")
