"""Connectivity between functionally homotopic voxels (CFH)."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import DTypeLike, NDArray

from commissure.measures.compression import UnitSeries
from commissure.measures.kernel import cross_maxima
from commissure.measures.sides import (
    LARGEST_R,
    checked_dtype,
    find_partners,
    fisher_z,
    pack_sides,
    partner_r,
    partners,
    unit_series,
    usable_sides,
)
from commissure.problems import InputError
from commissure.space import Domain
from commissure.threads import one_blas_thread

Partner = Literal["scan", "group"]


@dataclass(frozen=True, eq=False)
class CFHResult:
    """The CFH map of one scan.

    Attributes
    ----------
    r : ndarray of shape (n_places,)
        Correlation with the functionally homotopic partner; NaN where there is none.
    z : ndarray of shape (n_places,)
        Fisher z of r, with ``|r|`` clipped to `LARGEST_R`.
    partner : ndarray of int, shape (n_places,)
        Place of the partner, -1 where there is none.
    nonfinite, constant : boolean ndarray of shape (n_places,)
        Places left out because their series has a value that is not finite, or has one value only;
        with ``partner="group"``, in any of the scans.
    duplicate : boolean ndarray of shape (n_places,)
        Places whose ``|r|`` exceeds `LARGEST_R`: the partner's series is the same.
    """

    r: NDArray[Any]
    z: NDArray[Any]
    partner: NDArray[np.intp]
    nonfinite: NDArray[np.bool_]
    constant: NDArray[np.bool_]

    @property
    def duplicate(self) -> NDArray[np.bool_]:
        """Places whose partner's series is the same, shape (n_places,)."""
        duplicate: NDArray[np.bool_] = np.abs(self.r) > LARGEST_R
        return duplicate

    def shift(self, domain: Domain) -> NDArray[np.float64]:
        """Return the distance (mm) of each partner from the mirror position (-x, y, z)."""
        distance = np.full(domain.n_places, np.nan)
        has = self.partner >= 0
        mirrored = domain.coordinates[has] * (-1, 1, 1)
        offset = domain.coordinates[self.partner[has]] - mirrored
        distance[has] = np.linalg.norm(offset, axis=1)
        return distance


