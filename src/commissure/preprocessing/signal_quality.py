"""Numbers that describe the quality of time series."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def dvars(series: NDArray[Any]) -> NDArray[np.float64]:
    """Return the root mean square, over places, of the change from the volume before.

    Parameters
    ----------
    series : ndarray of shape (n_places, n_volumes)

    Returns
    -------
    ndarray of shape (n_volumes,)
        In the units of the series; 0 at the first volume.

    References
    ----------
    Power JD, et al. (2012) NeuroImage 59:2142-2154.
    """
    change = np.zeros(series.shape[1])
    for volume in range(1, series.shape[1]):
        difference = series[:, volume].astype(np.float64) - series[:, volume - 1]
        change[volume] = np.sqrt(np.mean(difference**2))
    return change


def temporal_snr(series: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean of each series divided by its standard deviation.

    Parameters
    ----------
    series : ndarray of shape (..., n_volumes)

    Returns
    -------
    ndarray of shape (...)
        0 where a series is constant. Nothing is detrended: drift counts as noise.
    """
    mean = series.mean(axis=-1, dtype=np.float64)
    sd = series.std(axis=-1, dtype=np.float64)
    ratio: NDArray[np.float64] = np.divide(mean, sd, out=np.zeros_like(mean), where=sd > 0)
    return ratio
