"""Where a point of one image is in another: registration with greedy and niimath."""

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from numpy.typing import NDArray

from commissure.preprocessing.programs import run_greedy, run_niimath
from commissure.preprocessing.resampling import linear_at, resample_image

# Greedy, deformable at three levels. Measured on synthetic heads of known anatomy: the `-noise`
# (of the intensity range, added to the local correlation's variances) brings the mean error
# from 0.8 to 0.55 mm, since flat regions no longer pull.
_DEFORMABLE = "-m NCC 4x4x4 -s 5vox 0.5vox -noise 0.02 -wp 0"
_LINEAR = "-a -m NMI -n 100x50x20"

# Metrics that sum over threads in the order these finish differ in the last bits from run to run.
_ONE_THREAD = 1


@dataclass(frozen=True, eq=False)
class Image:
    """Values on a grid: `data` of shape (x, y, z) and `affine`, voxel to mm (RAS+)."""

    data: NDArray[Any]
    affine: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Warp:
    """Map between the points of a fixed and a moving image, both ways.

    Attributes
    ----------
    matrix : ndarray of shape (4, 4)
        The affine part, mm (fixed) to mm (moving).
    forward, backward : ndarray of shape (x, y, z, 3), float32
        Displacements in mm (RAS+) in the fixed space, before the affine part and after its inverse.
    affine : ndarray of shape (4, 4)
        Voxel to mm of the displacements.
    """

    matrix: NDArray[np.float64]
    forward: NDArray[np.float32]
    backward: NDArray[np.float32]
    affine: NDArray[np.float64]

    def to_moving(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where points (..., 3) of the fixed image are in the moving one, mm."""
        moved: NDArray[np.float64] = apply_affine(
            self.matrix, points + self._displacement(self.forward, points)
        )
        return moved

    def to_fixed(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where points (..., 3) of the moving image are in the fixed one, mm."""
        straight: NDArray[np.float64] = apply_affine(np.linalg.inv(self.matrix), points)
        return straight + self._displacement(self.backward, straight)

    def _displacement(
        self, field: NDArray[np.float32], points: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        voxels = apply_affine(np.linalg.inv(self.affine), points)
        return linear_at(field, voxels, outside="nearest")


def grid_points(shape: tuple[int, ...], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the positions (mm) of a grid's voxels, shape (*shape, 3)."""
    points: NDArray[np.float64] = apply_affine(affine, np.moveaxis(np.indices(shape), 0, -1))
    return points


def register_affine(
    fixed: Image, moving: Image, n_threads: int | None = None
) -> NDArray[np.float64]:
    """Find the affine map (12 degrees of freedom) from a brain to a brain or to a whole head.

    Returns
    -------
    ndarray of shape (4, 4)
        mm (fixed) to mm (moving).

    Notes
    -----
    niimath's `-allineate`, which needs neither a good start nor a brain-extracted moving image.
    Started from the centres of brightness, since headers may be anywhere. The fixed image should
    be the template at 1 mm: with a coarser one niimath takes a minute instead of three seconds.
    """
    with TemporaryDirectory() as name:
        directory = Path(name)
        save(fixed, directory / "fixed.nii")
        save(moving, directory / "moving.nii")
        run_niimath(
            [
                "moving.nii",
                "-allineate",
                "fixed.nii",
                "-com",
                "-savemat",
                "matrix.json",
                "moved.nii",
            ],
            directory,
            n_threads,
        )
        result = json.loads((directory / "matrix.json").read_text())
    return np.array(result["fixed_to_moving"], np.float64)


def register_deformable(
    fixed: Image,
    moving: Image,
    matrix: NDArray[np.float64],
    *,
    fixed_mask: NDArray[np.bool_] | None = None,
    levels: str = "100x100x20",
    n_threads: int | None = None,
) -> Warp:
    """Refine an affine registration by a smooth, invertible warp (greedy, local correlation).

    Parameters
    ----------
    fixed, moving : Image
    matrix : ndarray of shape (4, 4)
        mm (fixed) to mm (moving), the start.
    fixed_mask : ndarray of bool, optional
        Where the fixed image is compared.
    levels : str
        Iterations at a quarter, a half and the full resolution of the fixed image.
    n_threads : int, optional
        The result does not depend on it.
    """
    with TemporaryDirectory() as name:
        directory = Path(name)
        save(fixed, directory / "fixed.nii")
        save(moving, directory / "moving.nii")
        np.savetxt(directory / "start.mat", matrix, fmt="%.17g")
        arguments = ["-i", "fixed.nii", "moving.nii", "-it", "start.mat", "-n", levels]
        arguments += [*_DEFORMABLE.split(), "-o", "warp.nii", "-oinv", "back.nii"]
        if fixed_mask is not None:
            save(Image(fixed_mask, fixed.affine), directory / "mask.nii")
            arguments += ["-gm", "mask.nii"]
        run_greedy(arguments, directory, n_threads)
        forward, backward = (_field(directory / file) for file in ("warp.nii", "back.nii"))
    return Warp(matrix, forward, backward, fixed.affine)


def register_rigid(
    fixed: Image, moving: Image, start: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Find the rigid map between two images of one person (greedy, normalised mutual information).

    The search starts from the positions that the headers give, or from another map. With an EPI
    and a T1w the EPI should be the fixed image: it is faster, and measured to be more accurate.

    Returns
    -------
    ndarray of shape (4, 4)
        mm (fixed) to mm (moving).
    """
    return _linear(fixed, moving, "-dof 6 -ia start.mat", np.eye(4) if start is None else start)


def register_affine_brains(fixed: Image, moving: Image) -> NDArray[np.float64]:
    """Find the affine map between two extracted brains of any contrast (greedy, as above).

    The search starts with the middles of the images on each other.

    Returns
    -------
    ndarray of shape (4, 4)
        mm (fixed) to mm (moving).
    """
    return _linear(fixed, moving, "-dof 12 -ia-image-centers")


def in_cubes(image: Image, size_mm: float) -> Image:
    """Resample an image to voxels as long in each direction."""
    factor = size_mm / voxel_sizes(image.affine)
    shape = np.maximum(1, np.round(np.array(image.data.shape) / factor)).astype(int)
    affine = image.affine @ np.diag([*factor, 1])
    affine[:3, 3] = apply_affine(image.affine, (factor - 1) / 2)
    return Image(
        resample_image(image.data, image.affine, grid_points(tuple(shape), affine)), affine
    )


def rigid_map(
    points: NDArray[np.float64], others: NDArray[np.float64], *, mirrored: bool = False
) -> NDArray[np.float64]:
    """Return the rigid map (4 x 4) that brings points (n, 3) nearest to others; it may mirror.

    References
    ----------
    Kabsch W (1976) A solution for the best rotation to relate two sets of vectors. Acta Cryst
    A32:922-923.
    """
    middle, other = points.mean(axis=0), others.mean(axis=0)
    left, _, right = np.linalg.svd((others - other).T @ (points - middle))
    sign = np.linalg.det(left @ right) * (-1 if mirrored else 1)
    matrix = np.eye(4)
    matrix[:3, :3] = left @ np.diag([1, 1, sign]) @ right
    matrix[:3, 3] = other - matrix[:3, :3] @ middle
    return matrix


def _linear(
    fixed: Image, moving: Image, options: str, start: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    with TemporaryDirectory() as name:
        directory = Path(name)
        save(fixed, directory / "fixed.nii")
        save(moving, directory / "moving.nii")
        if start is not None:
            np.savetxt(directory / "start.mat", start, fmt="%.17g")
        command = f"-i fixed.nii moving.nii -o linear.mat {_LINEAR} {options}"
        run_greedy(command.split(), directory, _ONE_THREAD)
        return np.loadtxt(directory / "linear.mat")


def save(image: Image, path: Path) -> None:
    """Write an image for a program, as float32, or uint8 if it is a mask."""
    dtype = np.uint8 if image.data.dtype == np.bool_ else np.float32
    nib.save(nib.Nifti1Image(image.data.astype(dtype), image.affine), path)


def load_data(path: Path) -> NDArray[np.float32]:
    """Read what a program wrote."""
    return np.asarray(nib.Nifti1Image.from_filename(path).dataobj, np.float32)


def _field(path: Path) -> NDArray[np.float32]:
    """Read a displacement field; greedy's vectors are ITK's, towards left, posterior, superior."""
    field = load_data(path)[:, :, :, 0]
    return np.ascontiguousarray(field * np.array([-1, -1, 1], np.float32))
