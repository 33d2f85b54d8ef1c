"""Scores that are correlated with regions, and what of it can be told before there are maps."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from commissure.clinical import PartialCorrelations, partial_correlations, why_not
from commissure.inference import Design
from commissure.inputs.people import Participants
from commissure.problems import InputError
from commissure.settings.group import GroupSettings
from commissure.study.group.groups import members, other_terms


@dataclass(frozen=True, eq=False)
class Scored:
    """Whose scores are correlated, and what is held constant.

    Attributes
    ----------
    rows : boolean ndarray of shape (n_scans,)
    people : DataFrame
        Their rows.
    covariates : DataFrame
        Columns of numbers.
    """

    rows: NDArray[np.bool_]
    people: pd.DataFrame
    covariates: pd.DataFrame


def correlated(
    regions: pd.DataFrame, people: Participants, design: Design, settings: GroupSettings
) -> PartialCorrelations | None:
    """Correlate the means of regions with the scores that were asked for; None without any.

    Parameters
    ----------
    regions : DataFrame of shape (n_scans, n_regions)
    people : Participants
        A row a scan, as they are understood.
    design, settings

    Raises
    ------
    InputError
        If no score could be correlated.
    """
    if not settings.clinical:
        return None
    if regions.empty:
        msg = "No cluster is significant and no region was given: no score was correlated."
        raise InputError(msg)
    of = _scored(people, design, settings)
    return partial_correlations(
        regions.to_numpy()[of.rows],
        of.people[list(settings.clinical)],
        of.covariates,
        roi_names=list(map(str, regions)),
        score_names=settings.clinical,
        covariate_names=list(map(str, of.covariates)),
        participants=[str(who) for who in of.people["participant_id"]],
        method=settings.correlation,
    )


def uncorrelated(people: Participants, design: Design, settings: GroupSettings) -> list[str]:
    """Say which scores cannot be correlated, whatever the maps."""
    if not settings.clinical:
        return []
    of = _scored(people, design, settings)
    return [
        f"The score {name} ([group] clinical) cannot be correlated, whatever is found: {why}."
        for name, why in why_not(
            of.people[list(settings.clinical)],
            of.covariates,
            score_names=settings.clinical,
            covariate_names=list(map(str, of.covariates)),
            method=settings.correlation,
        ).items()
    ]


def _scored(people: Participants, design: Design, settings: GroupSettings) -> Scored:
    table = people.table
    rows = np.ones(len(table), bool)
    if settings.within:
        rows = members(table, settings.group)[settings.within]
    names = settings.clinical_covariates
    if names is None:
        names = other_terms(settings)
    factors = {*design.factors, *(c.name for c in people.columns if c.kind != "number")}
    chosen = table[rows][list(names)]
    columns = []
    for name in names:
        column = chosen[[name]]
        if name in factors:
            column = pd.get_dummies(column, columns=[name], drop_first=True, dtype=float)
            # Whose level is not known is not of the first.
            column[chosen[name].isna()] = np.nan
        columns.append(column)
    return Scored(rows, table[rows], pd.concat(columns, axis=1) if columns else chosen)
