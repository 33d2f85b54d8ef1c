"""What can be wrong with a table of participants and the design made from it, in plain words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg

# Of columns scaled to length 1. A covariate far from 0 (the year of a scan, say) makes small
# pivots of 1e-4; columns that depend on one another make 1e-15.
_RANK_TOLERANCE = 1e-9
_LEVERAGE_TOLERANCE = 1e-8
# A covariate that chance alone puts apart less often than this (6 scans against 6) is no accident.
_SURELY_NO_CHANCE = 5e-3


def scan_names(participants: pd.DataFrame) -> list[str]:
    """Return what messages call each scan: its participant_id, or its row."""
    if "participant_id" in participants:
        return [str(name) for name in participants["participant_id"]]
    return [f"row {row}" for row in range(1, len(participants) + 1)]


def is_covariate(column: pd.Series) -> bool:
    """Tell whether a column has numbers (and is no column of true and false)."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def missing(column: pd.Series) -> NDArray[np.bool_]:
    """Return where a column has nothing: empty, not a number, infinite, or BIDS's ``n/a``."""
    if is_covariate(column):
        return np.asarray(~np.isfinite(column.to_numpy(float, na_value=np.nan)))
    values = column.astype(object)
    return np.asarray(values.isna() | values.isin(["", "n/a"]))


def unknown_columns(names: Iterable[str], participants: pd.DataFrame) -> Iterator[str]:
    """Report names that the table has no column for."""
    there = ", ".join(map(str, participants.columns))
    for name in names:
        if name not in participants:
            yield f"The participants have no column {name!r}. The columns are {there}."


def missing_values(names: Iterable[str], participants: pd.DataFrame) -> Iterator[str]:
    """Report who has no value, column by column."""
    who = scan_names(participants)
    for name in names:
        absent = np.flatnonzero(missing(participants[name]))
        if len(absent):
            yield (
                f"Values of {name!r} are missing for {', '.join(who[i] for i in absent)}. Fill "
                "them in, leave these scans out, or leave the column out of the formula."
            )


def words_among_numbers(names: Iterable[str], participants: pd.DataFrame) -> Iterator[str]:
    """Report columns of text in which most values are numbers: hardly what was meant."""
    who = scan_names(participants)
    for name in names:
        column = participants[name]
        if is_covariate(column) or pd.api.types.is_bool_dtype(column):
            continue
        there = ~missing(column)
        number = pd.to_numeric(column.astype(str), errors="coerce").notna().to_numpy()
        words = np.flatnonzero(there & ~number)
        if 0 < len(words) < (there & number).sum():
            which = ", ".join(f"{column.iloc[i]!r} ({who[i]})" for i in words)
            yield f"The column {name!r} has numbers and words: {which}. Replace the words."


def one_value_only(table: pd.DataFrame) -> Iterator[str]:
    """Report factors and covariates that are the same for every scan."""
    for name, column in table.items():
        if (column == column.iloc[0]).all():
            what = "level" if column.dtype == "category" else "value"
            yield (
                f"{name!r} has one {what} only ({column.iloc[0]}), so nothing can be compared. "
                "Leave it out of the formula (a formula of 1 tests the mean of one group)."
            )


def separated_groups(table: pd.DataFrame, group: str) -> Iterator[tuple[str, bool]]:
    """Report covariates whose ranges in two groups do not meet, and whether it may be chance."""
    if group not in table:
        return
    for name, column in table.items():
        if name == group or column.dtype == "category":
            continue
        ranges = column.groupby(table[group], observed=True).agg(["min", "max"])
        for one, other in combinations(ranges.index, 2):
            low, high = sorted((one, other), key=lambda level: ranges.loc[level, "min"])
            if ranges.loc[low, "max"] < ranges.loc[high, "min"]:
                sizes = [int((table[group] == level).sum()) for level in (low, high)]
                # Of all ways to divide the scans, two have these ranges apart.
                by_chance = 2 / comb(sum(sizes), sizes[0]) >= _SURELY_NO_CHANCE
                meant = (
                    "With so few scans that may be chance, but"
                    if by_chance
                    else "With so many scans that is no chance:"
                )
                said = (
                    f"{name!r} separates the groups: it is at most {ranges.loc[low, 'max']:g} in "
                    f"{group}[{low}] and at least {ranges.loc[high, 'min']:g} in {group}[{high}]. "
                    f"{meant} a difference of the groups cannot be told from its effect. Leave it "
                    "out of the formula."
                )
                yield said, by_chance


