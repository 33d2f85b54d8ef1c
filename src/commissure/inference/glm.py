"""The general linear model of a contrast, split into what is tested and what is nuisance."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from commissure.problems import InputError
from commissure.threads import map_threads

# Singular values below this share of the largest are rounding errors of exact zeros.
_RANK_TOLERANCE = 1e-9
# A contrast's weights outside the design's row space, as a share of the largest.
_ESTIMABLE_TOLERANCE = 1e-8
# A place varies if its residuals are more than this share of its values.
_CONSTANT_TOLERANCE = 1e-10
# The least share of variance left unexplained: below it, it is rounding error.
LEAST_LEFT = 1e-12
# Fixed, so that sums do not depend on how the work is cut.
_PLACES_AT_ONCE = 4096

FloatArray = NDArray[np.float64]


class DesignLike(Protocol):
    """What permutation tests need of a design: see `commissure.inference.design`."""

    @property
    def matrix(self) -> FloatArray:
        """The columns, shape (n_scans, n_columns)."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""

    @property
    def blocks(self) -> NDArray[np.intp] | None:
        """Exchangeability block of each scan, or None for one block."""

    def contrast(self, text: str) -> FloatArray:
        """Weights of a contrast given in words, shape (n_rows, n_columns)."""

    def tested_part(self, weights: FloatArray) -> FloatArray:
        """What Draper-Stoneman relabels for a contrast's weights, shape (n_scans, n_rows)."""


@dataclass(frozen=True, eq=False)
class Model:
    """A design seen from one contrast.

    Attributes
    ----------
    matrix : ndarray of shape (n_scans, n_columns)
        The whole design.
    estimator : ndarray of shape (n_rows, n_scans)
        Gives the contrast's values when applied to maps; rows are independent.
    tested : ndarray of shape (n_scans, n_rows)
        What Draper-Stoneman relabels: columns whose coefficients beside the nuisance part are the
        contrast's values.
    tested_basis : ndarray of shape (n_scans, n_rows)
        Orthonormal basis of the tested part with the nuisance part projected out.
    nuisance_basis : ndarray of shape (n_scans, n_nuisance)
        Orthonormal basis of the nuisance part.
    residual_basis : ndarray of shape (n_scans, n_scans - n_nuisance)
        Orthonormal basis of what the nuisance part leaves.
    df : int
        Residual degrees of freedom.

    References
    ----------
    Winkler et al. (2014) NeuroImage 92:381, appendix A: the nuisance part is the design times the
    null space of the contrast, the tested part the design times the contrast's pseudo-inverse.
    """

    matrix: FloatArray
    estimator: FloatArray
    tested: FloatArray
    tested_basis: FloatArray
    nuisance_basis: FloatArray
    residual_basis: FloatArray
    df: int

    @classmethod
    def of(cls, design: DesignLike, contrast: str | FloatArray) -> "Model":
        """Split a design by a contrast.

        Parameters
        ----------
        design : DesignLike
        contrast : str or ndarray of shape (n_columns,) or (n_rows, n_columns)
            In the design's words, or its weights; more than one row is an F test.

        Raises
        ------
        InputError
            If the contrast does not fit the design, is zero or not estimable, or if the design
            leaves no degrees of freedom.
        """
        matrix = np.asarray(design.matrix, dtype=np.float64)
        given = design.contrast(contrast) if isinstance(contrast, str) else contrast
        weights = np.atleast_2d(np.asarray(given, dtype=np.float64))
        name = f"The contrast {contrast!r}" if isinstance(contrast, str) else "The contrast"
        n_scans, n_columns = matrix.shape
        if weights.ndim != 2 or weights.shape[1] != n_columns:
            msg = (
                f"{name} has shape {weights.shape}; it needs one weight for each of the design's "
                f"{n_columns} columns ({', '.join(design.names)})."
            )
            raise InputError(msg)
        if not (np.isfinite(weights).all() and np.isfinite(matrix).all()):
            raise InputError(f"{name} or the design has values that are not finite.")
        _, size, rows = np.linalg.svd(weights)
        rank = _rank(size)
        if rank == 0:
            raise InputError(f"{name} is zero: it tests nothing.")
        if rank < len(weights):
            weights = rows[:rank]  # the same hypothesis without its repetitions
        length = np.linalg.norm(matrix, axis=0)
        length[length == 0] = 1
        _, size, right = np.linalg.svd(matrix / length, full_matrices=False)
        estimable = right[: _rank(size)]
        scaled = weights / length
        outside = scaled - scaled @ estimable.T @ estimable
        if np.abs(outside).max() > _ESTIMABLE_TOLERANCE * np.abs(scaled).max():
            msg = (
                f"{name} is not estimable: the design's columns ({', '.join(design.names)}) "
                "cannot tell its parts apart. Leave out a column that repeats others."
            )
            raise InputError(msg)
        df = n_scans - _rank(size)
        if df < 1:
            msg = (
                f"The design has {n_scans} scans and {_rank(size)} independent columns, which "
                "leaves no degrees of freedom. Leave out columns, or add scans."
            )
            raise InputError(msg)
        estimator = scaled @ np.linalg.pinv(matrix / length, rcond=_RANK_TOLERANCE)
        tested = matrix @ np.linalg.pinv(weights)
        nuisance_basis, residual_basis = _split(matrix @ rows[rank:].T)
        left, _, right = np.linalg.svd(residual_basis.T @ tested, full_matrices=False)
        # For one row this is the residual itself at length 1, so t has the contrast's sign.
        tested_basis = residual_basis @ (left @ right)
        relabelled = design.tested_part(weights)
        return cls(matrix, estimator, relabelled, tested_basis, nuisance_basis, residual_basis, df)

    @property
    def n_rows(self) -> int:
        """Number of independent rows of the contrast: 1 for t, more for F."""
        return len(self.estimator)

    @property
    def tests_mean(self) -> bool:
        """Whether the contrast asks if a mean is zero, so that the null has no free mean.

        Scans are then not exchangeable (all orders give the same sum), but their signs are.
        """
        mean = np.full(len(self.matrix), len(self.matrix) ** -0.5)
        left = self.residual_basis.T @ mean
        along = self.residual_basis.T @ self.tested_basis
        in_design = np.linalg.norm(left - along @ (along.T @ left)) < _ESTIMABLE_TOLERANCE
        return bool(in_design and np.linalg.norm(left) > _ESTIMABLE_TOLERANCE)


