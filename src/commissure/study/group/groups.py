"""Which scans are of which group, and which columns the formula names beside it."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from commissure.inference.grammar import read_formula
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