def independent_columns(matrix: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the indices, ascending, of columns that span all of them."""
    _, r, pivots = linalg.qr(_unit_columns(matrix), mode="economic", pivoting=True)
    rank = int((np.abs(np.diag(r)) > _RANK_TOLERANCE).sum())
    return np.sort(pivots[:rank])


def dependent_columns(
    matrix: NDArray[np.float64], names: Sequence[str], kept: NDArray[np.intp]
) -> Iterator[str]:
    """Report the columns that can be computed from one another."""
    unit = _unit_columns(matrix)
    involved: set[int] = set()
    for left_out in np.setdiff1d(np.arange(len(names)), kept):
        if not unit[:, left_out].any():
            yield (
                f"The design's column {names[left_out]} is 0 for every scan: nobody has this "
                "combination of levels. Leave the interaction out of the formula."
            )
            continue
        weights = linalg.lstsq(unit[:, kept], unit[:, left_out])[0]
        involved |= {int(left_out), *map(int, kept[np.abs(weights) > _RANK_TOLERANCE**0.5])}
    if involved:
        yield (
            f"The columns {', '.join(names[j] for j in sorted(involved))} of the design can be "
            f"computed from one another ({len(names)} columns, rank {len(kept)}), so their effects "
            "cannot be told apart. Leave one of these terms out of the formula."
        )


def too_few_scans(matrix: NDArray[np.float64]) -> Iterator[str]:
    """Report a design that leaves fewer than two degrees of freedom."""
    n_scans, n_columns = matrix.shape
    if n_scans < n_columns + 2:
        yield (
            f"The design has {n_columns} columns for {n_scans} scans; it needs at least "
            f"{n_columns + 2} scans. Leave terms out of the formula."
        )


def fitted_alone(
    matrix: NDArray[np.float64], names: Sequence[str], scans: Sequence[str]
) -> Iterator[str]:
    """Report scans of leverage 1, which the design fits whatever their maps show.

    `matrix` has independent columns.
    """
    q = linalg.qr(_unit_columns(matrix), mode="economic")[0]
    leverage = np.square(q).sum(axis=1)
    for scan in map(int, np.flatnonzero(leverage > 1 - _LEVERAGE_TOLERANCE)):
        others = np.delete(matrix, scan, axis=0)
        alone = [
            name
            for name, value, other in zip(names, matrix[scan], others.T, strict=True)
            if value and not other.any()
        ]
        which = f" (only it has {', '.join(alone)})" if alone else ""
        yield (
            f"The scan of {scans[scan]} has leverage 1{which}: the design fits it exactly, "
            "whatever its map shows, so permuting it says nothing. Leave it out, or the term that "
            "is its own."
        )


def blocks_of_one(blocks: NDArray[np.intp], name: str) -> Iterator[str]:
    """Report blocks within which nothing can be permuted."""
    if np.bincount(blocks).max(initial=0) < 2:
        yield (
            f"Every block of {name!r} has one scan only, so nothing can be permuted within blocks. "
            "Name a column whose values repeat (participant_id for repeated scans), or none."
        )


def unmatched(keys: Mapping[str, pd.MultiIndex]) -> Iterator[str]:
    """Report keys that are twice in one table, or in one only."""
    for what, index in keys.items():
        twice = index[index.duplicated()].unique()
        if len(twice):
            yield (
                f"More than one row of the {what} is of {_keys(twice)}. Keep one, or match by "
                "another column too (the session, say)."
            )
    (one, a), (other, b) = keys.items()
    for what, lacking, elsewhere in ((one, a.difference(b), other), (other, b.difference(a), one)):
        if len(lacking):
            yield (
                f"In the {what} but not in the {elsewhere}: {_keys(lacking)}. Add what is missing "
                "or leave these rows out."
            )


def _keys(index: pd.Index) -> str:
    return ", ".join("/".join(map(str, key)) for key in index)


def _unit_columns(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(matrix, axis=0)
    return matrix / np.where(length > 0, length, 1)
