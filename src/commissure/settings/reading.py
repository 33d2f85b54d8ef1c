"""A file of settings, read: a preset, what the file changes in it, what is changed beside."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, fields
from functools import cache
from pathlib import Path
from typing import Any

import commissure.measures as room
from commissure.files.data_texts import read_data
from commissure.files.text import read_text
from commissure.inference.grammar import read_formula
from commissure.inputs import strategy_problems
from commissure.measures import Measure
from commissure.measures.names import measure_to_make
from commissure.problems import InputError
from commissure.settings.checks import meant, read_table
from commissure.settings.group import GroupSettings, option_problems
from commissure.settings.measures import TABLE as MEASURES_TABLE
from commissure.settings.measures import beside_problems, read_measures
from commissure.settings.tables import CHOICES, PRESETS, StudySettings, table_classes
from commissure.settings.variants import VARIANTS, read_variants

_LARGEST_FILE = 1_000_000
_RENAMED = {"group": {"cluster_statistic": "criterion"}}
_MOVED = {"measure": "[measures] main"}


def read_settings(
    preset: str | None = None,
    file: Path | None = None,
    changes: Mapping[str, Mapping[str, Any]] | None = None,
    measure: str | None = None,
) -> StudySettings:
    """Make the settings of a preset, what a file changes in it, and what is changed beside.

    Parameters
    ----------
    preset : str, optional
        By default the file's, else "recommended".
    file : Path, optional
        TOML: `preset`, and tables of the names that `StudySettings` has.
    changes : mapping of str to mapping, optional
        Table to name to value; they come last.
    measure : str, optional
        What is mapped, by default the file's measures; the tables of others in it are left.

    Raises
    ------
    InputError
        With all that is wrong.
    """
    written = {} if file is None else _read_toml(file)
    preset = preset or written.get("preset", "recommended")
    others = set(CHOICES)
    if measure is not None:
        others |= {VARIANTS, MEASURES_TABLE, *(_labels() - {measure})}
    written = {name: table for name, table in written.items() if name not in others}
    if preset not in PRESETS:
        msg = f"There is no preset {preset!r}. There are {' and '.join(PRESETS)}."
        raise InputError(msg)
    by_source = ((str(file), written), ("", dict(changes or {})))
    asked = [*by_source, ("", {MEASURES_TABLE: {"main": measure}} if measure else {})]
    measures = read_measures(preset_choices(preset).get(MEASURES_TABLE, {}), asked)
    classes = table_classes([measure_to_make(label) for label in measures.use])
    problems: list[str] = []
    chosen = {
        name: dict(table)
        for name, table in preset_choices(preset).items()
        if name in (*classes, VARIANTS)
    }
    sources: dict[str, dict[str, str]] = {table: {} for table in classes}
    for source, tables in by_source:
        variants = tables.get(VARIANTS, {})
        if isinstance(variants, Mapping):
            tables = {name: table for name, table in tables.items() if name != VARIANTS}
            chosen[VARIANTS] = chosen.get(VARIANTS, {}) | dict(variants)
        problems += _unknown(source, tables, classes)
        for table, values in _known(tables, classes).items():
            before = chosen.setdefault(table, {})
            for name, value in values.items():
                both = isinstance(value, Mapping) and isinstance(before.get(name), Mapping)
                before[name] = {**before[name], **value} if both else value
                sources[table][name] = source
    chosen[MEASURES_TABLE] = asdict(measures)
    made: dict[str, Any] = {}
    for table, cls in classes.items():
        try:
            made[table] = read_table(table, cls, chosen.get(table, {}), sources[table])
        except InputError as error:
            problems += error.problems
    if len(made) < len(classes):
        raise InputError([*problems, *_formula_problems(chosen["group"])])
    main, *rest = measures.use
    variants, of_variants = read_variants(chosen[VARIANTS], main, classes, chosen, made)
    beside = {label: made.pop(label) for label in rest}
    settings = StudySettings(preset, maps=made.pop(main), **made, variants=variants, beside=beside)
    problems += [*of_variants, *_contradictions(settings), *beside_problems(beside)]
    problems += [
        f"[{label}] {name} {why}."
        for label, maps in settings.of_measures.items()
        for name, why in maps.without_effect.items()
        if name in sources[label]
    ]
    if problems:
        raise InputError(problems)
    return settings


def measure_asked(label: str | None, file: Path | None) -> Measure:
    """Return the measure of this label, else the one that a file of settings is about."""
    if label is not None:
        return measure_to_make(label)
    written = {} if file is None else _read_toml(file)
    return measure_to_make(read_measures({}, [(str(file), written)]).use[0])


def _labels() -> set[str]:
    return {measure.stat for measure in room.MEASURES if measure.is_ours}


def caution(group: GroupSettings) -> str | None:
    """Say what of the settings of the group stage is allowed, but cannot lead to a finding."""
    if 1 / group.n_permutations <= group.alpha or group.pareto_tail:
        return None
    return (
        f"[group] n_permutations = {group.n_permutations}: the smallest p there can be is "
        f"1/{group.n_permutations}, which is above alpha ({group.alpha:g}): nothing can be "
        f"significant. Take {math.ceil(1 / group.alpha):,} or more."
    )


@cache
def preset_choices(preset: str) -> Mapping[str, Mapping[str, Any]]:
    """Return what a preset chooses: table to name to value."""
    return {
        table: {name: choice[preset] for name, choice in names.items() if preset in choice}
        for table, names in preset_file().items()
    }


@cache
def preset_file() -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """Return the file of the presets: table to name to each preset's value and the reason."""
    return tomllib.loads(read_data("settings", "presets.toml"))


