"""How well an EPI's brightness changes where its T1w's white matter ends, and the best place by it.

Mutual information compares brightness everywhere, most of it in the middle of tissues, where a
millimetre changes nothing. At the border of white and grey matter it changes most.
"""

from dataclasses import dataclass

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from commissure.preprocessing.registration import Image
from commissure.preprocessing.resampling import linear_at

_SMOOTHED_MM = 0.7  # standard deviation, so that the border has a direction
_AWAY_MM = 2.0  # from the border to where grey and white matter are compared
_MOST_POINTS = 20_000
LEAST_POINTS = 500  # fewer in the field of view tell nothing
_SURE_WHITE, _SURE_GREY = 0.8, 0.6
SLOPE = 5.0  # of the cost, by contrast as a share of the brightness
_RADIUS_MM = 60.0  # of the head: makes of turns what they move
_FURTHEST_MM = 6.0  # a refinement that moves the brain by more has found something else


@dataclass(frozen=True, eq=False)
class Border:
    """Points on both sides of where white matter ends.

    Attributes
    ----------
    white, grey : ndarray of shape (n, 3)
        Pairs of places in white and in grey matter, mm.
    """

    white: NDArray[np.float64]
    grey: NDArray[np.float64]


def white_border(
    grey: NDArray[np.floating], white: NDArray[np.floating], affine: NDArray[np.float64]
) -> Border:
    """Find pairs of places on both sides of the border of cortex and white matter.

    Parameters
    ----------
    grey, white : ndarray of shape (x, y, z)
        Probabilities.
    affine : ndarray of shape (4, 4)
        Voxel to mm.
    """
    blurred = gaussian_filter(white, _SMOOTHED_MM / voxel_sizes(affine))
    inner = blurred[1:-1, 1:-1, 1:-1]
    voxels = np.argwhere((inner > 0.3) & (inner < 0.7)) + 1
    voxels = voxels[:: -(-len(voxels) // (4 * _MOST_POINTS)) or 1]
    at = [
        blurred[tuple((voxels + step).T)]
        for step in np.vstack([np.eye(3, dtype=int), -np.eye(3, dtype=int)])
    ]
    slopes = (np.stack(at[:3], axis=1) - np.stack(at[3:], axis=1)) / 2
    steep = np.linalg.norm(slopes, axis=1) > 0.1
    voxels, slopes = voxels[steep], slopes[steep]
    to_border = (0.5 - blurred[tuple(voxels.T)]) / (slopes**2).sum(axis=1)
    border = apply_affine(affine, voxels + to_border[:, None] * slopes)
    outwards = -slopes @ np.linalg.inv(affine[:3, :3])
    outwards *= _AWAY_MM / np.linalg.norm(outwards, axis=1, keepdims=True)
    inside, outside = border - outwards, border + outwards
    sure = (read_at(Image(white, affine), inside) > _SURE_WHITE) & (
        read_at(Image(grey, affine), outside) > _SURE_GREY
    )
    every = -(-int(sure.sum()) // _MOST_POINTS) or 1
    return Border(inside[sure][::every], outside[sure][::every])


def border_costs(epi: Image, matrix: NDArray[np.float64], border: Border) -> NDArray[np.float64]:
    """Return how badly each pair of places shows the border in an EPI: 0 well, 1 not, 2 reversed.

    Parameters
    ----------
    epi : Image
        Corrected for bias; zero where nothing is known.
    matrix : ndarray of shape (4, 4)
        mm (T1w) to mm (EPI).
    border : Border
        Of the T1w.

    Returns
    -------
    ndarray of shape (n,)
        NaN outside the EPI.

    References
    ----------
    Greve DN, Fischl B (2009) Accurate and robust brain image alignment using boundary-based
    registration. NeuroImage 48:63-72.
    """
    white, grey = (read_at(epi, apply_affine(matrix, side)) for side in (border.white, border.grey))
    seen = (white > 0) & (grey > 0)
    contrast = 2 * (grey - white) / np.where(seen, grey + white, 1)
    return np.where(seen, 1 - np.tanh(SLOPE * contrast), np.nan)


def refine_by_border(
    epi: Image, matrix: NDArray[np.float64], border: Border
) -> NDArray[np.float64]:
    """Move an EPI by some millimetres to where the border of white matter shows best.

    Parameters
    ----------
    epi, matrix, border
        See `border_costs`; the start.

    Returns
    -------
    ndarray of shape (4, 4)
        mm (T1w) to mm (EPI); the start where the border is not seen or would be far off.
    """
    if np.isfinite(border_costs(epi, matrix, border)).sum() < LEAST_POINTS:
        return matrix
    centre = border.white.mean(axis=0)

    def moved(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        move = np.eye(4)
        move[:3, :3] = Rotation.from_rotvec(parameters[:3] / _RADIUS_MM).as_matrix()
        move[:3, 3] = centre + parameters[3:] - move[:3, :3] @ centre
        return matrix @ move

    def cost(parameters: NDArray[np.float64]) -> float:
        # What is not seen counts as not telling, so that nothing is gained by moving out of view.
        return float(np.nan_to_num(border_costs(epi, moved(parameters), border), nan=1.0).mean())

    found = minimize(cost, np.zeros(6), method="Powell", options={"xtol": 0.02, "ftol": 1e-5})
    way = apply_affine(moved(found.x), border.white) - apply_affine(matrix, border.white)
    return moved(found.x) if np.linalg.norm(way, axis=1).mean() < _FURTHEST_MM else matrix


def read_at(image: Image, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what an image is at points (n, 3), mm, linearly; 0 outside of it."""
    voxels = apply_affine(np.linalg.inv(image.affine), points)
    return linear_at(image.data[..., None], voxels, outside="zero", dtype=np.float64)[:, 0]
