"""Series with as few degrees of freedom as those of another scan, for maps that are compared."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import helmert

from commissure.threads import one_blas_thread

# A dimension of time that holds less of the power of the series than this share of the strongest
# is what rounding left of it: clean series are kept in single precision.
_ROUNDING = 1e-9


def temporal_basis(series: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an orthonormal basis of the space in time that series span.

    Parameters
    ----------
    series : ndarray of shape (n_places, n_volumes)
        Those that are constant or not finite do not count; the others count alike.

    Returns
    -------
    ndarray of shape (n_volumes, n_dimensions)
        Orthogonal to the mean.
    """
    centred = series - series.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1)
    usable = np.isfinite(norms) & (norms > 0)
    unit = centred[usable] / norms[usable, None]
    with one_blas_thread():
        power, vectors = np.linalg.eigh(unit.T @ unit)
    basis: NDArray[np.float64] = vectors[:, power > _ROUNDING * power.max(initial=0)]
    return basis


def matched_dimensions(target: float, effective_df: float, n_dimensions: int) -> int:
    """Return to how many dimensions series are projected to have fewer degrees of freedom.

    Parameters
    ----------
    target : float
        Degrees of freedom to be left.
    effective_df : float
        Of the series.
    n_dimensions : int
        Of the space that they span.

    Notes
    -----
    For a random projector P of rank d in n dimensions and V with tr V = 1,
    E tr(P V P V) = (d (n d + n - 2) tr(V²) + d (n - d)) / (n (n - 1) (n + 2)) and E tr(P V) = d/n.
    With tr(V²) = 1 / `effective_df`, d is where (E tr PV)² / E tr(PVPV) is the target.
    """
    n = n_dimensions
    if target >= effective_df:
        return n
    share = n / ((n - 1) * (n + 2))
    found = share * ((n - 2) / effective_df + n)
    found /= 1 / target - share * (n / effective_df - 1)
    return int(np.clip(round(found), 2, n))


def rarefied(
    series: NDArray[np.float64],
    target: float,
    effective_df: float,
    n_draws: int,
    rng: np.random.Generator,
) -> Iterator[NDArray[np.float64]]:
    """Give random projections of series to so few dimensions of time as a target asks for.

    Parameters
    ----------
    series : ndarray of shape (n_places, n_volumes)
    target, effective_df : float
        Degrees of freedom that are to be left, and that there are. If there are no more, the
        series are given as they are, once.
    n_draws : int
    rng : numpy Generator

    Yields
    ------
    ndarray of shape (n_places, n)
        All series by the same projection. Means over time are 0: n is one more than there are
        dimensions, as a correlation takes the mean away. Constant series are constant, and what
        is not finite stays so.
    """
    basis = temporal_basis(series)
    dimensions = matched_dimensions(target, effective_df, basis.shape[1])
    if dimensions == basis.shape[1]:
        yield series
        return
    centred = series - series.mean(axis=1, keepdims=True)
    for _ in range(n_draws):
        directions, _ = np.linalg.qr(rng.standard_normal((basis.shape[1], dimensions)))
        with one_blas_thread():
            yield centred @ (basis @ directions @ helmert(dimensions + 1))