def _read_toml(file: Path) -> dict[str, Any]:
    text = read_text(file, _LARGEST_FILE)
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        msg = f"{file} is not valid TOML (its brackets are nested too deeply). Correct it."
        raise InputError(msg) from error
    except ValueError as error:  # TOMLDecodeError, and numbers of thousands of digits
        msg = f"{file} is not valid TOML ({error}). Correct it."
        raise InputError(msg) from error


def _known(tables: Mapping[str, Any], classes: Mapping[str, type]) -> dict[str, dict[str, Any]]:
    """Return of some tables what are settings; [dask] is part of [execution]."""
    execution, dask = tables.get("execution", {}), tables.get("dask")
    if dask is not None and isinstance(execution, Mapping):
        tables = {**tables, "execution": {**execution, "dask": dask}}
    names = _names(classes)
    return {
        table: {name: value for name, value in values.items() if name in names[table]}
        for table, values in tables.items()
        if table in names and isinstance(values, Mapping)
    }


def _unknown(source: str, tables: Mapping[str, Any], classes: Mapping[str, type]) -> list[str]:
    """Say which tables and names there are not, and what may have been meant."""
    problems = []
    names = _names(classes)
    for table, values in tables.items():
        if table not in (*names, "dask", VARIANTS):
            problems.append(f"there is no table [{table}].{_hint(table, names)}")
        elif not isinstance(values, Mapping):
            problems.append(f"{table} is a table. Write [{table}] and below it name = value.")
        elif table != "dask":
            hints = {n: _place(n, names) or meant(n, names[table]) for n in values}
            hints |= {n: f" It is called {now} now." for n, now in _RENAMED.get(table, {}).items()}
            problems += [
                f"[{table}] has no setting {name!r}.{hints[name]}"
                for name in values
                if name not in names[table]
            ]
        elif "dask" in tables.get("execution", {}):
            problems.append("[dask] and [execution] dask are the same. Keep one of them.")
    return [f"{source}: {problem}" if source else problem for problem in problems]


def _hint(table: str, names: Mapping[str, list[str]]) -> str:
    """Say what was meant by a table that there is not."""
    if table in _MOVED:
        return f" It is called {_MOVED[table]} now."
    if table in _labels():
        return f" Is {table} to be mapped? Then name it in [{MEASURES_TABLE}] use."
    return _place(table, names) or meant(table, list(names))


def _names(classes: Mapping[str, type]) -> dict[str, list[str]]:
    return {table: [f.name for f in fields(cls)] for table, cls in classes.items()}


def _place(name: str, known: Mapping[str, list[str]]) -> str:
    """Return the tables that have a setting of this name, as a sentence; "" if none has."""
    places = [f"[{table}] {name}" for table, names in known.items() if name in names]
    return f" Is {' or '.join(places)} meant?" if places else ""


def _contradictions(settings: StudySettings) -> list[str]:
    """Say which settings are fine alone but not together."""
    problems = []
    group, execution = settings.group, settings.execution
    cleaned = [("", settings.preprocessing, settings.maps)]
    cleaned += [(f"{VARIANTS}.{v.label}.", v.preprocessing, v.maps) for v in settings.variants]
    for place, recipe, maps in cleaned:
        own = settings.preprocessing
        as_own = place and (recipe.low, recipe.high) == (own.low, own.high)
        if recipe.low >= recipe.high and not as_own:
            problems.append(
                f"[{place}preprocessing] low ({recipe.low:g} Hz) must be below high "
                f"({recipe.high:g} Hz)."
            )
        if not place or maps != settings.maps:
            problems += [f"[{place}{settings.measure}] {problem}" for problem in maps.problems]
    for label, maps in settings.beside.items():
        problems += [f"[{label}] {problem}" for problem in maps.problems]
    problems += [f"[input] confounds: {p}" for p in strategy_problems(settings.input.confounds, {})]
    problems += [f"[group] {p.removeprefix('[group] ')}" for p in option_problems(group)]
    problems += _formula_problems(vars(group))
    if execution.executor == "dask" and not execution.scheduler and not execution.dask:
        problems.append(
            '[execution] executor = "dask" needs a scheduler (tcp://...), or a table [dask].'
        )
    if execution.executor == "local" and execution.scheduler:
        problems.append(
            "[execution] scheduler is given, but the work is done on this machine. Say "
            '[execution] executor = "dask", or leave the scheduler out.'
        )
    return problems


def _formula_problems(group: Mapping[str, Any]) -> list[str]:
    if not group.get("formula"):
        return []
    try:
        read_formula(str(group["formula"]))
    except InputError as error:
        return [f"[group] formula: {problem}" for problem in error.problems]
    return []
