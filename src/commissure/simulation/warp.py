"""Smooth fields in space, and the way between a participant's head and the template."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation


@dataclass(frozen=True, eq=False)
class SplineField:
    """A field of cubic B-splines on a regular lattice of knots; constant beyond its border.

    Attributes
    ----------
    coefficients : ndarray of shape (n_components, n_x, n_y, n_z)
    origin : ndarray of shape (3,)
        Position of the first knot, mm.
    spacing : float
        Distance of the knots, mm.
    """

    coefficients: NDArray[np.float64]
    origin: NDArray[np.float64]
    spacing: float

    @classmethod
    def random(
        cls,
        rng: np.random.Generator,
        n_components: int,
        box: NDArray[Any],
        spacing: float,
        bound: float,
    ) -> Self:
        """Draw a field whose coefficients are uniform in ``(-bound, bound)``.

        Parameters
        ----------
        rng : numpy.random.Generator
        n_components : int
        box : ndarray of shape (2, 3)
            Two corners, mm; the lattice reaches a knot beyond them.
        spacing, bound : float
        """
        n_knots = np.ceil((box[1] - box[0]) / spacing).astype(int) + 3
        return cls(rng.uniform(-bound, bound, (n_components, *n_knots)), box[0] - spacing, spacing)

    def at(self, points: NDArray[Any]) -> NDArray[np.float64]:
        """Evaluate at points of shape (3, ...), mm; gives shape (n_components, ...)."""
        index = (points - _column(self.origin, points)) / self.spacing
        values = [
            ndimage.map_coordinates(component, index, order=3, prefilter=False, mode="nearest")
            for component in self.coefficients
        ]
        return np.stack(values)

    def on_axes(self, *axes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Evaluate on the grid of three coordinate axes (mm), exactly and one axis at a time."""
        values = self.coefficients
        for axis, (origin, n_knots) in enumerate(
            zip(self.origin, self.coefficients.shape[1:], strict=True)
        ):
            # One knot's spline at a time, as a field of one dimension.
            basis = np.stack(
                [
                    ndimage.map_coordinates(
                        knot,
                        [(axes[axis] - origin) / self.spacing],
                        order=3,
                        prefilter=False,
                        mode="nearest",
                    )
                    for knot in np.eye(n_knots)
                ]
            )
            # The axis contracted is always the second: what is done goes to the end.
            values = np.tensordot(values, basis, axes=(1, 0))
        return values


@dataclass(frozen=True, eq=False)
class HeadWarp:
    """Between points of a participant's T1w (mm) and of the template (mm).

    A point y of the T1w lies on the template at ``affine @ (y + field(y))``.

    Attributes
    ----------
    field : SplineField
        Of three components, mm. Its coefficients are smaller than a sixth of its spacing, so the
        field contracts (each of the three partial derivatives is below 1/3) and the warp has an
        inverse, found by fixed-point iteration.
    affine : ndarray of shape (4, 4)
    """

    field: SplineField
    affine: NDArray[np.float64]

    @classmethod
    def random(cls, rng: np.random.Generator, box: NDArray[Any], knots_mm: float) -> Self:
        """Draw a head: its size and place, how it is turned, and where it departs from both.

        Parameters
        ----------
        rng : numpy.random.Generator
        box : ndarray of shape (2, 3)
            The part of the T1w's space in which the head lies, mm.
        knots_mm : float
            Distance of the knots; the departure is about a twentieth of it, on average.
        """
        size = np.diag(rng.normal(1.0, 0.03, 3).clip(0.92, 1.08))
        to_t1w = rigid(rng.normal(0, 3, 3), rng.normal(0, 3, 3))
        to_t1w[:3, :3] @= size
        field = SplineField.random(rng, 3, box, knots_mm, bound=0.99 * knots_mm / 6)
        return cls(field, np.linalg.inv(to_t1w).astype(np.float64))

    def to_template(self, points: NDArray[Any]) -> NDArray[np.float64]:
        """Map points of the T1w, shape (3, ...), to the template."""
        return transform(self.affine, points + self.field.at(points))

    def to_t1w(self, points: NDArray[Any]) -> NDArray[np.float64]:
        """Map points of the template, shape (3, ...), to the T1w, to 1e-5 mm."""
        goal = transform(np.linalg.inv(self.affine), points)
        found = goal
        for _ in range(200):
            previous = found
            found = goal - self.field.at(found)
            if np.abs(found - previous).max() < 1e-5:
                return found
        msg = "The inverse of a warp was not found: its field does not contract."
        raise RuntimeError(msg)


def rigid(
    rotation_degrees: NDArray[Any],
    translation_mm: NDArray[Any],
    centre: NDArray[Any] | tuple[float, ...] = (0.0, 0.0, 0.0),
) -> NDArray[np.float64]:
    """Return the 4×4 matrix that turns about a centre (x, then y, then z), then shifts."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", rotation_degrees, degrees=True).as_matrix()
    matrix[:3, 3] = np.asarray(centre) - matrix[:3, :3] @ centre + translation_mm
    return matrix


def transform(affine: NDArray[Any], points: NDArray[Any]) -> NDArray[np.float64]:
    """Apply a 4×4 matrix to points of shape (3, ...)."""
    moved = np.tensordot(affine[:3, :3], points, axes=1)
    moved += _column(affine[:3, 3], points)
    return moved


def grid_points(shape: tuple[int, ...], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mm positions of a grid's voxels, shape (3, *shape)."""
    return transform(affine, np.indices(shape, dtype=np.float64))


def centred_affine(
    shape: tuple[int, ...], zooms: tuple[float, ...], centre: NDArray[Any]
) -> NDArray[np.float64]:
    """Return the affine of an upright grid whose middle is at `centre`."""
    affine = np.diag([*zooms, 1.0])
    affine[:3, 3] = centre - np.array(zooms) * (np.array(shape) - 1) / 2
    return affine


def _column(vector: NDArray[np.float64], points: NDArray[Any]) -> NDArray[np.float64]:
    return vector.reshape(3, *[1] * (points.ndim - 1))
