"""Regression of nuisance signals."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from commissure.problems import InputError
from commissure.threads import map_threads, one_blas_thread

# Singular values of unit columns below this are rounding: the columns are collinear.
_RANK_TOLERANCE = 1e-9
# What is left of a series is rounding if it is smaller than the series by more than this.
_NOTHING_LEFT = 1e-12
_PLACES_AT_ONCE = 4096


def regress_nuisance(
    series: NDArray[Any],
    regressors: NDArray[np.float64],
    *,
    trend: bool = True,
    n_threads: int | None = None,
) -> NDArray[Any]:
    """Return what ordinary least squares on the regressors leaves of each series.

    Parameters
    ----------
    series : ndarray of shape (n_places, n_volumes)
    regressors : ndarray of shape (n_volumes, k)
        k may be 0. They may be collinear.
    trend : bool
        Whether a linear trend is in the model. A constant always is.
    n_threads : int, optional
        All cores by default. The result does not depend on it.

    Returns
    -------
    ndarray of shape (n_places, n_volumes)
        Of the floating type of `series`; computed in double precision. Mean 0.

    Raises
    ------
    InputError
        If the regressors do not fit the series, are not finite, or leave no degree of freedom.
    """
    if series.ndim != 2 or len(regressors) != series.shape[1]:
        msg = (
            f"series has shape {series.shape} and regressors {regressors.shape}; they must be "
            "(n_places, n_volumes) and (n_volumes, k), with the same volumes."
        )
        raise InputError(msg)
    design = nuisance_design(regressors, trend=trend)
    # BLAS sums in another order on more threads.
    with one_blas_thread():
        operator = residual_operator(design)
    return apply_operator(series, operator, n_threads=n_threads)


def nuisance_design(regressors: NDArray[np.float64], *, trend: bool = True) -> NDArray[np.float64]:
    """Return the design: a constant, a linear trend, and the regressors, demeaned.

    Parameters
    ----------
    regressors : ndarray of shape (n_volumes, k)
    trend : bool

    Returns
    -------
    ndarray of shape (n_volumes, 1 + trend + k)
        Columns have length 1, or 0 where a regressor is constant: what the rank is checked on.

    Raises
    ------
    InputError
        If a regressor is not finite.
    """
    regressors = np.asarray(regressors, dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(regressors).all(axis=0))
    if len(bad):
        msg = (
            f"Regressors have values that are not finite in column {', '.join(map(str, bad))} "
            "(counted from 0). Fill them (the first value of a derivative with 0) or leave the "
            "columns out."
        )
        raise InputError(msg)
    n_volumes = len(regressors)
    columns = [regressors]
    if trend:
        columns.insert(0, np.arange(n_volumes, dtype=np.float64)[:, None])
    varying = np.concatenate(columns, axis=1)
    size = np.abs(varying).max(axis=0, initial=0)
    varying = varying - varying.mean(axis=0)
    # A constant column is not exactly zero after its mean is taken out.
    varying[:, np.abs(varying).max(axis=0, initial=0) <= 1e-12 * size] = 0
    design = np.concatenate([np.ones((n_volumes, 1)), varying], axis=1)
    length = np.linalg.norm(design, axis=0)
    return design / np.where(length > 0, length, 1)


def residual_operator(design: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the projector onto what a design cannot explain.

    Parameters
    ----------
    design : ndarray of shape (n_volumes, k)
        Columns of about unit length before whatever was done to them; what is left of a column
        below 1e-9 is rounding.

    Returns
    -------
    ndarray of shape (n_volumes, n_volumes)

    Raises
    ------
    InputError
        If the design explains everything.
    """
    left, singular_values, _ = np.linalg.svd(design, full_matrices=False)
    basis = left[:, singular_values > _RANK_TOLERANCE]
    if basis.shape[1] >= len(design):
        msg = (
            f"{basis.shape[1]} independent regressors leave nothing of {len(design)} volumes. "
            "Leave regressors out, or fewer volumes."
        )
        raise InputError(msg)
    projector: NDArray[np.float64] = np.eye(len(design)) - basis @ basis.T
    return projector


def apply_operator(
    series: NDArray[Any], operator: NDArray[np.float64], *, n_threads: int | None = None
) -> NDArray[Any]:
    """Apply a linear operator to the volumes of each series.

    Parameters
    ----------
    series : ndarray of shape (n_places, n_volumes)
    operator : ndarray of shape (n_kept, n_volumes)
    n_threads : int, optional
        All cores by default. The result does not depend on it.

    Returns
    -------
    ndarray of shape (n_places, n_kept)
        Of the floating type of `series`; computed in double precision. Exactly 0 where nothing is
        left of a series (a constant one), so that it can be told from a signal.
    """
    dtype = np.result_type(series.dtype, np.float32)
    out = np.empty((len(series), len(operator)), dtype=dtype)

    def block(start: int) -> None:
        places = slice(start, start + _PLACES_AT_ONCE)
        before = series[places].astype(np.float64)
        after = before @ operator.T
        after[np.abs(after).max(axis=1) <= _NOTHING_LEFT * np.abs(before).max(axis=1)] = 0
        out[places] = after

    map_threads(block, range(0, len(series), _PLACES_AT_ONCE), n_threads)
    return out


def acompcor(series: NDArray[Any], n_components: int = 5) -> NDArray[np.float64]:
    """Return the principal components of the series of noise regions (white matter, CSF).

    Parameters
    ----------
    series : ndarray of shape (n_places, n_volumes)
        Of the eroded noise regions.
    n_components : int

    Returns
    -------
    ndarray of shape (n_volumes, n_components)
        Orthonormal, by falling variance; of each the value of largest size is positive. The
        series lose their mean and linear trend and get unit variance before.

    Raises
    ------
    InputError
        If the region has fewer series that vary than components are asked for.

    References
    ----------
    Behzadi Y, et al. (2007) A component based noise correction method (CompCor) for BOLD and
    perfusion based fMRI. NeuroImage 37:90-101.
    """
    n_volumes = series.shape[1]
    detrended = regress_nuisance(series.astype(np.float64), np.empty((n_volumes, 0)))
    sd = detrended.std(axis=1)
    varying = sd > 1e-9 * np.abs(series).max(axis=1, initial=0)
    if np.count_nonzero(varying) < n_components or n_components > n_volumes - 2:
        msg = (
            f"{n_components} components were asked for, but the noise region has "
            f"{np.count_nonzero(varying)} series that vary, of {n_volumes} volumes. Ask for fewer, "
            "or erode the region less."
        )
        raise InputError(msg)
    scaled = detrended[varying] / sd[varying, None]
    with one_blas_thread():
        _, vectors = np.linalg.eigh(scaled.T @ scaled)
    components = vectors[:, : -n_components - 1 : -1]
    largest = np.abs(components).argmax(axis=0)
    signs = np.sign(components[largest, np.arange(n_components)])
    return np.asarray(components * signs, dtype=np.float64)
