"""What the verdicts of a study tell of who was included, for the methods section."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from commissure.records.runs import KEYS, RunKey
from commissure.records.verdicts import Reason, Verdict
from commissure.report.methods.facts import Quality, Spread
from commissure.report.wording import level_name

# What a rule needs to have been measured to be told.
_JUDGED_BY = {
    "motion": "mean_fd_jenkinson",
    "volumes": "n_volumes",
    "df": "effective_df",
    "overlap_epi_t1w": "overlap_epi_t1w",
    "overlap_epi_template": "overlap_epi_template",
    "orientation": "turn_epi",
    "border": "border_epi",
}


def quality_facts(
    verdicts: Sequence[Verdict],
    rules: Mapping[str, Any],
    people: pd.DataFrame | None = None,
    taken: pd.DataFrame | None = None,
    excluded: pd.DataFrame | None = None,
    group: str | None = None,
    levels: Sequence[str] = (),
) -> Quality:
    """Return who was included and why the others were not.

    Parameters
    ----------
    verdicts : sequence of Verdict
    rules : mapping
    people : DataFrame, optional
        participants.tsv of the group stage: of which groups they are.
    taken, excluded : DataFrame, optional
        included.tsv and excluded.tsv of the group stage: which runs count. By default all.
    group : str, optional
        Column of the groups.
    levels : sequence of str
        Groups in the order in which they are told.
    """
    included = [verdict for verdict in verdicts if verdict.included]
    left_out = [verdict for verdict in verdicts if not verdict.included]
    if taken is not None and excluded is not None:
        # There may be verdicts on runs that this group stage was not asked for.
        included, left_out = _of(taken, verdicts), _of(excluded, verdicts)
    still = {verdict.measured.of.participant_id for verdict in included}
    gone = {verdict.measured.of.participant_id for verdict in left_out} - still
    names: dict[str, str | None] = dict.fromkeys(still)
    if people is not None and group in people:
        names = dict(zip(people["participant_id"], people[group].map(level_name), strict=True))
    reasons = Counter(_groups(verdict.reasons) for verdict in left_out)
    known = {name for verdict in verdicts for name in verdict.measured.known}
    measured = pd.DataFrame(
        [
            {"participant_id": verdict.measured.of.participant_id, **verdict.measured.known}
            for verdict in included
        ]
    )
    return Quality(
        rules=rules,
        judged=frozenset(what for what, name in _JUDGED_BY.items() if name in known),
        n_participants=len(still | gone),
        n_runs=len(included) + len(left_out),
        n_excluded_participants=len(gone),
        n_excluded_runs=len(left_out),
        reasons=tuple(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        n_moved=sum(any(r.group == "motion" for r in verdict.reasons) for verdict in included),
        mean_fd=_spreads(measured, "mean_fd_jenkinson", names, levels),
        mean_fd_power=_spreads(measured, "mean_fd_power", names, levels),
        df=_spreads(measured, "effective_df", names, levels),
        nominal_df=_spreads(measured, "nominal_df", names, levels),
    )


def _of(runs: pd.DataFrame, verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Return the verdicts on the runs of a table."""
    known = {verdict.measured.of: verdict for verdict in verdicts}
    labels = runs[KEYS].astype(object).where(runs[KEYS].notna(), None).to_dict("records")
    keys = [RunKey(**{str(name): label for name, label in row.items()}) for row in labels]
    return [known[key] for key in keys if key in known]


def _groups(reasons: Iterable[Reason]) -> tuple[str, ...]:
    """Return what excludes a run, alike reasons once."""
    return tuple(dict.fromkeys(reason.group for reason in reasons if reason.excludes))


def _spreads(
    rows: pd.DataFrame, column: str, names: Mapping[str, str | None], levels: Sequence[str]
) -> tuple[Spread, ...]:
    if column not in rows or rows[column].isna().all():
        return ()
    values: dict[str | None, pd.Series[float]] = (
        {
            name: part[column].dropna()
            for name, part in rows.groupby(rows["participant_id"].map(names), dropna=False)
        }
        if any(names.values())
        else {None: rows[column].dropna()}
    )
    order = sorted(
        (name for name in values if len(values[name])),
        key=lambda name: (name not in levels, levels.index(name) if name in levels else 0, name),
    )
    return tuple(
        Spread(name, *(float(f(values[name])) for f in (pd.Series.median, min, max)))
        for name in order
    )
