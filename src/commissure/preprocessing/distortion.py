"""How far an EPI is shifted along its phase-encoding axis, beside its T1w.

Where air is near, the field is not what the scanner takes it for, and signal lands some millimetres
from where it came from, along one axis only. After a rigid registration the border of white matter
shows by how much: a smooth field of shifts is found that makes it clearest. Whether there is
anything to find, and along which axis, is decided by places that the field was not fitted to.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_array

from commissure.preprocessing.border import SLOPE, Border, border_costs, read_at
from commissure.preprocessing.registration import Image
from commissure.preprocessing.resampling import linear_at

_KNOTS_MM = 16.0  # between places where the shift is found; linear between them
_FURTHEST_MM = 15.0
# What bends and how large shifts are costs, as means over the knots of mm2; see `_fit`.
_BENDING, _SIZE = 0.02, 2e-4
_EVERY = 2  # so many pairs of places are enough
_BLOCK_MM = 15.0  # of places that are fitted to, alternating with those that are not
# What is not fitted to must show the border better by so much more than with shifts along another
# axis. These help too without any distortion, since partial volume bends borders; by up to 0.014
# along each axis of synthetic heads, and by at most 0.003 more along one than along the others.
_LEAST_GAIN = 0.006
# Along the third, slices lie.
WITHIN_SLICES = (0, 1)


@dataclass(frozen=True, eq=False)
class Shifts:
    """A smooth field of shifts along one axis.

    Attributes
    ----------
    knots : ndarray of shape (x, y, z)
        Shifts, mm.
    affine : ndarray of shape (4, 4)
        Knot to mm of the EPI.
    direction : ndarray of shape (3,)
        Of length 1.
    """

    knots: NDArray[np.float64]
    affine: NDArray[np.float64]
    direction: NDArray[np.float64]

    def at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return by how much (mm) what belongs to points (..., 3) is off."""
        voxels = apply_affine(np.linalg.inv(self.affine), points)
        return np.asarray(
            linear_at(self.knots[..., None], voxels, outside="nearest", dtype=np.float64)[..., 0]
        )

    def moved(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where (mm) what belongs to points (..., 3) without distortion is."""
        return points + self.at(points)[..., None] * self.direction


def find_distortion(
    epi: Image,
    matrix: NDArray[np.float64],
    border: Border,
    axes: Collection[int] = WITHIN_SLICES,
) -> Shifts | None:
    """Find how far an EPI is shifted along one of its axes.

    Parameters
    ----------
    epi : Image
        Corrected for bias; zero where nothing is known.
    matrix : ndarray of shape (4, 4)
        mm (T1w) to mm (EPI).
    border : Border
        Of the T1w.
    axes : collection of int
        Of the EPI's axes, those along which phase may have been encoded.

    Returns
    -------
    Shifts or None
        None where no shifts make the border clearer.
    """
    there = Border(*(apply_affine(matrix, side) for side in (border.white, border.grey)))
    # By blocks of the T1w, as a checkerboard of which each column is shifted by another step.
    block = np.floor(border.white / _BLOCK_MM).astype(int)
    even = (block @ [1, 3, 5]) % 2 == 0
    gains = [_held_out_gain(epi, there, even, axis) for axis in range(3)]
    *_, second, axis = np.argsort(gains)
    if axis not in axes or gains[axis] - max(gains[second], 0) < _LEAST_GAIN:
        return None
    return _fit(epi, there, int(axis))


def _held_out_gain(epi: Image, border: Border, even: NDArray[np.bool_], axis: int) -> float:
    """Return by how much the border gets clearer in the places that were not fitted to."""
    better = []
    for half in (even, ~even):
        shifts = _fit(epi, Border(border.white[half], border.grey[half]), axis)
        rest = Border(border.white[~half], border.grey[~half])
        shifted = Border(shifts.moved(rest.white), shifts.moved(rest.grey))
        still = np.eye(4)
        better.append(border_costs(epi, still, rest) - border_costs(epi, still, shifted))
    found = np.concatenate(better)
    found = found[np.isfinite(found)]
    return float(found.mean()) if len(found) else 0.0


def _fit(epi: Image, border: Border, axis: int) -> Shifts:
    """Find the shifts along an axis that make the border clearest, see `border_costs`."""
    sizes = voxel_sizes(epi.affine)
    shape = tuple(np.ceil(np.array(epi.data.shape) * sizes / _KNOTS_MM).astype(int) + 1)
    affine = epi.affine @ np.diag([*_KNOTS_MM / sizes, 1])
    direction = epi.affine[:3, axis] / sizes[axis]
    sides = [border.white[::_EVERY], border.grey[::_EVERY]]
    weights = [_weights(apply_affine(np.linalg.inv(affine), side), shape) for side in sides]
    bends, n_knots = _bends(shape), int(np.prod(shape))
    half = direction * sizes[axis] / 2

    def cost(knots: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        places = [
            side + (w @ knots)[:, None] * direction for side, w in zip(sides, weights, strict=True)
        ]
        white, grey = (read_at(epi, at) for at in places)
        seen = (white > 0) & (grey > 0)
        both = np.where(seen, white + grey, 1)
        shows = np.tanh(SLOPE * 2 * (grey - white) / both)
        steep = np.where(seen, -SLOPE * (1 - shows**2), 0) * 4 / both**2 / len(seen)
        by_white, by_grey = (
            (read_at(epi, at + half) - read_at(epi, at - half)) / sizes[axis] for at in places
        )
        slope = weights[1].T @ (steep * white * by_grey) - weights[0].T @ (steep * grey * by_white)
        bent = bends @ knots
        total = np.where(seen, 1 - shows, 1).mean()
        total += (_BENDING * (bent @ bent) + _SIZE * (knots @ knots)) / n_knots
        return float(total), slope + 2 * (_BENDING * (bends.T @ bent) + _SIZE * knots) / n_knots

    limits = [(-_FURTHEST_MM, _FURTHEST_MM)] * n_knots
    found = minimize(
        cost, np.zeros(n_knots), jac=True, method="L-BFGS-B", bounds=limits, options={"maxiter": 60}
    )
    return Shifts(found.x.reshape(shape), affine, direction)


def _weights(voxels: NDArray[np.float64], shape: tuple[int, ...]) -> csr_array:
    """Return the matrix that reads knots linearly at places (n, 3), the nearest outside."""
    voxels = np.clip(voxels, 0, np.array(shape) - 1)
    low = np.minimum(voxels.astype(int), np.array(shape) - 2)
    part = voxels - low
    n = len(voxels)
    corners = list(np.ndindex(2, 2, 2))
    columns = [np.ravel_multi_index((low + corner).T, shape) for corner in corners]
    values = [np.where(corner, part, 1 - part).prod(axis=1) for corner in corners]
    rows = np.tile(np.arange(n), len(corners))
    return csr_array(
        (np.concatenate(values), (rows, np.concatenate(columns))), (n, int(np.prod(shape)))
    )


def _bends(shape: tuple[int, ...]) -> csr_array:
    """Return the matrix of second differences of knots along each axis."""
    index = np.arange(np.prod(shape)).reshape(shape)
    three = [
        np.stack([a[:-2], a[1:-1], a[2:]], axis=-1).reshape(-1, 3)
        for a in (np.moveaxis(index, axis, 0) for axis in range(3))
    ]
    columns = np.concatenate(three)
    rows = np.repeat(np.arange(len(columns)), 3)
    values = np.tile([1.0, -2, 1], len(columns))
    return csr_array((values, (rows, columns.ravel())), (len(columns), index.size))
