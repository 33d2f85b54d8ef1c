"""Who is compared: the participants' rows, a row a scan, with their motion."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from commissure.files.bids_names import bare
from commissure.files.columns import level_name
from commissure.files.tables import tidy
from commissure.inputs import Scan
from commissure.inputs.people import EFFECTIVE_DF, MEAN_FD, Participants
from commissure.inputs.selection import listed
from commissure.problems import InputError
from commissure.records.runs import Measured
from commissure.settings.group import GroupSettings
from commissure.settings.tables import StudySettings
from commissure.study.group.inputs import named_columns, people_problems
from commissure.study.judging import exclusion_problems, left_out

_SHOWN = 10
# Degrees of freedom that differ by a smaller share are alike.
_SAME_FREEDOM = 0.01
# Of which motion is known only from a table of confounds.
_CLEANED_KINDS = ("clean", "map")


def check_people(
    people: Participants,
    scans: Sequence[Scan],
    settings: StudySettings,
    *,
    tell_doubts: bool = True,
) -> list[str]:
    """Say what is wrong with participants and the formula, before anything is computed.

    Parameters
    ----------
    people : Participants
    scans : sequence of Scan
    settings : StudySettings
    tell_doubts : bool
        Whether what stops nothing is logged.
    """
    who = [str(name) for name in people.table["participant_id"]]
    problems = exclusion_problems(settings.quality, scans, who)
    asked = settings.group
    compared = [scan for scan in scans if left_out(scan, settings.quality) is None]
    keys = sorted({(scan.participant_id, scan.session or "") for scan in compared})
    if not keys:
        return [*problems, "[quality] exclude leaves nobody to compare. Leave fewer out."]
    try:
        rows = rows_of([(who, session or None) for who, session in keys], people)
        if asked.subset:
            inside = in_subset(rows, asked.subset)
            rows = replace(rows, table=rows.table[inside].reset_index(drop=True))
    except InputError as error:
        return [*problems, *error.problems]
    still = set(rows.table["participant_id"])
    problems += _motion_problems([s for s in compared if s.participant_id in still], people, asked)
    return [*problems, *people_problems(rows, asked, tell_doubts=tell_doubts)]


def _motion_problems(
    scans: Sequence[Scan], people: Participants, asked: GroupSettings
) -> list[str]:
    """Say whose motion will not be known, and what would be taken for it."""
    problems = []
    lacking = [s.participant_id for s in scans if s.kind in _CLEANED_KINDS and s.confounds is None]
    if asked.mean_fd_covariate and lacking:
        problems.append(_unknown_motion(list(dict.fromkeys(lacking))))
    named = {*named_columns(asked).columns, *([MEAN_FD] if asked.mean_fd_covariate else [])}
    for ours, what in ((MEAN_FD, "the motion is"), (EFFECTIVE_DF, "the degrees of freedom are")):
        if ours in people.table and ours in named:
            problems.append(
                f"{people.source} has a column {ours}, which is what {what} called that "
                f"{what.split()[-1]} measured here. Rename the column."
            )
    return problems


def _unknown_motion(who: Sequence[str]) -> str:
    shown = ", ".join(who[:_SHOWN]) + ", ..." * (len(who) > _SHOWN)
    return (
        f"The motion of {shown} is not known, and it is a covariate. Give their realignment "
        "parameters, or set [group] mean_fd_covariate = false."
    )


def in_subset(people: Participants, subset: Mapping[str, Sequence[str]]) -> NDArray[np.bool_]:
    """Return which rows are of those to whom a study is limited.

    Raises
    ------
    InputError
        If there is no such column or level, or nobody has them all.
    """
    inside = np.ones(len(people.table), bool)
    problems = []
    for name, wanted in subset.items():
        if name not in people.table:
            there = ", ".join(map(str, people.table))
            problems.append(f"[group] subset names {name}; the participants' columns are {there}.")
            continue
        levels = people.table[name].map(_level, na_action="ignore")
        known = sorted(levels.dropna().unique())
        if unknown := [level for level in wanted if level not in known]:
            problems.append(
                f"[group] subset: nobody has {name} {', '.join(unknown)}; there are "
                f"{', '.join(known[:_SHOWN])}."
            )
        inside &= levels.isin(list(wanted)).to_numpy()
    if not problems and not inside.any():
        problems = ["[group] subset: nobody has all that it asks for. Widen it."]
    if problems:
        raise InputError(problems)
    return inside


def subset_text(subset: Mapping[str, Sequence[str]]) -> str:
    """Return in words to whom a study is limited."""
    which = " and ".join(f"{name} {' or '.join(levels)}" for name, levels in subset.items())
    return f"Only people with {which}"


def _level(value: object) -> str:
    """Return how settings write a level: 1 for 1.0 too."""
    text = tidy(str(value))
    try:
        return level_name(float(text))
    except (ValueError, OverflowError):
        return text


def rows_of(keys: Sequence[tuple[str, str | None]], people: Participants) -> Participants:
    """Return the participants' rows in the order of (participant, session).

    Raises
    ------
    InputError
        If somebody has no row, or several.
    """
    table = people.table
    names = table["participant_id"].map(bare)
    rows: list[pd.DataFrame] = []
    absent: list[str] = []
    problems: list[str] = []
    has_sessions = any(session for _, session in keys)
    for who, session in keys:
        mine = table[names == bare(who)]
        if "session_id" in table and session is not None:
            mine = mine[mine["session_id"].astype(str).str.removeprefix("ses-") == session]
        if len(mine) == 1:
            ids = {"participant_id": who}
            if has_sessions:  # of some, perhaps: folders of sessions came in later
                ids["session_id"] = session or "none"
            rows.append(mine.drop(columns="session_id", errors="ignore").assign(**ids))
        elif len(mine):
            problems.append(
                f"participants.tsv has {len(mine)} rows for {_scan_name(who, session)}. Keep one."
            )
        else:
            absent.append(_scan_name(who, session))
    problems += _absent(absent, list(table["participant_id"].astype(str)))
    if problems:
        raise InputError(problems)
    return replace(people, table=pd.concat(rows, ignore_index=True))


def _scan_name(who: str, session: str | None) -> str:
    return f"{who}, session {session}" if session else who


def _absent(absent: Sequence[str], there: Sequence[str]) -> list[str]:
    """Say for whom there is no row, and whether their names are only written otherwise."""
    if not absent:
        return []
    plain = {_without_zeros(name): name for name in there}
    otherwise = {who: plain[_without_zeros(who)] for who in absent if _without_zeros(who) in plain}
    others = [who for who in absent if who not in otherwise]
    problems = []
    if otherwise:
        who, written = next(iter(otherwise.items()))
        problems.append(
            f"participants.tsv writes {written} where the scans have {who}, and so for "
            f"{len(otherwise)} of {len(absent)} without a row: leading zeros, or upper and lower "
            "case, differ. Write the names in participants.tsv as the scans have them."
        )
    if others:
        shown = ", ".join(others[:_SHOWN]) + ", ..." * (len(others) > _SHOWN)
        problems.append(
            f"participants.tsv has no row for {shown} ({len(others)} in all); it has "
            f"{listed(there)}. Write its names as the scans have them, add the rows, or leave "
            "these participants out (--participant-label, [quality] exclude)."
        )
    return problems


def _without_zeros(participant_id: str) -> str:
    """Return a name as those write it who drop zeros and do not mind upper and lower case."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", bare(participant_id.lower()))


