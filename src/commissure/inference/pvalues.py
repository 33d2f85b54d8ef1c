"""p-values from null distributions: counted exactly, or from a fitted tail."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

FloatArray = NDArray[np.float64]

# The tail is fitted where the counted p is below this, to at most the largest quarter of the null;
# exceedances are given up from the smallest until they look like a generalised Pareto.
_TAIL_P = 0.1
_LARGEST_SHARE = 0.25
_LEAST_EXCEEDANCES = 30
_SHRINK = 0.8
_REJECTED_P = 0.05
_N_REPLICATES = 500
# A fitted p is no smaller than this share of what one permutation counts for: far beyond the
# largest null value it is decided by the fitted end point alone.
_LEAST_COUNT = 0.1


def counted_p(null: FloatArray, observed: ArrayLike, closeness: float = 1e-9) -> FloatArray:
    """Return the share of the null that is at least as large as each observed value.

    Parameters
    ----------
    null : ndarray of shape (n_permutations,)
        The observed labelling's own value is among them, so p is never 0.
    observed : array_like
    closeness : float
        Relative difference up to which values are ties, which count.
    """
    observed = np.asarray(observed, dtype=np.float64)
    at_least = observed - closeness * np.abs(observed)
    n_below = np.searchsorted(np.sort(null), at_least, side="left")
    return np.asarray((len(null) - n_below) / len(null))


def signed_p(
    null: FloatArray,
    observed: FloatArray,
    tail: str,
    near: FloatArray | None = None,
    *,
    pareto_tail: bool = False,
    sign: NDArray[Any] | None = None,
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return p of values of both signs by the largest statistics of permuted maps.

    Parameters
    ----------
    null : ndarray of shape (n_permutations, 2) or (n_permutations, 1)
        Columns + and -; one column for statistics without direction.
    observed : ndarray of shape (n,)
        Values, whose absolute value is compared.
    tail : {"two-sided", "one-sided-each"}
        The larger of both columns is the null of either direction, or each column of its own.
    near : ndarray of shape (n,), optional
        The least that counts as equal to each; by default as in `counted_p`.
    pareto_tail : bool
        Whether small p are taken from a generalised Pareto tail.
    sign : ndarray of shape (n,), optional
        Direction of each value, where its own sign does not say it.

    Returns
    -------
    p : ndarray of shape (n,)
    fitted : ndarray of bool, shape (n,)
        Whether it comes from the fitted tail.
    """
    side = (np.asarray(observed if sign is None else sign) < 0).astype(np.intp)
    if tail == "two-sided" or null.shape[1] == 1:
        null, side = null.max(axis=1, keepdims=True), np.zeros_like(side)
    p = np.ones(len(observed))
    fitted = np.zeros(len(observed), dtype=np.bool_)
    for column in np.unique(side):
        these = side == column
        size = np.abs(observed[these])
        if near is None:
            p[these] = counted_p(null[:, column], size)
        else:
            p[these] = counted_p(null[:, column], np.abs(near[these]), 0)
        if pareto_tail:
            p[these], fitted[these] = pareto_p(null[:, column], size, p[these])
    return p, fitted


def pareto_p(
    null: FloatArray, observed: FloatArray, counted: FloatArray
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Replace small counted p by those of a generalised Pareto fitted to the null's tail.

    Parameters
    ----------
    null : ndarray of shape (n_permutations,)
        The first is the observed labelling's, which is left out of the fit.
    observed, counted : ndarray of shape (n,)
        Values, and their counted p.

    Returns
    -------
    p : ndarray of shape (n,)
        As counted where p is 0.1 or more, where no threshold gives a tail that fits (Anderson-
        Darling, p > 0.05 by simulation). Never below a tenth of 1 / n_permutations.
    fitted : ndarray of bool, shape (n,)

    References
    ----------
    Knijnenburg et al. (2009) Bioinformatics 25:i161; Winkler et al. (2016) NeuroImage 141:502,
    from whom the estimator (moments: Hosking & Wallis 1987) and the search for a threshold are.
    """
    fit = _fit_tail(np.sort(null[1:])[::-1])
    if fit is None or not (counted < _TAIL_P).any():
        return counted, np.zeros(len(observed), dtype=np.bool_)
    threshold, share, shape, scale = fit
    tail_p = share * stats.genpareto.sf(observed - threshold, shape, scale=scale)
    fitted = (counted < _TAIL_P) & (observed > threshold)
    return np.where(fitted, np.maximum(tail_p, _LEAST_COUNT / len(null)), counted), fitted


def _fit_tail(falling: FloatArray) -> tuple[float, float, float, float] | None:
    """Return threshold, share beyond it, shape and scale; None if nothing fits."""
    n = int(len(falling) * _LARGEST_SHARE)
    while n >= _LEAST_EXCEEDANCES:
        threshold = (falling[n - 1] + falling[n]) / 2
        excess = falling[:n] - threshold
        if excess[-1] > 0:  # else ties straddle the threshold
            shape, scale = _moments(excess)
            if _looks_pareto(excess, shape, scale):
                return float(threshold), n / len(falling), float(shape), float(scale)
        n = int(n * _SHRINK)
    return None


def _moments(excess: FloatArray) -> tuple[Any, Any]:
    mean, variance = excess.mean(axis=-1), excess.var(axis=-1, ddof=1)
    ratio = mean**2 / variance
    return (1 - ratio) / 2, mean * (ratio + 1) / 2


def _looks_pareto(excess: FloatArray, shape: float, scale: float) -> bool:
    """Test the fit by Anderson-Darling, its distribution by fits to simulated tails."""
    rng = np.random.default_rng(len(excess))
    simulated = stats.genpareto.ppf(rng.random((_N_REPLICATES, len(excess))), shape, scale=scale)
    simulated_fit = [np.asarray(part)[:, None] for part in _moments(simulated)]
    distances = _anderson_darling(simulated, *simulated_fit)
    distance = _anderson_darling(excess[None], shape, scale)[0]
    return bool((distances >= distance).mean() > _REJECTED_P)


def _anderson_darling(samples: FloatArray, shape: Any, scale: Any) -> FloatArray:
    n = samples.shape[1]
    below = stats.genpareto.cdf(np.sort(samples, axis=1), shape, scale=scale)
    below = np.clip(below, 1e-12, 1 - 1e-12)  # a moment fit can end below the largest
    weight = 2 * np.arange(1, n + 1) - 1
    total = weight * (np.log(below) + np.log1p(-below[:, ::-1]))
    return np.asarray(-n - total.sum(axis=1) / n)
