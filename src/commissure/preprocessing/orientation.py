"""Which way round a head lies in an image, by what the image shows and not by its header.

A registration finds the best place near where it starts, and a warp then fits the outline of a
brain whichever way round it is: a header that calls front what is back goes unnoticed in any
overlap of masks. Here the template's tissues are laid on the image in all 24 orientations; each is
moved, turned and stretched by as much as heads differ, without a warp; and what the tissues then
explain of the image's brightness is compared.

The template is symmetric, and so nearly is a head: whether left and right are exchanged cannot be
told. A mirrored head counts as the one of the 24 that differs from it by left and right only.
"""

import itertools
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from numpy.typing import NDArray
from scipy.linalg import polar
from scipy.ndimage import binary_dilation, gaussian_filter
from scipy.spatial.transform import Rotation

from commissure.preprocessing.registration import Image
from commissure.preprocessing.resampling import linear_at
from commissure.space.templates import load_template
from commissure.threads import map_threads

# No finer detail is needed to tell up from down.
_TEMPLATE_MM, _BLOCK_MM = 8, 4.0
_RIM_VOXELS = 2  # around the template's brain, compared too
# Turns (radians), shifts (mm), logarithms of scales, shears. Deviations cost as if drawn with these
# spreads, which keeps brains from being stretched to what they are not.
_SPREAD = np.repeat([0.5, 30.0, 0.12, 0.08], 3)
_PRIOR = 2e-3
_DELTA = np.repeat([0.02, 1.0, 0.02, 0.02], 3)  # of finite differences
_LARGEST_STEP = np.repeat([0.3, 15.0, 0.15, 0.15], 3)
_LEAST_SEEN = 0.3  # of the template, in the field of view
_NOTHING_TO_SEE = 2.0  # the cost where it is less, or where all is of one brightness
# Heads lie tilted: each orientation is started from straight and tilted about each axis. And where
# a neck is in view the brain lies above the middle of what is bright.
_TILT_DEGREES, _ABOVE_MM = 30.0, (0.0, 25.0)


class _Stage(NamedTuple):
    """How a search goes on, and how many of the best then go on to the next stage."""

    fwhm_mm: float  # a blurred image draws from afar
    every: int  # of the points
    n_free: int  # shifts and turns, then scales, then shears
    n_steps: int
    n_each: int  # of each orientation: those that end in one do not compete
    n_best: int  # of all


_STAGES = (
    _Stage(24.0, 8, 9, 1, 3, 72),
    _Stage(24.0, 8, 9, 5, 1, 24),
    _Stage(24.0, 3, 9, 10, 1, 6),
    _Stage(10.0, 1, 12, 20, 1, 6),
)

RIGHT_AXES = "RAS"
_REVERSED = {"P": "its y axis (front to back)", "I": "its z axis (upside down)"}
_DIRECTIONS = {"R": "right", "A": "front", "P": "back", "S": "top", "I": "bottom"}


@dataclass(frozen=True, eq=False)
class Orientation:
    """How a head lies in an image.

    Attributes
    ----------
    matrix : ndarray of shape (4, 4)
        mm (template) to mm (image): affine, and coarse.
    axes : str
        Where the header's x, y and z really point to: "RAS" if the header is right, "RPS" if it
        calls front what is back. R may be L everywhere.
    turn : float
        Degrees between the header's axes and the head's.
    doubt : float
        What is left unexplained in this orientation, as a share of what the next best leaves: 1 if
        they cannot be told apart.
    """

    matrix: NDArray[np.float64]
    axes: str
    turn: float
    doubt: float


class _End(NamedTuple):
    start: int  # which of `_starts`
    parameters: NDArray[np.float64]
    cost: float


def find_orientation(image: Image, n_threads: int | None = None) -> Orientation:
    """Find which way round a head lies in an image.

    Parameters
    ----------
    image : Image
        A head of any contrast, with its skull or without.
    n_threads : int, optional
        The result does not depend on it.
    """
    blocks = _in_blocks(image)
    middle = _middle(blocks)
    ends = [_End(start, np.zeros(12), 0.0) for start in range(len(_starts()))]
    for stage in _STAGES:
        fit = _Fit(blocks, middle, stage)
        tried = sorted(map_threads(fit.descend, ends, n_threads), key=lambda end: end.cost)
        n_taken: Counter[int] = Counter()
        ends = []
        for end in tried:
            orientation = _nearest(fit.matrix(end))
            n_taken[orientation] += 1
            if n_taken[orientation] <= stage.n_each and len(ends) < stage.n_best:
                ends.append(end)
    best, next_best = ends[0], ends[1].cost if len(ends) > 1 else 1.0
    matrix = fit.matrix(best)
    axes = _letters(_orientations()[_nearest(matrix)])
    return Orientation(matrix, axes, turn_degrees(matrix), best.cost / next_best)