def with_motion(
    people: Participants, motion: Sequence[Sequence[float | None]], asked: GroupSettings
) -> Participants:
    """Put each participant's mean framewise displacement, of the runs that are included, there.

    A column of this name in participants.tsv is none of ours, and goes.

    Raises
    ------
    InputError
        If it is not known where it is needed.
    """
    unknown = [None in of_runs for of_runs in motion]
    if asked.mean_fd_covariate and any(unknown):
        who = people.table["participant_id"][unknown]
        raise InputError(_unknown_motion(list(who)))
    table = people.table.drop(columns=MEAN_FD, errors="ignore")
    if all(unknown):
        return replace(people, table=table)
    means = [np.mean(np.array(of_runs, np.float64)) for of_runs in motion]  # None is NaN
    return replace(people, table=table.assign(**{MEAN_FD: means}))


def with_freedom(
    people: Participants, runs: Sequence[Sequence[Measured]], asked: GroupSettings
) -> Participants:
    """Put the mean effective degrees of freedom of each participant's runs there, if they differ.

    A column of this name in participants.tsv is none of ours, and goes.

    Parameters
    ----------
    people : Participants
        A row a scan.
    runs : sequence of sequence of Measured
        The included runs of each.
    asked : GroupSettings

    Notes
    -----
    Whether they differ is judged by those of white noise: estimates are never the same.
    """
    people = replace(people, table=people.table.drop(columns=EFFECTIVE_DF, errors="ignore"))
    nominal, effective = (
        np.array([np.mean([_number(getattr(run, name)) for run in of]) for of in runs])
        for name in ("nominal_df", "effective_df")
    )
    differ = np.ptp(nominal) > _SAME_FREEDOM * np.mean(nominal)  # False for NaN
    if not (asked.effective_df_covariate and differ and np.isfinite(effective).all()):
        return people
    note = (
        f"effective degrees of freedom differ between scans, from {effective.min():.1f} to "
        f"{effective.max():.1f}: they are in the model."
    )
    return replace(
        people,
        table=people.table.assign(**{EFFECTIVE_DF: effective}),
        notes={**people.notes, EFFECTIVE_DF: note},
    )


def _number(value: float | None) -> float:
    return np.nan if value is None else value
