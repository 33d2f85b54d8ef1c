"""Where the EPI is: in its participant's T1w, or straight in the template."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray

from commissure.preprocessing.anatomy import Anatomy
from commissure.preprocessing.bias import correct_bias
from commissure.preprocessing.border import (
    LEAST_POINTS,
    Border,
    border_costs,
    refine_by_border,
    white_border,
)
from commissure.preprocessing.brain_mask import dice, epi_brain_mask
from commissure.preprocessing.distortion import Shifts, find_distortion
from commissure.preprocessing.orientation import Orientation
from commissure.preprocessing.registration import (
    Image,
    Warp,
    grid_points,
    in_cubes,
    register_affine_brains,
    register_rigid,
    rigid_map,
)
from commissure.preprocessing.registration_checks import brain_places
from commissure.preprocessing.resampling import resample_image
from commissure.preprocessing.segmentation import TISSUES
from commissure.preprocessing.sides import sides_agree
from commissure.space.templates import Template, load_template

# Brightness of CSF, grey and white matter in a T2*-weighted EPI at 3 T and TE 30 ms, roughly.
_T2STAR = (1.0, 0.75, 0.6)
_CUBE_MM = 3.0
# Costs of the border of white matter (1: it does not show). Measured on a real pair, whole or cut,
# of 2 to 8 mm voxels: below 0.92 where the place was right, above 0.95 where it was wrong.
_CONVINCING = 0.9


@dataclass(frozen=True, eq=False)
class EpiInT1w:
    """Where an EPI is in a T1w, and what speaks for it.

    Attributes
    ----------
    matrix : ndarray of shape (4, 4)
        mm (EPI) to mm (T1w).
    border : float
        Mean cost of the border of white matter there, see `border_costs`; 1 if too little is seen.
    sides : float
        See `sides_agree`.
    shifts : Shifts, optional
        By distortion, where the border of white matter shows them.
    shifted : float
        Mean of their sizes where the border is, mm; 0 without any.
    """

    matrix: NDArray[np.float64]
    border: float
    sides: float
    shifts: Shifts | None = None
    shifted: float = 0.0

    def to_epi(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where points (..., 3) of the T1w are in the EPI, mm."""
        straight: NDArray[np.float64] = apply_affine(np.linalg.inv(self.matrix), points)
        return straight if self.shifts is None else self.shifts.moved(straight)


def register_epi_to_t1w(
    epi: Image, anatomy: Anatomy, found: Orientation, *, shift_axes: Collection[int] = ()
) -> EpiInT1w:
    """Find the rigid map from an EPI to the same person's T1w.

    Mutual information says where about it is, the border of white matter where exactly.

    Parameters
    ----------
    epi : Image
        One volume or the mean of the realigned ones.
    anatomy : Anatomy
        Of the T1w.
    found : Orientation
        What `find_orientation` finds in the EPI.
    shift_axes : collection of int
        Of the EPI's axes, those along which shifts by distortion are looked for.
    """
    bright = corrected_epi(epi)
    border = t1w_border(anatomy)
    best, least, shows = np.eye(4), float("inf"), 1.0
    for start in _places(epi, bright, anatomy, found):
        to_epi = np.asarray(np.linalg.inv(start), np.float64)
        matrix = refine_by_border(bright, to_epi, border)
        costs = border_costs(bright, matrix, border)
        cost = float(np.nan_to_num(costs, nan=1.0).mean())
        if cost < least:
            best, least, shows = matrix, cost, _mean(costs)
        if np.isfinite(costs).any() and np.nanmean(costs) < _CONVINCING:
            break
    in_t1w = EpiInT1w(
        np.asarray(np.linalg.inv(best), np.float64),
        shows,
        sides_agree(bright, best, border, anatomy.warp),
    )
    # Where the border hardly shows, it tells nothing so small.
    shifts = None
    if shift_axes and shows < _CONVINCING:
        shifts = find_distortion(bright, best, border, shift_axes)
    if shifts is None:
        return in_t1w
    shifted = float(np.abs(shifts.at(apply_affine(best, border.white))).mean())
    return replace(in_t1w, shifts=shifts, shifted=shifted)


def _mean(costs: NDArray[np.float64]) -> float:
    seen = costs[np.isfinite(costs)]
    return float(seen.mean()) if len(seen) >= LEAST_POINTS else 1.0


def corrected_epi(epi: Image) -> Image:
    """Return an EPI's brain, corrected for its bias field; zero elsewhere."""
    mask = epi_brain_mask(epi)
    return Image(correct_bias(epi, mask, 1), epi.affine) if mask.any() else epi


def t1w_border(anatomy: Anatomy) -> Border:
    """Return where white matter ends in a T1w."""
    grey, white = (anatomy.tissues[..., TISSUES.index(tissue)] for tissue in ("grey", "white"))
    return white_border(grey, white, anatomy.t1w.affine)


def _places(
    epi: Image, bright: Image, anatomy: Anatomy, found: Orientation
) -> Iterator[NDArray[np.float64]]:
    """Give where an EPI may be in a T1w: what succeeds oftenest first.

    With voxels made alike small, thick slices do not vanish at the coarse levels of the search.
    """
    alike = in_cubes(epi, _CUBE_MM)
    yield register_rigid(alike, anatomy.t1w)
    yield register_rigid(epi, anatomy.t1w)
    yield register_rigid(bright, anatomy.t1w)
    places = brain_places()
    content = rigid_map(apply_affine(found.matrix, places), anatomy.warp.to_moving(places))
    yield register_rigid(in_cubes(bright, _CUBE_MM), anatomy.t1w, content)


def epi_t1w_overlap(epi: Image, matrix: NDArray[np.float64], t1w_mask: Image) -> float:
    """Return the Dice overlap of the EPI's brain with the T1w's, in the EPI's field of view.

    Parameters
    ----------
    epi : Image
    matrix : ndarray of shape (4, 4)
        See `register_epi_to_t1w`.
    t1w_mask : Image
    """
    points = grid_points(epi.data.shape, matrix @ epi.affine)
    return dice(epi_brain_mask(epi), resample_image(t1w_mask.data, t1w_mask.affine, points) > 0.5)


def register_template_to_epi(epi: Image) -> Warp:
    """Register an EPI without a T1w, against a T2*-like image made of the template's tissues.

    By an affine map only: a warp follows what is distorted and dark in an EPI, and doubled the
    error on a real one.

    Returns
    -------
    Warp
        From the template (fixed) to the EPI (moving), with an affine part only.
    """
    fixed = _t2star(load_template(2))
    still = np.zeros((*fixed.data.shape, 3), np.float32)
    return Warp(register_affine_brains(fixed, corrected_epi(epi)), still, still, fixed.affine)


def _t2star(template: Template) -> Image:
    maps = (template.csf, template.grey, template.white)
    contrast = sum(level * m for level, m in zip(_T2STAR, maps, strict=True))
    return Image(np.asarray(contrast, np.float32), template.affine)