@overload
def cfh(
    series: NDArray[Any],
    domain: Domain,
    *,
    partner: Partner = ...,
    dtype: DTypeLike = ...,
    n_threads: int | None = ...,
    max_memory: int | None = ...,
    progress: Callable[[float], None] | None = ...,
) -> CFHResult: ...
@overload
def cfh(
    series: Sequence[NDArray[Any]],
    domain: Domain,
    *,
    partner: Partner = ...,
    dtype: DTypeLike = ...,
    n_threads: int | None = ...,
    max_memory: int | None = ...,
    progress: Callable[[float], None] | None = ...,
) -> list[CFHResult]: ...
def cfh(
    series: NDArray[Any] | Sequence[NDArray[Any]],
    domain: Domain,
    *,
    partner: Partner = "scan",
    dtype: DTypeLike = np.float32,
    n_threads: int | None = None,
    max_memory: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> CFHResult | list[CFHResult]:
    """For each place, the highest correlation with any place of the other hemisphere.

    Parameters
    ----------
    series : ndarray of shape (n_places, n_volumes), or a sequence of them
        Clean time series at the places of the domain. A sequence may load its scans when asked:
        each is asked for up to three times, one after the other.
    domain : Domain
    partner : {"scan", "group"}
        Whether a place's partner is the place of maximal r within each scan (the paper's words),
        or the one of maximal sum of r over all the scans (the authors' code). Maps of the second
        kind depend on which scans are given.
    dtype : {float32, float64}
        Precision of the correlations: exact to 1e-6 or 1e-12.
    n_threads : int, optional
        By default all cores. The result does not depend on it.
    max_memory : int, optional
        Bytes that the series of all scans may take with ``partner="group"``; if they need more
        they are kept in a temporary file.
    progress : callable, optional
        Called with the share of the work that is done.

    Returns
    -------
    CFHResult, or a list of them for a sequence

    Raises
    ------
    InputError
        If a scan does not fit the domain, has fewer than 3 volumes, or has no usable series on one
        of the sides.

    Notes
    -----
    The maximum is of signed r; ties take the lowest index. Series that are constant or not finite
    are left out on both sides. A maximum is biased upward, the more the fewer degrees of freedom
    the series have: compare scans with alike degrees of freedom only.

    References
    ----------
    Liu J-P et al. (2025), Front. Neurol. 16:1660039, doi 10.3389/fneur.2025.1660039.
    Ji G-J, FuncHomoConn.m (the authors' code, with the partner of the group).
    """
    precision = checked_dtype(dtype)
    if partner not in ("scan", "group"):
        msg = f'partner must be "scan" or "group"; it is {partner!r}.'
        raise InputError(msg)
    single = isinstance(series, np.ndarray)
    scans: Sequence[NDArray[Any]] = [series] if isinstance(series, np.ndarray) else series
    if len(scans) == 0:
        msg = "There is no scan."
        raise InputError(msg)
    # Not more than one BLAS thread: the last bits may depend on how many there are.
    with one_blas_thread():
        if partner == "scan":
            results = []
            for number, scan in enumerate(scans):
                report = _part_of(progress, number, len(scans))
                results.append(_of_scan(scan, domain, precision, n_threads, report))
        else:
            results = _of_group(scans, domain, precision, n_threads, max_memory, progress)
    return results[0] if single else results


def _of_scan(
    series: NDArray[Any],
    domain: Domain,
    dtype: np.dtype[Any],
    n_threads: int | None,
    progress: Callable[[float], None] | None,
) -> CFHResult:
    unit = unit_series(series, domain, n_threads)
    left, right = usable_sides(domain, unit.usable)
    partner = find_partners(unit, left, right, domain, dtype, n_threads, progress)
    return _result(unit, partner, unit.nonfinite, unit.constant, dtype, n_threads)


def _of_group(
    scans: Sequence[NDArray[Any]],
    domain: Domain,
    dtype: np.dtype[Any],
    n_threads: int | None,
    max_memory: int | None,
    progress: Callable[[float], None] | None,
) -> list[CFHResult]:
    nonfinite = np.zeros(domain.n_places, bool)
    constant = np.zeros(domain.n_places, bool)
    for scan in scans:
        unit = unit_series(scan, domain, n_threads)
        nonfinite |= unit.nonfinite
        constant |= unit.constant
    left, right = usable_sides(domain, ~(nonfinite | constant))

    store = _Store(max_memory)
    rows, columns = [], []
    for scan in scans:
        unit = unit_series(scan, domain, n_threads)
        packed = pack_sides(unit, left, right, dtype, n_threads)
        rows.append(store.keep(packed[0]))
        columns.append(store.keep(packed[1]))
    found = cross_maxima(
        rows, columns, len(left), len(right), n_threads=n_threads, progress=progress
    )
    partner = partners(found, left, right, domain)
    units = (unit_series(scan, domain, n_threads) for scan in scans)
    return [_result(unit, partner, nonfinite, constant, dtype, n_threads) for unit in units]


class _Store:
    """Keeps arrays in memory up to a limit, further ones in temporary files."""

    def __init__(self, limit: int | None) -> None:
        self.left = np.inf if limit is None else limit

    def keep(self, array: NDArray[Any]) -> NDArray[Any]:
        self.left -= array.nbytes
        if self.left >= 0:
            return array
        with tempfile.TemporaryFile() as file:
            # Written, not mapped and filled: on a full disk that would end the program.
            file.write(array.data)
            file.flush()
            return np.memmap(file, array.dtype, "r+", shape=array.shape)


def usable_places(
    series: NDArray[Any], domain: Domain, n_threads: int | None = None
) -> NDArray[np.bool_]:
    """Tell which places have a series (n_places, n_volumes) that correlations can be made of.

    Raises
    ------
    InputError
        See `cfh`.
    """
    usable = unit_series(series, domain, n_threads).usable
    usable_sides(domain, usable)
    return usable


def _result(
    unit: UnitSeries,
    partner: NDArray[np.intp],
    nonfinite: NDArray[np.bool_],
    constant: NDArray[np.bool_],
    dtype: np.dtype[Any],
    n_threads: int | None,
) -> CFHResult:
    r = partner_r(unit, partner, dtype, n_threads)
    return CFHResult(r, fisher_z(r), partner, nonfinite, constant)


def _part_of(
    progress: Callable[[float], None] | None, number: int, total: int
) -> Callable[[float], None] | None:
    if progress is None:
        return None
    return lambda share: progress((number + share) / total)