def fits_when(axes: str, turn: float) -> str:
    """Return which way round an image fits, such as "fits the template when its y axis ...".

    Parameters
    ----------
    axes : str
        Where its header's axes really point to, such as "RPS"; R may be L.
    turn : float
        Degrees.
    """
    wrong = "so its header is wrong (whether left and right are exchanged too, this does not tell)"
    if all(letter in pair for letter, pair in zip(axes, ("RL", "AP", "SI"), strict=True)):
        backward = [_REVERSED[letter] for letter in axes if letter in _REVERSED]
        if not backward:
            return f"lies turned by {turn:.0f} degrees, so its header is wrong"
        verb = "is" if len(backward) == 1 else "are"
        return f"fits the template when {' and '.join(backward)} {verb} reversed, {wrong}"
    x, y, z = (_DIRECTIONS[letter] for letter in axes)
    return f"fits the template when its x, y and z axes point to {x}, {y} and {z}, {wrong}"


def turn_degrees(matrix: NDArray[np.float64]) -> float:
    """Return the angle by which an affine map turns; of its mirror image in x if it mirrors."""
    return float(np.rad2deg(Rotation.from_matrix(_rotation(matrix)).magnitude()))


class _Laid(NamedTuple):
    """The template's tissues laid on an image, and what they leave of its brightness.

    Points outside the field of view are 0 throughout.
    """

    values: NDArray[np.float64]  # (n_points,)
    seen: NDArray[np.bool_]
    tissues: NDArray[np.float64]  # (n_points, n_regressors)
    inverse: NDArray[np.float64]  # of their cross-product
    centred: NDArray[np.float64]  # the values less their mean
    variance: float  # of the values, times their number

    def unexplained(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        left: NDArray[np.float64] = values - self.tissues @ (
            self.inverse @ (self.tissues.T @ values)
        )
        return left


class _Fit:
    """An image, and how well the template's tissues explain it where they are laid."""

    def __init__(self, blocks: Image, middle: NDArray[np.float64], stage: _Stage) -> None:
        sigma = stage.fwhm_mm / np.sqrt(8 * np.log(2)) / voxel_sizes(blocks.affine)
        self.image = Image(gaussian_filter(blocks.data, sigma), blocks.affine)
        self.middle, self.stage = middle, stage
        points, tissues, self.centre = _template_points()
        self.points, self.tissues = points[:: stage.every], tissues[:: stage.every]

    def matrix(self, end: _End) -> NDArray[np.float64]:
        turn, shift, scale, shear = end.parameters.reshape(4, 3)
        sheared = np.eye(3)
        sheared[np.triu_indices(3, 1)] = shear
        matrix = np.eye(4)
        start, above = _starts()[end.start]
        turned = start @ Rotation.from_rotvec(turn).as_matrix()
        matrix[:3, :3] = turned @ np.diag(np.exp(scale)) @ sheared
        matrix[:3, 3] = self.middle + above + shift - matrix[:3, :3] @ self.centre
        return matrix

    def descend(self, end: _End) -> _End:
        """Take the stage's Levenberg-Marquardt steps.

        What is made small is the share of the image's variance that a regression on the tissues
        leaves. Its coefficients are found anew in each place, so that any contrast will do.
        """
        n_free, damping = self.stage.n_free, 1e-3
        weight = _PRIOR / _SPREAD[:n_free] ** 2
        end, laid = self._lay(end)
        for _ in range(self.stage.n_steps):
            if laid is None or damping > 10:
                break
            slopes, left = self._slopes(end, laid), laid.unexplained(laid.values)
            # The image's variance where the tissues lie changes too, not only what they leave.
            growth = laid.centred @ slopes / laid.variance
            slopes = laid.unexplained(slopes) - np.outer(left, growth)
            curvature = slopes.T @ slopes / laid.variance + np.diag(weight)
            gradient = slopes.T @ left / laid.variance + weight * end.parameters[:n_free]
            curvature[np.diag_indices(n_free)] *= 1 + damping
            step = -np.asarray(np.linalg.solve(curvature, gradient), np.float64)
            step *= min(1.0, float((_LARGEST_STEP[:n_free] / np.abs(step).clip(1e-12)).min()))
            new, new_laid = self._lay(_moved(end, slice(n_free), step))
            if new.cost >= end.cost:
                damping = max(damping * 10, 1e-2)
                continue
            damping, gain = damping / 5, end.cost - new.cost
            end, laid = new, new_laid
            if gain < 1e-3 * end.cost:
                break
        return end

    def _lay(self, end: _End) -> tuple[_End, _Laid | None]:
        """Return the cost of a place, and None if too little of the template is in the image."""
        matrix = self.matrix(end)
        voxels = apply_affine(np.linalg.inv(self.image.affine) @ matrix, self.points)
        seen = ((voxels >= -0.5) & (voxels <= np.array(self.image.data.shape) - 0.5)).all(axis=1)
        if seen.mean() < _LEAST_SEEN:
            return end._replace(cost=_NOTHING_TO_SEE), None
        values, tissues = self._read(matrix) * seen, self.tissues * seen[:, None]
        inverse = np.linalg.pinv(tissues.T @ tissues)
        centred = (values - values.sum() / seen.sum()) * seen
        variance = float((centred**2).sum())
        if variance <= 1e-9 * (values**2).sum():
            return end._replace(cost=_NOTHING_TO_SEE), None
        laid = _Laid(values, seen, tissues, inverse, centred, variance)
        cost = float((laid.unexplained(values) ** 2).sum()) / variance
        cost += _PRIOR * float(((end.parameters / _SPREAD) ** 2).sum())
        return end._replace(cost=cost), laid

    def _slopes(self, end: _End, laid: _Laid) -> NDArray[np.float64]:
        slopes = np.empty((len(laid.values), self.stage.n_free))
        for k, delta in enumerate(_DELTA[: self.stage.n_free]):
            moved = self._read(self.matrix(_moved(end, k, delta)))
            slopes[:, k] = (moved * laid.seen - laid.values) / delta
        return slopes

    def _read(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        voxels = apply_affine(np.linalg.inv(self.image.affine) @ matrix, self.points)
        images = self.image.data[..., None]
        return linear_at(images, voxels, outside="nearest", dtype=np.float64)[:, 0]


def _moved(end: _End, which: int | slice, by: float | NDArray[np.float64]) -> _End:
    parameters = end.parameters.copy()
    parameters[which] += by
    return end._replace(parameters=parameters)


@lru_cache(maxsize=1)
def _template_points() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return points (n, 3) in and around the template's brain, regressors there, the middle.

    The regressors are the tissues, what is around, and a slope of brightness across the brain, as
    coils near the head make it.
    """
    template = load_template(_TEMPLATE_MM)
    near = binary_dilation(template.brain, iterations=_RIM_VOXELS)
    points = apply_affine(template.affine, np.argwhere(near))
    tissues = np.stack([template.csf, template.grey, template.white], axis=-1)[near]
    centre = points[template.brain[near]].mean(axis=0)
    slopes = tissues.sum(axis=1, keepdims=True) * (points - centre) / np.ptp(points)
    return points, np.column_stack([np.ones(len(points)), tissues, slopes]), centre


@lru_cache(maxsize=1)
def _orientations() -> tuple[NDArray[np.float64], ...]:
    """Return the 24 ways to turn axes onto axes, the right one first."""
    signed = [
        np.eye(3)[list(order)] * np.array(signs)[:, None]
        for order in itertools.permutations(range(3))
        for signs in itertools.product((1, -1), repeat=3)
    ]
    return tuple(turn for turn in signed if np.linalg.det(turn) > 0)


@lru_cache(maxsize=1)
def _starts() -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]:
    """Return each orientation, straight and tilted to both sides about each axis, and how far off.

    The rotation is of shape (3, 3); the brain's middle is off that of what is bright by (3,), mm.
    """
    tilts = [np.zeros(3), *np.eye(3), *-np.eye(3)]
    turns = [Rotation.from_rotvec(np.deg2rad(_TILT_DEGREES) * tilt).as_matrix() for tilt in tilts]
    return tuple(
        (start, start[:, 2] * above)
        for above in _ABOVE_MM
        for turn in turns
        for start in (orientation @ turn for orientation in _orientations())
    )


def _in_blocks(image: Image) -> Image:
    """Return the means over blocks of some millimetres, without the brightest spots."""
    data = np.nan_to_num(np.asarray(image.data, np.float32), posinf=0, neginf=0)
    sizes = voxel_sizes(image.affine)
    block = np.clip((_BLOCK_MM / sizes + 1e-3).astype(int), 1, data.shape)
    whole = np.array(data.shape) // block
    data = data[tuple(slice(n) for n in whole * block)]
    data = data.reshape(*np.column_stack([whole, block]).ravel()).mean(axis=(1, 3, 5))
    affine = image.affine @ np.diag([*block.astype(float), 1])
    affine[:3, 3] = apply_affine(image.affine, (block - 1) / 2)
    return Image(np.minimum(data, np.percentile(data, 99.5)), affine)


def _middle(image: Image) -> NDArray[np.float64]:
    """Return the middle of what is bright, mm."""
    dark, bright = np.percentile(image.data, [20, 70])
    weights = np.where(image.data > bright, image.data - dark, 0)
    if not weights.any():
        weights = np.ones_like(weights)
    voxels = np.argwhere(weights)
    middle: NDArray[np.float64] = apply_affine(
        image.affine, np.average(voxels, axis=0, weights=weights[tuple(voxels.T)])
    )
    return middle


def _rotation(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    rotation: NDArray[np.float64] = polar(matrix[:3, :3])[0]
    return rotation if np.linalg.det(rotation) > 0 else rotation * [-1, 1, 1]


def _nearest(matrix: NDArray[np.float64]) -> int:
    """Return which of the 24 an affine map turns like."""
    rotation = _rotation(matrix)
    return int(np.argmax([(rotation * turn).sum() for turn in _orientations()]))


def _letters(turn: NDArray[np.float64]) -> str:
    """Return where the header's axes point to in the template (rows of `turn`: header's axes)."""
    letters = ""
    for row in turn:
        axis = int(np.argmax(np.abs(row)))
        letters += "RAS"[axis] if axis == 0 or row[axis] > 0 else "RPI"[axis]
    return letters
