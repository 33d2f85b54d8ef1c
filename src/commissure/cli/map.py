"""`commissure map`: maps of clean scans, of any measure."""

import argparse
from dataclasses import fields
from typing import Any

import commissure.measures as room
from commissure.cli.cfh import add_running, add_scans, add_series_options, map_scans
from commissure.cli.options import add_options, add_settings_options, settings_of
from commissure.measures.measure import MapSettings
from commissure.settings.reading import measure_asked
from commissure.settings.tables import MEASURE

_DESCRIPTION = """\
Maps of clean scans, of one of the measures that `commissure measures` lists. The scans must be
preprocessed and on the grid of the mask.
"""

_EPILOG = """\
Each map lies in the output folder, named after its scan, with a .json that says how it was made,
and a picture of the first. Settings of the measure's own are those of its table: --set
TABLE.NAME=VALUE.

example:
  commissure map sub-*_space-MNI152NLin2009aSym_bold.nii.gz --measure vmhc --mask gm.nii.gz -o out/
"""


def add_parser(commands: Any, what: str) -> None:
    """Add this command to the subparsers of the main parser."""
    parser = add_scans(commands, "map", what, _DESCRIPTION, _EPILOG)
    parser.set_defaults(run=_run)
    ours = ", ".join(measure.stat for measure in room.MEASURES if measure.is_ours)
    parser.add_argument(
        "--measure",
        metavar="NAME",
        help=f"one of {ours} (default: that of the settings file, else {MEASURE.stat})",
    )
    how = parser.add_argument_group("how")
    add_settings_options(how)
    add_options(how, MEASURE.stat, [field.name for field in fields(MapSettings)])
    add_series_options(how, MEASURE.stat)
    add_running(parser)


def _run(options: argparse.Namespace) -> None:
    label = measure_asked(options.measure, options.config).stat
    # The options for places are those of every measure: they go to the table of this one.
    for place in [p for p in vars(options) if p.startswith(f"{MEASURE.stat}.")]:
        value = vars(options).pop(place)
        setattr(options, _of(label, place), value)
    options.flags = {_of(label, place): flag for place, flag in options.flags.items()}
    options.given = {_of(label, place) for place in getattr(options, "given", ())}
    map_scans(options, settings_of(options, measure=label))


def _of(label: str, place: str) -> str:
    table, dot, name = place.partition(".")
    return f"{label}{dot}{name}" if table == MEASURE.stat else place
