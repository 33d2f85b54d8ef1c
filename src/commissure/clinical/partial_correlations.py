"""Do maps go with scores: partial correlations within a group, with the residuals behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from commissure.problems import InputError

# What is left of a column after its projection, relative to its length, when it is rounding error.
_NOTHING = 1e-10


@dataclass(frozen=True, eq=False)
class Residuals:
    """What is left of a region's values and of a score when the covariates are taken out.

    Attributes
    ----------
    roi, score : str
    participants : tuple of str
        Complete cases.
    x, y : ndarray of shape (n,)
        Residuals of the score and of the region's values; of their ranks for Spearman's.
    slope : float
        Of the line through the origin, y = slope * x: the covariate-adjusted regression slope.
    """

    roi: str
    score: str
    participants: tuple[str, ...]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    slope: float


@dataclass(frozen=True, eq=False)
class PartialCorrelations:
    """Partial correlations of regions and scores.

    Attributes
    ----------
    table : DataFrame
        A row a pair: ``roi, score, r, ci_low, ci_high, p, q, n, df, dropped, note``. `dropped`
        names the participants without complete data, separated by spaces; `note` says why there
        is no r (it is NaN then), or which covariates were redundant.
    residuals : tuple of Residuals
        Of the pairs that have an r, in the order of the table.
    covariates : tuple of str
        What was controlled.
    method : {"pearson", "spearman"}
    """

    table: pd.DataFrame
    residuals: tuple[Residuals, ...]
    covariates: tuple[str, ...]
    method: str


def partial_correlations(
    values: ArrayLike,
    scores: ArrayLike,
    covariates: ArrayLike,
    *,
    roi_names: Sequence[str],
    score_names: Sequence[str],
    covariate_names: Sequence[str],
    participants: Sequence[str],
    method: Literal["pearson", "spearman"] = "pearson",
) -> PartialCorrelations:
    """Correlate each region with each score, controlling covariates.

    Parameters
    ----------
    values : array-like of shape (n, n_rois)
        A region's mean, for each participant of the group.
    scores : array-like of shape (n, n_scores)
    covariates : array-like of shape (n, k)
        Columns of the design without its constant; k may be 0.
    roi_names, score_names, covariate_names, participants : sequence of str
    method : {"pearson", "spearman"}
        Spearman's is the same on the ranks (mid-ranks of ties) of all variables.

    Returns
    -------
    PartialCorrelations

    Raises
    ------
    InputError
        If shapes and names do not agree, a value is infinite, or no pair has an r.

    Notes
    -----
    r is the correlation of the residuals after least-squares regression on a constant and the
    covariates. With n complete cases and k covariates (redundant ones, such as a sex that all
    patients share, are left out and not counted): t = r sqrt(df / (1 - r^2)) on df = n - 2 - k
    degrees of freedom, two-sided p; 95 % CI by Fisher's z with standard error
    1 / sqrt(n - k - 3) [1]_; of ranks sqrt((1 + r^2 / 2) / (n - k - 3)) [2]_. q is
    Benjamini-Hochberg's over all pairs that have a p.

    References
    ----------
    .. [1] Fisher RA (1924). The distribution of the partial correlation coefficient. Metron 3.
    .. [2] Bonett DG, Wright TA (2000). Sample size requirements for estimating Pearson, Kendall and
       Spearman correlations. Psychometrika 65:23-28.
    """
    values = np.asarray(values, dtype=np.float64)
    scores = np.asarray(scores, dtype=np.float64)
    covariates = np.asarray(covariates, dtype=np.float64)
    _check(
        len(participants),
        ("values", values, roi_names),
        ("scores", scores, score_names),
        ("covariates", covariates, covariate_names),
        method=method,
    )
    rows, residuals = [], []
    for roi, y in zip(roi_names, values.T, strict=True):
        for score, x in zip(score_names, scores.T, strict=True):
            data = pd.DataFrame(np.column_stack([y, x, covariates]), index=list(participants))
            row, residual = _pair(roi, score, data, covariate_names, method)
            rows.append(row)
            if residual is not None:
                residuals.append(residual)
    if not residuals:
        msgs = [
            f"{row['roi']} with {row['score']} cannot be correlated: {row['note']}." for row in rows
        ]
        raise InputError(msgs or "There is no region, or no score, to correlate.")
    table = pd.DataFrame(rows)
    tested = table["p"].notna()
    table.loc[tested, "q"] = stats.false_discovery_control(table.loc[tested, "p"].to_numpy())
    return PartialCorrelations(table, tuple(residuals), tuple(covariate_names), method)


def why_not(
    scores: ArrayLike,
    covariates: ArrayLike,
    *,
    score_names: Sequence[str],
    covariate_names: Sequence[str],
    method: Literal["pearson", "spearman"] = "pearson",
) -> dict[str, str]:
    """Say which scores can have no partial correlation, whatever they are correlated with.

    Parameters
    ----------
    scores, covariates, score_names, covariate_names, method
        See `partial_correlations`.

    Returns
    -------
    dict of str to str
        Why, as the notes of the table say it.
    """
    scores = np.asarray(scores, dtype=np.float64)
    covariates = np.asarray(covariates, dtype=np.float64)
    found = {}
    for name, score in zip(score_names, scores.T, strict=True):
        complete = pd.DataFrame(np.column_stack([score, covariates])).dropna().to_numpy().T
        if method == "spearman":
            complete = stats.rankdata(complete, axis=1)
        basis, _ = _basis(complete[1:], covariate_names, complete.shape[1])
        note = _too_few(*basis.shape) or _why_nothing(name, complete[0], basis)
        if note is not None:
            found[name] = note
    return found


def _check(n: int, *arguments: tuple[str, NDArray[np.float64], Sequence[str]], method: str) -> None:
    """Raise unless the arrays have a row a participant and a column a name."""
    problems = []
    for name, array, columns in arguments:
        if array.shape != (n, len(columns)):
            problems.append(
                f"{name} has shape {array.shape}; {n} participants and {len(columns)} names "
                f"need {(n, len(columns))}."
            )
        elif np.isinf(array).any():
            where = ", ".join(np.array(columns, dtype=object)[np.isinf(array).any(axis=0)])
            problems.append(f"{name} has infinite values in {where}; correct them.")
    if method not in ("pearson", "spearman"):
        problems.append(f"method must be 'pearson' or 'spearman'; it is {method!r}.")
    if problems:
        raise InputError(problems)


def _pair(
    roi: str, score: str, data: pd.DataFrame, covariate_names: Sequence[str], method: str
) -> tuple[dict[str, Any], Residuals | None]:
    """Correlate the first two columns, controlling the others."""
    complete = data.dropna()
    dropped = " ".join(data.index[data.isna().any(axis=1)])
    columns = complete.to_numpy().T
    if method == "spearman":
        columns = stats.rankdata(columns, axis=1)
    basis, redundant = _basis(columns[2:], covariate_names, len(complete))
    n, k = basis.shape[0], basis.shape[1] - 1
    y, x = (_residual(column, basis) for column in columns[:2])
    row = {"roi": roi, "score": score, "r": np.nan, "ci_low": np.nan, "ci_high": np.nan}
    row |= {"p": np.nan, "q": np.nan, "n": n, "df": n - 2 - k, "dropped": dropped}
    note = _too_few(*basis.shape)
    note = note or _why_nothing(roi, columns[0], basis) or _why_nothing(score, columns[1], basis)
    if note is not None:
        return row | {"note": note}, None
    r = float(np.clip(x @ y / np.sqrt((x @ x) * (y @ y)), -1, 1))
    row["r"] = r
    row["ci_low"], row["ci_high"] = _interval(r, n - k - 3, method)
    row["p"] = _p_value(r, n - 2 - k)
    row["note"] = f"redundant, so left out: {', '.join(redundant)}" if redundant else ""
    return row, Residuals(roi, score, tuple(complete.index), x, y, float(x @ y / (x @ x)))


def _too_few(n: int, n_basis: int) -> str | None:
    """Say that complete cases are too few for a basis of a constant and the covariates."""
    k = n_basis - 1
    return f"{n} complete cases are too few with {k} covariates" if n - k - 3 < 1 else None


def _why_nothing(name: str, column: NDArray[np.float64], basis: NDArray[np.float64]) -> str | None:
    """Say why nothing is left of a column when the covariates are taken out; None if there is."""
    if not _is_nothing(_residual(column, basis), column):
        return None
    why = "is the same for everyone" if np.ptp(column) == 0 else "follows from covariates"
    return f"{name} {why}"


def _basis(
    columns: NDArray[np.float64], names: Sequence[str], n: int
) -> tuple[NDArray[np.float64], list[str]]:
    """Return an orthonormal basis, shape (n, 1 + k), of a constant and the columns.

    Columns that the ones before them determine are left out, and named.
    """
    basis = np.full((n, 1), 1 / np.sqrt(max(n, 1)))
    redundant = []
    for name, column in zip(names, columns, strict=True):
        rest = _residual(column, basis)
        if _is_nothing(rest, column):
            redundant.append(name)
        else:
            basis = np.column_stack([basis, rest / np.linalg.norm(rest)])
    return basis, redundant


def _residual(column: NDArray[np.float64], basis: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take the basis out of a column; the second pass takes out the rounding of the first."""
    for _ in range(2):
        column = column - basis @ (basis.T @ column)
    return column


def _is_nothing(rest: NDArray[np.float64], column: NDArray[np.float64]) -> bool:
    return bool(np.linalg.norm(rest) <= _NOTHING * np.linalg.norm(column))


def _interval(r: float, n_effective: int, method: str) -> tuple[float, float]:
    """Return the 95 % confidence interval by Fisher's z; that of ranks has more variance."""
    with np.errstate(divide="ignore"):  # at r = 1 the interval is that point
        z = np.arctanh(r)
    variance = (1 + r**2 / 2 if method == "spearman" else 1) / n_effective
    half = stats.norm.ppf(0.975) * np.sqrt(variance)
    return float(np.tanh(z - half)), float(np.tanh(z + half))


def _p_value(r: float, df: int) -> float:
    """Return the two-sided p of a partial correlation."""
    with np.errstate(divide="ignore"):  # t of r = 1 is infinite, and p is 0
        t = abs(r) * np.sqrt(df / np.float64((1 - r) * (1 + r)))
    return float(2 * stats.t.sf(t, df))
