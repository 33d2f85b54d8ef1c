"""Who was studied: each variable summarised by group, and tested where groups can differ."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from commissure.clinical.group_tests import GroupTest, compare_counts, compare_means, compare_ranks
from commissure.problems import InputError

ALPHA_NORMALITY = 0.05

SummaryKind = Literal["mean", "median", "counts"]


@dataclass(frozen=True)
class Table1Row:
    """One variable of Table 1.

    Attributes
    ----------
    variable : str
        Its column.
    kind : {"mean", "median", "counts"}
        What `summaries` holds.
    levels : tuple of str
        What is counted; empty for numbers.
    n : tuple of int
        Participants with a value, by group.
    summaries : tuple of tuple of float
        By group: mean and SD (n - 1); median, minimum and maximum; or the count of each level.
        Empty where a group has no value.
    because : str
        Why this kind of summary.
    test : GroupTest
    missing : tuple of str
        Participants without a value, in the groups in which anyone has one.
    """

    variable: str
    kind: SummaryKind
    levels: tuple[str, ...]
    n: tuple[int, ...]
    summaries: tuple[tuple[float, ...], ...]
    because: str
    test: GroupTest
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Table1:
    """The table of demographics: `groups`, their sizes `n`, and a `Table1Row` for each variable."""

    groups: tuple[str, ...]
    n: tuple[int, ...]
    rows: tuple[Table1Row, ...]


def table1(
    participants: pd.DataFrame,
    group: str = "group",
    variables: Sequence[str] | None = None,
    *,
    categorical: Collection[str] = (),
    levels: Sequence[object] | None = None,
    welch: bool = False,
) -> Table1:
    """Summarise and test variables by group.

    Parameters
    ----------
    participants : DataFrame
        A row a participant, named by the column ``participant_id`` or else by the index.
    group : str
        Column of the groups.
    variables : sequence of str, optional
        Columns to show, in this order; by default all but the group and ``participant_id``.
    categorical : collection of str
        Columns to count although they hold numbers. Columns of text are always counted.
    levels : sequence, optional
        The groups to show, in this order; by default all, sorted.
    welch : bool
        Do not assume that the groups have one variance (Welch's t and ANOVA).

    Returns
    -------
    Table1

    Raises
    ------
    InputError
        If a column or a group does not exist, a participant has no group, or a column mixes
        numbers and text; all such problems together.

    Notes
    -----
    Numbers: Shapiro-Wilk in each group at 0.05. If any group rejects, or cannot be judged (fewer
    than 3 values, or all equal), median (min-max) and Mann-Whitney U, or Kruskal-Wallis for more
    than two groups; else mean (SD) and Student's t, or one-way ANOVA. U is referred to the normal
    distribution with corrections for ties and for continuity, as SciPy and R do (SPSS's "Asymp.
    Sig." has none for continuity, so is slightly smaller); to its exact distribution where a group
    has 8 values or fewer and nothing is tied.

    Counts: chi-square without Yates' correction, as SPSS's "Pearson Chi-Square"; Fisher's exact
    test where an expected count is below 5. Beyond 2 x 2 SciPy's is a Monte Carlo test over random
    tables with the observed margins (99,999 here, seed 0), as SPSS offers one too.

    Groups in which nobody has a value take no part: a score that only patients have is not tested.
    """
    variables = _known_columns(participants, group, variables)
    people, members, problems = _split(participants, group, levels)
    ids = _ids(people)
    rows = []
    for name in variables:
        try:
            values = _read(people[name], ids, counted=name in categorical)
        except InputError as error:
            problems.extend(error.problems)
        else:
            rows.append(_row(name, values, members, ids, welch=welch))
    if problems:
        raise InputError(problems)
    return Table1(tuple(members), tuple(map(len, members.values())), tuple(rows))


def _known_columns(
    participants: pd.DataFrame, group: str, variables: Sequence[str] | None
) -> Sequence[str]:
    """Return the columns to show, after a check that they exist."""
    if variables is None:
        variables = [c for c in participants.columns if c not in (group, "participant_id")]
    unknown = [name for name in (group, *variables) if name not in participants.columns]
    if unknown:
        there = ", ".join(map(str, participants.columns))
        msg = f"participants has no column {', '.join(unknown)}; its columns are: {there}."
        raise InputError(msg)
    return variables


def _split(
    participants: pd.DataFrame, group: str, levels: Sequence[object] | None
) -> tuple[pd.DataFrame, dict[str, NDArray[np.intp]], list[str]]:
    """Return the participants of the groups, each group's rows, and what is wrong with them."""
    column = participants[group]
    problems = []
    if column.isna().any():
        who = ", ".join(_ids(participants)[column.isna()])
        problems.append(f"No {group} is given for {who}. Fill it in, or leave them out.")
    names = column.map(_level_name, na_action="ignore")
    there = _level_names(column)
    shown = there if levels is None else tuple(map(_level_name, levels))
    if unknown := [name for name in shown if name not in there]:
        problems.append(f"Nobody has {group} {', '.join(unknown)}; there are: {', '.join(there)}.")
    kept = names.isin(shown)
    names = names[kept]
    return participants[kept], {name: np.flatnonzero(names == name) for name in shown}, problems


def _ids(participants: pd.DataFrame) -> "pd.Series[str]":
    return participants.get("participant_id", participants.index.to_series()).map(str)


def _level_name(level: object) -> str:
    """Return a level as people write it: 1.0, as read beside an empty cell, is 1."""
    return f"{level:g}" if isinstance(level, float) else str(level)


def _level_names(column: "pd.Series[Any]") -> tuple[str, ...]:
    """Return the levels that occur: in their own order where they have one, else sorted."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return tuple(map(_level_name, column.cat.remove_unused_categories().cat.categories))
    by_kind = sorted(column.dropna().unique(), key=lambda level: (isinstance(level, str), level))
    return tuple(dict.fromkeys(map(_level_name, by_kind)))


def _read(column: "pd.Series[Any]", ids: "pd.Series[str]", *, counted: bool) -> "pd.Series[Any]":
    """Return a column as floats, or as a categorical column of names if it is to be counted."""
    numbers = None if counted else _as_numbers(column)
    if numbers is None:
        names = column.map(_level_name, na_action="ignore")
        return names.astype(pd.CategoricalDtype(list(_level_names(column))))
    wrong = (column.notna() & numbers.isna()) | np.isinf(numbers)
    if wrong.any():
        found = zip(column[wrong], ids[wrong], strict=True)
        where = ", ".join(f"{value} ({who})" for value, who in found)
        msg = (
            f"The column {column.name} has numbers, but also: {where}. Correct them or leave them "
            "empty, or name the column among the categorical ones."
        )
        raise InputError(msg)
    return numbers


def _as_numbers(column: "pd.Series[Any]") -> "pd.Series[float] | None":
    """Return what of a column reads as numbers, None if nothing does or it is a category."""
    if pd.api.types.infer_dtype(column, skipna=True) in ("boolean", "categorical"):
        return None
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    return numbers if numbers.notna().any() or column.isna().all() else None


def _row(
    variable: str,
    values: "pd.Series[Any]",
    members: dict[str, NDArray[np.intp]],
    ids: "pd.Series[str]",
    *,
    welch: bool,
) -> Table1Row:
    """Summarise and test one column, as `_read` returns it."""
    samples = {key: values.iloc[places].dropna() for key, places in members.items()}
    present = {key: sample for key, sample in samples.items() if len(sample)}
    missing = [ids.iloc[i] for key in present for i in members[key] if pd.isna(values.iloc[i])]
    levels: tuple[str, ...] = ()
    kind: SummaryKind
    if isinstance(values.dtype, pd.CategoricalDtype):
        levels = tuple(values.cat.categories)
        kind, because = "counts", "categorical"
    else:
        kind, because = _kind_of_numbers(present)
    return Table1Row(
        variable,
        kind,
        levels,
        tuple(map(len, samples.values())),
        tuple(_summary(sample, kind) if len(sample) else () for sample in samples.values()),
        because,
        _test(present, kind, welch=welch),
        tuple(missing),
    )


def _kind_of_numbers(present: dict[str, "pd.Series[Any]"]) -> tuple[SummaryKind, str]:
    """Choose between mean and median, and say why."""
    unjudged = [key for key, x in present.items() if len(x) < 3 or _constant(x)]
    rejected = [
        key
        for key, x in present.items()
        if key not in unjudged and stats.shapiro(x).pvalue < ALPHA_NORMALITY
    ]
    reasons = []
    if rejected:
        reasons.append(f"Shapiro-Wilk rejects normality in {', '.join(rejected)}")
    if unjudged:
        reasons.append(f"normality cannot be judged in {', '.join(unjudged)}")
    if reasons:
        return "median", "; ".join(reasons)
    return "mean", "Shapiro-Wilk rejects normality in no group"


def _constant(sample: "pd.Series[Any]") -> bool:
    return bool((sample == sample.iloc[0]).all())


def _summary(sample: "pd.Series[Any]", kind: SummaryKind) -> tuple[float, ...]:
    """Return what a row of this kind shows of a group."""
    if kind == "counts":
        return tuple(map(float, sample.value_counts(sort=False)))
    if kind == "mean":
        return float(sample.mean()), float(sample.std())
    return float(sample.median()), float(sample.min()), float(sample.max())


def _test(present: dict[str, "pd.Series[Any]"], kind: SummaryKind, *, welch: bool) -> GroupTest:
    """Test whether groups differ, or say why they cannot be compared."""
    if not present:
        return GroupTest("", "not tested, as nobody has a value")
    if len(present) == 1:
        return GroupTest("", f"not tested, as only {next(iter(present))} has values")
    if small := [key for key, sample in present.items() if len(sample) < 2]:
        return GroupTest("", f"not tested, as there is only one value in {', '.join(small)}")
    if _constant(pd.concat(list(present.values()))):
        return GroupTest("", "not tested, as all values are the same")
    if kind == "counts":
        return compare_counts(np.array([_summary(x, kind) for x in present.values()], int))
    samples = [x.to_numpy(float) for x in present.values()]
    return compare_means(samples, welch=welch) if kind == "mean" else compare_ranks(samples)
