"""Heterotopic connectivity: ties with places of the other half that are no counterparts."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Gt, Le
from numpy.typing import DTypeLike, NDArray

from commissure.measures.above import sums_above
from commissure.measures.compression import find_bases
from commissure.measures.far_maxima import far_maxima
from commissure.measures.kernel import columns_of_tile, cross_maxima, unpacked
from commissure.measures.measure import Measure, MirrorSettings, Output, Precision, ScanMaps
from commissure.measures.register_tile import ROWS
from commissure.measures.sides import (
    checked_dtype,
    fisher_z,
    pack_alike,
    partner_r,
    unit_series,
    usable_sides,
)
from commissure.problems import InputError
from commissure.space import Domain
from commissure.space.grid import TOLERANCE_MM
from commissure.threads import one_blas_thread

# Edge of the cubes whose places are looked at together, mm.
_CUBE_MM = 15.0
_MIRRORED = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Heterotopic:
    """Heterotopic connectivity of one scan.

    Attributes
    ----------
    r, z : ndarray of shape (n_places,)
        Correlation with the strongest heterotopic partner, and its Fisher z; NaN where there is
        none.
    partner : ndarray of int, shape (n_places,)
        That place of the other half, -1 where there is none.
    positive, negative : ndarray of shape (n_places,)
        Mean over all places of the other half outside the radius around the mirror position of r
        where it is above 0, and where it is below 0, each else counted as 0: their sum is the mean
        of r.
    nonfinite, constant : boolean ndarray of shape (n_places,)
        Places left out because their series has a value that is not finite, or has one value only.
    """

    r: NDArray[np.float64]
    z: NDArray[np.float64]
    partner: NDArray[np.intp]
    positive: NDArray[np.float64]
    negative: NDArray[np.float64]
    nonfinite: NDArray[np.bool_]
    constant: NDArray[np.bool_]


def heterotopic(
    series: NDArray[Any],
    domain: Domain,
    *,
    radius_mm: float = 20.0,
    dtype: DTypeLike = np.float32,
    n_threads: int | None = None,
) -> Heterotopic:
    """For each place, its ties with the other half away from its counterparts.

    Parameters
    ----------
    series : ndarray of shape (n_places, n_volumes)
        Clean time series at the places of the domain.
    domain : Domain
        In a space whose mirror positions (-x, y, z) are counterparts.
    radius_mm : float
        The strongest heterotopic partner is farther than this from the mirror position and from
        the functionally homotopic partner, which is the strongest of all.
    dtype : {float32, float64}
        Precision of the search.
    n_threads : int, optional
        By default all cores. The result does not depend on it.

    Raises
    ------
    InputError
        As `cfh`, and if the radius is not above 0 or there is nothing outside it.
    """
    precision = checked_dtype(dtype)
    if not (np.isfinite(radius_mm) and radius_mm > 0):
        msg = f"radius_mm must be above 0; it is {radius_mm}."
        raise InputError(msg)
    unit = unit_series(series, domain, n_threads)
    left, right = usable_sides(domain, unit.usable)
    with one_blas_thread():
        bases = find_bases(unit, np.concatenate([left, right]), precision)
        wanted = (left, ROWS), (right, columns_of_tile(precision))
        (rows, columns), _ = pack_alike(unit, wanted, bases, precision, n_threads)
        strengths = _strengths((left, right), domain, radius_mm, rows, columns, n_threads)
    partner = _partners((left, right), domain, radius_mm, rows, columns, n_threads)
    if not (partner >= 0).any():
        msg = (
            f"No place of {domain.name} has one in the other half that is farther than "
            f"{radius_mm:g} mm from its counterparts. Take a smaller radius_mm."
        )
        raise InputError(msg)
    r = partner_r(unit, partner, np.dtype(np.float64), n_threads)
    return Heterotopic(r, fisher_z(r), partner, *strengths, unit.nonfinite, unit.constant)


def _partners(
    sides: tuple[NDArray[np.intp], NDArray[np.intp]],
    domain: Domain,
    radius_mm: float,
    rows: NDArray[Any],
    columns: NDArray[Any],
    n_threads: int | None,
) -> NDArray[np.intp]:
    """Return the strongest place that is far from the mirror position and the strongest of all."""
    best = cross_maxima([rows], [columns], len(sides[0]), len(sides[1]), n_threads=n_threads)
    at = [domain.coordinates[side] for side in sides]
    away = [
        np.ascontiguousarray(np.stack([here * _MIRRORED, there[arg]], axis=1))
        for here, there, arg in zip(at, at[::-1], (best.row_arg, best.column_arg), strict=True)
    ]
    found = far_maxima(
        rows, columns, (at[0], away[0]), (at[1], away[1]), radius_mm + TOLERANCE_MM, n_threads
    )
    partner = np.full(domain.n_places, -1, np.intp)
    for side, other, arg in zip(sides, sides[::-1], found, strict=True):
        partner[side] = np.where(arg >= 0, other[arg], -1)
    return partner


def _strengths(
    sides: tuple[NDArray[np.intp], NDArray[np.intp]],
    domain: Domain,
    radius_mm: float,
    rows: NDArray[Any],
    columns: NDArray[Any],
    n_threads: int | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean positive and negative r outside the radius: of all, less those within."""
    n_sides = len(sides[0]), len(sides[1])
    all_positive = sums_above(rows, columns, *n_sides, 0.0, weighted=True, n_threads=n_threads)
    series = [unpacked(rows, n_sides[0]), unpacked(columns, n_sides[1])]
    positive, negative = np.full((2, domain.n_places), np.nan)
    for number, side in enumerate(sides):
        own, other = series[number], series[1 - number]
        there = domain.coordinates[sides[1 - number]]
        # A sum of dot products is the dot product with the sum.
        everything = own @ other.sum(axis=0, dtype=np.float64)
        for part in _neighbours(domain.coordinates[side]):
            mirror = domain.coordinates[side[part]] * _MIRRORED
            near = _near(own[part], mirror, other, there, radius_mm)
            n_far = np.where(near[2] < len(other), len(other) - near[2], np.nan)
            above = all_positive[number][part]
            positive[side[part]] = (above - near[0]) / n_far
            negative[side[part]] = (everything[part] - above - near[1]) / n_far
    return positive, negative


