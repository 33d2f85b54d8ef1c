"""`commissure preprocess`: raw BIDS runs to clean series in template space."""

import argparse
import logging
from dataclasses import fields
from pathlib import Path
from typing import Any

from commissure.cli.arguments import count
from commissure.cli.console import shown
from commissure.cli.entities import add_entity_options, entities_of
from commissure.inputs import Selection
from commissure.preprocessing.recipe import Recipe
from commissure.settings.quality import QualityRules
from commissure.settings.reading import read_settings
from commissure.settings.tables import PRESETS
from commissure.study.participant.clean import preprocess_study

log = logging.getLogger(__name__)

# How its messages call the settings.
FLAGS = {f"preprocessing.{f.name}": f"--{f.name.replace('_', '-')}" for f in fields(Recipe)}
FLAGS |= {
    f"preprocessing.{name}": f"--no-{name.replace('_', '-')}"
    for name in ("slice_timing", "global_signal")
}
FLAGS |= {"preprocessing.low": "--band", "preprocessing.high": "--band"}
FLAGS |= {"preprocessing.padding": "--band-padding", "quality.least_volumes": "--least-volumes"}
FLAGS |= {"quality.mean_fd_mm": "--max-mean-fd", "quality.max_mm": "--max-motion-mm"}
FLAGS |= {"quality.max_degrees": "--max-motion-degrees"}
FLAGS |= {"input.sessions": "--session-id", "input.runs": "--run"}
FLAGS |= {"input.task": "--task", "input.echo": "--echo"}

_DESCRIPTION = """\
Preprocess the resting-state runs of a raw BIDS dataset: slice timing, realignment, registration to
the symmetric MNI template, smoothing, nuisance regression, band-pass. Nothing is downloaded.
"""

_EPILOG = """\
In the output folder: clean BOLD, mask, confounds, tissue maps, transforms and pictures of each run,
and quality.tsv, which says for each run whether it is good enough for the group stage and why not.

example:
  commissure preprocess study/ derivatives/ --participant-label 01 02 --preset liu2025
"""


def add_parser(commands: Any, what: str) -> None:
    """Add this command to the subparsers of the main parser."""
    parser = commands.add_parser(
        "preprocess",
        help=what,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_run, flags=FLAGS)
    parser.add_argument("bids_dir", type=Path, metavar="BIDS_DIR")
    parser.add_argument("out_dir", type=Path, metavar="OUT_DIR")
    which = parser.add_argument_group("which runs (default: all)")
    which.add_argument("--participant-label", nargs="+", metavar="LABEL")
    which.add_argument("--session-id", nargs="+", metavar="LABEL")
    which.add_argument("--task", metavar="LABEL")
    which.add_argument("--run", nargs="+", dest="runs", metavar="INDEX")
    which.add_argument("--echo", metavar="INDEX", help="of multi-echo runs, the one to take")
    add_entity_options(which)
    how = parser.add_argument_group("how (default: as the preset says)")
    how.add_argument("--preset", choices=PRESETS, default="recommended")
    how.add_argument("--n-trim", type=int, metavar="N", help="volumes to drop at the beginning")
    how.add_argument(
        "--no-slice-timing", dest="slice_timing", action="store_const", const=False, help="skip it"
    )
    how.add_argument("--resolution-mm", type=int, choices=(2, 3, 4), help="of the template grid")
    how.add_argument("--fwhm", type=float, metavar="MM", help="smoothing")
    how.add_argument("--kernel", choices=("gaussian", "spm"))
    how.add_argument(
        "--no-global-signal",
        dest="global_signal",
        action="store_const",
        const=False,
        help="do not regress it out",
    )
    how.add_argument("--n-acompcor", type=int, metavar="N", help="components a tissue")
    how.add_argument("--band", type=float, nargs=2, metavar=("LOW", "HIGH"), help="Hz")
    how.add_argument("--band-padding", dest="padding", choices=("dft", "dpabi"))
    how.add_argument(
        "--censor-mm", type=float, metavar="MM", help="censor volumes with more FD (Power)"
    )
    rules = parser.add_argument_group("who is included (default: as the preset says)")
    rules.add_argument("--max-mean-fd", dest="mean_fd_mm", type=float, metavar="MM")
    rules.add_argument("--max-motion-mm", dest="max_mm", type=float, metavar="MM")
    rules.add_argument("--max-motion-degrees", dest="max_degrees", type=float, metavar="DEG")
    rules.add_argument("--least-volumes", type=int, metavar="N")
    run = parser.add_argument_group("running")
    run.add_argument("--n-threads", type=count, metavar="N", help="default: all cores")
    run.add_argument("--quiet", action="store_true", help="show warnings and errors only")


def _run(options: argparse.Namespace) -> None:
    given = {name: value for name, value in vars(options).items() if value is not None}
    if "band" in given:
        given["low"], given["high"] = given.pop("band")
    settings = read_settings(
        options.preset,
        changes={
            "preprocessing": {f.name: given[f.name] for f in fields(Recipe) if f.name in given},
            "quality": {f.name: given[f.name] for f in fields(QualityRules) if f.name in given},
        },
    )
    selection = Selection(
        participant_labels=_labels(options.participant_label),
        sessions=_labels(options.session_id),
        runs=_labels(options.runs),
        task=options.task,
        echo=options.echo,
        acquisition=options.acquisition,
        entities=entities_of(options) or {},
    )
    with shown(quiet=options.quiet) as progress:
        verdicts = preprocess_study(
            options.bids_dir,
            options.out_dir,
            selection,
            settings.preprocessing,
            settings.quality,
            n_threads=options.n_threads,
            progress=progress,
        )
        included = sum(verdict.included for verdict in verdicts)
        quality = options.out_dir / "quality.tsv"
        log.info("%d of %d runs are good enough. See %s", included, len(verdicts), quality)


def _labels(given: list[str] | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(given)