def tested_columns(columns: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the tested part of a design that stands apart from its nuisance part.

    Parameters
    ----------
    columns : ndarray of shape (n_scans, n_columns)
    weights : ndarray of shape (n_rows, n_columns)
        Of an estimable contrast.

    Returns
    -------
    ndarray of shape (n_scans, n_rows)
        ``M D C' (C D C')^-1`` with ``D = (M' M)^-1``: the same for every coding of the columns.

    References
    ----------
    Beckmann, in Winkler et al. (2014) NeuroImage 92:381, appendix A; Smith et al. (2007).
    """
    length = np.linalg.norm(columns, axis=0)
    length[length == 0] = 1
    estimator = (weights / length) @ np.linalg.pinv(columns / length, rcond=_RANK_TOLERANCE)
    return np.asarray(np.linalg.solve(estimator @ estimator.T, estimator).T)


def reduce_maps(maps: NDArray[Any], basis: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return maps in a basis of what nuisance leaves, each place at length 1.

    Parameters
    ----------
    maps : ndarray of shape (n_scans, n_places)
    basis : ndarray of shape (n_scans, n_dimensions)
        Orthonormal.

    Returns
    -------
    reduced : ndarray of shape (n_dimensions, n_places)
        Columns of length 1, or 0 where nuisance explains everything.
    constant : ndarray of shape (n_places,)
        True at those places.
    """
    reduced = basis.T @ maps
    length = np.linalg.norm(reduced, axis=0)
    constant = length <= _CONSTANT_TOLERANCE * np.linalg.norm(maps, axis=0)
    reduced /= np.where(constant, 1, length)
    reduced[:, constant] = 0
    return reduced, constant


def fit(
    maps: NDArray[Any],
    model: Model,
    n_threads: int | None = None,
    statistic_of: Callable[[FloatArray], FloatArray] | None = None,
) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """Fit the model to each place.

    Parameters
    ----------
    maps : ndarray of shape (n_scans, n_places)
    model : Model
    n_threads : int, optional
        All cores by default.
    statistic_of : callable, optional
        Makes the statistic of residuals of the nuisance part, shape (n_scans, n_places), each place
        at length 1; by default it is t or F, for one variance of all scans.

    Returns
    -------
    statistic : ndarray of shape (n_places,)
        t, or F where the contrast has more rows; 0 where nuisance explains everything.
    effect : ndarray of shape (n_places,), or (n_rows, n_places) for F
        The contrast's estimate, in the maps' units.
    constant : ndarray of shape (n_places,)
        True where nuisance explains everything, a constant map among them.
    """
    n_places = maps.shape[1]
    statistic = np.empty(n_places)
    effect = np.empty((model.n_rows, n_places))
    constant = np.empty(n_places, dtype=np.bool_)
    tested = model.residual_basis.T @ model.tested_basis

    def fit_places(start: int) -> None:
        part = slice(start, min(start + _PLACES_AT_ONCE, n_places))
        block = np.asarray(maps[:, part], dtype=np.float64)
        effect[:, part] = model.estimator @ block
        reduced, constant[part] = reduce_maps(block, model.residual_basis)
        if statistic_of is not None:
            statistic[part] = statistic_of(model.residual_basis @ reduced)
            return
        along = tested.T @ reduced
        explained = (along**2).sum(axis=0)
        left = np.linalg.norm(reduced - tested @ along, axis=0) ** 2
        scale = model.df / np.maximum(left, LEAST_LEFT)
        if model.n_rows == 1:
            statistic[part] = along[0] * np.sqrt(scale)
        else:
            statistic[part] = explained * scale / model.n_rows

    map_threads(fit_places, range(0, n_places, _PLACES_AT_ONCE), n_threads)
    return statistic, effect[0] if model.n_rows == 1 else effect, constant


def lowered(statistic: FloatArray, model: Model, closeness: float) -> FloatArray:
    """Return the least t, or F, that cannot be told from those observed.

    Products are as exact as the share of the variance that is explained, so of large statistics,
    where little is left, less can be told apart.

    Parameters
    ----------
    statistic : ndarray of shape (n_places,)
    model : Model
    closeness : float
        Relative difference of small t that counts as none; half of that of the share.
    """
    squared = statistic**2 if model.n_rows == 1 else model.n_rows * statistic
    share = (1 - 2 * closeness) * squared / (model.df + squared)
    squared = model.df * share / (1 - share)
    return np.asarray(
        np.sign(statistic) * np.sqrt(squared) if model.n_rows == 1 else squared / model.n_rows
    )


def _rank(singular_values: FloatArray) -> int:
    if not singular_values.size:
        return 0
    return int((singular_values > _RANK_TOLERANCE * singular_values[0]).sum())


def _split(columns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return orthonormal bases of the space of some columns, and of all that is outside it."""
    length = np.linalg.norm(columns, axis=0)
    left, size, _ = np.linalg.svd(columns / np.where(length > 0, length, 1), full_matrices=True)
    rank = _rank(size)
    return left[:, :rank], left[:, rank:]
