"""Gaussian smoothing of images, as most programs do it and as SPM does."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from commissure.problems import InputError
from commissure.threads import map_threads

_FWHM_PER_SD = np.sqrt(8 * np.log(2))


def smooth(
    data: NDArray[Any],
    voxel_sizes: NDArray[Any],
    fwhm: float,
    kernel: Literal["gaussian", "spm"] = "gaussian",
    *,
    n_threads: int | None = None,
) -> NDArray[np.float32]:
    """Smooth each volume with a Gaussian.

    Parameters
    ----------
    data : ndarray of shape (x, y, z) or (x, y, z, n_volumes)
    voxel_sizes : array_like of shape (3,)
        In mm.
    fwhm : float
        Full width at half maximum, in mm; 0 changes nothing.
    kernel : {"gaussian", "spm"}
        ``gaussian`` is a sampled Gaussian, zero outside the volume. ``spm`` is what SPM12's
        ``spm_smooth`` applies: a Gaussian convolved with a linear B-spline (so it is wider:
        the variance grows by 1/6 voxel²), zero outside the volume in x and y but with the weights
        inside it made to sum to 1 again in z.
    n_threads : int, optional
        All cores by default. The result does not depend on it.

    Returns
    -------
    ndarray of float32, shape of `data`

    Raises
    ------
    InputError
        If `fwhm` is negative or not finite, or `kernel` is unknown.
    """
    if not (np.isfinite(fwhm) and fwhm >= 0):
        msg = f"fwhm must be 0 mm or more; it is {fwhm}."
        raise InputError(msg)
    if kernel not in ("gaussian", "spm"):
        msg = f'kernel must be "gaussian" or "spm"; it is {kernel!r}.'
        raise InputError(msg)
    data = np.asarray(data)
    if fwhm == 0:
        return data.astype(np.float32)
    sds = fwhm / _FWHM_PER_SD / np.asarray(voxel_sizes, dtype=np.float64)
    if kernel == "gaussian":
        operators = [gaussian_operator(n, sd) for n, sd in zip(data.shape[:3], sds, strict=True)]
    else:
        operators = [_band(n, _spm_weights(sd)) for n, sd in zip(data.shape[:3], sds, strict=True)]
        operators[2] /= operators[2].sum(axis=1, keepdims=True)
    volumes = data.reshape(*data.shape[:3], -1)
    out = np.empty(volumes.shape, dtype=np.float32)

    def one(volume: int) -> None:
        out[..., volume] = along_axes(volumes[..., volume], operators)

    map_threads(one, range(volumes.shape[3]), n_threads)
    return out.reshape(data.shape)


def along_axes(volume: NDArray[Any], operators: list[NDArray[np.float64]]) -> NDArray[np.float32]:
    """Apply a linear operator, as a matrix, along each axis of a volume.

    At the size of fMRI volumes a dense product is faster than a convolution, and any boundary
    rule is only another matrix.
    """
    for operator in operators:
        # Each product takes the first axis away and puts it last: after three, all is in place.
        volume = np.tensordot(volume.astype(np.float32), operator.astype(np.float32), (0, 1))
    return volume


def gaussian_operator(n: int, sd: float) -> NDArray[np.float64]:
    """Return the matrix that convolves `n` samples with a Gaussian, zero outside them.

    Parameters
    ----------
    n : int
        Number of samples.
    sd : float
        Standard deviation, in samples; the kernel is cut at four of them.
    """
    x = np.arange(-int(4 * sd + 0.5), int(4 * sd + 0.5) + 1)
    weights = np.exp(-0.5 * (x / sd) ** 2)
    return _band(n, weights / weights.sum())


def _spm_weights(sd: float) -> NDArray[np.float64]:
    """Return a Gaussian of `sd` voxels convolved with a linear B-spline, at whole voxels.

    A linear B-spline is the second difference of a ramp, so this is the second difference of
    the Gaussian's second antiderivative. SPM cuts it at round(6 sd) voxels.
    """
    reach = round(6 * sd)
    x = np.arange(-reach - 1, reach + 2) / sd
    antiderivative = sd * (x * special.ndtr(x) + np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi))
    weights: NDArray[np.float64] = np.diff(antiderivative, 2)
    return weights / np.sum(weights)


def _band(n: int, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (n, n) matrix of a convolution with symmetric weights, zero outside."""
    distance = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    reach = len(weights) // 2
    one_side = np.append(weights[reach:], 0.0)
    return one_side[np.minimum(distance, reach + 1)]


class Smoothed:
    """A run smoothed as several recipes ask, each way once in a row.

    Parameters
    ----------
    image : ndarray of shape (x, y, z, n_volumes)
    voxel_sizes : array_like of shape (3,)
    n_threads : int, optional
    """

    def __init__(
        self, image: NDArray[Any], voxel_sizes: NDArray[Any], n_threads: int | None = None
    ) -> None:
        self._image, self._voxel_sizes, self._n_threads = image, voxel_sizes, n_threads
        self._last: tuple[tuple[float, str], NDArray[np.float32]] | None = None

    def by(self, fwhm: float, kernel: Literal["gaussian", "spm"]) -> NDArray[np.float32]:
        """Return the smoothed run; see `smooth`. Only the last is kept: runs are large."""
        how = (fwhm, kernel)
        if self._last is None or self._last[0] != how:
            self._last = None
            smoothed = smooth(
                self._image, self._voxel_sizes, fwhm, kernel, n_threads=self._n_threads
            )
            self._last = how, smoothed
        return self._last[1]
