"""How large an effect is, how surely, and how much of it hangs on one scan."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

SELECTED_PEAK_NOTE = (
    "Effect sizes of a cluster found in the same data are circular: its places, above all its "
    "peak, were selected for their large effect, so they overstate it (Kriegeskorte 2009). Their "
    "confidence intervals do not account for the selection."
)

FloatArray = NDArray[np.float64]

# Values fitted at a time, for the memory.
_BLOCK = 8192
# Beyond it a scan is fitted by a column of its own, and leaving it out loses the column.
_LEVERAGE_OF_ONE = 1 - 1e-8


@dataclass(frozen=True, eq=False)
class ContrastEffect:
    """A contrast's effect on each of several values, such as the means of clusters.

    Attributes
    ----------
    estimate : ndarray of shape (n_values,)
        In the values' units.
    t : ndarray of shape (n_values,)
    df : int
    g, g_low, g_high : ndarray of shape (n_values,)
        Hedges g and its confidence limits.
    """

    estimate: FloatArray
    t: FloatArray
    df: int
    g: FloatArray
    g_low: FloatArray
    g_high: FloatArray


@dataclass(frozen=True, eq=False)
class LeaveOneOut:
    """What changes when one scan is left out: without it less with it.

    Attributes
    ----------
    estimate_change, t_change : ndarray of shape (n_scans, n_values)
        NaN where the design without the scan cannot be fitted (its leverage is 1).
    leverage : ndarray of shape (n_scans,)
    """

    estimate_change: FloatArray
    t_change: FloatArray
    leverage: FloatArray


def hedges_correction(df: ArrayLike) -> FloatArray:
    """Return J(df), which takes the bias of a standardised difference away.

    References
    ----------
    Hedges LV (1981) Distribution theory for Glass's estimator of effect size and related
    estimators. Journal of Educational Statistics 6:107-128. Exact, by gamma functions.
    """
    df = np.asarray(df, np.float64)
    half = special.gammaln(df / 2) - special.gammaln((df - 1) / 2)
    return np.asarray(np.exp(half) / np.sqrt(df / 2))


def hedges_g(t: ArrayLike, df: float, group_sizes: Sequence[float]) -> FloatArray:
    """Return Hedges g of a contrast: ``t * sqrt(1/n1 + 1/n2) * J(df)``.

    Parameters
    ----------
    t : array-like
        Of the contrast, a map too.
    df : float
        The model's residual degrees of freedom.
    group_sizes : sequence of float
        Scans of the two groups compared; of the one group whose mean is tested. A group of n scans
        that a contrast gives the weight w counts as ``n / w**2``.

    Notes
    -----
    It is the difference in units of the standard deviation that the covariates leave. Covariates
    that differ between the groups make the t, and so this g, smaller than the adjusted difference
    over that standard deviation: it is what two groups of this size without covariates would have
    shown with the same t.
    """
    return np.asarray(np.asarray(t) * _scale(df, group_sizes))


def hedges_g_interval(
    t: ArrayLike, df: float, group_sizes: Sequence[float], *, confidence: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Return confidence limits of Hedges g by the noncentral t distribution.

    Parameters
    ----------
    t, df, group_sizes
        As in `hedges_g`.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    low, high : ndarray of the shape of `t`
        From the noncentralities of which the observed t is the upper and the lower
        ``(1 - confidence) / 2`` quantile, each scaled as g is.

    References
    ----------
    Steiger JH, Fouladi RT (1997) Noncentrality interval estimation and the evaluation of
    statistical models. In: What if there were no significance tests? Erlbaum.
    """
    t = np.asarray(t, np.float64)
    tail = (1 - confidence) / 2
    scale = _scale(df, group_sizes)
    low = special.nctdtrinc(df, 1 - tail, t) * scale
    high = special.nctdtrinc(df, tail, t) * scale
    return np.asarray(low), np.asarray(high)


