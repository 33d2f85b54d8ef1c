"""CFH as a measure of a study: settings, maps, and what texts say of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Self

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from commissure.measures.cfh import CFHResult, Partner, cfh
from commissure.measures.matching import rarefied
from commissure.measures.measure import MapSettings, Measure, Output, ScanMaps
from commissure.measures.noise_floor import NoiseFloor, noise_floor
from commissure.problems import InputError
from commissure.space import Domain

_FISHER_Z = "arbitrary (Fisher z)"
_DUPLICATES = (
    "{} voxels have a partner with the same time series (|r| > 1 - 1e-7). Look for copied voxels "
    "in the data."
)
_BIAS = (
    "A maximum of correlations is biased upward, the more the fewer degrees of freedom the series "
    "have. Compare only scans with alike degrees of freedom."
)
_NEVER_ZERO = (
    "CFH, a maximum, is above 0 without any coupling between the hemispheres: that its mean "
    "differs from 0 says nothing. Compare it with its noise floor (stat-cfhfloor)."
)
_OUTPUTS = (
    Output(
        "cfh",
        "Connectivity between functionally homotopic voxels (CFH): for each voxel the highest "
        "Pearson correlation of its time series with any voxel of the other hemisphere, Fisher "
        "z-transformed.",
        _FISHER_Z,
        "CFH (Fisher z)",
        "viridis",
    ),
    Output(
        "cfhr",
        "CFH as Pearson's r, before the Fisher transform.",
        "arbitrary (correlation)",
        measure_in="r",
    ),
    Output(
        "cfhpartner",
        "Position of each voxel's functionally homotopic partner: x, y and z (RAS+) along the "
        "fourth axis.",
        "mm",
    ),
    Output(
        "cfhshift",
        "Distance of each voxel's functionally homotopic partner from the mirror position (-x, y, "
        "z).",
        "mm",
        "partner shift (mm)",
        "magma",
    ),
    Output(
        "cfhfloor",
        "Noise floor of CFH: mean over surrogates of the scan that keep the coupling within each "
        "hemisphere and have none between the hemispheres, Fisher z. What CFH exceeds it by is not "
        "the strength of the coupling.",
        _FISHER_Z,
        "CFH (Fisher z)",
        references=("prichard1994",),
    ),
)


@dataclass(frozen=True)
class CFHSettings(MapSettings):
    """How CFH maps are made; see `commissure.cfh`.

    Attributes
    ----------
    partner : {"scan", "group"}
        Whether partners are found within each scan, or once for all the scans of the group stage.
    noise_floor : int
        Surrogates without coupling between the hemispheres, of whose CFH a map is made (each takes
        as long as the map); 0: none, and none where partners are those of the group.
    noise_floor_seed : int
        Of their phases.
    match : {"none", "rarefied"}
        Whether runs are mapped with as many degrees of freedom as they have, or with alike ones:
        each run's map is the mean of maps of random projections of its series.
    match_df : float, optional
        Effective degrees of freedom to which runs are rarefied; those that have fewer are excluded.
        By default the fewest that an included run has (effective_df in quality.tsv).
    match_draws : int
        Random projections of each run.
    match_seed : int
        Of the projections; each run's name joins it.
    dtype : {"float32", "float64"}
        Precision of the search.
    """

    partner: Partner = "scan"
    noise_floor: Annotated[int, Ge(0), Le(1000)] = 4
    noise_floor_seed: Annotated[int, Ge(0), Le(2**63 - 1)] = 0
    match: Literal["none", "rarefied"] = "none"
    match_df: Annotated[float, Ge(3), Le(100_000)] | None = None
    match_draws: Annotated[int, Ge(1), Le(1000)] = 8
    match_seed: Annotated[int, Ge(0), Le(2**63 - 1)] = 0
    dtype: Literal["float32", "float64"] = "float32"

    @property
    def of_group(self) -> bool:
        """Whether partners are those of all scans."""
        return self.partner == "group"

    @property
    def without_effect(self) -> dict[str, str]:
        """Say that there is no floor of partners that scans have in common."""
        floor = "is of partners within the scan; do without it, or without [cfh] partner = group"
        return {"noise_floor": floor} if self.of_group and self.noise_floor else {}

    @property
    def matched_df(self) -> float | None:
        """Degrees of freedom that a run's maps are made with; None: as many as there are."""
        return self.match_df if self.match != "none" else None

    @property
    def waits(self) -> bool:
        """Whether runs are matched to what the least of them has."""
        return self.match != "none" and self.match_df is None

    def matched_to(self, df: float) -> Self:
        """Return the settings with degrees of freedom to which all runs are matched."""
        return replace(self, match_df=df)

    @property
    def problems(self) -> list[str]:
        """Say that one surrogate has no spread, and what runs cannot be matched to."""
        found = []
        if self.noise_floor == 1:
            found.append("noise_floor = 1: give 2 or more surrogates, or 0 for no floor.")
        if self.match != "none" and self.of_group:
            found.append('match is of partners within the scan; do without partner = "group".')
        if self.match == "none" and self.match_df is not None:
            found.append(
                "match_df says to how many degrees of freedom runs are brought: add match = "
                '"rarefied", or leave it out.'
            )
        return found


