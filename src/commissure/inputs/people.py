"""The table of participants: read once, its columns understood as the settings declare them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from commissure.files.columns import Column, describe, is_missing, level_name, values_of
from commissure.files.tables import read_cells, tidy
from commissure.files.text import read_json
from commissure.inference.grammar import NAME
from commissure.problems import InputError

# The column that mean framewise displacement gets.
MEAN_FD = "mean_fd"
# ... and their effective degrees of freedom.
EFFECTIVE_DF = "effective_df"
# Who a row is of.
IDS = ("participant_id", "session_id")
# Names with a meaning of their own in formulas and contrasts.
_RESERVED = ("Intercept", "mean", "C", "cfh")
# More levels are not worth listing.
_MOST_LEVELS = 6
# Of an age that is no number of years.
_SHORTER = ("month", "week", "day")


@dataclass(frozen=True, eq=False)
class Participants:
    """The table of participants.

    Attributes
    ----------
    table : DataFrame
        A row a scan, with the column ``participant_id``; empty cells and ``n/a`` are missing.
        As it is read, all is text; see `understood`.
    categorical : tuple of str
        Columns that participants.json gives ``Levels``.
    levels : dict of str to dict of str to str
        What each level of these columns means.
    units : dict of str to str
        ``Units`` of columns.
    columns : tuple of Column
        What the columns are that the settings name.
    notes : mapping of str to str
        What was read otherwise than it is written, column by column.
    source : str
        What messages call the table.
    """

    table: pd.DataFrame
    categorical: tuple[str, ...]
    levels: dict[str, dict[str, str]] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
    source: str = "participants.tsv"

    @property
    def told(self) -> list[str]:
        """What was read otherwise than it is written, in the columns that the settings name."""
        read = [self.notes[name] for name in map(str, self.table) if name in self.notes]
        return [*read, *(note for column in self.columns for note in column.notes)]

    @property
    def problems(self) -> list[str]:
        """Why columns that the settings name cannot be used as they are."""
        found = [problem for column in self.columns for problem in column.problems]
        return [f"{self.source}: {problem}" for problem in found]


@dataclass(frozen=True)
class Named:
    """The columns that settings name.

    Attributes
    ----------
    by : dict of str to tuple of str
        Setting to columns.
    factors, numbers : frozenset of str
        Those that are declared to have levels, and to have numbers.
    group : str
        The column of the groups, where there is one.
    has_formula : bool
        Whether there is a formula that is understood.
    """

    by: dict[str, tuple[str, ...]]
    factors: frozenset[str]
    numbers: frozenset[str]
    group: str
    has_formula: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys(name for names in self.by.values() for name in names))


def read_participants(path: Path) -> Participants:
    """Read participants.tsv, and what the participants.json beside it says of its columns.

    Raises
    ------
    InputError
        If one of them cannot be read, there is no column ``participant_id``, or a row has none.
    """
    cells = read_cells(path)
    if "participant_id" not in cells.names:
        there = ", ".join(cells.names)
        msg = (
            f"{path} has no column participant_id; its columns are {there}. Call the column of the "
            "participants' names so."
        )
        raise InputError(msg)
    nameless = [
        str(number)
        for number, who in enumerate(cells.column("participant_id"), start=1)
        if is_missing(who)
    ]
    if nameless:
        msg = f"{path}: row {', '.join(nameless)} has no participant_id. Fill it in."
        raise InputError(msg)
    table = pd.DataFrame(
        {
            name: pd.Series(values_of(cells.column(name), "text"), dtype=object)
            for name in cells.names
        }
    )
    sidecar = path.with_suffix(".json")
    sidecar_content = read_json(sidecar) if sidecar.exists() else {}
    about = {name: what for name, what in sidecar_content.items() if isinstance(what, dict)}
    levels = {
        name: _meanings(what["Levels"])
        for name, what in about.items()
        if name in table and what.get("Levels")
    }
    units = {
        name: str(what["Units"])
        for name, what in about.items()
        if name in table and "Units" in what
    }
    return Participants(table, tuple(levels), levels, units, notes=cells.notes, source=str(path))


def understood(people: Participants, named: Named) -> Participants:
    """Return the participants with the columns that settings name, and no others.

    Numbers become numbers; what each column is, and what is wrong with it, is in its
    `Participants.columns`.
    """
    table = people.table.reset_index(drop=True)
    rows = _row_names(table)
    frame = {name: table[name].map(str, na_action="ignore") for name in IDS if name in table}
    columns = []
    for name in dict.fromkeys((named.group, *named.columns, MEAN_FD)):
        if name not in table or name == "participant_id":
            continue
        cells = ["" if pd.isna(value) else tidy(str(value)) for value in table[name]]
        column = describe(
            name,
            cells,
            rows,
            declared=_declared(name, named, people),
            age_in_years=not people.units.get(name, "").lower().startswith(_SHORTER),
        )
        column = replace(column, notes=(*column.notes, *_not_among_levels(column, people)))
        columns.append(column)
        if name not in IDS:
            frame[name] = _values(cells, column)
    return replace(people, table=pd.DataFrame(frame), columns=tuple(columns))


def what_can_be_asked(people: Participants, group: str) -> tuple[str, tuple[str, str]]:
    """Return what the columns are, in words, and an example of a formula and a contrast."""
    names = tuple(str(name) for name in people.table if name not in IDS)
    named = Named({"": names}, frozenset({group}), frozenset(), group)
    columns = {column.name: column for column in understood(people, named).columns}
    words = []
    for name, column in columns.items():
        levels = ", ".join(list(column.levels)[:_MOST_LEVELS])
        more = ", ..." * (len(column.levels) > _MOST_LEVELS)
        words.append(f"{name} ({levels + more if column.levels else 'numbers'})")
    nameable = [c for c in columns.values() if NAME.fullmatch(c.name) and not c.problems]
    nameable.sort(key=lambda column: column.name != group)
    for column in nameable:
        if column.kind == "factor" and 1 < len(column.levels) <= _MOST_LEVELS:
            one, other = list(column.levels)[:2]
            return ", ".join(words), (column.name, f"{column.name}[{one}] - {column.name}[{other}]")
    for column in nameable:
        if column.kind == "number":
            return ", ".join(words), (column.name, column.name)
    return ", ".join(words), ("1", "mean")


def unknown_columns(people: Participants, named: Named) -> list[str]:
    """Say, in one sentence, which settings name columns that are not there."""
    there = list(map(str, people.table))
    lacking = {
        setting: missing
        for setting, names in named.by.items()
        if (missing := [name for name in names if name not in people.table])
    }
    if not lacking:
        return []
    which = "; ".join(f"[group] {setting} names {', '.join(n)}" for setting, n in lacking.items())
    msg = (
        f"{which}: {people.source} has no such column. Its columns are {', '.join(there)}. "
        "Correct the setting, or add the column."
    )
    return [msg]


def described(people: Participants, levels: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Return what each column was taken for, as plain data.

    Parameters
    ----------
    people : Participants
        See `understood`.
    levels : mapping of str to sequence of str
        The levels of the design's factors, the reference first.

    Returns
    -------
    list of dict
        ``Column, Kind, Because, Missing``; of a factor also ``Levels`` (level to
        number of scans), and ``Reference`` where it is in the design.
    """
    found = []
    for column in people.columns:
        about: dict[str, Any] = {
            "Column": column.name,
            "Kind": column.kind,
            "Because": column.because,
            "Missing": column.n_missing,
        }
        if column.kind == "factor":
            about["Levels"] = dict(column.levels)
        if column.name in levels:
            about["Reference"] = levels[column.name][0]
        found.append(about)
    return found


