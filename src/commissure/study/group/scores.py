"""Scores that regions are correlated with: of whom, controlling what, and whether they can be."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from commissure.inference import Design
from commissure.inference.grammar import read_formula
from commissure.inputs.people import Participants
from commissure.settings.group import GroupSettings


def members(table: pd.DataFrame, group: str) -> dict[str, NDArray[np.bool_]]:
    """Return which scans each group has, by its level's name; "all" where there is no group."""
    if group not in table:
        return {"all": np.ones(len(table), bool)}
    names = table[group].map(lambda level: f"{level:g}" if isinstance(level, float) else str(level))
    return {name: (names == name).to_numpy() for name in sorted(names.unique())}


def scanned_again(table: pd.DataFrame) -> bool:
    """Tell whether somebody has several rows, so that rows are no people."""
    return bool(table["participant_id"].duplicated().any())


def other_terms(settings: GroupSettings) -> tuple[str, ...]:
    """Return the columns that the formula names, but the group's, in its order."""
    return tuple(name for name in read_formula(settings.formula).names if name != settings.group)


def score_problems(settings: GroupSettings, table: pd.DataFrame) -> list[str]:
    """Say what is wrong with the scores and the group within which they are correlated."""
    problems = [
        f"The score {name} ([group] clinical) has words, no numbers. Name a column of numbers."
        for name in settings.clinical
        if name in table and not pd.api.types.is_numeric_dtype(table[name])
    ]
    problems += [
        f"The score {name} ([group] clinical) is the same for everyone who is compared, so it goes "
        "with nothing. Leave it out."
        for name in settings.clinical
        if name in table and _is_constant(table[name].dropna())
    ]
    if settings.clinical and settings.blocks is not None and scanned_again(table):
        problems.append(
            "[group] clinical: there are several scans of a person, and a correlation counts each "
            "scan as a person. Take one session, or correlate no scores: clinical = []."
        )
    if settings.within is not None and settings.group in table:
        levels = members(table, settings.group)
        if settings.within not in levels:
            problems.append(
                f"[group] within: nobody has {settings.group} {settings.within}; there are "
                f"{', '.join(levels)}. Name one of them."
            )
    return problems


def _is_constant(values: "pd.Series[float]") -> bool:
    return len(values) > 1 and bool((values == values.iloc[0]).all())


def correlated(
    people: Participants, settings: GroupSettings, design: Design
) -> tuple[NDArray[np.bool_], pd.DataFrame]:
    """Return whose regions are correlated with scores, and the columns that are controlled.

    Parameters
    ----------
    people : Participants
        As they are understood.
    settings : GroupSettings
    design : Design

    Returns
    -------
    rows : ndarray of bool, shape (n_scans,)
    covariates : DataFrame
        A row for each of these; of a factor, a column for each level but one.
    """
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
    return rows, pd.concat(columns, axis=1) if columns else chosen