def cfh_maps(
    series: NDArray[Any],
    domain: Domain,
    settings: CFHSettings,
    n_threads: int | None = None,
    *,
    effective_df: float | None = None,
    name: str = "",
) -> ScanMaps:
    """Map one scan, series of shape (n_places, n_volumes), with partners of its own.

    Where runs are matched, maps are made of random projections of the series: CFH is the mean
    Fisher z, the shift the mean of theirs, and partners are those in the first.
    """
    draws = _draws(series, settings, effective_df, name)
    results = [cfh(draw, domain, dtype=settings.dtype, n_threads=n_threads) for draw in draws]
    floor = None
    if settings.noise_floor:
        floor = noise_floor(
            draws[0],
            domain,
            n_surrogates=settings.noise_floor,
            seed=settings.noise_floor_seed,
            dtype=settings.dtype,
            n_threads=n_threads,
        )
    made = _as_maps(results, domain, floor)
    if len(draws) == 1:
        return made
    return replace(made, counts={**made.counts, "MatchedDimensions": draws[0].shape[1] - 1})


def _draws(
    series: NDArray[Any], settings: CFHSettings, effective_df: float | None, name: str
) -> list[NDArray[Any]]:
    """Return what is mapped in place of series: projections of them, or they themselves."""
    if settings.waits:
        msg = "[cfh] match needs match_df, the degrees of freedom to which scans are matched."
        raise InputError(msg)
    if settings.matched_df is None or effective_df is None:
        return [series]
    rng = np.random.default_rng([settings.match_seed, *name.encode()])
    return list(rarefied(series, settings.matched_df, effective_df, settings.match_draws, rng))


def cfh_maps_of_group(
    series: Sequence[NDArray[Any]],
    domain: Domain,
    settings: CFHSettings,
    n_threads: int | None = None,
    max_memory: int | None = None,
) -> list[ScanMaps]:
    """Map all scans at the partners that they have in common."""
    results = cfh(
        series,
        domain,
        partner="group",
        dtype=settings.dtype,
        n_threads=n_threads,
        max_memory=max_memory,
    )
    return [_as_maps([result], domain, None) for result in results]


def _as_maps(results: Sequence[CFHResult], domain: Domain, floor: NoiseFloor | None) -> ScanMaps:
    """Return the maps of a scan, or of several draws of it: means, and partners of the first."""
    first = results[0]
    partner = np.full((domain.n_places, 3), np.nan)
    has = first.partner >= 0
    partner[has] = domain.coordinates[first.partner[has]]
    z = np.mean([result.z for result in results], axis=0)
    r = first.r if len(results) == 1 else np.tanh(z)
    shift = np.mean([result.shift(domain) for result in results], axis=0)
    values = {"cfh": z, "cfhr": r, "cfhpartner": partner, "cfhshift": shift}
    by_chance = ""
    if floor is not None:
        values["cfhfloor"] = floor.mean_z
        by_chance = f", noise floor r = {np.tanh(np.nanmedian(floor.mean_z)):.2f}"
    median, n_duplicates = np.nanmedian(z), int(first.duplicate.sum())
    return ScanMaps(
        values,
        first.constant,
        first.nonfinite,
        counts={"DuplicateTimeSeries": n_duplicates},
        summary=(
            f"median CFH z = {median:.2f} (r = {np.tanh(median):.2f}){by_chance}, "
            f"median shift {np.nanmedian(shift):.0f} mm"
        ),
        warnings=(_DUPLICATES.format(n_duplicates),) if n_duplicates else (),
    )


CFH = Measure(
    stat="cfh",
    name="CFH",
    long_name="connectivity between functionally homotopic voxels",
    unit="Fisher z",
    references=("liu2025", "ji_funchomoconn"),
    meaning=(
        "CFH (connectivity between functionally homotopic voxels) says of each place in one half "
        "of the brain how strongly its activity goes with that of its best match in the other half."
    ),
    high=(
        "CFH is high where a place of one half of the brain has a close match in the other half. A "
        "highest correlation is never 0 by chance: compare scans with one another, not single "
        "values with 0."
    ),
    freedom=(
        "CFH is the largest of many correlations, and that is the larger the fewer there are: "
        "scans can be compared only if theirs are alike."
    ),
    motion=(
        "That it does not vanish proves little: in simulated studies of CFH, FD in the model "
        "alone did not undo what motion had done."
    ),
    notes=(_BIAS,),
    never_zero=_NEVER_ZERO,
    settings=CFHSettings,
    outputs=_OUTPUTS,
    of_scan=cfh_maps,
    of_group=cfh_maps_of_group,
)
