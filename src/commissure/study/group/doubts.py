"""What can be told of a comparison before it is made: that something cannot be found or tested."""

import logging

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from commissure import inference
from commissure.inference import Design
from commissure.inputs.people import Participants
from commissure.settings.group import GroupSettings
from commissure.study.group.correlations import uncorrelated
from commissure.study.group.groups import members
from commissure.study.group.spreads import may_flip

log = logging.getLogger(__name__)

# A mean of fewer scans cannot be tested.
LEAST_SCANS_OF_MEAN = 3


def doubts(
    table: pd.DataFrame,
    design: Design,
    contrast: NDArray[np.float64],
    settings: GroupSettings,
    *,
    flip_signs: bool,
) -> list[str]:
    """Say what is doubtful of a design, and what will not be tested, whatever the data.

    Parameters
    ----------
    table : DataFrame
        Of the participants, a row a scan.
    design, contrast, settings
    flip_signs : bool
        Whether signs of residuals are flipped.
    """
    least, n, exhaustive = inference.smallest_p(
        design,
        contrast,
        settings.n_permutations,
        settings.method,
        settings.tail,
        flip_signs=flip_signs,
    )
    told = list(design.notes)
    if least > settings.alpha:
        told.append(
            f"No corrected p can be below {least:.2g} with {n} relabellings, so nothing can be "
            f"significant at {settings.alpha:g}. "
            + ("There are no more: compare more participants." if exhaustive else "Ask for more.")
        )
    sizes = {name: int(rows.sum()) for name, rows in members(table, settings.group).items()}
    told += [
        f"The mean of {name} is not tested: {size} of at least {LEAST_SCANS_OF_MEAN} scans."
        for name, size in sizes.items()
        if size < LEAST_SCANS_OF_MEAN
    ]
    return told


def warn_of_doubts(
    people: Participants, design: Design, contrast: NDArray[np.float64], settings: GroupSettings
) -> None:
    """Tell before anything is computed what is doubtful, or that nothing can be found.

    Parameters
    ----------
    people : Participants
        As they are understood.
    design, contrast, settings
        See `doubts`.
    """
    # How much groups differ in spread is not known yet; flips allow of the smaller p.
    flips = may_flip(people.table, design, contrast, settings)
    for note in (
        *doubts(people.table, design, contrast, settings, flip_signs=flips),
        *uncorrelated(people, design, settings),
    ):
        log.warning("%s", note)
