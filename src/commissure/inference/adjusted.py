"""Values and means with the covariates taken out: what a plot of an effect shows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Estimates:
    """Estimates of a linear model with their confidence limits.

    Attributes
    ----------
    estimate, low, high : ndarray of shape (n_rows, n_values)
    """

    estimate: FloatArray
    low: FloatArray
    high: FloatArray


def estimates(
    values: FloatArray, matrix: FloatArray, rows: FloatArray, *, confidence: float = 0.95
) -> Estimates:
    """Estimate combinations of a model's coefficients, such as adjusted means and slopes.

    Parameters
    ----------
    values : ndarray of shape (n_scans, n_values)
        Such as the means of clusters.
    matrix : ndarray of shape (n_scans, n_columns)
        Design of full column rank.
    rows : ndarray of shape (n_rows, n_columns)
        See `commissure.inference.Design.contrast`.
    confidence : float
        Of the limits, by Student's t.
    """
    q, r = np.linalg.qr(matrix)
    weights = q @ np.linalg.solve(r.T, rows.T)
    df = matrix.shape[0] - matrix.shape[1]
    residuals = values - q @ (q.T @ values)
    variance = np.square(residuals).sum(axis=0) / df
    estimate = weights.T @ values
    error = np.linalg.norm(weights, axis=0)[:, None] * np.sqrt(variance)
    half = stats.t.ppf((1 + confidence) / 2, df) * error
    return Estimates(estimate, estimate - half, estimate + half)


def adjusted_values(values: FloatArray, matrix: FloatArray, rows: FloatArray) -> FloatArray:
    """Return the values as they would be if scans differed in nothing but what is shown.

    Parameters
    ----------
    values : ndarray of shape (n_scans, n_values)
    matrix : ndarray of shape (n_scans, n_columns)
        Design of full column rank.
    rows : ndarray of shape (n_scans, n_columns)
        What the model is to predict for each scan: the adjusted mean of its group, say.

    Returns
    -------
    ndarray of shape (n_scans, n_values)
        The prediction plus the scan's residual.
    """
    beta = np.linalg.lstsq(matrix, values, rcond=None)[0]
    adjusted: FloatArray = values + (rows - matrix) @ beta
    return adjusted