def misused_columns(people: Participants, named: Named) -> list[str]:
    """Say which columns have reserved names, or numbers that may be codes."""
    problems = []
    names = named.by["formula"]
    if reserved := [name for name in names if name in _RESERVED]:
        problems.append(
            f"[group] formula names {', '.join(reserved)}, which means something else in formulas "
            "and contrasts. Rename the column in participants.tsv."
        )
    covariates = {*names, *named.by.get("clinical_covariates", ())}
    for column in people.columns:
        if column.name in covariates and column.coded:
            values = pd.unique(people.table[column.name].dropna())
            some = ", ".join(level_name(value) for value in sorted(map(float, values)))
            problems.append(
                f"{people.source}: the column {column.name} has whole numbers with "
                f"{len(values)} different values ({some}). If they are codes of levels, "
                f"write C({column.name}) in [group] formula "
                f'or categorical = ["{column.name}"] in [group]; if they are numbers, '
                f'numeric = ["{column.name}"].'
            )
    if both := sorted(named.numbers & (named.factors | set(people.categorical))):
        problems.append(
            f"{', '.join(both)} is declared to have numbers ([group] numeric) and to have levels "
            "([group] categorical, C(), or Levels in participants.json). Keep one."
        )
    return problems


def _declared(name: str, named: Named, people: Participants) -> Any:
    if name in named.numbers:
        return "number"
    is_factor = name in named.factors or name in people.categorical or name in IDS
    return "factor" if is_factor else None


def _values(cells: Sequence[str], column: Column) -> "pd.Series[Any]":
    """Return a column's values: levels that are written as numbers stay numbers, in their order."""
    numbers = column.kind == "number"
    if column.kind == "factor" and column.levels:
        numbers = describe(column.name, cells).kind == "number"
    if not numbers:
        return pd.Series(values_of(cells, "text"), dtype=object)
    values = pd.Series(values_of(cells, "number"), dtype=float)
    whole = not values.isna().any() and (values % 1 == 0).all() and (values.abs() < 2**53).all()
    return values.astype("int64") if whole else values


def _not_among_levels(column: Column, people: Participants) -> list[str]:
    known = people.levels.get(column.name)
    strange = [level for level in column.levels if known and level not in known]
    if not strange:
        return []
    note = (
        f"The column {column.name} has {', '.join(strange)}, which is not among its Levels in "
        f"participants.json ({', '.join(known or ())})."
    )
    return [note]


def _row_names(table: pd.DataFrame) -> list[str]:
    names = [table[name].astype(str) for name in IDS if name in table]
    if not names:
        return [f"row {number}" for number in range(1, len(table) + 1)]
    return [" ".join(row) for row in zip(*names, strict=True)]


def _meanings(levels: Any) -> dict[str, str]:
    """Return what levels mean; each may be described by a text or, in BIDS 1.9, an object."""
    if not isinstance(levels, dict):
        return {str(level): str(level) for level in levels} if isinstance(levels, list) else {}
    return {
        str(level): str(what.get("Description", level) if isinstance(what, dict) else what)
        for level, what in levels.items()
    }
