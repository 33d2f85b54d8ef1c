"""Studies of patients' scores: what partial correlations find of what was planted."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from commissure.clinical import partial_correlations
from commissure.measures import cfh
from commissure.simulation.comparison import COVARIATES
from commissure.simulation.group_truth import GroupTruth
from commissure.simulation.maps import DEGREES_OF_FREEDOM, draw_series, participants_table
from commissure.simulation.networks import REGIONS
from commissure.simulation.people import draw_people
from commissure.simulation.truth import regional_z

SCORES = ("illness_duration", "JRS_total", "JRS_severity", "JRS_frequency")


@dataclass(frozen=True, eq=False)
class ScoreStudy:
    """A study of patients' scores.

    Attributes
    ----------
    table : DataFrame
        See `commissure.clinical.PartialCorrelations.table`, a row a region and score.
    reliability : dict of str to float
        For each region, the squared correlation of its measured with its true CFH over people.
    """

    table: pd.DataFrame
    reliability: dict[str, float]


def score_study(
    seed: int, truth: GroupTruth, *, n_patients: int = 30, n_threads: int | None = None
) -> ScoreStudy:
    """Correlate the CFH of the regions (6 mm around their centres) with the patients' scores."""
    forward, effects = truth.forward, truth.effects
    _, people = draw_people(seed, n_patients, 0, effects)
    cores = [truth.core(number) for number in range(len(REGIONS))]
    needed = np.zeros(forward.domain.n_places, bool)
    needed[np.concatenate([*cores, forward.domain.right])] = True
    place_of = np.cumsum(needed) - 1
    few = forward.domain.restrict(needed)
    measured, true = [], []
    for person in people:
        rng = np.random.default_rng(person.seed)
        series = draw_series(rng, forward, person.coupling, DEGREES_OF_FREEDOM + 1, n_threads)
        z = cfh(series[needed], few, n_threads=n_threads).z
        measured.append([z[place_of[core]].mean() for core in cores])
        true.append([regional_z(forward, person.coupling, core) for core in cores])
    table = participants_table(people)
    covariates = pd.get_dummies(table[list(COVARIATES)], drop_first=True, dtype=float)
    names = [region.name for region in REGIONS]
    found = partial_correlations(
        measured,
        table[list(SCORES)],
        covariates,
        roi_names=names,
        score_names=SCORES,
        covariate_names=list(map(str, covariates)),
        participants=list(table["participant_id"]),
    )
    return ScoreStudy(
        found.table,
        {
            name: float(np.corrcoef(a, b)[0, 1] ** 2)
            for name, a, b in zip(names, np.transpose(measured), np.transpose(true), strict=True)
        },
    )


def partial_correlation_power(r: float, n: int, n_covariates: int, alpha: float = 0.05) -> float:
    """Return the chance that a two-sided test finds a partial correlation, by Fisher's z.

    Parameters
    ----------
    r : float
        With what is measured: a correlation with the truth times the root of its reliability.
    n, n_covariates : int
    alpha : float
    """
    shift = np.arctanh(r) * np.sqrt(n - n_covariates - 3)
    beyond = stats.norm.isf(alpha / 2)
    return float(stats.norm.sf(beyond - shift) + stats.norm.cdf(-beyond - shift))
