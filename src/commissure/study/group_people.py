"""Who is compared: the participants' rows, a row a scan, with their motion."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from commissure.inputs import Scan
from commissure.problems import InputError
from commissure.study.group_inputs import Participants
from commissure.study.report_tables import MEAN_FD
from commissure.study.settings import GroupSettings, StudySettings
from commissure.study.stats_inputs import people_problems


def check_people(people: Participants, scans: Sequence[Scan], settings: StudySettings) -> list[str]:
    """Say what is wrong with participants and the formula, before anything is computed."""
    keys = sorted({(scan.participant_id, scan.session or "") for scan in scans})
    try:
        rows = rows_of([(who, session or None) for who, session in keys], people)
    except InputError as error:
        return list(error.problems)
    return people_problems(rows, settings.group)


def rows_of(keys: Sequence[tuple[str, str | None]], people: Participants) -> Participants:
    """Return the participants' rows in the order of (participant, session).

    Raises
    ------
    InputError
        If somebody has no row, or several.
    """
    table = people.table
    names = table["participant_id"].map(bare)
    rows, problems = [], []
    for who, session in keys:
        mine = table[names == bare(who)]
        if "session_id" in table and session is not None:
            mine = mine[mine["session_id"].astype(str).str.removeprefix("ses-") == session]
        if len(mine) != 1:
            what = f"{who}{f', session {session}' if session else ''}"
            problems.append(
                f"participants.tsv has {len(mine) or 'no'} row{'s' * (len(mine) > 1)} for {what}. "
                "Correct it, or leave the participant out (--participant-label)."
            )
            continue
        row: dict[str, Any] = {"participant_id": who}
        if session is not None:
            row["session_id"] = session
        others = mine.drop(columns=["participant_id", "session_id"], errors="ignore")
        rows.append(row | {str(name): value for name, value in others.iloc[0].items()})
    if problems:
        raise InputError(problems)
    return replace(people, table=pd.DataFrame(rows))


def with_motion(
    people: Participants, motion: Sequence[Sequence[float | None]], asked: GroupSettings
) -> Participants:
    """Add each participant's mean framewise displacement, of the runs that are included.

    Raises
    ------
    InputError
        If it is not known where it is needed.
    """
    unknown = [None in of_runs for of_runs in motion]
    if asked.mean_fd_covariate and any(unknown):
        who = people.table["participant_id"][unknown]
        msg = (
            f"The motion of {', '.join(who)} is not known, and it is a covariate. Give their "
            "realignment parameters, or set [group] mean_fd_covariate = false."
        )
        raise InputError(msg)
    if all(unknown):
        return people
    means = [np.mean(np.array(of_runs, np.float64)) for of_runs in motion]  # None is NaN
    return replace(people, table=people.table.assign(**{MEAN_FD: means}))


def bare(participant_id: str) -> str:
    """Return a participant's name without "sub-", by which names are compared."""
    return str(participant_id).removeprefix("sub-")
