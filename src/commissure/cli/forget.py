"""`commissure forget`: everything of a person taken out of a study."""

import argparse
import logging
from typing import Any

from commissure.cli.arguments import path_of
from commissure.cli.console import shown
from commissure.study.forget import forget

log = logging.getLogger(__name__)

_DESCRIPTION = """\
Remove all that commissure wrote of people, as when consent is withdrawn: their folders and pages,
rows of quality.tsv, records and hashes. The files of the group stage, which were made with them,
are removed too: take the people out of the input, and run the group stage again. Files of others
are left where they are, and named. Stopped, it is finished by calling it again.
"""


def add_parser(commands: Any, what: str) -> None:
    """Add this command to the subparsers of the main parser."""
    parser = commands.add_parser(
        "forget",
        help=what,
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_run)
    parser.add_argument("out_dir", type=path_of, metavar="OUT_DIR", help="of the study")
    parser.add_argument(
        "--participant-label",
        "--participant_label",
        nargs="+",
        required=True,
        metavar="LABEL",
        help='with or without "sub-"',
    )
    parser.add_argument(
        "-w", "--work-dir", "--work_dir", type=path_of, metavar="DIR", help="if the study had one"
    )
    parser.add_argument("--quiet", action="store_true", help="show warnings and errors only")


def _run(options: argparse.Namespace) -> None:
    with shown(quiet=options.quiet):
        done = forget(options.out_dir, options.participant_label, options.work_dir)
        if done.ids:
            log.info(
                "%s: all that commissure wrote is removed, and the files of the group stage. Take "
                "them out of the input too, else the next run makes everything again.",
                ", ".join(done.ids),
            )
        for label in done.unknown:
            log.warning("%s holds nothing of sub-%s.", options.out_dir, label)
        for path in done.left:
            log.warning("%s is not commissure's, names them, and is left. Look at it.", path)
