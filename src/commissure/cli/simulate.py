"""`commissure simulate`: raw studies whose truth is known."""

import argparse
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from commissure.cli.console import shown
from commissure.simulation import Acquisition, simulate_study

log = logging.getLogger(__name__)


def add_parser(commands: Any) -> None:
    """Add this command to the subparsers of the main parser."""
    defaults = Acquisition()
    parser = commands.add_parser(
        "simulate",
        help="a raw BIDS study whose truth is known",
        description="Write a raw BIDS study of synthetic participants, and beside it its truth.",
    )
    parser.set_defaults(run=_run)
    parser.add_argument("out_bids", type=Path, metavar="OUT_BIDS", help="a new or empty folder")
    parser.add_argument("--n-patients", type=int, required=True, metavar="N")
    parser.add_argument("--n-controls", type=int, required=True, metavar="N")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--n-volumes", type=int, default=defaults.n_volumes, metavar="N")
    parser.add_argument(
        "--small", action="store_true", help="6 mm and 2 mm voxels: seconds instead of a minute"
    )
    parser.add_argument("--n-threads", type=int, metavar="N", help="default: all cores")
    parser.add_argument("--quiet", action="store_true", help="show warnings and errors only")


def _run(options: argparse.Namespace) -> None:
    acquisition = Acquisition(n_volumes=options.n_volumes)
    if options.small:
        acquisition = replace(
            acquisition, matrix=(40, 40, 24), voxel_size=(6.0, 6.0, 6.0), t1w_voxel_size=2.0
        )
    with shown(quiet=options.quiet):
        folder = simulate_study(
            options.out_bids,
            options.n_patients,
            options.n_controls,
            options.seed,
            acquisition=acquisition,
            n_threads=options.n_threads,
        )
        log.info("See %s", folder)
