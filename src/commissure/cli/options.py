"""Options made of the fields of settings: text, allowed values and default stand there once."""

import argparse
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from commissure.cli.arguments import Groups, Names, Pairs, Switch, path_of
from commissure.problems import InputError
from commissure.settings.description import descriptions
from commissure.settings.reading import preset_file, read_settings
from commissure.settings.tables import PRESETS, StudySettings, table_classes

Changes = dict[str, dict[str, Any]]


def add_settings_options(parser: Any) -> None:
    """Add the options that choose settings by file and by name."""
    parser.add_argument("--preset", choices=PRESETS, help="default: recommended")
    parser.add_argument("--config", type=path_of, metavar="TOML", help="settings file")
    parser.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        metavar="TABLE.NAME=VALUE",
        help="change a setting, such as preprocessing.fwhm=6 (repeatable)",
    )


def add_options(
    parser: Any,
    table: str,
    names: Sequence[str] = (),
    *,
    flags: Mapping[str, str | Sequence[str]] | None = None,
    without: Collection[str] = (),
) -> None:
    """Add an option for each setting of a table, to a parser or a group of one.

    Parameters
    ----------
    parser : argparse.ArgumentParser or a group of one
    table : str
        As files of settings call it.
    names : sequence of str
        Of the settings; by default all.
    flags : mapping of str to str or sequence of str
        Name to option, and its other spellings, where it is not called after the setting.
    without : collection of str
        Settings that have no option here.
    """
    cls = table_classes()[table]
    described, hints = descriptions(cls), get_type_hints(cls)
    for name in names or [field.name for field in fields(cls) if field.name not in without]:
        spelled = (flags or {}).get(name, f"--{name.replace('_', '-')}")
        spelled = (spelled,) if isinstance(spelled, str) else spelled
        text = f"{described[name].removesuffix('.')}{_default(table, name)}"
        parser.add_argument(
            *spelled, dest=f"{table}.{name}", help=text.replace("%", "%%"), **_argument(hints[name])
        )
        is_on = getattr(cls(), name) is True
        flag = f"--no-{spelled[0][2:]}" if is_on else spelled[0]
        add_flags(parser, {f"{table}.{name}": flag})


def add_flags(parser: Any, flags: Mapping[str, str]) -> None:
    """Add how messages call settings that options stand for."""
    parser.set_defaults(flags={**(parser.get_default("flags") or {}), **flags})


def settings_of(
    options: argparse.Namespace, more: Changes | None = None, measure: str | None = None
) -> StudySettings:
    """Return the settings of a command line; `more` come from options of other kinds.

    Raises
    ------
    InputError
        With all that is wrong.
    """
    merged = changes_of(options)
    for table, values in (more or {}).items():
        merged.setdefault(table, {}).update(values)
    flags = flags_of(options)
    problems = []
    for text in options.changes:
        path, equals, value = text.partition("=")
        table, dot, name = path.strip().partition(".")
        if not (equals and dot and name):
            problems.append(f"--set {text} is not understood. Write --set TABLE.NAME=VALUE.")
        elif name in merged.get(table, {}):
            other = flags.get(f"{table}.{name}", "--set")
            problems.append(f"--set {path.strip()}: {other} gives it too. Keep one of them.")
        else:
            merged.setdefault(table, {})[name] = _parsed(value)
    try:
        settings = read_settings(options.preset, options.config, merged, measure)
    except InputError as error:
        raise InputError([*problems, *error.problems]) from error
    if problems:
        raise InputError(problems)
    return settings


def changes_of(options: argparse.Namespace) -> Changes:
    """Return what options say of settings: table to name to value."""
    changes: Changes = {}
    for place, value in vars(options).items():
        table, dot, name = place.partition(".")
        if dot and value is not None:
            changes.setdefault(table, {})[name] = value
    return changes


def flags_of(options: argparse.Namespace) -> dict[str, str]:
    """Return how messages call settings: as they were given, else by their options.

    What --set gives, or may stand in a file, is called ``[table] name`` as there.
    """
    flags: dict[str, str] = getattr(options, "flags", {})
    given: set[str] = getattr(options, "given", set())
    by_name = {text.partition("=")[0].strip() for text in getattr(options, "changes", ())}
    in_file = getattr(options, "config", None) is not None
    return {
        place: flag
        for place, flag in flags.items()
        if place in given or not (in_file or place in by_name)
    }


def _default(table: str, name: str) -> str:
    """Return in brackets what a setting is if nothing is chosen; empty where its text says it."""
    choice = preset_file().get(table, {}).get(name, {})
    chosen = {preset: choice[preset] for preset in PRESETS if preset in choice}
    if len({repr(value) for value in chosen.values()}) > 1:
        return f" ({'; '.join(f'{p}: {_shown(v)}' for p, v in chosen.items())})"
    value = getattr(table_classes()[table](), name)
    return "" if value in (None, "", (), {}) else f" (default: {_shown(value)})"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | float | int):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return " ".join(map(str, value))


def _argument(hint: Any) -> dict[str, Any]:
    """Return what argparse is to know of a setting of a type; limits are checked with all else."""
    if get_origin(hint) in (Union, UnionType):
        hint = next(one for one in get_args(hint) if one is not NoneType)
    if hint is bool:
        return {"action": Switch}
    if get_origin(hint) is tuple:
        return {"nargs": "+", "action": Names, "metavar": "NAME"}
    if get_origin(hint) is dict:
        one = Pairs if get_args(hint)[1] is str else Groups
        return {"nargs": "+", "action": one, "metavar": "NAME=VALUE"}
    if get_origin(hint) is Literal:
        values = get_args(hint)
        of = str if isinstance(values[0], str) else _number
        return {"type": of, "metavar": f"{{{','.join(map(str, values))}}}"}
    if hint in (int, float):
        return {"type": _number, "metavar": "N" if hint is int else "X"}
    return {"metavar": "TEXT"}


def _number(text: str) -> int | float | str:
    """Return a number, or the text as it is, which is refused with all else that is wrong."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _parsed(text: str) -> Any:
    """Return the value of a line of TOML, or the text itself: words need no quotes."""
    try:
        read = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text.strip()
    return read["value"] if len(read) == 1 else text.strip()
