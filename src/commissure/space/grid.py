"""Voxel grids: their canonical order, and whether two of them are the same."""

from dataclasses import dataclass
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation, ornt_transform
from numpy.typing import NDArray

from commissure.problems import InputError

# Affines are stored in float32: positions 200 mm out are good to about 1e-5 mm.
TOLERANCE_MM = 1e-3

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
    if a.shape != b.shape:
        return False
    far = np.array(a.shape) - 1
    corners = np.array(np.meshgrid(*[(0, n) for n in far])).reshape(3, -1)
    distance = (a.affine - b.affine) @ np.vstack([corners, np.ones(corners.shape[1])])
    return bool(np.abs(distance).max() <= TOLERANCE_MM)


def check_same_grid(img: Any, name: str, grid: Grid, grid_name: str) -> None:
    """Raise unless the image lies on the grid.

    Raises
    ------
    InputError
        Naming both and what each is.
    """
    own = Grid.of(img)
    if not same_grid(own, grid):
        msg = (
            f"{name} is not on the grid of {grid_name}: {own}, against {grid}. "
            "Resample one of them to the other's grid (nilearn.image.resample_to_img)."
        )
        raise InputError(msg)


def check_sides_known(img: Any, name: str) -> None:
    """Raise unless the header tells left from right.

    Raises
    ------
    InputError
        If the affine is missing, not finite or singular, or if its two codings (sform and
        qform) disagree about which side is left.
    """
    affine = img.affine
    if affine is None or not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        msg = (
            f"{name} has no usable affine, so left and right cannot be told. Write its sform "
            "from the original scan (for example with nibabel: img.set_sform(affine, code=1))."
        )
        raise InputError(msg)
    header = img.header
    if not isinstance(header, nib.Nifti1Header):
        msg = (
            f"{name} is not a NIfTI file, so its header does not say which side is left. "
            "Convert it to NIfTI with a program that knows its orientation."
        )
        raise InputError(msg)
    sform, qform = img.get_sform(coded=True)[0], img.get_qform(coded=True)[0]
    if sform is None and qform is None:
        msg = (
            f"{name} has neither an sform nor a qform (both codes are 0), so left and right cannot "
            "be told. Convert it again from DICOM, or, if you know its orientation, write the "
            "affine (with nibabel: img.set_sform(affine, code=1))."
        )
        raise InputError(msg)
    if (
        sform is not None
        and qform is not None
        and np.linalg.det(sform[:3, :3]) * np.linalg.det(qform[:3, :3]) < 0
    ):
        msg = (
            f"{name}: sform and qform disagree about which side is left. Find out which one is "
            "right and set the other one's code to 0."
        )
        raise InputError(msg)
