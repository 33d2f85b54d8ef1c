"""How large a study must be to find an effect."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from commissure.problems import InputError
from commissure.simulation.comparison import compare_groups
from commissure.simulation.effects import Effects
from commissure.simulation.forward import forward_model
from commissure.simulation.group_truth import GroupTruth
from commissure.simulation.maps import MapStudy, simulate_maps
from commissure.simulation.sensitivity import found_of

# Enough for a p of 0.05.
N_PERMUTATIONS = 500
# With the covariates of the reference study.
LEAST_PER_GROUP = 10


def simulate_power(
    effects: Sequence[float],
    sizes: Sequence[int],
    n_studies: int,
    *,
    resolution_mm: int = 6,
    n_permutations: int = N_PERMUTATIONS,
    seed: int = 0,
    n_threads: int | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> pd.DataFrame:
    """Count in how many simulated studies each of the planted regions is found.

    Parameters
    ----------
    effects : sequence of float
        See `Effects.effect`.
    sizes : sequence of int
        People in each group. The smaller studies are the first people of the largest.
    n_studies : int
        For each effect.
    resolution_mm : {2, 3, 4, 6, 8}
    n_permutations : int
    seed : int
        Of the first study; the others have the following ones.
    n_threads : int, optional
    progress : callable, optional
        Called with what is being done and the share of the work that is done.

    Returns
    -------
    DataFrame
        A row for each effect, size and region: ``effect, n_per_group, region, n_studies, found,
        power, ci_low, ci_high`` (95 %, Clopper and Pearson), ``peak_t, peak_g`` (medians, in the
        region's truth).

    Raises
    ------
    InputError
        With all that is wrong with the arguments.
    """
    problems = []
    if small := [n for n in sizes if n < LEAST_PER_GROUP]:
        problems.append(
            f"A group needs {LEAST_PER_GROUP} people or more; {', '.join(map(str, small))} is less."
        )
    if n_studies < 1:
        problems.append(f"There must be 1 study or more; asked for were {n_studies}.")
    if not effects or not sizes:
        problems.append("Give at least one effect and one size.")
    if problems:
        raise InputError(problems)
    rows = []
    for number, effect in enumerate(effects):
        truth = GroupTruth.of(forward_model(resolution_mm), Effects(effect), n_threads)
        for study_number in range(n_studies):
            if progress:
                done = (number + study_number / n_studies) / len(effects)
                progress(f"effect {effect:g}, study {study_number + 1}", done)
            study_seed = seed + study_number
            largest = simulate_maps(
                study_seed,
                max(sizes),
                max(sizes),
                truth.effects,
                resolution_mm=resolution_mm,
                n_threads=n_threads,
            )
            for n in sizes:
                study = _first(largest, n)
                result = compare_groups(
                    study, n_permutations=n_permutations, seed=study_seed, n_threads=n_threads
                )
                rows += [
                    {"effect": effect, "n_per_group": n, **vars(region)}
                    for region in found_of(study, result, truth, study_seed).regions
                ]
    return _counted(pd.DataFrame(rows))


def sample_size(table: pd.DataFrame, power: float = 0.8) -> dict[float, float | None]:
    """Return for each effect how many people a group needs, by linear interpolation.

    Parameters
    ----------
    table : DataFrame
        See `simulate_power`; the power of the regions is averaged.
    power : float

    Returns
    -------
    dict of float to float, or None
        None where no size reaches the power; the smallest size where all do.
    """
    needed: dict[float, float | None] = {}
    for effect, rows in table.groupby("effect"):
        mean = rows.groupby("n_per_group")["power"].mean().cummax()
        if mean.iloc[-1] < power:
            needed[float(str(effect))] = None
            continue
        above = int((mean >= power).to_numpy().argmax())
        pair = slice(max(above - 1, 0), above + 1)
        needed[float(str(effect))] = float(
            np.interp(power, mean.to_numpy()[pair], mean.index.to_numpy()[pair])
        )
    return needed


def _first(study: MapStudy, n: int) -> MapStudy:
    """Return the study of the first people of each group."""
    rank = study.participants.groupby("group").cumcount()
    chosen = np.flatnonzero(rank < n)
    return replace(
        study,
        maps=study.maps[chosen],
        participants=study.participants.iloc[chosen].reset_index(drop=True),
        people=[study.people[i] for i in chosen],
    )


def _counted(studies: pd.DataFrame) -> pd.DataFrame:
    keys = ["effect", "n_per_group", "name"]
    rows = []
    for (effect, n, name), group in studies.groupby(keys, sort=False):
        found = int(group["found"].sum())
        interval = stats.binomtest(found, len(group)).proportion_ci(0.95)
        rows.append(
            {
                "effect": effect,
                "n_per_group": n,
                "region": name,
                "n_studies": len(group),
                "found": found,
                "power": found / len(group),
                "ci_low": interval.low,
                "ci_high": interval.high,
                "peak_t": group["peak_t"].median(),
                "peak_g": group["peak_g"].median(),
            }
        )
    return pd.DataFrame(rows)
