"""Voxel grids: their canonical order, and whether two of them are the same."""

from dataclasses import dataclass
from itertools import product
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation, ornt_transform
from numpy.typing import NDArray

from commissure.problems import InputError

# Affines are stored in float32: positions 200 mm out are good to about 1e-5 mm.
TOLERANCE_MM = 1e-3
# A qform is stored as float32 quaternions and cannot shear: it may differ from the sform by this.
_FORMS_TOLERANCE_MM = 0.5
# What no scanner makes: positions further out, and voxels smaller than that.
_FARTHEST_MM, _SMALLEST_MM = 1e5, 1e-3

_RAS = np.array([[0, 1], [1, 1], [2, 1]])


@dataclass(frozen=True, eq=False)
class Grid:
    """A voxel grid in canonical order: its axes run as nearly as possible to R, A, S.

    Attributes
    ----------
    shape : tuple of int
        Voxels along the canonical axes.
    affine : ndarray of shape (4, 4)
        From canonical voxel indices to mm (RAS+).
    orientation : ndarray of shape (3, 2)
        From the stored axes to the canonical ones, as `nibabel.orientations` has it.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    orientation: NDArray[np.float64]

    @classmethod
    def of(cls, img: Any) -> "Grid":
        """Return the grid of a nibabel image (its first three axes)."""
        stored_shape = img.shape[:3]
        orientation = io_orientation(img.affine)
        affine = img.affine @ inv_ornt_aff(orientation, stored_shape)
        shape = [0, 0, 0]
        for stored_axis, (canonical_axis, _) in enumerate(orientation):
            shape[int(canonical_axis)] = stored_shape[stored_axis]
        return cls((shape[0], shape[1], shape[2]), affine, orientation)

    def to_canonical(self, data: NDArray[Any]) -> NDArray[Any]:
        """Return a view of a stored array (x, y, z, ...) with its axes in canonical order."""
        view: NDArray[Any] = apply_orientation(data, self.orientation)
        return view

    def to_stored(self, data: NDArray[Any]) -> NDArray[Any]:
        """Return a view of a canonical array (x, y, z, ...) with its axes as they are stored."""
        back = ornt_transform(_RAS, self.orientation)
        view: NDArray[Any] = apply_orientation(data, back)
        return view

    def __str__(self) -> str:
        steps = " x ".join(f"{step:.4g}" for step in nib.affines.voxel_sizes(self.affine))
        origin = ", ".join(f"{mm:.2f}" for mm in self.affine[:3, 3])
        size = " x ".join(map(str, self.shape))
        return f"{size} voxels of {steps} mm, first voxel at ({origin}) mm"


def same_grid(a: Grid, b: Grid) -> bool:
    """Tell whether two grids have the same voxels at the same mm, however they are stored."""
    return a.shape == b.shape and apart(a, b) <= TOLERANCE_MM


def apart(a: Grid, b: Grid) -> float:
    """Return by how much (mm, along an axis) the voxels of grids of one shape lie apart at most."""
    distance = _corners(a.affine, a.shape) - _corners(b.affine, b.shape)
    return float(np.abs(distance).max())


def check_same_grid(img: Any, name: str, grid: Grid, grid_name: str) -> None:
    """Raise unless the image lies on the grid.

    Raises
    ------
    InputError
        Naming both and what each is.
    """
    own = Grid.of(img)
    if not same_grid(own, grid):
        by = f" (up to {apart(own, grid):.2g} mm apart)" if own.shape == grid.shape else ""
        msg = (
            f"{name} is not on the grid of {grid_name}: {own}, against {grid}{by}. "
            "Resample one of them to the other's grid (nilearn.image.resample_to_img)."
        )
        raise InputError(msg)


def store_affine(img: Any, affine: NDArray[np.float64], sform_code: int, qform_code: int) -> None:
    """Write an affine to an image's header: as sform, and as qform if that can hold it.

    A qform cannot shear: where the affine does, it would contradict the sform.
    """
    img.set_sform(affine, sform_code)
    img.set_qform(affine, qform_code)
    apart = np.abs(_corners(img.get_qform(), img.shape) - _corners(affine, img.shape))
    if apart.max() > _FORMS_TOLERANCE_MM:
        img.set_qform(None, 0)


def check_geometry(img: Any, name: str) -> None:
    """Raise unless the header tells where each voxel is, and which side is left.

    Raises
    ------
    InputError
        If the affine is missing, not finite or singular, or if its two codings (sform and
        qform) put the image at different places.
    """
    check_affine(getattr(img, "affine", None), img.shape, name)
    if len(img.shape) < 3:
        msg = f"{name} has {len(img.shape)} dimensions; an image has 3, or 4 with time. Convert it."
        raise InputError(msg)
    if not isinstance(img.header, nib.Nifti1Header):
        msg = (
            f"{name} is not a NIfTI file, so its header does not say which side is left. "
            "Convert it to NIfTI with a program that knows its orientation."
        )
        raise InputError(msg)
    try:
        sform, qform = img.get_sform(coded=True)[0], img.get_qform(coded=True)[0]
    except (ValueError, nib.spatialimages.HeaderDataError) as error:
        msg = (
            f"{name} has a qform that cannot be used ({error}). If its sform is right, set the "
            "qform's code to 0 (with nibabel: img.set_qform(None, code=0)); else convert it again."
        )
        raise InputError(msg) from error
    if sform is None and qform is None:
        msg = (
            f"{name} has neither an sform nor a qform (both codes are 0), so left and right cannot "
            "be told. Convert it again from DICOM, or, if you know its orientation, write the "
            "affine (with nibabel: img.set_sform(affine, code=1))."
        )
        raise InputError(msg)
    if sform is not None and qform is not None:
        _check_forms_agree(sform, qform, img.shape, name)


def check_affine(affine: NDArray[np.float64] | None, shape: tuple[int, ...], name: str) -> None:
    """Raise unless an affine gives each voxel a place of its own, and none out of this world.

    Raises
    ------
    InputError
        If it is missing, not finite or singular.
    """
    if affine is None or not _is_usable(affine, shape):
        msg = (
            f"{name} has no usable affine, so left and right cannot be told. Write its sform "
            "from the original scan (for example with nibabel: img.set_sform(affine, code=1))."
        )
        raise InputError(msg)


def _is_usable(affine: NDArray[np.float64], shape: tuple[int, ...]) -> bool:
    if not np.isfinite(affine).all():
        return False
    edges = nib.affines.voxel_sizes(affine)
    if not (edges.min() >= _SMALLEST_MM and np.abs(_corners(affine, shape)).max() <= _FARTHEST_MM):
        return False
    # As a share of a box with the same edges: 0 where axes lie in one plane.
    return bool(abs(np.linalg.det(affine[:3, :3])) > 1e-6 * edges.prod())


def _check_forms_agree(
    sform: NDArray[np.float64], qform: NDArray[np.float64], shape: tuple[int, ...], name: str
) -> None:
    if np.linalg.det(sform[:3, :3]) * np.linalg.det(qform[:3, :3]) < 0:
        msg = (
            f"{name}: sform and qform disagree about which side is left. Find out which one is "
            "right and set the other one's code to 0."
        )
        raise InputError(msg)
    distance = np.linalg.norm(_corners(sform, shape) - _corners(qform, shape), axis=1).max()
    if not distance <= _FORMS_TOLERANCE_MM:
        msg = (
            f"{name}: sform and qform disagree by up to {distance:.1f} mm. Find out which is right "
            "and set the other one's code to 0 (with nibabel: img.set_qform(None, code=0))."
        )
        raise InputError(msg)


def _corners(affine: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the positions (8, 3) in mm of the corner voxels of an image."""
    ends = (*shape, 1, 1, 1)[:3]
    corners: NDArray[np.float64] = nib.affines.apply_affine(
        affine, np.array(list(product(*[(0, n - 1) for n in ends])))
    )
    return corners
