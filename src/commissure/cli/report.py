"""`commissure report`: the pages of a study, at any time."""

import argparse
import logging
from typing import Any

from commissure.cli.arguments import path_of
from commissure.cli.console import shown
from commissure.report.files import write_report
from commissure.study.identity import read_identity
from commissure.workspace.ledger import check_unchanged, ledger_names

log = logging.getLogger(__name__)

_DESCRIPTION = """\
Write report.html and a page for each participant from what the output folder holds, finished or
not. The pages need no network and nothing beside themselves.
"""


def add_parser(commands: Any, what: str) -> None:
    """Add this command to the subparsers of the main parser."""
    parser = commands.add_parser(
        "report",
        help=what,
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_run)
    parser.add_argument("out_dir", type=path_of, metavar="OUT_DIR", help="of the study")
    parser.add_argument("--quiet", action="store_true", help="show warnings and errors only")


def _run(options: argparse.Namespace) -> None:
    with shown(quiet=options.quiet):
        # A report of files that somebody changed would tell of another study.
        check_unchanged(options.out_dir, ledger_names(options.out_dir))
        read_identity(options.out_dir)
        log.info("See %s", write_report(options.out_dir))
