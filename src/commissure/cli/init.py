"""`commissure init`: a settings file for a study, from its folder and a few questions."""

import argparse
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from commissure.cli.arguments import path_of
from commissure.cli.console import shown
from commissure.inputs import find_participants, read_scans
from commissure.inputs.people import read_participants
from commissure.problems import InputError
from commissure.settings.description import descriptions, toml_value
from commissure.settings.group import GroupSettings
from commissure.settings.reading import read_settings
from commissure.settings.tables import PRESETS
from commissure.study.proposal import Suggestions, accepted, design_of, suggestions
from commissure.workspace.staging import replace_file

_DESCRIPTION = """\
Read the scans' names and participants.tsv, ask what is compared with what, and write a settings
file that commissure check and commissure run take. With --yes, or where nobody can answer, what
seems to be meant is taken; look at the file then.
"""
_HEAD = """\
# What commissure does with {input}. Change what is not meant, and look whether it holds:
#     commissure check {input} OUT_DIR all --config {file}
# All settings, each with its reason: commissure config show
preset = "{preset}"  # or "{other}"
"""
_MORE = """
# Often wanted, without the "# ":
#
# [quality]
# exclude = {"sub-07" = "withdrew"}   # who is left out by name, with the reason
#
# [group]
# subset = {site = ["A"]}             # who is compared, by levels of a column
# rois = ["PUT=label:Left Putamen"]   # regions named beforehand, each tested by itself
"""

Ask = Callable[[str, str], str]


def add_parser(commands: Any, what: str) -> None:
    """Add this command to the subparsers of the main parser."""
    parser = commands.add_parser("init", help=what, description=_DESCRIPTION)
    parser.set_defaults(run=_run)
    parser.add_argument("input", type=path_of, metavar="INPUT", help="BIDS_DIR, or another input")
    parser.add_argument("-o", "--output", type=path_of, default=Path("study.toml"), metavar="TOML")
    parser.add_argument("--participants", type=path_of, metavar="TSV", help="default: the input's")
    parser.add_argument("-y", "--yes", action="store_true", help="ask nothing")


def _run(options: argparse.Namespace) -> int:
    if options.output.exists():
        msg = f"{options.output} is there already. Move it away, or name another file with -o."
        raise InputError(msg)
    with shown(quiet=True):
        scans = read_scans(options.input, "auto")
        people = read_participants(options.participants or find_participants(options.input))
        found = suggestions(people, scans)
        asks = not options.yes and sys.stdin.isatty()
        preset, wanted = _answers(found, _asked if asks else lambda _question, best: best)
        asked, left = accepted(wanted, people, scans, read_settings(preset))
    head = _HEAD.format(
        input=shlex.quote(str(options.input)),
        file=shlex.quote(str(options.output)),
        preset=preset,
        other=next(other for other in PRESETS if other != preset),
    )
    unused = {**_beside(found, asked), **found.unused, **left}
    table = _table(asked, read_settings(preset).group, unused)
    replace_file(options.output, head + "\n".join(table) + "\n" + _MORE)
    console = Console(highlight=False, emoji=False, soft_wrap=True)
    console.print(
        f"{options.output} is written: {asked.formula}, {asked.contrast}. Now: "
        f"commissure check {shlex.quote(str(options.input))} OUT_DIR all "
        f"--config {shlex.quote(str(options.output))}",
        markup=False,
    )
    return 0


def _answers(found: Suggestions, ask: Ask) -> tuple[str, GroupSettings]:
    """Return the preset and what is to be asked of the maps."""
    columns = ", ".join(found.columns) or "none"
    group = ask(f"Which column has the groups ({columns}; - for none)?", found.group or "-")
    levels: Sequence[str] = ()
    if group in found.columns:
        several = "Which groups are compared, the reference last?"
        levels = _names(ask(several, ", ".join(found.levels(group))))
    at_hand = ", ".join(name for name in found.covariates if name != group)
    covariates = _names(ask("What is held constant, beside head motion (- for nothing)?", at_hand))
    likely, within = found.scores(group if group in found.columns else None)
    scores = _names(ask("Which scores go with it (- for none)?", ", ".join(likely)))
    if scores and levels:
        within = ask("Within which group?", within or levels[0])
    preset = ask(f"By whose choices ({', '.join(PRESETS)})?", PRESETS[0])
    unknown = [n for n in (*covariates, *scores, group) if n != "-" and n not in found.columns]
    if unknown:
        msg = f"There is no usable column {', '.join(unknown)}. There are {columns}. Say it again."
        raise InputError(msg)
    names = None if group == "-" else group
    base = read_settings(preset).group
    return preset, design_of(found, base, names, levels, covariates, scores, within)


def _asked(question: str, best: str) -> str:
    return input(f"{question} [{best or '-'}] ").strip() or best


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip() not in ("", "-")]


def _beside(found: Suggestions, asked: GroupSettings) -> dict[str, str]:
    """Say of which usable columns nothing is asked."""
    named = {*asked.formula.split(" + "), *asked.clinical}
    return {name: "not asked for" for name in found.columns if name not in named}


def _table(asked: GroupSettings, base: GroupSettings, unused: Mapping[str, str]) -> Iterator[str]:
    """Give the lines of the table of the group stage, each setting with what it is."""
    described, default = descriptions(GroupSettings), asdict(base)
    yield "\n[group]"
    for name, value in asdict(asked).items():
        if value != default[name]:
            yield f"# {described[name]}"
            yield f"{name} = {toml_value(value)}"
    if unused:
        yield "# Columns that are not used:"
    for name, why in unused.items():
        yield f"#   {' '.join(name.split())}: {' '.join(why.split())}"
