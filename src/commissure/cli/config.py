"""`commissure config`: settings and where each comes from."""

import argparse
import json
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

from rich.console import Console

from commissure.problems import InputError
from commissure.settings.description import as_tables, descriptions, json_schema
from commissure.settings.reading import preset_file, read_settings
from commissure.settings.tables import PRESETS, StudySettings, table_classes
from commissure.settings.variants import VARIANTS


def add_parser(commands: Any, what: str) -> None:
    """Add this command to the subparsers of the main parser."""
    parser = commands.add_parser(
        "config",
        help=what,
        description="Show all settings of a study, each with its reason, or what a file may hold.",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    show = actions.add_parser("show", help="all settings, as a file that --config takes")
    add_settings_options(show)
    show.set_defaults(run=_show)
    schema = actions.add_parser("schema", help="JSON schema of a settings file")
    schema.set_defaults(run=_schema)


def add_settings_options(parser: Any) -> None:
    """Add the options that `settings_of` reads."""
    parser.add_argument("--preset", choices=PRESETS, help="default: recommended")
    parser.add_argument("--config", type=Path, metavar="TOML", help="settings file")
    parser.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        metavar="TABLE.NAME=VALUE",
        help="change a setting, such as preprocessing.fwhm=6 (repeatable)",
    )


def settings_of(
    options: argparse.Namespace, changes: dict[str, dict[str, Any]] | None = None
) -> StudySettings:
    """Return the settings of a command line; `changes` come from options of their own.

    Raises
    ------
    InputError
        With all that is wrong.
    """
    merged: dict[str, dict[str, Any]] = {table: dict(v) for table, v in (changes or {}).items()}
    flags = getattr(options, "flags", {})
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
        settings = read_settings(options.preset, options.config, merged)
    except InputError as error:
        raise InputError([*problems, *error.problems]) from error
    if problems:
        raise InputError(problems)
    return settings


def _parsed(text: str) -> Any:
    """Return the value of a line of TOML, or the text itself: words need no quotes."""
    try:
        read = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text.strip()
    return read["value"] if len(read) == 1 else text.strip()


def _show(options: argparse.Namespace) -> None:
    settings = settings_of(options)
    console = Console(highlight=False, emoji=False, soft_wrap=True)
    console.print(f'preset = "{settings.preset}"\nmeasure = "{settings.measure}"')
    tables = as_tables(settings)
    for table, cls in table_classes().items():
        console.print(f"\n[{table}]", markup=False)
        described, reasons = descriptions(cls), preset_file().get(table, {})
        for field in fields(cls):
            value = tables[table][field.name]
            console.print(f"# {described[field.name]}", style="dim", markup=False)
            choice = reasons.get(field.name)
            if choice:
                why = "; ".join(
                    f"{preset}: {_toml(choice[preset])}" for preset in PRESETS if preset in choice
                )
                console.print(f"# {why}. {choice['reason']}", style="dim", markup=False)
            if value in (None, ""):
                console.print(f"# {field.name} =", markup=False)
            else:
                console.print(f"{field.name} = {_toml(value)}", markup=False)
    for label, about in tables[VARIANTS].items():
        console.print(f"\n[{VARIANTS}.{label}]", markup=False)
        for name, value in about.items():
            console.print(f"{name} = {_toml(value)}", markup=False)


def _schema(_options: argparse.Namespace) -> None:
    print(json.dumps(json_schema(), indent=2))  # noqa: T201


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{json.dumps(name)} = {_toml(of)}" for name, of in value.items()) + "}"
        )
    return json.dumps(value, ensure_ascii=False)
