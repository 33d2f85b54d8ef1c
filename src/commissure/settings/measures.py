"""The border of [measures]: which are used, and which of them the findings are of."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from commissure.measures.names import measure_to_make
from commissure.problems import InputError
from commissure.settings.checks import read_table
from commissure.settings.tables import MeasuresSettings

TABLE = "measures"
_NAMES = tuple(field.name for field in fields(MeasuresSettings))


def read_measures(
    preset: Mapping[str, Any], said: Iterable[tuple[str, Mapping[str, Any]]]
) -> MeasuresSettings:
    """Return what is used, the main one first.

    Parameters
    ----------
    preset : mapping
        What a preset uses, where nobody says anything.
    said : iterable of (str, mapping)
        Tables of files of settings with where each stands; the last word counts.

    Raises
    ------
    InputError
        With all that is wrong.
    """
    chosen: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, tables in said:
        table = tables.get(TABLE, {})
        known = set(_NAMES) & set(table) if isinstance(table, Mapping) else ()
        chosen |= {name: table[name] for name in known}
        sources |= dict.fromkeys(known, source)
    asked = read_table(TABLE, MeasuresSettings, chosen or preset, sources)
    use, main = asked.use, asked.main
    if main is None:
        main = use[0]
    elif "use" not in (chosen or preset):
        use = (main,)
    problems = [
        f"[{TABLE}] {'main' if label == main else 'use'}: {problem}"
        for label in dict.fromkeys((main, *use))
        for problem in _unknown(label)
    ]
    if not problems and main not in use:
        problems.append(
            f"[{TABLE}] main = {main!r} is not among use = {list(use)}. Name it there too."
        )
    if problems:
        raise InputError(problems)
    return MeasuresSettings((main, *(label for label in use if label != main)), main)


def beside_problems(beside: Mapping[str, Any]) -> list[str]:
    """Say which measures beside the main one ask for what only that one can have."""
    return [
        f"[{label}] asks for maps that depend on the other scans (their partners, or their degrees "
        f"of freedom), which only the main measure can have. Write [{TABLE}] main = {label!r}, or "
        "leave it out."
        for label, maps in beside.items()
        if maps.of_group or maps.waits or maps.matched_df is not None
    ]


def _unknown(label: str) -> tuple[str, ...]:
    try:
        measure_to_make(label)
    except InputError as error:
        return error.problems
    return ()
