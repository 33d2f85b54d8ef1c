"""The autonomy index: whether a place goes with its own half of the brain or with the other."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Lt
from numpy.typing import DTypeLike, NDArray

from commissure.measures.above import sums_above
from commissure.measures.compression import UnitSeries, find_bases
from commissure.measures.kernel import columns_of_tile
from commissure.measures.measure import MapSettings, Measure, Output, Precision, ScanMaps
from commissure.measures.register_tile import ROWS
from commissure.measures.sides import checked_dtype, pack_alike, unit_series, usable_sides
from commissure.problems import InputError
from commissure.space import Domain
from commissure.space.grid import TOLERANCE_MM
from commissure.threads import one_blas_thread


@dataclass(frozen=True, eq=False)
class AutonomyIndex:
    """The autonomy index of one scan.

    Attributes
    ----------
    index : ndarray of shape (n_places,)
        `own` less `other`; NaN where there is none.
    own, other : ndarray of shape (n_places,)
        Share of the places of its own half, and of the other, that a place correlates with above
        the threshold; if weighted, the sum of these correlations over the number of places. With
        ``compat``, sums of both at the middle plane, which is in both halves.
    nonfinite, constant : boolean ndarray of shape (n_places,)
        Places left out because their series has a value that is not finite, or has one value only.
    """

    index: NDArray[np.float64]
    own: NDArray[np.float64]
    other: NDArray[np.float64]
    nonfinite: NDArray[np.bool_]
    constant: NDArray[np.bool_]


def autonomy_index(
    series: NDArray[Any],
    domain: Domain,
    *,
    threshold: float = 0.25,
    weighted: bool = False,
    compat: bool = False,
    dtype: DTypeLike = np.float32,
    n_threads: int | None = None,
) -> AutonomyIndex:
    """For each place, how much more of its own half than of the other it correlates with.

    Parameters
    ----------
    series : ndarray of shape (n_places, n_volumes)
        Clean time series at the places of the domain.
    domain : Domain
    threshold : float
        Correlations greater than it count, 0 or more.
    weighted : bool
        Add the correlations that do, instead of counting them.
    compat : bool
        As the program of the authors of CFH: places at x = 0 belong to both halves and get the sum
        of both values, `Domain.midline_mm` is not looked at, and places without a usable series
        count as places that correlate with nothing. By default the midline is left out, and so are
        these.
    dtype : {float32, float64}
        Precision of the correlations: those within 1e-6 or 1e-12 of the threshold may count or not.
    n_threads : int, optional
        By default all cores; the result does not depend on it.

    Raises
    ------
    InputError
        As `cfh`, and if the threshold is not from 0 to below 1.

    Notes
    -----
    Wang D, Buckner RL, Liu H (2014), J Neurosci 34:12341-12352; place by place as in FCAsymIndex.m,
    the program of the authors of CFH, where a place counts itself (r = 1), too.
    """
    precision = _checked(dtype, threshold)
    unit = unit_series(series, domain, n_threads)
    usable_sides(domain, unit.usable)
    x = domain.coordinates[:, 0] if compat else domain.hemisphere
    sides = (x <= TOLERANCE_MM, x >= -TOLERANCE_MM) if compat else (x < 0, x > 0)
    places = [np.flatnonzero(side & unit.usable) for side in sides]
    n_counted = [int(side.sum()) for side in sides] if compat else [len(side) for side in places]
    own, other = _shares(unit, places, n_counted, threshold, weighted, precision, n_threads)
    return AutonomyIndex(own - other, own, other, unit.nonfinite, unit.constant)


def _checked(dtype: DTypeLike, threshold: float) -> np.dtype[Any]:
    if not 0 <= threshold < 1:
        msg = f"threshold must be 0 or more and less than 1; it is {threshold}."
        raise InputError(msg)
    return checked_dtype(dtype)


def _shares(
    unit: UnitSeries,
    places: list[NDArray[np.intp]],
    n_counted: list[int],
    threshold: float,
    weighted: bool,  # noqa: FBT001
    dtype: np.dtype[Any],
    n_threads: int | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what is above the threshold in the own and the other half, by places counted there."""
    # Not more than one BLAS thread: the last bits may depend on how many there are.
    with one_blas_thread():
        bases = find_bases(unit, np.unique(np.concatenate(places)), dtype)
        widths = (ROWS, columns_of_tile(dtype))
        wanted = [(side, width) for width in widths for side in places]
        packed, _ = pack_alike(unit, wanted, bases, dtype, n_threads)
        rows, columns = packed[:2], packed[2:]

    def sums(a: int, b: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        about: dict[str, Any] = {"weighted": weighted, "within": a == b, "n_threads": n_threads}
        n = len(places[a]), len(places[b])
        return sums_above(rows[a], columns[b], *n, threshold, **about)

    between = sums(0, 1)
    own, other = np.zeros((2, len(unit.series)))
    for side, here in enumerate(places):
        as_row, as_column = sums(side, side)
        own[here] += (as_row + as_column + 1) / n_counted[side]
        other[here] += between[side] / n_counted[1 - side]
    without = np.isin(np.arange(len(own)), np.concatenate(places), invert=True)
    own[without] = other[without] = np.nan
    return own, other


@dataclass(frozen=True)
class AutonomySettings(MapSettings):
    """How maps of the autonomy index are made; see `commissure.measures.autonomy_index`.

    Attributes
    ----------
    threshold : float
        Correlations greater than it count.
    weighted : bool
        Whether the correlations above the threshold are added, and not counted.
    compat : bool
        Whether the middle plane counts in both halves, as in the program of the authors of CFH.
    dtype : {"float32", "float64"}
        Precision of the correlations.
    """

    threshold: Annotated[float, Ge(0), Lt(1)] = 0.25
    weighted: bool = False
    compat: bool = False
    dtype: Precision = "float32"


def _maps(
    series: NDArray[Any], domain: Domain, settings: AutonomySettings, n_threads: int | None = None
) -> ScanMaps:
    """Map one scan, series of shape (n_places, n_volumes)."""
    result = autonomy_index(
        series,
        domain,
        threshold=settings.threshold,
        weighted=settings.weighted,
        compat=settings.compat,
        dtype=settings.dtype,
        n_threads=n_threads,
    )
    return ScanMaps(
        {"autonomy": result.index, "autonomyown": result.own, "autonomyother": result.other},
        result.constant,
        result.nonfinite,
        summary=f"median autonomy index = {np.nanmedian(result.index):.3f}",
    )


AUTONOMY = Measure(
    stat="autonomy",
    name="AI",
    long_name="autonomy index",
    unit="difference of shares",
    references=("wang2014", "ji_funchomoconn"),
    meaning=(
        "AI (autonomy index) says of each place how much more of its own half of the brain than of "
        "the other it acts alike with."
    ),
    high=(
        "AI is high where a place goes with its own half only, as in regions that are lateralised; "
        "it is near 0 where it goes with both halves alike."
    ),
    freedom=(
        "How many correlations exceed a threshold by chance depends on the degrees of freedom: "
        "scans can be compared only if theirs are alike."
    ),
    settings=AutonomySettings,
    outputs=(
        Output(
            "autonomy",
            "Autonomy index (AI): share of the voxels of its own hemisphere that a voxel's time "
            "series correlates with above a threshold, less that of the other hemisphere.",
            "arbitrary (difference of shares)",
            "AI",
            "coolwarm",
        ),
        Output(
            "autonomyown",
            "Share of the voxels of its own hemisphere that a voxel correlates with above a "
            "threshold.",
            "arbitrary (share)",
        ),
        Output(
            "autonomyother",
            "Share of the voxels of the other hemisphere that a voxel correlates with above a "
            "threshold: its interhemispheric degree.",
            "arbitrary (share)",
        ),
    ),
    of_scan=_maps,
)
