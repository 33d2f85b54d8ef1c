"""`commissure config`: settings and where each comes from."""

import argparse
import json
from dataclasses import fields
from typing import Any

from rich.console import Console

from commissure.cli.options import add_settings_options, settings_of
from commissure.measures.names import measure_to_make
from commissure.settings.description import as_tables, descriptions, json_schema, toml_value
from commissure.settings.reading import preset_file
from commissure.settings.tables import PRESETS, table_classes
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


def _show(options: argparse.Namespace) -> None:
    settings = settings_of(options)
    console = Console(highlight=False, emoji=False, soft_wrap=True)
    console.print(f'preset = "{settings.preset}"')
    tables = as_tables(settings)
    for table, cls in table_classes(list(map(measure_to_make, settings.measures.use))).items():
        console.print(f"\n[{table}]", markup=False)
        described, reasons = descriptions(cls), preset_file().get(table, {})
        for field in fields(cls):
            value = tables[table][field.name]
            console.print(f"# {described[field.name]}", style="dim", markup=False)
            choice = reasons.get(field.name)
            if choice:
                why = "; ".join(
                    f"{preset}: {toml_value(choice[preset])}"
                    for preset in PRESETS
                    if preset in choice
                )
                console.print(f"# {why}. {choice['reason']}", style="dim", markup=False)
            if value in (None, ""):
                console.print(f"# {field.name} =", markup=False)
            else:
                console.print(f"{field.name} = {toml_value(value)}", markup=False)
    for label, about in tables[VARIANTS].items():
        console.print(f"\n[{VARIANTS}.{label}]", markup=False)
        for name, value in about.items():
            console.print(f"{name} = {toml_value(value)}", markup=False)


def _schema(_options: argparse.Namespace) -> None:
    print(json.dumps(json_schema(), indent=2))  # noqa: T201
