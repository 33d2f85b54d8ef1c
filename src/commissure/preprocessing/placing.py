"""Where each voxel of the template's grid is in an EPI, and how far that is believed."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from commissure.preprocessing.anatomy import Anatomy
from commissure.preprocessing.brain_mask import dice, epi_brain_mask
from commissure.preprocessing.epi import (
    EpiInT1w,
    epi_t1w_overlap,
    register_epi_to_t1w,
    register_template_to_epi,
)
from commissure.preprocessing.orientation import find_orientation
from commissure.preprocessing.registration import Image
from commissure.preprocessing.registration_checks import brain_places, check_registration
from commissure.preprocessing.resampling import resample_image
from commissure.records.runs import RegistrationCheck
from commissure.space.templates import Template


@dataclass(frozen=True, eq=False)
class Placed:
    """Where places of the template are in an EPI.

    Attributes
    ----------
    at : ndarray of shape (..., 3)
        mm.
    epi_to_t1w : ndarray of shape (4, 4), or None
        mm (EPI) to mm (T1w), without shifts by distortion.
    overlaps, checks
        See `CleanBold`.
    """

    at: NDArray[np.float64]
    epi_to_t1w: NDArray[np.float64] | None
    overlaps: dict[str, float]
    checks: dict[str, RegistrationCheck]


def place(
    picture: Image,
    anatomy: Anatomy | None,
    template: Template,
    places: NDArray[np.float64],
    *,
    shift_axes: Collection[int],
    n_threads: int | None = None,
) -> Placed:
    """Find where places of the template are in an EPI, by way of the T1w if there is one.

    Parameters
    ----------
    picture : Image
        Mean of the realigned volumes.
    anatomy : Anatomy, optional
    template : Template
    places : ndarray of shape (x, y, z, 3)
        The template's voxels, mm.
    shift_axes : collection of int
        Of the EPI's axes, those along which shifts by distortion are looked for.
    n_threads : int, optional
    """
    found = find_orientation(picture, n_threads)
    if anatomy is None:
        warp = register_template_to_epi(picture)
        at = warp.to_moving(places)
        check = check_registration(picture, found, warp.to_moving(brain_places()), warp)
        return Placed(at, None, {"epi_template": _overlap(picture, at, template)}, {"epi": check})
    in_t1w = register_epi_to_t1w(picture, anatomy, found, shift_axes=shift_axes)
    to_epi = _through_t1w(in_t1w, anatomy)
    at = to_epi(places)
    brain = Image(anatomy.brain, anatomy.t1w.affine)
    overlaps = {
        "epi_t1w": epi_t1w_overlap(picture, in_t1w.matrix, brain),
        "epi_template": _overlap(picture, at, template),
    }
    check = replace(
        check_registration(picture, found, to_epi(brain_places())),
        border=in_t1w.border,
        sides=in_t1w.sides,
        shifted=in_t1w.shifted,
    )
    return Placed(at, in_t1w.matrix, overlaps, {"t1w": anatomy.check, "epi": check})


def _through_t1w(
    in_t1w: EpiInT1w, anatomy: Anatomy
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return the way from places of the template to those of the EPI."""

    def to_epi(places: NDArray[np.float64]) -> NDArray[np.float64]:
        return in_t1w.to_epi(anatomy.warp.to_moving(places))

    return to_epi


def _overlap(picture: Image, at: NDArray[np.float64], template: Template) -> float:
    """Return the Dice overlap of the EPI's brain with the template's, in the field of view."""
    seen = resample_image(np.ones(picture.data.shape), picture.affine, at) > 0.5
    brain = resample_image(epi_brain_mask(picture), picture.affine, at) > 0.5
    return dice(brain, template.brain & seen)
