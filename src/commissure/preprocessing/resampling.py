"""The one interpolation of the data: from every volume as scanned to the grid of the results."""

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, spline_filter

from commissure.compiled_code import njit
from commissure.threads import map_threads

Float = TypeVar("Float", np.float32, np.float64)


@dataclass(frozen=True, eq=False)
class ResampledSeries:
    """Time series at the places asked for.

    Attributes
    ----------
    data : ndarray of shape (n_points, n_volumes), float32
        Zero where not covered.
    covered : ndarray of bool, shape (n_points,)
        Where every volume has data.
    """

    data: NDArray[np.float32]
    covered: NDArray[np.bool_]


def resample_series(
    series: NDArray[np.floating],
    affine: NDArray[np.float64],
    points: NDArray[np.float64],
    motion: NDArray[np.float64] | None = None,
    n_threads: int | None = None,
) -> ResampledSeries:
    """Interpolate each volume once, by cubic B-splines, at points that move with the head.

    Parameters
    ----------
    series : ndarray of shape (x, y, z, n_volumes)
    affine : ndarray of shape (4, 4)
        Voxel to mm (RAS+) of the series.
    points : ndarray of shape (n_points, 3)
        In mm, in the position of the head that motion is measured from.
    motion : ndarray of shape (n_volumes, 4, 4), optional
        As `realign` returns it: takes the mm of each volume to the mm of that position. By
        default nothing moves.
    n_threads : int, optional
        By default all cores this process may use. The results do not depend on it.

    Returns
    -------
    ResampledSeries

    Notes
    -----
    A point is covered if, in every volume, it lies among the centres of the voxels and the voxel
    nearest to it is not missing. A voxel is missing if it is not finite in some volume or zero in
    all. Nothing is extrapolated. The splines continue the image by reflection about the centres
    of the outermost voxels (`scipy.ndimage`'s mode "mirror").
    """
    n_volumes = series.shape[3]
    still = np.broadcast_to(np.eye(4), (n_volumes, 4, 4))
    to_voxels = np.linalg.inv((still if motion is None else motion) @ affine)
    finite = np.isfinite(series)
    present = finite.all(axis=3) & (series != 0).any(axis=3)
    all_finite = bool(finite.all())
    del finite
    points = np.ascontiguousarray(points, np.float64)
    data = np.zeros((len(points), n_volumes), np.float32)

    def one_volume(volume: int) -> NDArray[np.bool_]:
        image = series[..., volume].astype(np.float64)
        if not all_finite:
            image[~np.isfinite(image)] = 0
        coefficients = spline_filter(image, order=3, output=np.float64, mode="mirror")
        covered = np.zeros(len(points), np.bool_)
        _interpolate(coefficients, present, to_voxels[volume], points, data[:, volume], covered)
        return covered

    covered = np.logical_and.reduce(map_threads(one_volume, range(n_volumes), n_threads))
    data[~covered] = 0
    return ResampledSeries(data, covered)


def resample_image(
    image: NDArray[Any],
    affine: NDArray[np.float64],
    points: NDArray[np.float64],
    *,
    order: Literal[0, 1, 3] = 1,
) -> NDArray[np.float32]:
    """Interpolate one image at points (mm); zero outside.

    Parameters
    ----------
    image : ndarray of shape (x, y, z)
    affine : ndarray of shape (4, 4)
    points : ndarray of shape (..., 3)
    order : {0, 1, 3}
        Nearest voxel, linear (what tissue maps need: no overshoot), cubic B-spline.

    Returns
    -------
    ndarray of shape (...)
    """
    voxels = apply_affine(np.linalg.inv(affine), points)
    image = np.asarray(image, np.float32)
    if order == 1:
        return linear_at(image[..., None], voxels, outside="zero")[..., 0]
    values: NDArray[np.float32] = map_coordinates(
        image, np.moveaxis(voxels, -1, 0), order=order, mode="constant", output=np.float32
    )
    return values


