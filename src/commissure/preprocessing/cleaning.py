"""Regression, censoring and band-pass as one linear operator on the volumes."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from commissure.preprocessing.censoring import interpolation_operator
from commissure.preprocessing.freedom import band_projector
from commissure.preprocessing.nuisance import nuisance_design, residual_operator
from commissure.problems import InputError
from commissure.threads import one_blas_thread

# What passes a filter at all passes with a factor near 1; what is rounding, with far less.
_NOTHING_LEFT = 1e-6


def cleaning_operator(
    regressors: NDArray[np.float64],
    *,
    tr: float,
    low: float | None,
    high: float | None,
    padding: Literal["dft", "dpabi"] = "dft",
    simultaneous: bool = True,
    trend: bool = True,
    kept: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Return the operator that cleans series: `apply_operator` applies it.

    Parameters
    ----------
    regressors : ndarray of shape (n_volumes, k)
    tr : float
        In s.
    low, high : float, optional
        Pass band, in Hz; None: no filter.
    padding : {"dft", "dpabi"}
        Of the filter, see `band_projector`.
    simultaneous : bool
        True: the filter is applied to the series and to the regressors, then these are regressed
        out, so nothing of either comes back [1]_. False: the filter comes after the regression, as
        in DPABI, and brings back some of what was regressed out.
    trend : bool
        Whether a linear trend is in the model.
    kept : ndarray of bool of shape (n_volumes,), optional
        Volumes to keep; all by default. The others take no part in the regression, are
        interpolated before the filter and dropped after it.

    Returns
    -------
    ndarray of shape (n_kept, n_volumes)
        Columns of volumes that are not kept are zero: their values do not matter.

    Raises
    ------
    InputError
        If the regressors are unfit or leave nothing, or too few volumes are kept.

    References
    ----------
    .. [1] Lindquist MA, et al. (2019) Modular preprocessing pipelines can reintroduce artifacts
       into fMRI data. Human Brain Mapping 40:2358-2376.
    """
    n_volumes = len(regressors)
    if kept is None:
        kept = np.ones(n_volumes, dtype=np.bool_)
    if kept.sum() < 3:
        msg = (
            f"Censoring keeps {kept.sum()} of {n_volumes} volumes. Raise the threshold, or leave "
            "the scan out."
        )
        raise InputError(msg)
    # BLAS sums in another order on more threads.
    with one_blas_thread():
        filtered = np.eye(n_volumes)[kept][:, kept]
        if low is not None and high is not None:
            pass_band = band_projector(n_volumes, tr, low, high)
            band_filter = band_projector(n_volumes, tr, low, high, padding)
            filtered = (band_filter @ interpolation_operator(kept, pass_band))[kept]
        # Made of all volumes, so that the trend is one in time.
        design = nuisance_design(regressors, trend=trend)[kept]
        if simultaneous:
            clean = residual_operator(filtered @ design) @ filtered
        else:
            clean = filtered @ residual_operator(design)
    if np.linalg.norm(clean, 2) < _NOTHING_LEFT:
        msg = (
            f"The {regressors.shape[1]} regressors leave nothing within {low}-{high} Hz of "
            f"{kept.sum()} volumes. Leave regressors out, widen the band, or censor less."
        )
        raise InputError(msg)
    operator = np.zeros((len(clean), n_volumes))
    operator[:, kept] = clean
    return operator
