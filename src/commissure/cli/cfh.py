"""`commissure cfh`: CFH maps of clean scans."""

import argparse
import logging
from dataclasses import replace
from typing import Any

from commissure.cli.arguments import path_of
from commissure.cli.console import shown
from commissure.cli.options import add_flags, add_options, add_settings_options, settings_of
from commissure.cli.sizes import add_memory, memory_allowed
from commissure.measures import CFH
from commissure.measures.names import measure_to_make
from commissure.problems import InputError
from commissure.settings.checks import read_table
from commissure.settings.description import descriptions
from commissure.settings.tables import StudySettings
from commissure.study.participant.map_command import SeriesSettings, make_maps

log = logging.getLogger(__name__)

_DESCRIPTION = """\
CFH maps of clean scans: for each voxel, the highest correlation of its time series with any voxel
of the other hemisphere. The scans must be preprocessed and on the grid of the mask.
"""

_EPILOG = """\
For each scan, named after it, in the output folder:
  *_stat-cfh_boldmap.nii.gz         Fisher z
  *_stat-cfhr_boldmap.nii.gz        r
  *_stat-cfhpartner_boldmap.nii.gz  x, y, z of the partner (mm)
  *_stat-cfhshift_boldmap.nii.gz    its distance from the mirror position (mm)
  *_stat-cfhfloor_boldmap.nii.gz    Fisher z by chance (without with --noise-floor 0)
each with a .json that says how it was made, and a picture of the first.

example:
  commissure cfh sub-*_space-MNI152NLin2009aSym_bold.nii.gz --mask gm.nii.gz -o out/
"""
# What clean scans of anybody may need and a study's own do not.
_SERIES = ("mask_threshold", "band", "band_padding")


def add_parser(commands: Any, what: str) -> None:
    """Add this command to the subparsers of the main parser."""
    parser = add_scans(commands, "cfh", what, _DESCRIPTION, _EPILOG)
    parser.set_defaults(run=_run)
    how = parser.add_argument_group("how")
    add_settings_options(how)
    add_options(how, CFH.stat, flags={"noise_floor_seed": ("--seed", "--noise-floor-seed")})
    add_series_options(how, CFH.stat)
    add_running(parser)


def add_scans(
    commands: Any, name: str, what: str, description: str, epilog: str
) -> argparse.ArgumentParser:
    """Add a command that maps clean scans, with the scans and the folder that it takes.

    Parameters
    ----------
    commands
        The subparsers of the main parser.
    name, what, description, epilog : str
        Of the command.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=what,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scans", nargs="+", type=path_of, metavar="BOLD", help="4D NIfTI files")
    parser.add_argument("-o", "--out", type=path_of, required=True, help="output folder")
    return parser


def add_series_options(how: Any, table: str) -> None:
    """Add how clean scans are read; messages call it by the options of a table."""
    add_options(how, "input", ("tr", "space"))
    how.add_argument("--mask-threshold", type=float, metavar="P", help=_text("mask_threshold"))
    how.add_argument("--band", type=float, nargs=2, metavar=("LOW", "HIGH"), help=_text("band"))
    how.add_argument("--band-padding", metavar="{dft,dpabi}", help=_text("band_padding"))
    add_flags(how, {f"{table}.{name}": f"--{name.replace('_', '-')}" for name in _SERIES})


def add_running(parser: argparse.ArgumentParser) -> None:
    """Add what a command that maps scans may take of the machine."""
    run = parser.add_argument_group("running")
    add_options(run, "execution", ("n_threads", "mem_gb"))
    add_memory(run)
    run.add_argument("--quiet", action="store_true", help="show warnings and errors only")


def _text(name: str) -> str:
    return descriptions(SeriesSettings)[name]


def _run(options: argparse.Namespace) -> None:
    settings = settings_of(options)
    if settings.measure != CFH.stat:
        msg = (
            f"{options.config} is about {settings.measure}; this command makes CFH maps. Call "
            "commissure map."
        )
        raise InputError(msg)
    map_scans(options, settings)


def map_scans(options: argparse.Namespace, settings: StudySettings) -> None:
    """Make the maps that a command line asks for."""
    given = {name: value for name in _SERIES if (value := getattr(options, name)) is not None}
    series = replace(
        read_table(settings.measure, SeriesSettings, given),
        tr=settings.input.tr,
        space=settings.input.space,
    )
    with shown(quiet=options.quiet) as progress:
        pictures = make_maps(
            measure_to_make(settings.measure),
            options.scans,
            options.out,
            settings.maps,
            series,
            n_threads=settings.execution.n_threads,
            max_memory=memory_allowed(options, settings.execution),
            progress=progress,
        )
        for picture in pictures:
            log.info("Look at %s", picture)
