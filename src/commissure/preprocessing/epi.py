"""Where the EPI is: in its participant's T1w, or straight in the template."""

import numpy as np
from numpy.typing import NDArray

from commissure.preprocessing.brain_mask import dice, epi_brain_mask
from commissure.preprocessing.registration import (
    Image,
    Warp,
    grid_points,
    register_affine_brains,
    register_deformable,
    register_rigid,
)
from commissure.preprocessing.resampling import resample_image
from commissure.space.templates import Template, load_template

# Brightness of CSF, grey and white matter in a T2*-weighted EPI at 3 T and TE 30 ms, roughly.
_T2STAR = (1.0, 0.75, 0.6)


def register_epi_to_t1w(epi: Image, t1w: Image) -> NDArray[np.float64]:
    """Find the rigid map from an EPI to the same person's T1w.

    Parameters
    ----------
    epi : Image
        One volume or the mean of the realigned ones.
    t1w : Image
        Brain-extracted.

    Returns
    -------
    ndarray of shape (4, 4)
        mm (EPI) to mm (T1w).
    """
    return register_rigid(epi, t1w)


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


def register_template_to_epi(epi: Image, n_threads: int | None = None) -> Warp:
    """Register an EPI without a T1w, against a T2*-like image made of the template's tissues.

    Returns
    -------
    Warp
        From the template (fixed) to the EPI (moving).
    """
    fixed = _t2star(load_template(2))
    brain = Image(np.where(epi_brain_mask(epi), epi.data, 0), epi.affine)
    matrix = register_affine_brains(fixed, brain)
    # What the field of view cuts off the EPI is not to be stretched to.
    points = grid_points(fixed.data.shape, matrix @ fixed.affine)
    seen = resample_image(np.ones(epi.data.shape), epi.affine, points) > 0.5
    return register_deformable(fixed, brain, matrix, fixed_mask=seen, n_threads=n_threads)


def _t2star(template: Template) -> Image:
    maps = (template.csf, template.grey, template.white)
    contrast = sum(level * m for level, m in zip(_T2STAR, maps, strict=True))
    return Image(np.asarray(contrast, np.float32), template.affine)