def _neighbours(positions: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    """Return which positions lie in the same cube, for each cube."""
    cubes = np.floor(positions / _CUBE_MM)
    _, number = np.unique(cubes, axis=0, return_inverse=True)
    order = np.argsort(number.ravel(), kind="stable")
    return np.split(order, np.flatnonzero(np.diff(number.ravel()[order])) + 1)


def _near(
    series: NDArray[Any],
    mirror: NDArray[np.float64],
    other: NDArray[Any],
    there: NDArray[np.float64],
    radius_mm: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Return the sums of positive and negative r within the radius, and over how many places."""
    low, high = mirror.min(axis=0) - radius_mm - 1, mirror.max(axis=0) + radius_mm + 1
    close = ((there >= low) & (there <= high)).all(axis=1)
    squared = (there[close] ** 2).sum(axis=1) - 2 * mirror @ there[close].T
    inside = squared <= (radius_mm + TOLERANCE_MM) ** 2 - (mirror**2).sum(axis=1)[:, None]
    r = series @ other[close].T
    r *= inside
    total = r.sum(axis=1, dtype=np.float64)
    positive = np.maximum(r, 0, out=r).sum(axis=1, dtype=np.float64)
    return positive, total - positive, inside.sum(axis=1)


@dataclass(frozen=True)
class HeterotopicSettings(MirrorSettings):
    """How maps of heterotopic connectivity are made; see `commissure.measures.heterotopic`.

    Attributes
    ----------
    radius_mm : float
        Places nearer to the mirror position or to the strongest partner are homotopic, mm.
    dtype : {"float32", "float64"}
        Precision of the search.
    """

    radius_mm: Annotated[float, Gt(0), Le(100)] = 20.0
    dtype: Precision = "float32"


def _maps(
    series: NDArray[Any],
    domain: Domain,
    settings: HeterotopicSettings,
    n_threads: int | None = None,
) -> ScanMaps:
    """Map one scan, series of shape (n_places, n_volumes)."""
    result = heterotopic(
        series, domain, radius_mm=settings.radius_mm, dtype=settings.dtype, n_threads=n_threads
    )
    partner = np.full((domain.n_places, 3), np.nan)
    has = result.partner >= 0
    partner[has] = domain.coordinates[result.partner[has]]
    median = np.nanmedian(result.z)
    return ScanMaps(
        {
            "heterotopic": result.z,
            "heterotopicpartner": partner,
            "heterotopicpositive": result.positive,
            "heterotopicnegative": result.negative,
        },
        result.constant,
        result.nonfinite,
        summary=f"median heterotopic z = {median:.2f} (r = {np.tanh(median):.2f})",
    )


HETEROTOPIC = Measure(
    stat="heterotopic",
    name="heterotopic connectivity",
    long_name="heterotopic interhemispheric connectivity",
    unit="Fisher z",
    meaning=(
        "Heterotopic connectivity says of each place how strongly its activity goes with its best "
        "match in the other half away from its counterparts there, which are the place at the "
        "mirror position and the best match of all."
    ),
    high=(
        "It is high where a place works together with another region of the other half, and not "
        "only with its own counterpart. Like any highest correlation it is never 0 by chance."
    ),
    freedom=(
        "It is the largest of many correlations, and that is the larger the fewer degrees of "
        "freedom there are: scans can be compared only if theirs are alike."
    ),
    never_zero=(
        "The largest of many correlations is above 0 without any coupling: that the mean of "
        "heterotopic connectivity differs from 0 says nothing."
    ),
    settings=HeterotopicSettings,
    outputs=(
        Output(
            "heterotopic",
            "Heterotopic connectivity: for each voxel the highest Pearson correlation with a voxel "
            "of the other hemisphere that is away from the mirror position and from the "
            "functionally homotopic partner, Fisher z-transformed.",
            "arbitrary (Fisher z)",
            "heterotopic connectivity (Fisher z)",
            "viridis",
        ),
        Output(
            "heterotopicpartner",
            "Position of that voxel: x, y and z (RAS+) along the fourth axis.",
            "mm",
        ),
        Output(
            "heterotopicpositive",
            "Mean over the voxels of the other hemisphere away from the mirror position of their "
            "correlations where these are above 0, else 0.",
            "arbitrary (correlation)",
        ),
        Output(
            "heterotopicnegative",
            "Mean over the voxels of the other hemisphere away from the mirror position of their "
            "correlations where these are below 0, else 0.",
            "arbitrary (correlation)",
        ),
    ),
    of_scan=_maps,
)
