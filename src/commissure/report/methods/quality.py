"""What quality.tsv of a study tells of who was included, for the methods section."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import pandas as pd

from commissure.records.quality import KEYS, LEFT_OUT
from commissure.report.methods.facts import Quality, Spread
from commissure.report.wording import level_name
from commissure.settings.registration import RegistrationRules, registration_reasons


def quality_facts(
    quality: pd.DataFrame,
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
    quality : DataFrame
        quality.tsv.
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
    included = quality[quality["included"].astype(bool)]
    left_out = quality[~quality["included"].astype(bool)]
    if taken is not None and excluded is not None:
        # quality.tsv may have runs that this group stage was not asked for.
        included = taken[KEYS].merge(quality, on=KEYS, how="left")
        left_out = excluded[KEYS].merge(quality, on=KEYS, how="left")
    names: dict[str, str | None] = dict.fromkeys(included["participant_id"])
    if people is not None and group in people:
        names = dict(zip(people["participant_id"], people[group].map(level_name), strict=True))
    reasons: dict[tuple[str, ...], int] = {}
    for row in left_out.to_dict("records"):
        why = _reasons({str(name): value for name, value in row.items()}, rules)
        reasons[why] = reasons.get(why, 0) + 1
    still = set(included["participant_id"])
    gone = set(left_out["participant_id"]) - still
    moved = [_moved(row, rules) for row in included.to_dict("records")]
    told = {"motion": "mean_fd_jenkinson", "volumes": "n_volumes", "df": "effective_df"}
    told |= {name: name for name in ("overlap_epi_t1w", "overlap_epi_template")}
    told["orientation"] = "turn_epi"
    return Quality(
        rules=rules,
        judged=frozenset(
            what for what, name in told.items() if name in quality and quality[name].notna().any()
        ),
        n_participants=len(still | gone),
        n_runs=len(included) + len(left_out),
        n_excluded_participants=len(gone),
        n_excluded_runs=len(left_out),
        reasons=tuple(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        n_moved=sum(moved),
        mean_fd=_spreads(included, "mean_fd_jenkinson", names, levels),
        df=_spreads(included, "effective_df", names, levels),
    )


def _reasons(row: Mapping[str, Any], rules: Mapping[str, Any]) -> tuple[str, ...]:
    """Return which kinds of reasons exclude a run, by what was measured."""
    if str(row.get("reasons", "")).startswith(LEFT_OUT):
        return ("decided",)
    if not pd.notna(row.get("n_volumes")) and not pd.notna(row.get("mean_fd_jenkinson")):
        failed = str(row.get("reasons", "")).startswith("failed")
        return ("failed",) if failed else ("undone",)
    reasons = ["motion"] if rules["exclude_motion"] and _moved(row, rules) else []
    below = {
        "volumes": [("n_volumes", "least_volumes")],
        "df": [("effective_df", "least_df")],
    }
    reasons += [
        kind
        for kind, limits in below.items()
        if any(pd.notna(row.get(name)) and row[name] < rules[limit] for name, limit in limits)
    ]
    limits = {f.name: rules[f.name] for f in fields(RegistrationRules) if f.name in rules}
    if registration_reasons(row, RegistrationRules(**limits))[0]:
        reasons.append("overlap")
    # What no measurement explains was decided by people: quality.tsv has their words.
    return tuple(reasons) or ("decided",)


def _moved(row: Mapping[Any, Any], rules: Mapping[str, Any]) -> bool:
    limits = {
        "mean_fd_jenkinson": "mean_fd_mm",
        "max_motion": "max_mm",
        "max_rotation": "max_degrees",
    }
    return any(
        pd.notna(row.get(name)) and row[name] > rules[limit] for name, limit in limits.items()
    )


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
