"""Reading and checking all that the group stage needs, with every problem told at once."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from commissure.clinical import Table1, table1
from commissure.files.bids_names import entity
from commissure.inference import Design, design_matrix
from commissure.inference.grammar import Formula, read_formula
from commissure.inputs.people import (
    IDS,
    MEAN_FD,
    Named,
    Participants,
    misused_columns,
    understood,
    unknown_columns,
    what_can_be_asked,
)
from commissure.inputs.regions import (
    find_atlas,
    find_region,
    region_column_problems,
    region_file_problems,
    region_problems,
)
from commissure.problems import Gathered, InputError
from commissure.records.asked import in_order
from commissure.settings.group import GroupSettings, option_problems
from commissure.space import Domain
from commissure.study.group.doubts import warn_of_doubts
from commissure.study.group.findings import Inputs
from commissure.study.group.groups import members, other_terms, scanned_again
from commissure.study.group.maps import GroupMaps
from commissure.study.group.spreads import groups_that_may_differ

_SHOWN = 10


def check_inputs(
    get_people: Callable[[], Participants],
    get_domain: Callable[[], Domain],
    get_maps: Callable[[pd.DataFrame, Domain], GroupMaps],
    settings: GroupSettings,
) -> Inputs:
    """Get and check everything that is to be analysed.

    Parameters
    ----------
    get_people, get_domain : callable
    get_maps : callable
        Called with the participants' table and the domain.
    settings : GroupSettings

    Raises
    ------
    InputError
        With every problem that was found in any of them.
    """
    checks = Gathered()
    people = checks.run(get_people)
    domain = checks.run(get_domain)
    atlas = checks.run(lambda: find_atlas(settings.atlas))
    if people is None:
        raise InputError(checks.problems)
    checks.problems += [
        *region_problems(settings.rois),
        *_not_asked(people, settings),
        *unknown_columns(people, named_columns(settings)),
        *_formula_problems(people, settings),
    ]
    people = understood(people, named_columns(settings))
    asked = _check_people(people, settings, checks)
    group_maps = None
    if domain is not None:
        group_maps = checks.run(lambda: get_maps(people.table, domain))
    if group_maps is None:
        raise InputError(dict.fromkeys(checks.problems))
    rois: dict[str, NDArray[np.intp]] = {}
    for text in settings.rois:
        rois |= checks.run(partial(find_region, text, group_maps.domain, atlas)) or {}
    if checks.problems or asked is None:
        raise InputError(dict.fromkeys(checks.problems))
    design, contrast, summary = asked
    space = settings.space or entity(Path(group_maps.sources[0].split(",")[0]), "space")
    return Inputs(people, design, contrast, group_maps, atlas, rois, summary, space)


def people_problems(
    people: Participants, settings: GroupSettings, *, tell_doubts: bool = True
) -> list[str]:
    """Say what is wrong with participants and what is asked of them, before there are maps."""
    checks = Gathered()
    checks.run(lambda: find_atlas(settings.atlas))
    checks.problems += [
        *region_file_problems(settings.rois),
        *_not_asked(people, settings),
        *unknown_columns(people, named_columns(settings)),
        *_formula_problems(people, settings),
    ]
    people = understood(people, named_columns(settings))
    asked = _check_people(people, settings, checks)
    if tell_doubts and asked is not None and not checks.problems:
        warn_of_doubts(people, asked[0], asked[1], settings)
    return list(dict.fromkeys(checks.problems))


def named_columns(settings: GroupSettings) -> Named:
    """Return the columns of participants that settings name."""
    blocks = () if settings.blocks is None else (settings.blocks,)
    formula: Formula | None
    try:
        formula = read_formula(settings.formula)
    except InputError:
        formula = None
    names = () if formula is None else formula.names
    by: dict[str, tuple[str, ...]] = {
        "formula": names,
        "blocks": blocks,
        "clinical": settings.clinical,
        "clinical_covariates": settings.clinical_covariates or (),
        "table1": settings.table1 or (),
        "categorical": settings.categorical,
        "numeric": settings.numeric,
    }
    if settings.group != GroupSettings.group:  # which nobody needs to have, for one group's mean
        by["group"] = (settings.group,)
    if settings.variance_groups not in ("auto", "none"):
        by["variance_groups"] = (settings.variance_groups,)
    factors = {
        *(formula.factors if formula else ()),
        *settings.categorical,
        settings.group,
        *blocks,
    }
    factors |= set(by.get("variance_groups", ()))
    return Named(
        by,
        frozenset(factors),
        frozenset(settings.numeric),
        settings.group,
        has_formula=formula is not None,
    )


def _check_people(
    people: Participants, settings: GroupSettings, checks: Gathered
) -> tuple[Design, NDArray[np.float64], Table1] | None:
    """Make design, contrast and Table 1, where they can be made."""
    table, categorical = people.table, (*people.categorical, *settings.categorical)
    checks.problems += [*_check_rows(settings, table), *option_problems(settings)]
    checks.problems += _one_block(settings, table)
    beside = ("participant_id", MEAN_FD, settings.group, *named_columns(settings).by["formula"])
    checks.problems += region_column_problems(settings.rois, beside)
    checks.problems += _check_scores(settings, people)
    named = named_columns(settings)
    wrong = [*people.problems, *misused_columns(people, named)]
    checks.problems += wrong
    there = {*named.by["formula"], *named.by["blocks"]} <= set(table)
    if wrong or not there or not named.has_formula or not settings.contrast:
        # What follows from a column that is not understood would only repeat it.
        return None

    def make_design(rows: pd.DataFrame) -> Design:
        return design_matrix(
            settings.formula,
            rows,
            categorical=categorical,
            group=settings.group,
            blocks=settings.blocks,
        )

    design = checks.run(lambda: make_design(table))
    if design is not None:
        contrast = checks.run(lambda: design.contrast(settings.contrast))
        summary = checks.run(lambda: _table1(table, settings, design, categorical))
        if contrast is not None and summary is not None:
            checks.run(lambda: groups_that_may_differ(table, design, contrast, settings))
            return design, contrast, summary
    elif complete := Gathered().run(
        lambda: make_design(
            table.dropna(subset=[n for n in read_formula(settings.formula).names if n in table])
        )
    ):
        # Values are missing; whether the contrast is understood can be told all the same.
        checks.run(lambda: complete.contrast(settings.contrast))
    return None


def _not_asked(people: Participants, settings: GroupSettings) -> list[str]:
    """Say that there is no question yet, with the columns and a question they could answer."""
    given = {"formula": settings.formula, "contrast": settings.contrast}
    lacking = [name for name, text in given.items() if not text]
    if not lacking:
        return []
    there, (formula, contrast) = what_can_be_asked(people, settings.group)
    msg = (
        f"[group] {' and '.join(lacking)}: the group stage needs to know what to compare. The "
        f"participants have {there or 'no columns'}. For example: "
        f'formula = "{formula}", contrast = "{contrast}".'
    )
    return [msg]


def _formula_problems(people: Participants, settings: GroupSettings) -> list[str]:
    """Say what of the formula is not understood, among it columns that cannot be named in one."""
    try:
        read_formula(settings.formula or "1", [str(name) for name in people.table])
    except InputError as error:
        return list(error.problems)
    return []


def _check_rows(settings: GroupSettings, table: pd.DataFrame) -> list[str]:
    """Say which scans are there twice."""
    keys = ["participant_id"]
    if settings.blocks is not None:
        if "session_id" not in table:
            return []
        keys.append("session_id")
    twice = table[table.duplicated(keys)]["participant_id"].unique()
    if not len(twice):
        return []
    who = f"{', '.join(map(str, twice[:_SHOWN]))}{', ...' * (len(twice) > _SHOWN)}"
    if settings.blocks is not None:
        return [f"{who} have the same session more than once. Keep one row a scan."]
    msg = (
        f"{who} occur more than once among the participants (participants.tsv): they have "
        "several scans. Choose one session ([input] sessions), or say that these scans "
        "may only be exchanged with one "
        'another: [group] blocks = "participant_id"; otherwise give each scan its own name.'
    )
    return [msg]


def _one_block(settings: GroupSettings, table: pd.DataFrame) -> list[str]:
    """Say that blocks restrict nothing."""
    levels = list(table[settings.blocks].dropna().unique()) if settings.blocks in table else []
    if len(levels) != 1:
        return []
    msg = (
        f"[group] blocks = {settings.blocks}: all scans are in the one block {levels[0]}, which "
        "restricts nothing. Leave blocks out, or name the column of what may not be exchanged."
    )
    return [msg]


def _check_scores(settings: GroupSettings, people: Participants) -> list[str]:
    """Say what is wrong with the scores and the group within which they are correlated."""
    table, told = people.table, {column.name for column in people.columns if column.problems}
    problems = [
        f"The score {name} ([group] clinical) has words, no numbers. Name a column of numbers."
        for name in settings.clinical
        if name in table and name not in told and not pd.api.types.is_numeric_dtype(table[name])
    ]
    problems += [
        f"The score {name} ([group] clinical) is the same for everyone who is compared, so it goes "
        "with nothing. Leave it out."
        for name in settings.clinical
        if name in table and _is_constant(table[name].dropna())
    ]
    if settings.clinical and settings.blocks is not None and scanned_again(table):
        problems.append(
            "[group] clinical: there are several scans of a person, and a correlation counts each "
            "scan as a person. Take one session, or correlate no scores: clinical = []."
        )
    if settings.within is not None and settings.group not in table:
        problems.append(
            f"[group] within: the participants have no column {settings.group!r} to find "
            f"{settings.within} in. Name the column of the groups: [group] group."
        )
    elif settings.within is not None:
        levels = members(table, settings.group)
        if settings.within not in levels:
            problems.append(
                f"[group] within: nobody has {settings.group} {settings.within}; there are "
                f"{', '.join(levels)}. Name one of them."
            )
    return problems


def _is_constant(values: "pd.Series[Any]") -> bool:
    return len(values) > 1 and bool((values == values.iloc[0]).all())


def _table1(
    table: pd.DataFrame, settings: GroupSettings, design: Design, categorical: Sequence[str]
) -> Table1:
    columns = settings.table1 or (*other_terms(settings), *settings.clinical)
    counted = [name for name in columns if name in categorical or name in design.factors]
    if settings.group not in table:
        table = table.assign(**{settings.group: "all"})
    variables = [name for name in dict.fromkeys(columns) if name in table and name not in IDS]
    if scanned_again(table):
        table, variables = _one_row_a_person(table, settings, variables)
    levels = in_order(members(table, settings.group), settings.group, settings.contrast)
    return table1(
        table, settings.group, variables, categorical=counted, levels=levels, welch=settings.welch
    )


def _one_row_a_person(
    table: pd.DataFrame, settings: GroupSettings, variables: Sequence[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Return the people of repeated scans, and the variables that are of people.

    Raises
    ------
    InputError
        If Table 1 was asked for a variable that differs between the scans of a person.
    """
    one = table.drop_duplicates("participant_id").reset_index(drop=True)
    differ = [
        name
        for name in (settings.group, *variables)
        if len(table[["participant_id", name]].drop_duplicates()) > len(one)
    ]
    if settings.table1 and (asked := [name for name in variables if name in differ]):
        msg = (
            f"[group] table1 names {', '.join(asked)}, which differs between the scans of a "
            "person; Table 1 has a row a person. Leave it out."
        )
        raise InputError(msg)
    if settings.group in differ:
        # Everyone is in several groups: a test would take them for different people.
        one = one.assign(**{settings.group: "all"})
    return one, [name for name in variables if name not in differ]
