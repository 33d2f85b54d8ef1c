"""What is doubtful of a comparison, whatever the maps: told before there are any."""

import logging

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from commissure.clinical import uncorrelatable
from commissure.inference import Design, smallest_p
from commissure.inputs.people import Participants
from commissure.settings.group import GroupSettings
from commissure.study.group.scores import correlated, members

log = logging.getLogger(__name__)

# A mean of fewer scans cannot be tested.
LEAST_SCANS_OF_MEAN = 3


def doubts(
    people: Participants, design: Design, contrast: NDArray[np.float64], settings: GroupSettings
) -> list[str]:
    """Say what is doubtful of a design, and what cannot be found, whatever the data.

    Parameters
    ----------
    people : Participants
    design : Design
    contrast : ndarray
    settings : GroupSettings
    """
    least, n, exhaustive = smallest_p(
        design, contrast, settings.n_permutations, settings.method, settings.tail
    )
    few = [
        f"No corrected p can be below {least:.2g} with {n} relabellings, so nothing can be "
        f"significant at {settings.alpha:g}. "
        + ("There are no more: compare more participants." if exhaustive else "Ask for more.")
    ]
    return [
        *design.notes,
        *(few if least > settings.alpha else []),
        *_for_a_mean(people.table, settings),
    ]


def warn_of_doubts(
    people: Participants, design: Design, contrast: NDArray[np.float64], settings: GroupSettings
) -> None:
    """Tell before anything is computed what is doubtful, or cannot be found.

    Parameters
    ----------
    people, design, contrast, settings
        See `doubts`.
    """
    of_scores = _to_correlate(people, settings, design)
    for note in (*doubts(people, design, contrast, settings), *of_scores):
        log.warning("%s", note)


def _to_correlate(people: Participants, settings: GroupSettings, design: Design) -> list[str]:
    """Say which scores no region can be correlated with, whatever the maps."""
    if not settings.clinical:
        return []
    rows, covariates = correlated(people, settings, design)
    scores = people.table[rows][list(settings.clinical)]
    whom = f"{settings.group} {settings.within}" if settings.within else "all who are compared"
    return [
        f"[group] clinical: no region can be correlated with {name} in {whom}: {why}. Leave it "
        "out, or control less ([group] clinical_covariates)."
        for name, why in uncorrelatable(scores, covariates, settings.correlation).items()
    ]


def _for_a_mean(table: pd.DataFrame, settings: GroupSettings) -> list[str]:
    """Say of which groups the mean cannot be tested."""
    return [
        f"The mean of {name} is not tested: {n} scans are too few for it, which needs "
        f"{LEAST_SCANS_OF_MEAN}."
        for name, rows in members(table, settings.group).items()
        if (n := int(rows.sum())) < LEAST_SCANS_OF_MEAN
    ]
