"""Which voxels are brain: by the template for a T1w, by the histogram for an EPI."""

from collections.abc import Callable

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine
from nilearn.masking import compute_epi_mask
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from commissure.preprocessing.registration import (
    Image,
    grid_points,
    register_affine,
    register_deformable,
)
from commissure.preprocessing.resampling import resample_image
from commissure.space.templates import load_template
from commissure.threads import map_threads

_MARGIN_MM = 8  # what is left around the template's brain after an affine registration
_COMPARED_MM = 6  # so far around it is the T1w compared with the template: skull, but no scalp


def t1w_brain_mask(
    t1w: Image, n_threads: int | None = None, *, coarse: bool = False
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Find the brain in a T1w with its skull (or without), and where it is in the template.

    The template's brain mask is brought to the T1w, by an affine registration of the whole head,
    then by a warp of what is near the brain.

    Returns
    -------
    mask : ndarray of bool, shape (x, y, z)
    matrix : ndarray of shape (4, 4)
        mm (template) to mm (T1w), the affine registration.
    """
    fine, template = load_template(1), load_template(2)
    matrix = register_affine(Image(fine.t1w, fine.affine), t1w, n_threads)
    near = Image(_within(fine.brain, fine.affine, _MARGIN_MM), fine.affine)
    back = np.linalg.inv(matrix)
    near_brain = _bring(near, lambda points: apply_affine(back, points), t1w, n_threads)
    warp = register_deformable(
        Image(template.t1w, template.affine),
        Image(np.where(near_brain, t1w.data, 0), t1w.affine),
        matrix,
        fixed_mask=_within(template.brain, template.affine, _COMPARED_MM),
        levels="60x10x0" if coarse else "100x100x0",
        n_threads=n_threads,
    )
    return _bring(Image(fine.brain, fine.affine), warp.to_fixed, t1w, n_threads), matrix


def epi_brain_mask(epi: Image) -> NDArray[np.bool_]:
    """Find the brain in an EPI, brain-extracted or not (nilearn's `compute_epi_mask`)."""
    data = np.nan_to_num(np.asarray(epi.data, np.float32))
    mask = compute_epi_mask(nib.Nifti1Image(data, epi.affine), opening=2)
    return np.asarray(mask.dataobj) > 0


def head_centre(epi: Image) -> NDArray[np.float64]:
    """Return the centre of an EPI's brain, in mm; of its grid where no brain is found."""
    inside = np.argwhere(epi_brain_mask(epi))
    voxel = inside.mean(axis=0) if len(inside) else (np.array(epi.data.shape[:3]) - 1) / 2
    centre: NDArray[np.float64] = apply_affine(epi.affine, voxel)
    return centre


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Return the overlap of two masks on one grid: 1 if the same, 0 if apart (or both empty)."""
    sizes = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / max(1, sizes)


def _within(
    brain: NDArray[np.bool_], affine: NDArray[np.float64], distance_mm: float
) -> NDArray[np.bool_]:
    steps = round(distance_mm / float(nib.affines.voxel_sizes(affine)[0]))
    return binary_dilation(brain, iterations=steps)


def _bring(
    mask: Image,
    to_mask: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    onto: Image,
    n_threads: int | None,
) -> NDArray[np.bool_]:
    """Bring a mask to the grid of an image, plane by plane."""
    share = np.asarray(mask.data, np.float32)

    def plane(z: int) -> NDArray[np.bool_]:
        affine = onto.affine.copy()
        affine[:3, 3] += z * onto.affine[:3, 2]
        points = grid_points((*onto.data.shape[:2], 1), affine)
        return resample_image(share, mask.affine, to_mask(points)) > 0.5

    return np.concatenate(map_threads(plane, range(onto.data.shape[2]), n_threads), axis=2)
