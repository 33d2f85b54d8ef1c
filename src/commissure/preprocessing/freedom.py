"""What a filter keeps, and how many degrees of freedom are left."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commissure.preprocessing.filtering import Padding, bandpass
from commissure.threads import one_blas_thread

# From how many places, evenly spaced, a run's spectrum is estimated.
_PLACES = 2000
# A spectrum needs some: of one degree of freedom all series are alike.
_FEWEST_TO_ESTIMATE = 2.0
# Highest to lowest frequency of a band within which the spectrum is taken to be flat. 1.1 to 1.5
# give the same for 1/f noise within 1 %; narrow bands see where a filter cut before.
_BAND_RATIO = 1.1


def band_projector(
    n_volumes: int,
    tr: float,
    low: float,
    high: float,
    padding: Padding = "dft",
) -> NDArray[np.float64]:
    """Return the matrix of the rectangular band-pass filter.

    Parameters
    ----------
    n_volumes : int
    tr : float
        In s.
    low, high : float
        Ends of the pass band, in Hz.
    padding : {"dft", "dpabi"}
        See `bandpass`: with ``dft`` it is an orthogonal projector, with ``dpabi`` it is none.

    Returns
    -------
    ndarray of shape (n_volumes, n_volumes)

    Raises
    ------
    InputError
        As `bandpass`.
    """
    # The filter is linear: what it makes of impulses is its matrix.
    return bandpass(np.eye(n_volumes), tr, low, high, padding).T


def nominal_degrees_of_freedom(operator: NDArray[np.float64]) -> float:
    """Return tr(V)² / tr(V²), V = A Aᵀ, of what a linear operator A leaves of white noise.

    Parameters
    ----------
    operator : ndarray of shape (n_kept, n_volumes)

    Returns
    -------
    float
        Whatever the operator's scale; 0 if it leaves nothing.

    Notes
    -----
    For a projector it is the rank. Where the operator weighs its dimensions unequally it is
    smaller (Satterthwaite's approximation; Worsley KJ, Friston KJ (1995) NeuroImage 2:173-181).
    """
    largest = np.abs(operator).max(initial=0)
    if largest == 0:
        return 0.0
    scaled = operator / largest
    with one_blas_thread():
        covariance = scaled @ scaled.T
    return float(np.trace(covariance) ** 2 / np.sum(covariance**2))


def effective_degrees_of_freedom(
    series: NDArray[Any], operator: NDArray[np.float64], seen: NDArray[np.bool_] | None = None
) -> float:
    """Return how many degrees of freedom a correlation of two of a run's clean series has.

    Parameters
    ----------
    series : ndarray of shape (n_places, n_kept)
        Clean. Those that are constant or not finite do not count; of many, 2000 that are evenly
        spaced are looked at.
    operator : ndarray of shape (n_kept, n_volumes)
        By which they were cleaned, see `cleaning_operator`.
    seen : ndarray of bool of shape (n_places,), optional
        Which places count; all by default.

    Returns
    -------
    float
        Of two independent series Fisher's z has a variance near 1 / (df - 2); of white noise it is
        as `nominal_degrees_of_freedom`, which is the most. 0 if no series is left.

    Notes
    -----
    For series with covariances V and W in time, independent of each other, the variance of r is
    near tr(V W) / (tr(V) tr(W)) (Bartlett; Bayley GV, Hammersley JM (1946) J R Stat Soc Suppl
    8:184-197; Afyouni S, et al. (2019) NeuroImage 199:609-625). Its mean over all pairs of places
    is tr(M²), M being the mean of V / tr(V): the degrees of freedom are 1 / tr(M²).

    M is that of the clean series of a stationary process whose spectrum is flat within bands, whose
    powers are what gives the clean series their mean power in each band, by the operator: censored
    volumes and regressors are accounted for. Chance adds to tr(M²) the variance of these powers, as
    far as it does not average out because places are alike: it is taken off, by the mean square of
    the correlations of all pairs of places beyond what chance makes of it.
    """
    places = np.arange(len(series)) if seen is None else np.flatnonzero(seen)
    some = series[places[:: max(1, -(-len(places) // _PLACES))]].astype(np.float64)
    power = np.sum(some**2, axis=1)
    some = some[np.isfinite(power) & (power > 0)]
    if len(some) == 0:
        return 0.0
    most = nominal_degrees_of_freedom(operator)
    if most < _FEWEST_TO_ESTIMATE:
        return most
    some /= np.linalg.norm(some, axis=1, keepdims=True)
    with one_blas_thread():
        square = _mean_variance(some, operator)
    # No spectrum has more than white noise.
    return float(1 / max(square, 1 / most))


def _mean_variance(unit: NDArray[np.float64], operator: NDArray[np.float64]) -> float:
    """Return tr(M²) of series of unit norm, see `effective_degrees_of_freedom`."""
    waves, starts = _waves(operator.shape[1])

    def in_bands(values: NDArray[np.float64]) -> NDArray[np.float64]:
        for axis in range(values.ndim):
            values = np.add.reduceat(values, starts, axis=axis)
        return values

    clean = operator @ waves
    clean /= np.abs(clean).max()
    found = in_bands(np.mean((unit @ clean) ** 2, axis=0))
    inverse = np.linalg.pinv(in_bands((clean.T @ clean) ** 2), rcond=1e-6, hermitian=True)
    powers = np.repeat(inverse @ found, np.diff([*starts, waves.shape[1]]))
    mean = (clean * powers) @ clean.T
    mean /= np.trace(mean)
    expected = np.sum(mean**2)
    # What chance adds if all places are the same: the variance of their powers, as shares of all.
    turned = mean @ clean
    with_all = 2 * np.outer(found, in_bands(np.sum(turned**2, axis=0)))
    chance = 2 * in_bands((clean.T @ turned) ** 2) - with_all - with_all.T
    chance += 2 * expected * np.outer(found, found)
    shared = np.sum((unit.T @ unit) ** 2) / len(unit) ** 2
    alike = max(shared - expected, 0) / (1 - expected)
    return float(expected - alike * np.sum(inverse * chance))


def _waves(n_volumes: int) -> tuple[NDArray[np.float64], list[int]]:
    """Return sines and cosines of all frequencies as columns, and where each band begins."""
    cycles = np.arange(1, n_volumes // 2 + 1)
    angles = 2 * np.pi / n_volumes * np.outer(np.arange(n_volumes), cycles)
    waves = np.stack([np.cos(angles), np.sin(angles)], axis=2).reshape(n_volumes, -1)
    firsts = [1]
    while (after := max(firsts[-1] + 1, math.ceil(firsts[-1] * _BAND_RATIO))) <= cycles[-1]:
        firsts.append(after)
    return waves, [2 * (first - 1) for first in firsts]
