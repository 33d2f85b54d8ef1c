"""`commissure preprocess`: raw BIDS runs to clean series in template space."""

import argparse
from dataclasses import replace
from typing import Any

from commissure.cli.arguments import path_of
from commissure.cli.options import add_flags, add_options, add_settings_options, settings_of
from commissure.cli.plan import add_choice_of_runs, add_execution, carry_out, plan_of
from commissure.study.participant.steps import CLEANING

_DESCRIPTION = """\
Preprocess the resting-state runs of a raw BIDS dataset: slice timing, realignment, registration to
the symmetric MNI template, smoothing, nuisance regression, band-pass. Nothing is downloaded. These
are the first steps of commissure run, which goes on from here.
"""

_EPILOG = """\
In the output folder: clean BOLD, mask, confounds, tissue maps, transforms and pictures of each run,
and quality.tsv, which says for each run whether it is good enough for the group stage and why not.

example:
  commissure preprocess study/ derivatives/ --participant-label 01 02 --preset liu2025
"""
_RULES = {
    "mean_fd_mm": "--max-mean-fd",
    "max_mm": "--max-motion-mm",
    "max_degrees": "--max-motion-degrees",
}


def add_parser(commands: Any, what: str) -> None:
    """Add this command to the subparsers of the main parser."""
    parser = commands.add_parser(
        "preprocess",
        help=what,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_run, stage="participant")
    parser.add_argument("input", type=path_of, metavar="BIDS_DIR")
    parser.add_argument("out_dir", type=path_of, metavar="OUT_DIR")
    add_choice_of_runs(parser)
    how = parser.add_argument_group("how")
    add_settings_options(how)
    flags = {"padding": "--band-padding"}
    add_options(how, "preprocessing", flags=flags, without=("low", "high"))
    how.add_argument("--band", type=float, nargs=2, metavar=("LOW", "HIGH"), help="to keep, Hz")
    add_flags(how, dict.fromkeys(("preprocessing.low", "preprocessing.high"), "--band"))
    rules = parser.add_argument_group("who is included")
    add_options(rules, "quality", flags=_RULES)
    add_execution(parser, without=("dask", "keep"))  # its series are what it is for


def _run(options: argparse.Namespace) -> int:
    band = dict(zip(("low", "high"), options.band or (), strict=False))
    settings = settings_of(options, {"preprocessing": band} if band else None)
    settings = replace(settings, input=replace(settings.input, kind="bids"))
    return carry_out(options, plan_of(options, settings, pipeline=CLEANING))
