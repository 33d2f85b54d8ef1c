"""From another template's space to that of the symmetric template."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from commissure.preprocessing.registration import Image, Warp, grid_points
from commissure.preprocessing.resampling import resample_image, resample_series
from commissure.problems import InputError
from commissure.space.templates import analysis_grid, load_template


def mean_head(heads: Iterable[Image]) -> Image:
    """Return the mean of heads that lie in one space, each with the same mean brightness.

    Parameters
    ----------
    heads : iterable of Image
        Read one after the other. The first one's grid is that of the mean.

    Raises
    ------
    InputError
        If there is none, or one is empty.
    """
    total, first = None, None
    for head in heads:
        first = head if first is None else first
        data = np.nan_to_num(head.data)
        bright = data[data > 0]
        if bright.size == 0:
            msg = "A T1w of those that the way to the symmetric template is found by is empty."
            raise InputError(msg)
        if not (data.shape == first.data.shape and np.allclose(head.affine, first.affine)):
            at = grid_points(first.data.shape, first.affine)
            data = resample_image(data, head.affine, at)
        part = data / bright.mean()
        total = part if total is None else total + part
    if total is None or first is None:
        msg = "There is no T1w by which the way to the symmetric template could be found."
        raise InputError(msg)
    return Image(total.astype(np.float32), first.affine)


def in_template(
    series: NDArray[np.float32],
    affine: NDArray[np.float64],
    mask: NDArray[np.bool_] | None,
    warp: Warp,
    resolution_mm: int,
    n_threads: int | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float64]]:
    """Interpolate series of another space once, on the analysis grid of the template.

    Parameters
    ----------
    series : ndarray of shape (x, y, z, n_volumes)
    affine : ndarray of shape (4, 4)
        Voxel to mm of the series.
    mask : ndarray of bool of shape (x, y, z), optional
        The brain.
    warp : Warp
        From the template (fixed) to the space of the series (moving).
    resolution_mm : int
        See `analysis_grid`.
    n_threads : int, optional

    Returns
    -------
    series : ndarray of shape (x', y', z', n_volumes)
        0 where there are no data.
    mask : ndarray of bool of shape (x', y', z')
        The template's brain where there are data, and the mask says so.
    affine : ndarray of shape (4, 4)
    """
    shape, grid = analysis_grid(resolution_mm)
    points = warp.to_moving(grid_points(shape, grid)).reshape(-1, 3)
    moved = resample_series(series, affine, points, n_threads=n_threads)
    inside = load_template(resolution_mm).brain & moved.covered.reshape(shape)
    if mask is not None:
        share = resample_image(mask.astype(np.float32), affine, points).reshape(shape)
        inside &= share > 0.5
    return moved.data.reshape(*shape, -1), inside, grid
