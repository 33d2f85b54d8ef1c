"""The two sides of a scan, made ready for the kernel, and what it finds told in places."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from commissure.measures.compression import UnitSeries, find_bases, shorten
from commissure.measures.kernel import Maxima, columns_of_tile, cross_maxima
from commissure.measures.register_tile import ROWS
from commissure.problems import InputError
from commissure.space import Domain

# |r| is clipped to this before Fisher's z. Series this much alike are duplicates.
LARGEST_R = 1 - 1e-7


def checked_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Return the precision of the correlations, or say which there are."""
    precision = np.dtype(dtype)
    if precision not in (np.float32, np.float64):
        msg = f"dtype must be float32 or float64; it is {precision}."
        raise InputError(msg)
    return precision


def unit_series(series: NDArray[Any], domain: Domain, n_threads: int | None) -> UnitSeries:
    """Check that the series fit the domain, and see them as of unit norm."""
    if series.ndim != 2 or len(series) != domain.n_places:
        msg = (
            f"series has shape {series.shape}; the domain has {domain.n_places} places, so it must "
            f"be ({domain.n_places}, n_volumes), as Domain.sample gives it."
        )
        raise InputError(msg)
    if series.shape[1] < 3:
        msg = f"The scan has {series.shape[1]} volumes; a correlation needs at least 3."
        raise InputError(msg)
    return UnitSeries.of(series, n_threads)


def usable_sides(
    domain: Domain, usable: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the usable places of the left and of the right; on each there must be one."""
    left, right = (side[usable[side]] for side in (domain.left, domain.right))
    for side, word in ((left, "left"), (right, "right")):
        if len(side) == 0:
            msg = (
                f"No time series of the {word} hemisphere can be used: each is constant or has "
                "values that are not finite. Check that the scan covers the mask."
            )
            raise InputError(msg)
    return left, right


def pack_sides(
    unit: UnitSeries,
    left: NDArray[np.intp],
    right: NDArray[np.intp],
    dtype: np.dtype[Any],
    n_threads: int | None,
    bases: list[NDArray[np.float64]] | None = None,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float64]]:
    """Pack the left as rows and the right as columns, as short as they can be.

    Parameters
    ----------
    bases : list of ndarray, optional
        The first that holds for every series is taken; by default those of `find_bases`.

    Returns
    -------
    rows, columns : ndarray
        See `commissure.measures.kernel.pack`.
    basis : ndarray of shape (n_volumes, rank)
        What they were shortened by.
    """
    if bases is None:
        bases = find_bases(unit, np.concatenate([left, right]), dtype)
    wanted = (left, ROWS), (right, columns_of_tile(dtype))
    (rows, columns), basis = pack_alike(unit, wanted, bases, dtype, n_threads)
    return rows, columns, basis


def pack_alike(
    unit: UnitSeries,
    wanted: Sequence[tuple[NDArray[np.intp], int]],
    bases: Sequence[NDArray[np.float64]],
    dtype: np.dtype[Any],
    n_threads: int | None,
) -> tuple[list[NDArray[Any]], NDArray[np.float64]]:
    """Pack series in the first of some bases that holds for all of them.

    Parameters
    ----------
    unit : UnitSeries
    wanted : sequence of (ndarray, int)
        Places, and how many of them a panel has.
    bases : sequence of ndarray of shape (n_volumes, rank)
        See `find_bases`; the last holds for every series.
    dtype : dtype
    n_threads : int, optional

    Returns
    -------
    packed : list of ndarray
        See `commissure.measures.kernel.pack`.
    basis : ndarray of shape (n_volumes, rank)
    """
    for basis in bases:
        packed = [
            panels
            for places, width in wanted
            if (panels := shorten(unit, places, basis, width, dtype, n_threads)) is not None
        ]
        if len(packed) == len(wanted):
            return packed, basis
    raise AssertionError


def partners(
    found: Maxima, left: NDArray[np.intp], right: NDArray[np.intp], domain: Domain
) -> NDArray[np.intp]:
    """Return the place of each place's partner, -1 where there is none."""
    partner = np.full(domain.n_places, -1, np.intp)
    partner[left] = right[found.row_arg]
    partner[right] = left[found.column_arg]
    return partner


def find_partners(
    unit: UnitSeries,
    left: NDArray[np.intp],
    right: NDArray[np.intp],
    domain: Domain,
    dtype: np.dtype[Any],
    n_threads: int | None,
    progress: Callable[[float], None] | None = None,
) -> NDArray[np.intp]:
    """Find each place's partner within one scan, -1 where there is none."""
    rows, columns, _ = pack_sides(unit, left, right, dtype, n_threads)
    found = cross_maxima(
        [rows], [columns], len(left), len(right), n_threads=n_threads, progress=progress
    )
    return partners(found, left, right, domain)


def partner_r(
    unit: UnitSeries, partner: NDArray[np.intp], dtype: np.dtype[Any], n_threads: int | None
) -> NDArray[Any]:
    """Read each place's r with its partner, in double precision whatever that of the search."""
    r = np.full(len(partner), np.nan, dtype)
    places = np.flatnonzero(partner >= 0)
    r[places] = np.clip(unit.correlation(places, partner[places], n_threads), -1, 1)
    return r


def fisher_z(r: NDArray[Any]) -> NDArray[Any]:
    """Return Fisher's z of r, in its precision, with ``|r|`` clipped to `LARGEST_R`."""
    return np.arctanh(np.clip(r.astype(np.float64), -LARGEST_R, LARGEST_R)).astype(r.dtype)
