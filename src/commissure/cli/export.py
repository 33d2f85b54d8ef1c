"""`commissure export`: findings in the form that others take."""

import argparse
import logging
from typing import Any

from commissure.cli.arguments import path_of
from commissure.cli.console import shown
from commissure.study.neurovault import export_neurovault

log = logging.getLogger(__name__)

_DESCRIPTION = """\
Copy the unthresholded maps of the group stage into a folder, with images.tsv and collection.json in
the terms of NeuroVault's forms. Nothing is sent: upload it there yourself.
"""


def add_parser(commands: Any, what: str) -> None:
    """Add this command to the subparsers of the main parser."""
    parser = commands.add_parser("export", help=what, description=what)
    forms = parser.add_subparsers(metavar="FORM", required=True)
    vault = forms.add_parser(
        "neurovault", help="maps with what NeuroVault asks of each", description=_DESCRIPTION
    )
    vault.set_defaults(run=_neurovault)
    vault.add_argument("out_dir", type=path_of, metavar="OUT_DIR", help="of the study")
    vault.add_argument("-o", "--output", type=path_of, required=True, metavar="FOLDER")


def _neurovault(options: argparse.Namespace) -> None:
    with shown(quiet=False):
        n = export_neurovault(options.out_dir, options.output)
        log.info("%s has %d maps. Look at images.tsv before you upload them.", options.output, n)