def contrast_effect(
    values: FloatArray,
    matrix: FloatArray,
    contrast: FloatArray,
    group_sizes: Sequence[float],
    *,
    confidence: float = 0.95,
) -> ContrastEffect:
    """Return a contrast's effect on values such as the means of clusters.

    Parameters
    ----------
    values : ndarray of shape (n_scans, n_values)
    matrix : ndarray of shape (n_scans, n_columns)
        Design of full column rank.
    contrast : ndarray of shape (1, n_columns)
    group_sizes : sequence of float
        As in `hedges_g`.
    confidence : float
        Of the limits of g.

    Notes
    -----
    See `SELECTED_PEAK_NOTE` where the values are of clusters found in the same data.
    """
    fit = _Fit(values, matrix, contrast)
    low, high = hedges_g_interval(fit.t, fit.df, group_sizes, confidence=confidence)
    g = hedges_g(fit.t, fit.df, group_sizes)
    return ContrastEffect(fit.estimate, fit.t, fit.df, g, low, high)


def pooled_t(values: FloatArray, matrix: FloatArray, contrast: FloatArray) -> FloatArray:
    """Return the t of a contrast over one standard deviation of all scans, as Hedges g has it.

    Parameters
    ----------
    values : ndarray of shape (n_scans, n_values)
    matrix : ndarray of shape (n_scans, n_columns)
        Design of full column rank.
    contrast : ndarray of shape (1, n_columns)
    """
    starts = range(0, values.shape[1], _BLOCK)
    blocks = [_Fit(values[:, at : at + _BLOCK], matrix, contrast).t for at in starts]
    return np.concatenate(blocks)


def leave_one_out(values: FloatArray, matrix: FloatArray, contrast: FloatArray) -> LeaveOneOut:
    """Return how a contrast's estimate and t change when each scan is left out.

    Parameters
    ----------
    values : ndarray of shape (n_scans, n_values)
        Such as the means of clusters.
    matrix : ndarray of shape (n_scans, n_columns)
        Design of full column rank, with at least two scans more than columns.
    contrast : ndarray of shape (1, n_columns)

    Returns
    -------
    LeaveOneOut

    Notes
    -----
    In closed form, from the leverages, without fitting again.

    References
    ----------
    Belsley DA, Kuh E, Welsch RE (1980) Regression diagnostics. Wiley. Chapter 2.
    """
    fit = _Fit(values, matrix, contrast)
    leverage = np.square(fit.q).sum(axis=1)
    kept = np.where(leverage < _LEVERAGE_OF_ONE, 1 - leverage, np.nan)[:, None]
    # The contrast's estimate is weights @ values, and its variance sigma^2 * weights @ weights.
    estimate = fit.estimate - fit.weights[:, None] * fit.residuals / kept
    variance = (fit.squares - fit.residuals**2 / kept) / (fit.df - 1)
    spread = fit.weights @ fit.weights + fit.weights[:, None] ** 2 / kept
    t = estimate / np.sqrt(variance * spread)
    return LeaveOneOut(estimate - fit.estimate, t - fit.t, leverage)


class _Fit:
    """Least squares of values on a design, seen from a contrast of one row."""

    def __init__(self, values: FloatArray, matrix: FloatArray, contrast: FloatArray) -> None:
        n_scans, n_columns = matrix.shape
        if contrast.shape != (1, n_columns) or values.shape[:1] != (n_scans,):
            msg = (
                f"values {values.shape}, matrix {matrix.shape} and contrast {contrast.shape} do "
                "not fit together."
            )
            raise ValueError(msg)
        self.df = n_scans - n_columns
        self.q, r = np.linalg.qr(matrix)
        self.weights: FloatArray = self.q @ np.linalg.solve(r.T, contrast[0])
        self.estimate: FloatArray = self.weights @ values
        self.residuals: FloatArray = values - self.q @ (self.q.T @ values)
        self.squares: FloatArray = np.square(self.residuals).sum(axis=0)
        error = np.sqrt(self.squares / self.df) * np.linalg.norm(self.weights)
        self.t: FloatArray = self.estimate / error


def _scale(df: float, group_sizes: Sequence[float]) -> float:
    return float(np.sqrt(sum(1 / n for n in group_sizes)) * hedges_correction(df))
