"""`commissure simulate`: studies whose truth is known."""

import argparse
import logging
from dataclasses import replace
from typing import Any

from commissure.cli.arguments import LARGEST_SEED, count, number, path_of, whole
from commissure.cli.console import shown
from commissure.executors import LocalExecutor
from commissure.problems import InputError
from commissure.simulation import (
    REFERENCE_EFFECT,
    REFERENCE_N,
    Acquisition,
    Effects,
    simulate_study,
)
from commissure.study.scanning import scan_by

log = logging.getLogger(__name__)

_DESCRIPTION = """\
Write a BIDS study of synthetic patients and controls, and beside it its truth: what CFH would be
with endless data, computed from the model that makes the scans. Patients have higher CFH in the
left putamen (-30, -2, 10) and the left precentral gyrus (-42, 0, 54).
"""

_EPILOG = """\
OUT_BIDS/derivatives/truth holds
  *_stat-cfh_desc-{control,patient}_boldmap.nii.gz   true CFH of the groups, Fisher z
  *_stat-cfh_desc-{difference,standardized}_boldmap.nii.gz
  truth.json         what was planted, and what became of it in the truth
  participants.tsv   each participant's true coupling and CFH of the regions

examples:
  commissure simulate study --preset liu2025 --seed 1
  commissure simulate study --n-patients 12 --n-controls 12 --seed 1 --clean --effect 2 \\
      --score-r illness_duration=0.6
"""


def add_parser(commands: Any, what: str) -> None:
    """Add this command to the subparsers of the main parser."""
    parser = commands.add_parser(
        "simulate",
        help=what,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_run)
    parser.add_argument("out_bids", type=path_of, metavar="OUT_BIDS", help="a new or empty folder")
    parser.add_argument("--seed", type=whole(0, LARGEST_SEED), required=True)
    parser.add_argument(
        "--preset",
        choices=("liu2025",),
        help=f"the reference study: {REFERENCE_N} patients and {REFERENCE_N} controls, and an "
        f"effect of {REFERENCE_EFFECT:g}, with which peaks have a t of 5 to 6",
    )
    parser.add_argument("--n-patients", type=whole(0, 100_000), metavar="N")
    parser.add_argument("--n-controls", type=whole(0, 100_000), metavar="N")
    _add_kind(parser)
    _add_truth(parser)
    _add_sizes(parser)
    parser.add_argument("--n-procs", type=count, metavar="N", help="default: all cores")
    parser.add_argument(
        "--n-threads",
        type=count,
        metavar="N",
        help="of each; default: the cores, divided",
    )
    parser.add_argument("--quiet", action="store_true", help="show warnings and errors only")


def _add_kind(parser: argparse.ArgumentParser) -> None:
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        "--raw",
        dest="kind",
        action="store_const",
        const="raw",
        default="raw",
        help="T1w and BOLD as from a scanner (default)",
    )
    kind.add_argument(
        "--clean",
        dest="kind",
        action="store_const",
        const="clean",
        help="clean series on the template's grid: seconds a participant",
    )


def _add_truth(parser: argparse.ArgumentParser) -> None:
    truth = parser.add_argument_group("what is true")
    truth.add_argument(
        "--effect",
        type=number(-100, 100),
        metavar="SD",
        help="how much higher the regions' coupling is in patients, in standard deviations "
        f"between people (default: {Effects().effect:g}; 0 for a study without an effect)",
    )
    truth.add_argument(
        "--both-sides",
        action="store_true",
        help="let the right-hand partners of the regions change with them",
    )
    truth.add_argument(
        "--score-r",
        action="append",
        default=[],
        metavar="SCORE=R",
        help="correlation of a score (illness_duration, JRS_severity, JRS_frequency) with the "
        "coupling of the left putamen; may be repeated",
    )
    truth.add_argument(
        "--age-gap",
        type=number(-60, 60),
        default=0.0,
        metavar="YEARS",
        help="how much older patients are",
    )
    truth.add_argument(
        "--age-slope",
        type=number(-10, 10),
        default=0.0,
        metavar="SD",
        help="change of all coupling in ten years of age, in standard deviations",
    )


def _add_sizes(parser: argparse.ArgumentParser) -> None:
    size = parser.add_argument_group("sizes")
    size.add_argument(
        "--n-volumes", type=whole(3, 100_000), default=Acquisition().n_volumes, metavar="N"
    )
    size.add_argument(
        "--small", action="store_true", help="raw: 6 mm and 2 mm voxels, seconds a participant"
    )
    size.add_argument(
        "--resolution-mm",
        type=int,
        choices=(2, 3, 4, 6, 8),
        default=3,
        help="of clean series and of the truth (default: %(default)d)",
    )


def _run(options: argparse.Namespace) -> None:
    of_preset = options.preset is not None
    n_patients, n_controls = (
        REFERENCE_N if given is None and of_preset else given
        for given in (options.n_patients, options.n_controls)
    )
    if n_patients is None or n_controls is None:
        msg = "Say how many people: --n-patients and --n-controls, or --preset liu2025."
        raise InputError(msg)
    effect = options.effect
    if effect is None:
        effect = REFERENCE_EFFECT if of_preset else Effects().effect
    effects = Effects(
        effect,
        left_only=not options.both_sides,
        score_r=dict(_score_r(text) for text in options.score_r),
        age_gap=options.age_gap,
        age_slope=options.age_slope,
    )
    acquisition = Acquisition(n_volumes=options.n_volumes)
    if options.small:
        acquisition = replace(
            acquisition, matrix=(40, 40, 24), voxel_size=(6.0, 6.0, 6.0), t1w_voxel_size=2.0
        )
    with shown(quiet=options.quiet) as progress:
        folder = simulate_study(
            options.out_bids,
            n_patients,
            n_controls,
            options.seed,
            effects=effects,
            kind=options.kind,
            acquisition=acquisition,
            resolution_mm=options.resolution_mm,
            scan_all=scan_by(LocalExecutor(options.n_procs, options.n_threads)),
            progress=progress,
        )
        log.info("See %s", folder)


def _score_r(text: str) -> tuple[str, float]:
    name, _, r = text.partition("=")
    try:
        return name, float(r)
    except ValueError:
        msg = f"--score-r {text} is not SCORE=R, as illness_duration=0.6."
        raise InputError(msg) from None
