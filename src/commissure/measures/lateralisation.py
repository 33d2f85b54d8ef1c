"""Segregation and integration: how a place and its mirror place go with the two halves."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commissure.measures.measure import Measure, MirrorSettings, OfScan, Output, ScanMaps
from commissure.measures.sides import unit_series, usable_sides
from commissure.measures.vmhc import beside, usable_mirror
from commissure.problems import InputError
from commissure.space import Domain

# Places whose dot products are made at a time.
_CHUNK = 4096


@dataclass(frozen=True, eq=False)
class Lateralisation:
    """How one scan's places go with the two halves, beside their mirror places.

    Attributes
    ----------
    value : ndarray of shape (n_places,)
        What is asked for (segregation or integration) of a place less that of its mirror place:
        above 0 where it is lateralised to the half that the place is in. NaN where there is none.
    own, other : ndarray of shape (n_places,)
        Mean r of a place with the other places of its own half, and with those of the other.
    mirror : ndarray of int, shape (n_places,)
        Place at the mirror position, -1 where there is none.
    nonfinite, constant : boolean ndarray of shape (n_places,)
        Places left out because their series has a value that is not finite, or has one value only.
    """

    value: NDArray[np.float64]
    own: NDArray[np.float64]
    other: NDArray[np.float64]
    mirror: NDArray[np.intp]
    nonfinite: NDArray[np.bool_]
    constant: NDArray[np.bool_]


def segregation(
    series: NDArray[Any], domain: Domain, *, n_threads: int | None = None
) -> Lateralisation:
    """For each place, how much more than its mirror place it keeps to its own half.

    Parameters
    ----------
    series : ndarray of shape (n_places, n_volumes)
        Clean time series at the places of the domain.
    domain : Domain
        In a space whose mirror positions (-x, y, z) are counterparts; see `Domain.mirror`.
    n_threads : int, optional
        By default all cores. The result does not depend on it.

    Returns
    -------
    Lateralisation
        Its `value` is LL - LR - (RR - RL) at a place of the left, LL being the mean r with the left
        half and so on, and the reverse at a place of the right.

    Raises
    ------
    InputError
        If the series do not fit the domain, no place has a mirror place, or a half has less than
        two places with a usable series.

    References
    ----------
    Gotts SJ et al. (2013), PNAS 110:E3435-E3444, doi 10.1073/pnas.1302581110.
    """
    return _lateralisation(series, domain, -1, n_threads)


def integration(
    series: NDArray[Any], domain: Domain, *, n_threads: int | None = None
) -> Lateralisation:
    """For each place, how much more than its mirror place it goes with both halves.

    As `segregation`, but for its `value`, which is LL + LR - (RR + RL) at a place of the left.
    """
    return _lateralisation(series, domain, 1, n_threads)


def _lateralisation(
    series: NDArray[Any], domain: Domain, sign: int, n_threads: int | None
) -> Lateralisation:
    unit = unit_series(series, domain, n_threads)
    sides = usable_sides(domain, unit.usable)
    if min(map(len, sides)) < 2:
        msg = "A half has one usable time series only, so it has no correlation within it."
        raise InputError(msg)
    mirror = usable_mirror(domain, unit.usable)
    own, other = np.full((2, domain.n_places), np.nan)
    # A mean of dot products is the dot product with the mean: no pair is looked at.
    totals = [sum(unit[part].sum(axis=0) for part in _parts(side)) for side in sides]
    for number, side in enumerate(sides):
        for part in _parts(side):
            series_of = unit[part]
            # It correlates with itself by 1, which is none of its ties.
            own[part] = (_dot(series_of, totals[number]) - 1) / (len(side) - 1)
            other[part] = _dot(series_of, totals[1 - number]) / len(sides[1 - number])
    has = mirror >= 0
    kept = own + sign * other
    value = np.full(domain.n_places, np.nan)
    value[has] = kept[has] - kept[mirror[has]]
    return Lateralisation(value, own, other, mirror, unit.nonfinite, unit.constant)


def _parts(side: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    return [side[start : start + _CHUNK] for start in range(0, len(side), _CHUNK)]


def _dot(series: NDArray[np.float64], total: Any) -> NDArray[np.float64]:
    dot: NDArray[np.float64] = np.einsum("ij,j->i", series, total)
    return dot


def _maps_of(stat: str) -> OfScan:
    of = {"segregation": segregation, "integration": integration}[stat]

    def _maps(
        series: NDArray[Any],
        domain: Domain,
        _settings: MirrorSettings,
        n_threads: int | None = None,
    ) -> ScanMaps:
        result = of(series, domain, n_threads=n_threads)
        return ScanMaps(
            {stat: result.value, f"{stat}own": result.own, f"{stat}other": result.other},
            result.constant,
            result.nonfinite,
            summary=f"median |{stat}| = {np.nanmedian(np.abs(result.value)):.3f}",
            warnings=beside(domain, result.mirror),
        )

    return _maps


def _outputs(stat: str, what: str) -> tuple[Output, ...]:
    return (
        Output(stat, what, "arbitrary (difference of mean r)", stat, "coolwarm"),
        Output(
            f"{stat}own",
            "Mean Pearson correlation of a voxel with the other voxels of its own hemisphere.",
            "arbitrary (correlation)",
        ),
        Output(
            f"{stat}other",
            "Mean Pearson correlation of a voxel with the voxels of the other hemisphere.",
            "arbitrary (correlation)",
        ),
    )


SEGREGATION = Measure(
    stat="segregation",
    name="segregation",
    long_name="hemispheric segregation",
    unit="difference of mean r",
    references=("gotts2013",),
    meaning=(
        "Segregation says of each place how much more than its mirror place it keeps to its own "
        "half of the brain."
    ),
    high=(
        "It is above 0 where a function keeps to the half that the place is in (as language does "
        "to the left); at the mirror place it is the same below 0."
    ),
    settings=MirrorSettings,
    outputs=_outputs(
        "segregation",
        "Segregation: mean correlation with the own less that with the other hemisphere, of a "
        "voxel less the same of the voxel at the mirror position.",
    ),
    of_scan=_maps_of("segregation"),
)
INTEGRATION = Measure(
    stat="integration",
    name="integration",
    long_name="hemispheric integration",
    unit="difference of mean r",
    references=("gotts2013",),
    meaning=(
        "Integration says of each place how much more than its mirror place it goes with both "
        "halves of the brain."
    ),
    high=(
        "It is above 0 where a place is tied to the whole brain more than its mirror place is (as "
        "attention is on the right); at the mirror place it is the same below 0."
    ),
    settings=MirrorSettings,
    outputs=_outputs(
        "integration",
        "Integration: mean correlation with the own plus that with the other hemisphere, of a "
        "voxel less the same of the voxel at the mirror position.",
    ),
    of_scan=_maps_of("integration"),
)
