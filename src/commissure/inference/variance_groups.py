"""Models whose residuals may have another variance in each group of scans."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from commissure.inference.glm import LEAST_LEFT, FloatArray, Model
from commissure.inference.labellings import Labellings
from commissure.problems import InputError

# Residual degrees of freedom that a group's variance must at least be estimated from.
LEAST_DF = 2.0
# A product has at most this many rows, as in `Relabelled`.
_MOST_ROWS = 192
_MOST_AT_ONCE, _LEAST_AT_ONCE = 128, 4
_RANK_TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class VarianceGroups:
    """What the statistics v and G need of a model and its groups of one variance each.

    With Q an orthonormal basis of the design (nuisance first, what is tested last), b = Q'y and w
    the inverse of each group's residual variance, let S be what is left of the tested part of
    Q'WQ when the nuisance part is eliminated. Then v = b sqrt(S) for one row, and
    G = b'Sb / (L s) for s rows.

    Attributes
    ----------
    codes : ndarray of int, shape (n_scans,)
        Group of each scan, from 0.
    columns : ndarray of shape (n_scans, n_columns)
        Orthonormal columns that span the rows of Q of each group, zero in the other groups.
    coefficients : ndarray of shape (n_columns, n_basis)
        Q is ``columns @ coefficients``.
    of_column : ndarray of int, shape (n_columns,)
        Group of each of the columns.
    products : ndarray of shape (n_groups, n_basis, n_basis)
        Q'Q over the scans of each group.
    df : ndarray of shape (n_groups,)
        Sum of the residual-forming matrix's diagonal over each group.
    n_rows : int
        s, rows of the contrast.
    model_df : int
        d, residual degrees of freedom of the model with one variance.

    References
    ----------
    Winkler et al. (2014) NeuroImage 92:381, equations 5-7; Aspin & Welch (1949) Biometrika 36:290;
    Welch (1951) Biometrika 38:330; Bartlett (1947) J R Stat Soc Suppl 9:176; Wallace (1959) Ann
    Math Stat 30:1121.
    """

    codes: NDArray[np.intp]
    columns: FloatArray
    coefficients: FloatArray
    of_column: NDArray[np.intp]
    products: FloatArray
    df: FloatArray
    n_rows: int
    model_df: int

    @classmethod
    def of(cls, model: Model, groups: NDArray[Any]) -> "VarianceGroups":
        """Split a model by groups of scans.

        Parameters
        ----------
        model : Model
        groups : ndarray of shape (n_scans,)
            Equal values mark scans of one variance.

        Raises
        ------
        InputError
            If there is not one value a scan, or a group leaves too few residual degrees of freedom
            to estimate its variance.
        """
        basis = np.hstack([model.nuisance_basis, model.tested_basis])
        if np.shape(groups) != basis.shape[:1]:
            msg = f"variance_groups has shape {np.shape(groups)}; it needs one for each scan."
            raise InputError(msg)
        names, codes = np.unique(groups, return_inverse=True)
        members = codes[:, None] == np.arange(len(names))
        df = ((1 - np.square(basis).sum(axis=1))[:, None] * members).sum(axis=0)
        if few := [str(name) for name, left in zip(names, df, strict=True) if left < LEAST_DF]:
            msg = (
                f"The variance of {', '.join(few)} cannot be estimated: too few scans beside the "
                "covariates. Add scans, leave out covariates, or assume one variance for all."
            )
            raise InputError(msg)
        columns, coefficients, of_column = [], [], []
        for group in range(len(names)):
            left, size, right = np.linalg.svd(
                np.where(members[:, [group]], basis, 0), full_matrices=False
            )
            there = size > _RANK_TOLERANCE
            columns.append(left[:, there])
            coefficients.append(size[there, None] * right[there])
            of_column += [group] * int(there.sum())
        return cls(
            codes=codes,
            columns=np.hstack(columns),
            coefficients=np.vstack(coefficients),
            of_column=np.array(of_column, np.intp),
            products=np.stack([basis[m].T @ basis[m] for m in members.T]),
            df=df,
            n_rows=model.n_rows,
            model_df=model.df,
        )

    @property
    def sizes(self) -> NDArray[np.intp]:
        """Scans of each group."""
        return np.bincount(self.codes)

    def statistic(self, residuals: FloatArray) -> FloatArray:
        """Return v, or G where the contrast has more rows, as t or F of the model's df.

        Parameters
        ----------
        residuals : ndarray of shape (n_scans, n_places)
            Of the nuisance part, each place at length 1 (or 0).
        """
        value, nu = self.raw(residuals)
        s, d = self.n_rows, self.model_df
        squared = value**2 if s == 1 else s * value
        power = (nu + s / 2 - 1) / (d + s / 2 - 1)
        same = d * np.expm1(power * np.log1p(squared / nu))
        return np.asarray(np.sign(value) * np.sqrt(same) if s == 1 else same / s)

    def raw(self, residuals: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return v or G as they are, and Welch's degrees of freedom; see `statistic`."""
        basis = self.columns @ self.coefficients
        estimate = basis.T @ residuals
        left = residuals - basis @ estimate
        members = np.eye(len(self.df))[self.codes]
        weights = self.df[:, None] / np.maximum(members.T @ left**2, LEAST_LEFT)
        matrices = np.einsum("gp,gab->pab", weights, self.products)
        first = matrices.shape[1] - self.n_rows
        tested = matrices[:, first:, first:] - matrices[:, first:, :first] @ np.linalg.solve(
            matrices[:, :first, :first], matrices[:, :first, first:]
        )
        b = estimate[first:]
        share = self.sizes[:, None] * weights
        uneven = ((1 - share / share.sum(axis=0)) ** 2 / self.df[:, None]).sum(axis=0)
        s = self.n_rows
        nu = s * (s + 2) / (3 * uneven) if len(self.df) > 1 else np.full_like(uneven, self.model_df)
        if s == 1:
            return np.asarray(b[0] * np.sqrt(tested[:, 0, 0])), nu
        correction = 1 + 2 * (s - 1) / (s * (s + 2)) * uneven
        return np.asarray(np.einsum("ap,pab,bp->p", b, tested, b) / (s * correction)), nu


