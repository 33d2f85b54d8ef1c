"""What a study may ask, as its table of participants and its scans suggest it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import pandas as pd

from commissure.files.columns import Column
from commissure.inference.grammar import NAME
from commissure.inputs import Scan
from commissure.inputs.people import IDS, MEAN_FD, Named, Participants, understood
from commissure.problems import InputError
from commissure.settings.group import GroupSettings
from commissure.settings.tables import StudySettings
from commissure.study.group.people import check_people, rows_of

_GROUPS = re.compile(r"(group|diagnosis|dx|condition|cohort|arm|patient|treatment)", re.IGNORECASE)
_CONTROLS = re.compile(
    r"(healthy|hc|ctrl|ctl|control|con|cn|nc|td|typical|normal|placebo|sham)\w*", re.IGNORECASE
)
_COVARIATES = re.compile(r"(age|sex|gender|site|scanner|cent(er|re))(_.*)?", re.IGNORECASE)
_MOST_GROUPS = 4


@dataclass(frozen=True, eq=False)
class Suggestions:
    """What the columns of a table of participants may be for.

    Attributes
    ----------
    people : Participants
        Of those who were scanned.
    columns : mapping of str to Column
        Those that can be named in a formula.
    unused : mapping of str to str
        The others, with the reason.
    """

    people: Participants
    columns: Mapping[str, Column]
    unused: Mapping[str, str]

    @property
    def group(self) -> str | None:
        """The column of the groups."""
        fit = [name for name in self.columns if 2 <= len(self.levels(name)) <= _MOST_GROUPS]
        named = [name for name in fit if _GROUPS.match(name)]
        others = [name for name in fit if not _COVARIATES.fullmatch(name)]
        return next(chain(named, (n for n in others if self.columns[n].kind == "factor")), None)

    def levels(self, name: str) -> list[str]:
        """Return the levels of a column, what seems to be the controls last."""
        column = self.columns[name]
        if column.coded or column.kind == "number":
            return []
        return sorted(column.levels, key=lambda level: bool(_CONTROLS.match(level)))

    @property
    def covariates(self) -> list[str]:
        """Columns to hold constant: known for everybody, and not the same for all."""
        return [
            name
            for name, column in self.columns.items()
            if _COVARIATES.fullmatch(name) and not column.n_missing and self._varies(name)
        ]

    def scores(self, group: str | None) -> tuple[list[str], str | None]:
        """Return columns of numbers that only one group has, and that group."""
        if group is None:
            return [], None
        table = self.people.table
        of: dict[str, list[str]] = {}
        for name, column in self.columns.items():
            known = table[group][table[name].notna()].dropna().unique()
            if column.kind == "number" and len(known) == 1 and self._varies(name):
                of.setdefault(str(known[0]), []).append(name)
        within = max(of, key=lambda level: len(of[level]), default=None)
        return of.get(within or "", []), within

    def _varies(self, name: str) -> bool:
        return len(self.people.table[name].dropna().unique()) > 1


def suggestions(people: Participants, scans: Sequence[Scan]) -> Suggestions:
    """Return what the columns may be for.

    Raises
    ------
    InputError
        If somebody who was scanned has no row.
    """
    keys = sorted({(scan.participant_id, scan.session) for scan in scans})
    rows = rows_of(keys, people)
    names = tuple(name for name in map(str, rows.table) if name not in IDS)
    read = understood(rows, Named({"": names}, frozenset(), frozenset(), ""))
    unused: dict[str, str] = {}
    for column in read.columns:
        if not NAME.fullmatch(column.name):
            unused[column.name] = "its name cannot stand in a formula"
        elif column.problems:
            unused[column.name] = column.problems[0]
    usable = {c.name: c for c in read.columns if c.name not in unused and c.name in names}
    return Suggestions(read, usable, unused)


def design_of(
    found: Suggestions,
    base: GroupSettings,
    group: str | None,
    levels: Sequence[str],
    covariates: Sequence[str],
    scores: Sequence[str],
    within: str | None,
) -> GroupSettings:
    """Return the settings that ask for these.

    Parameters
    ----------
    found : Suggestions
    base : GroupSettings
        Of the preset.
    group : str or None
        None: there is one group.
    levels : sequence of str
        What is compared with the last of them; an F contrast, where there are more than two.
    covariates, scores : sequence of str
    within : str or None
        In which the scores are.
    """
    terms = [*([group] if group else []), *covariates]
    contrast = "mean"
    if group:
        *others, reference = levels
        contrast = ", ".join(f"{group}[{one}] - {group}[{reference}]" for one in others)
    if visits := _visits(found.people.table):
        terms, scores = ["session_id", "participant_id"], ()
        contrast = f"session_id[{visits[-1]}] - session_id[{visits[0]}]"
    used = [found.columns[name] for name in (*terms, *scores) if name in found.columns]
    if not scores:
        # What a preset names is the reference study's own.
        within = levels[0] if base.within and levels else base.within
    return replace(
        base,
        formula=" + ".join(terms) or "1",
        contrast=contrast,
        group=group or GroupSettings.group,
        blocks="participant_id" if visits else None,
        categorical=tuple(c.name for c in used if c.coded and not _is_number(c)),
        numeric=tuple(c.name for c in used if c.coded and _is_number(c)),
        clinical=tuple(scores),
        within=within,
    )


def _visits(table: pd.DataFrame) -> list[str]:
    """Return the sessions, where people have several scans."""
    if not table["participant_id"].duplicated().any():
        return []
    return [str(one) for one in pd.unique(table["session_id"].dropna())]


def _is_number(column: Column) -> bool:
    return not re.match(r"(sex|gender|site|scanner|cent|group)", column.name, re.IGNORECASE)


def accepted(
    asked: GroupSettings, people: Participants, scans: Sequence[Scan], settings: StudySettings
) -> tuple[GroupSettings, dict[str, str]]:
    """Return what can be asked of it, and the terms that were left out, each with the reason.

    Covariates that the design cannot bear are left out; so is motion where it is not known.

    Parameters
    ----------
    asked : GroupSettings
    people : Participants
    scans : sequence of Scan
    settings : StudySettings
        All else.

    Raises
    ------
    InputError
        With what is wrong beside.
    """
    left: dict[str, str] = {}
    terms = asked.formula.split(" + ")

    def problems(of: GroupSettings) -> list[str]:
        return check_people(people, scans, replace(settings, group=of), tell_doubts=False)

    if any(problem.startswith("The motion of") for problem in problems(asked)):
        asked = replace(asked, mean_fd_covariate=False)
        left[MEAN_FD] = "motion is not known of everybody"
    while (wrong := problems(asked)) and len(terms) > 1 and asked.blocks is None:
        left[terms.pop()] = wrong[0]
        still = {*terms, *asked.clinical}
        asked = replace(
            asked,
            formula=" + ".join(terms),
            categorical=tuple(name for name in asked.categorical if name in still),
            numeric=tuple(name for name in asked.numeric if name in still),
        )
    if wrong:
        raise InputError(wrong)
    return asked, left
