"""The symmetric template all results live in, and the grid they are computed on."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np
from nilearn.datasets import (
    load_mni152_brain_mask,
    load_mni152_gm_template,
    load_mni152_template,
    load_mni152_wm_template,
)
from numpy.typing import NDArray
from scipy.ndimage import convolve1d

from commissure.problems import InputError

TEMPLATE_SPACE = "MNI152NLin2009aSym"  # its BIDS name
RESOLUTIONS_MM = (1, 2, 3, 4, 6, 8)

# DPABI's bounding box, mm: the centres of its outermost 3 mm voxels.
_BOX_MM = ((-90, 90), (-126, 90), (-72, 108))


Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Template:
    """The template's T1w image and tissue maps on one grid.

    Attributes
    ----------
    affine : ndarray of shape (4, 4)
        Voxel to mm (RAS+).
    t1w : ndarray of shape (x, y, z), float32
        Skull-stripped, brightest voxel 1, outside 0.
    brain : ndarray of bool
    grey, white, csf : ndarray of float32
        Probabilities. At 1 mm they add up to one in the brain.
    """

    affine: NDArray[np.float64]
    t1w: NDArray[np.float32]
    brain: NDArray[np.bool_]
    grey: NDArray[np.float32]
    white: NDArray[np.float32]
    csf: NDArray[np.float32]


def analysis_grid(resolution_mm: int = 3) -> tuple[tuple[int, int, int], NDArray[np.float64]]:
    """Return shape and affine of the grid in template space that data are resampled to.

    At 3 mm it is DPABI's: 61 x 73 x 61 voxels, x from -90 to 90 mm. At every resolution it has a
    plane of voxels at x = 0 and as many on the left as on the right, so that the mirror position
    of a voxel is a voxel.

    Parameters
    ----------
    resolution_mm : {1, 2, 3, 4, 6, 8}
        6 and 8 are for simulations by the hundred.

    Raises
    ------
    InputError
        If `resolution_mm` is another number.
    """
    if resolution_mm not in RESOLUTIONS_MM:
        *others, last = RESOLUTIONS_MM
        known = f"{', '.join(map(str, others))} or {last}"
        msg = f"The resolution must be {known} mm; it is {resolution_mm}."
        raise InputError(msg)
    (_, right), *rest = _BOX_MM
    n_right = right // resolution_mm
    shape = [2 * n_right + 1, *((high - low) // resolution_mm + 1 for low, high in rest)]
    affine = np.diag([resolution_mm, resolution_mm, resolution_mm, 1.0])
    affine[:3, 3] = [-n_right * resolution_mm, *(low for low, _ in rest)]
    return (shape[0], shape[1], shape[2]), affine


@lru_cache(maxsize=4)
def load_template(resolution_mm: int = 3) -> Template:
    """Load MNI152NLin2009aSym on the analysis grid. The arrays are read-only.

    Raises
    ------
    InputError
        If `resolution_mm` is another number than those of `analysis_grid`.

    Notes
    -----
    The files are those that nilearn ships (whose documentation calls the template asymmetric; it
    is symmetric to the last bit). A value on a coarser grid is the mean over its voxel of the 1 mm
    values: nilearn's own resampling to 3 mm is off-centre. There is no CSF map among the files:
    it is what grey and white matter leave of the brain mask.
    """
    shape, affine = analysis_grid(resolution_mm)
    img = load_mni152_template(resolution=1)
    brain = np.asarray(load_mni152_brain_mask(resolution=1).dataobj, np.float32)
    grey = np.asarray(load_mni152_gm_template(resolution=1).dataobj, np.float32)
    white = np.asarray(load_mni152_wm_template(resolution=1).dataobj, np.float32)
    first = np.rint(affine[:3, 3] - img.affine[:3, 3]).astype(int)
    maps = [
        _on_grid(values, first, shape, resolution_mm)
        for values in (
            np.asarray(img.dataobj, np.float32),
            brain,
            grey,
            white,
            np.clip(brain - grey - white, 0, None),
        )
    ]
    return Template(affine, maps[0], _frozen(maps[1] > 0.5), maps[2], maps[3], maps[4])


def _on_grid(
    values: NDArray[np.float32],
    first: NDArray[np.intp],
    shape: tuple[int, int, int],
    step: int,
) -> NDArray[np.float32]:
    """Return the means over voxels of `step` mm; `first` is the 1 mm index of the first one."""
    # Where the edges of the voxels halve a 1 mm voxel, it counts half on either side.
    kernel = np.ones(step) if step % 2 else np.array([0.5, *[1.0] * (step - 1), 0.5])
    after = first + (np.array(shape) - 1) * step + 1 - values.shape
    padding = np.clip(np.stack([-first, after], axis=1), 0, None)
    padded = np.pad(values, padding)
    for axis in range(3):
        padded = convolve1d(padded, kernel / step, axis=axis, mode="constant")
        start = max(0, int(first[axis]))
        steps = [slice(None)] * 3
        steps[axis] = slice(start, start + (shape[axis] - 1) * step + 1, step)
        padded = padded[tuple(steps)]
    return _frozen(np.ascontiguousarray(padded))


def _frozen(values: NDArray[Scalar]) -> NDArray[Scalar]:
    values.flags.writeable = False
    return values
