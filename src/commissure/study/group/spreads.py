"""Which groups of people may differ in spread, and how much they do."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from commissure.inference.design import Design
from commissure.inference.glm import Model
from commissure.inference.variance_groups import VarianceGroups
from commissure.problems import InputError
from commissure.settings.group import GroupSettings
from commissure.study.group.findings import Spreads

_PLACES_AT_ONCE = 4096


def spreads_of(
    maps: NDArray[Any],
    table: pd.DataFrame,
    design: Design,
    contrast: NDArray[np.float64],
    settings: GroupSettings,
) -> Spreads | None:
    """Return the groups whose variances may differ; None where there are no two of them.

    Parameters
    ----------
    maps : ndarray of shape (n_scans, n_places)
    table : DataFrame
        Of the participants, a row a scan.
    design, contrast
    settings : GroupSettings
        Whose `variance_groups` is "none", "auto" (the group's column, if it is a factor of the
        formula whose levels have scans enough, and relabelling is by freedman-lane) or a column.

    Raises
    ------
    InputError
        If a column is named that is not there, or in which a variance cannot be estimated.
    """
    found = groups_that_may_differ(table, design, contrast, settings)
    if found is None:
        return None
    names, model, groups = found
    sd = _residual_sd(maps, model, groups)
    return Spreads(names, groups.codes, sd, _allowed_for(settings))


def may_flip(
    table: pd.DataFrame, design: Design, contrast: NDArray[np.float64], settings: GroupSettings
) -> bool:
    """Whether signs will be flipped if groups differ in spread, which maps have yet to show.

    Parameters
    ----------
    table : DataFrame
        Of the participants, a row a scan.
    design, contrast, settings
    """
    found = groups_that_may_differ(table, design, contrast, settings)
    return found is not None and _allowed_for(settings)


def _allowed_for(settings: GroupSettings) -> bool:
    asked = settings.variance_groups
    return asked != "none" and (asked != "auto" or settings.method == "freedman-lane")


def groups_that_may_differ(
    table: pd.DataFrame, design: Design, contrast: NDArray[np.float64], settings: GroupSettings
) -> tuple[tuple[str, ...], Model, VarianceGroups] | None:
    """Return the groups' names, the model and the groups; see `spreads_of`.

    Parameters
    ----------
    table : DataFrame
        Of the participants, a row a scan.
    design, contrast, settings

    Raises
    ------
    InputError
        See `spreads_of`.
    """
    asked = settings.variance_groups
    column = settings.group if asked in ("none", "auto") else asked
    if column not in table:
        if asked == column:
            msg = (
                f"[group] variance_groups = {column!r}: there is no such column; there are "
                f'{", ".join(map(str, table))}. Name one of them, "auto" or "none".'
            )
            raise InputError(msg)
        return None
    if asked != column and column not in design.factors:
        return None
    scans_of = table[column].astype(str).to_numpy()
    model = Model.of(design, contrast)
    try:
        groups = VarianceGroups.of(model, scans_of)
    except InputError as error:
        if asked == column:
            raise InputError([f"[group] variance_groups: {p}" for p in error.problems]) from error
        return None
    names = tuple(np.unique(scans_of))
    if len(names) < 2:
        return None
    return names, model, groups


def _residual_sd(maps: NDArray[Any], model: Model, groups: VarianceGroups) -> tuple[float, ...]:
    """Return the residuals' standard deviation in each group, the median over places."""
    design = np.hstack([model.nuisance_basis, model.tested_basis])
    members = np.eye(len(groups.df))[groups.codes]
    squares = []
    for start in range(0, maps.shape[1], _PLACES_AT_ONCE):
        part = maps[:, start : start + _PLACES_AT_ONCE]
        left = part - design @ (design.T @ part)
        squares.append(members.T @ left**2)
    variance = np.concatenate(squares, axis=1) / groups.df[:, None]
    return tuple(float(sd) for sd in np.median(np.sqrt(variance), axis=1))