class RelabelledGroups:
    """The rows of the products that give v or G of each relabelling; compare `Relabelled`.

    To relabel residuals against the design is to relabel the design, and its groups with it,
    against the residuals. So all but the products with the data stays the same.

    Attributes
    ----------
    n_columns : int
        Products a permutation.
    n_at_once : int
        Permutations a product.
    """

    def __init__(self, groups: VarianceGroups, labellings: Labellings) -> None:
        self.groups, self.labellings = groups, labellings
        self.n_columns = groups.columns.shape[1]
        rows_each = self.n_columns + len(groups.df)
        self.n_at_once: int = min(_MOST_AT_ONCE, max(_LEAST_AT_ONCE, _MOST_ROWS // rows_each))

    def rows(self, which: slice) -> FloatArray:
        """Return what multiplies the residuals, shape (n_columns * n_at_once, n_scans)."""
        return self._rows(self.groups.columns, which)

    def square_rows(self, which: slice) -> FloatArray:
        """Return what multiplies their squares, shape (n_groups * n_at_once, n_scans)."""
        return np.abs(self._rows(np.eye(len(self.groups.df))[self.groups.codes], which))

    def _rows(self, columns: FloatArray, which: slice) -> FloatArray:
        relabelled = self.labellings.apply(columns, which)
        padded = np.zeros((self.n_at_once, *relabelled.shape[1:]))
        padded[: len(relabelled)] = relabelled
        return np.ascontiguousarray(padded.transpose(2, 0, 1)).reshape(-1, len(columns))


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"nnan", "nsz"})
def permuted_v(
    product: NDArray[Any],
    squares: NDArray[Any],
    p: int,
    n_at_once: int,
    coefficients: NDArray[Any],
    of_column: NDArray[Any],
    products: NDArray[Any],
    df: NDArray[Any],
    sizes: NDArray[Any],
    n_rows: int,
    model_df: float,
    least: float,
    scratch: NDArray[Any],
    t: NDArray[Any],
) -> None:
    """Set `t` to v or G of one relabelling at a block of places.

    Parameters
    ----------
    product : ndarray of shape (n_columns * n_at_once, width)
    squares : ndarray of shape (n_groups * n_at_once, width)
    p, n_at_once : int
        Which relabelling of how many.
    coefficients, of_column, products, df, sizes, n_rows, model_df
        See `VarianceGroups`.
    least : float
        Below it a sum of squares is rounding error.
    scratch : ndarray of shape (n_basis ** 2 + n_basis + n_groups + 2, width)
    t : ndarray of shape (width,)
    """
    n_columns, n_basis = coefficients.shape
    n_groups, width = len(df), len(t)
    estimate = scratch[:n_basis]
    weight = scratch[n_basis : n_basis + n_groups]
    line, other = scratch[n_basis + n_groups], scratch[n_basis + n_groups + 1]
    matrix = scratch[n_basis + n_groups + 2 :]
    estimate[:] = 0
    for column in range(n_columns):
        share = product[column * n_at_once + p]
        for j in range(n_basis):
            factor = coefficients[column, j]
            for i in range(width):
                estimate[j, i] += factor * share[i]
    for g in range(n_groups):
        weight[g] = squares[g * n_at_once + p]
    for column in range(n_columns):
        share, left = product[column * n_at_once + p], weight[of_column[column]]
        line[:] = 0
        for j in range(n_basis):
            factor = coefficients[column, j]
            for i in range(width):
                line[i] += factor * estimate[j, i]
        for i in range(width):
            left[i] += line[i] * (line[i] - share[i] - share[i])
    for g in range(n_groups):
        for i in range(width):
            weight[g, i] = df[g] / max(weight[g, i], least)
    for a in range(n_basis):
        for b in range(a + 1):
            entry = matrix[a * n_basis + b]
            entry[:] = 0
            for g in range(n_groups):
                factor = products[g, a, b]
                for i in range(width):
                    entry[i] += factor * weight[g, i]
    first = n_basis - n_rows
    for pivot in range(first):
        for i in range(width):
            other[i] = 1 / matrix[pivot * n_basis + pivot, i]
        for a in range(pivot + 1, n_basis):
            for i in range(width):
                line[i] = matrix[a * n_basis + pivot, i] * other[i]
            for b in range(pivot + 1, a + 1):
                entry, beside = matrix[a * n_basis + b], matrix[b * n_basis + pivot]
                for i in range(width):
                    entry[i] -= line[i] * beside[i]
    t[:] = 0
    for a in range(first, n_basis):
        for b in range(first, a + 1):
            twice = 1 if a == b else 2
            entry = matrix[a * n_basis + b]
            for i in range(width):
                t[i] += twice * estimate[a, i] * estimate[b, i] * entry[i]
    line[:] = 0
    for g in range(n_groups):
        for i in range(width):
            line[i] += sizes[g] * weight[g, i]
    other[:] = 0
    for g in range(n_groups):
        for i in range(width):
            uneven = 1 - sizes[g] * weight[g, i] / line[i]
            other[i] += uneven * uneven / df[g]
    _at_df_of_model(estimate[first], other, n_groups, n_rows, model_df, t)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"nnan", "nsz"})
def _at_df_of_model(
    sign: NDArray[Any],
    uneven: NDArray[Any],
    n_groups: int,
    n_rows: int,
    model_df: float,
    t: NDArray[Any],
) -> None:
    """Turn v squared, or s L G, into the t or F of the model's degrees of freedom, in place."""
    s = n_rows
    beside = s / 2 - 1
    for i in range(len(t)):
        nu = s * (s + 2) / (3 * uneven[i]) if n_groups > 1 else model_df
        squared = t[i] / (1 + 2 * (s - 1) / (s * (s + 2)) * uneven[i])
        power = (nu + beside) / (model_df + beside)
        same = model_df * np.expm1(power * np.log1p(squared / nu))
        if s > 1:
            t[i] = same / s
        else:
            t[i] = np.sqrt(same) if sign[i] >= 0 else -np.sqrt(same)
