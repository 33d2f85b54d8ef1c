"""`commissure run`: a whole study, from its folder to its findings."""

import argparse
import logging
from typing import Any

from commissure.cli.arguments import in_flags
from commissure.cli.options import flags_of, settings_of
from commissure.cli.plan import add_study_options, carry_out, plan_of
from commissure.settings.reading import caution

log = logging.getLogger(__name__)

_DESCRIPTION = """\
Take a study from its folder to its findings: preprocessing, CFH maps, group comparison, clinical
statistics. What is done already is not done again: a run that was stopped goes on where it was,
and after a change of settings or files only what depends on them is done anew.
"""

_EPILOG = """\
INPUT is a raw BIDS dataset, derivatives of fMRIPrep or XCP-D, a working folder of DPABI, or a table
with the columns participant_id and path.

examples:
  commissure run study/ results/ all --preset liu2025
  commissure run study/ results/ participant --participant-label 01 02 --n-procs 2
  commissure run study/ results/ group --config study.toml
"""


def add_parser(commands: Any, what: str) -> None:
    """Add this command to the subparsers of the main parser."""
    parser = commands.add_parser(
        "run",
        help=what,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_run)
    add_study_options(parser)


def _run(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    study = plan_of(options, settings, options.participants)
    if options.stage != "participant" and (told := caution(settings.group)):
        log.warning("%s", in_flags(told, flags_of(options)))
    return carry_out(options, study)
