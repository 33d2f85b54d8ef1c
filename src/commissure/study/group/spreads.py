"""Which groups of people may differ in spread, and how much they do."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from commissure.inference.glm import Model
from commissure.inference.variance_groups import VarianceGroups
from commissure.problems import InputError
from commissure.settings.group import GroupSettings
from commissure.study.group.findings import Inputs, Spreads

_PLACES_AT_ONCE = 4096


def spreads(inputs: Inputs, settings: GroupSettings) -> Spreads | None:
    """Return the groups whose variances may differ; None where there are no two of them.

    Parameters
    ----------
    inputs : Inputs
    settings : GroupSettings
        Whose `variance_groups` is "none", "auto" (the group's column, if it is a factor of the
        formula whose levels have scans enough, and relabelling is by freedman-lane) or a column.

    Raises
    ------
    InputError
        If a column is named that is not there, or in which a variance cannot be estimated.
    """
    asked = settings.variance_groups
    column = settings.group if asked in ("none", "auto") else asked
    table = inputs.people.table
    if column not in table:
        if asked == column:
            msg = (
                f"[group] variance_groups = {column!r}: there is no such column; there are "
                f'{", ".join(map(str, table))}. Name one of them, "auto" or "none".'
            )
            raise InputError(msg)
        return None
    if asked != column and column not in inputs.design.factors:
        return None
    names, codes = np.unique(table[column].astype(str).to_numpy(), return_inverse=True)
    model = Model.of(inputs.design, inputs.contrast)
    try:
        groups = VarianceGroups.of(model, codes)
    except InputError as error:
        if asked == column:
            raise InputError([f"[group] variance_groups: {p}" for p in error.problems]) from error
        return None
    if len(names) < 2:
        return None
    allowed_for = asked == column or (asked == "auto" and settings.method == "freedman-lane")
    return Spreads(tuple(names), codes, _residual_sd(inputs.maps.data, model, groups), allowed_for)


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
