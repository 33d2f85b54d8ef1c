"""`commissure power`: how large a planned study must be."""

import argparse
import logging
import math
from typing import Any

from commissure.cli.arguments import LARGEST_SEED, count, number, path_of, whole
from commissure.cli.console import shown
from commissure.render.power import GOAL
from commissure.simulation.power import N_PERMUTATIONS, simulate_power
from commissure.study.group.power import write_power
from commissure.workspace.places import placed

log = logging.getLogger(__name__)

_DESCRIPTION = """\
Simulate studies of different sizes at the level of CFH maps, and count in how many a planted
difference of the groups is found (cluster-level corrected p < 0.05, covariates and permutation
test as in `recommended`). Writes power.tsv, power.json and power.png.
"""

_EPILOG = """\
An effect is in standard deviations between people of the true coupling. As runs of some minutes
measure it with error, the Hedges g seen at a peak is smaller than that or larger, as it is the
largest of a region; power.tsv has it beside each power. The reference study's t of 5 (g of 1.3)
goes with an effect of about 2.

example:
  commissure power --effect 1.5 2 --n 20 30 40 60 --seed 1 -o power/
"""


def add_parser(commands: Any, what: str) -> None:
    """Add this command to the subparsers of the main parser."""
    parser = commands.add_parser(
        "power",
        help=what,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_run)
    parser.add_argument("--effect", type=number(-100, 100), nargs="+", required=True, metavar="SD")
    parser.add_argument(
        "--n",
        type=whole(2, 100_000),
        nargs="+",
        default=[20, 30, 40, 60],
        metavar="N",
        help="people in each group (default: 20 30 40 60)",
    )
    parser.add_argument("-o", "--out", type=path_of, required=True, help="output folder")
    parser.add_argument(
        "--studies",
        type=whole(1, 100_000),
        default=40,
        metavar="N",
        help="for each effect (default: 40)",
    )
    parser.add_argument("--seed", type=whole(0, LARGEST_SEED), default=0, help="default: 0")
    parser.add_argument(
        "--resolution-mm",
        type=int,
        choices=(3, 4, 6, 8),
        default=6,
        help="of the maps; finer is truer and slower (default: %(default)d)",
    )
    parser.add_argument(
        "--n-permutations", type=whole(2, 1_000_000), default=N_PERMUTATIONS, metavar="N"
    )
    parser.add_argument("--n-threads", type=count, metavar="N", help="default: all cores")
    parser.add_argument("--quiet", action="store_true", help="show warnings and errors only")


def _run(options: argparse.Namespace) -> None:
    settings = {
        "effects": options.effect,
        "sizes": sorted(options.n),
        "n_studies": options.studies,
        "resolution_mm": options.resolution_mm,
        "n_permutations": options.n_permutations,
        "seed": options.seed,
    }
    with shown(quiet=options.quiet) as progress, placed(options.out) as folder:
        table = simulate_power(**settings, n_threads=options.n_threads, progress=progress)
        needed = write_power(table, folder, settings)
        for effect, n in needed.items():
            if n is None:
                log.info("Effect %g: none of these sizes has a power of %g.", effect, GOAL)
            else:
                log.info(
                    "Effect %g: %d people in each group for a power of %g.",
                    effect,
                    math.ceil(n),
                    GOAL,
                )
        log.info("See %s", options.out / "power.png")