def linear_at(
    images: NDArray[np.floating],
    voxels: NDArray[np.float64],
    *,
    outside: Literal["zero", "nearest"],
    dtype: type[Float] = np.float32,  # type: ignore[assignment]
) -> NDArray[Float]:
    """Interpolate images on one grid linearly.

    Parameters
    ----------
    images : ndarray of shape (x, y, z, n_images)
    voxels : ndarray of shape (..., 3)
        Where, in indices of voxels.
    outside : {"zero", "nearest"}
        What is beyond the centres of the outermost voxels.
    dtype : type
        Of the values.

    Returns
    -------
    ndarray of shape (..., n_images)
        `scipy.ndimage.map_coordinates`' modes "constant" and "nearest", to the last bit.
    """
    values = np.zeros((*voxels.shape[:-1], images.shape[3]), dtype)
    flat = np.ascontiguousarray(voxels, np.float64).reshape(-1, 3)
    _linear(images, flat, outside == "nearest", values.reshape(len(flat), -1))
    return values


@njit(cache=True, nogil=True)
def _linear(
    images: NDArray[np.floating],
    voxels: NDArray[np.float64],
    nearest: bool,  # noqa: FBT001
    values: NDArray[np.floating],
) -> None:
    last_x, last_y, last_z = images.shape[0] - 1, images.shape[1] - 1, images.shape[2] - 1
    for p in range(len(voxels)):
        x, y, z = voxels[p, 0], voxels[p, 1], voxels[p, 2]
        if not nearest and not (0 <= x <= last_x and 0 <= y <= last_y and 0 <= z <= last_z):
            continue
        i, j, k = math.floor(x), math.floor(y), math.floor(z)
        at_x = min(max(i, 0), last_x), min(max(i + 1, 0), last_x)
        at_y = min(max(j, 0), last_y), min(max(j + 1, 0), last_y)
        at_z = min(max(k, 0), last_z), min(max(k + 1, 0), last_z)
        # As scipy: the last weight is what the others leave.
        before_x, before_y, before_z = 1 - (x - i), 1 - (y - j), 1 - (z - k)
        along_x, along_y = (before_x, 1 - before_x), (before_y, 1 - before_y)
        along_z = (before_z, 1 - before_z)
        for image in range(images.shape[3]):
            total = 0.0
            for a in range(2):
                for b in range(2):
                    for c in range(2):
                        value = images[at_x[a], at_y[b], at_z[c], image]
                        total += value * along_x[a] * along_y[b] * along_z[c]
            values[p, image] = total


@njit(cache=True, nogil=True)
def _interpolate(
    coefficients: NDArray[np.float64],
    present: NDArray[np.bool_],
    to_voxels: NDArray[np.float64],
    points: NDArray[np.float64],
    values: NDArray[np.float32],
    covered: NDArray[np.bool_],
) -> None:
    shape = coefficients.shape
    position = np.empty(3)
    index = np.empty((3, 4), np.intp)
    weight = np.empty((3, 4))
    for p in range(len(points)):
        inside = True
        for axis in range(3):
            at = to_voxels[axis, 3]
            for k in range(3):
                at += to_voxels[axis, k] * points[p, k]
            # A point on the outermost voxels may be out by a rounding error.
            if at < 0 and at > -1e-6:
                at = 0.0
            if at > shape[axis] - 1 and at < shape[axis] - 1 + 1e-6:
                at = shape[axis] - 1.0
            inside = inside and at >= 0 and at <= shape[axis] - 1
            position[axis] = at
        if not inside:
            continue
        if not present[int(position[0] + 0.5), int(position[1] + 0.5), int(position[2] + 0.5)]:
            continue
        for axis in range(3):
            low = int(position[axis])
            f = position[axis] - low
            g = 1 - f
            weight[axis, 0] = g * g * g / 6
            weight[axis, 1] = 2 / 3 - f * f * (2 - f) / 2
            weight[axis, 2] = 2 / 3 - g * g * (2 - g) / 2
            weight[axis, 3] = f * f * f / 6
            last = shape[axis] - 1
            for k in range(4):
                at_k = abs(low - 1 + k)
                if at_k > last:
                    at_k = 2 * last - at_k
                # An axis of one voxel: its only neighbour is itself.
                index[axis, k] = max(at_k, 0)
        total = 0.0
        for i in range(4):
            for j in range(4):
                line = 0.0
                for k in range(4):
                    line += weight[2, k] * coefficients[index[0, i], index[1, j], index[2, k]]
                total += weight[0, i] * weight[1, j] * line
        values[p] = total
        covered[p] = True
