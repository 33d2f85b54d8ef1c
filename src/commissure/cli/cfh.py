"""`commissure cfh`: CFH maps of clean scans."""

import argparse
import logging
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from commissure.cli.arguments import count
from commissure.cli.console import shown
from commissure.cli.sizes import parse_size
from commissure.measures import CFH
from commissure.measures.cfh_measure import CFHSettings
from commissure.problems import InputError
from commissure.settings.checks import read_table
from commissure.study.participant.map_command import SeriesSettings, make_maps

T = TypeVar("T")
log = logging.getLogger(__name__)

# How its messages call the settings.
FLAGS = {
    f"cfh.{f.name}": f"--{f.name.replace('_', '-')}"
    for cls in (CFHSettings, SeriesSettings)
    for f in fields(cls)
}
FLAGS |= {"cfh.noise_floor_seed": "--seed"}
FLAGS |= {"input.tr": "--tr", "input.space": "--space", "cfh.mask": "--mask"}
FLAGS |= {"execution.mem_gb": "--max-memory"}

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
  *_stat-cfhfloor_boldmap.nii.gz    Fisher z by chance (with --noise-floor)
each with a .json that says how it was made, and a picture of the first.

example:
  commissure cfh sub-*_space-MNI152NLin2009aSym_bold.nii.gz --mask gm.nii.gz -o out/
"""


def add_parser(commands: Any, what: str) -> None:
    """Add this command to the subparsers of the main parser."""
    defaults, how = CFHSettings(), SeriesSettings()
    parser = commands.add_parser(
        "cfh",
        help=what,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_run, flags=FLAGS)
    parser.add_argument("scans", nargs="+", type=Path, metavar="BOLD", help="4D NIfTI files")
    parser.add_argument("--mask", type=Path, required=True, help="where to look (grey matter)")
    parser.add_argument("-o", "--out", type=Path, required=True, help="output folder")
    parser.add_argument(
        "--mask-threshold",
        type=float,
        metavar="P",
        help="take the mask's voxels above this value (for probability maps)",
    )
    parser.add_argument(
        "--midline-mm",
        type=float,
        default=defaults.midline_mm,
        metavar="MM",
        help="leave out |x| up to this (default: %(default)g)",
    )
    parser.add_argument(
        "--partner",
        choices=("scan", "group"),
        default=defaults.partner,
        help="find each voxel's partner within each scan (default), or once for all the scans "
        "together, as the authors' code does",
    )
    parser.add_argument("--tr", type=float, metavar="S", help="repetition time (default: header)")
    parser.add_argument(
        "--band",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="band-pass the series first, Hz (default: they are taken as they are)",
    )
    parser.add_argument(
        "--band-padding",
        choices=("dft", "dpabi"),
        default=how.band_padding,
        help="filter the series as they are (default), or filled up with zeros as DPABI does",
    )
    parser.add_argument("--space", help="space of the scans, if their names do not say it")
    parser.add_argument(
        "--dtype",
        choices=("float32", "float64"),
        default=defaults.dtype,
        help="precision of the correlations: 1e-6 (default) or 1e-12",
    )
    parser.add_argument(
        "--noise-floor",
        type=int,
        metavar="N",
        help="also map how high CFH would be by chance, from N surrogates of the scan that have no "
        "coupling between the hemispheres (10 are enough; each takes as long as the map)",
    )
    parser.add_argument(
        "--seed",
        dest="noise_floor_seed",
        type=int,
        default=defaults.noise_floor_seed,
        help="of the surrogates (default: %(default)s)",
    )
    parser.add_argument("--n-threads", type=count, metavar="N", help="default: all cores")
    parser.add_argument(
        "--max-memory",
        metavar="SIZE",
        help="memory for the data, as 4G or 500M; with --partner group, scans that do not fit are "
        "kept on disk",
    )
    parser.add_argument("--quiet", action="store_true", help="show warnings and errors only")


def _run(options: argparse.Namespace) -> None:
    given = {name: value for name, value in vars(options).items() if value is not None}

    def read(cls: type[T]) -> T:
        names = (cls.__dataclass_fields__.keys() & given.keys()) - {"mask"}  # type: ignore[attr-defined]
        return read_table(CFH.stat, cls, {name: given[name] for name in names})

    settings, how = read(CFHSettings), read(SeriesSettings)
    problems = list(settings.problems)
    if settings.noise_floor and settings.of_group:
        problems.append(
            "noise_floor is of partners within the scan; do without [cfh] partner = group."
        )
    if problems:
        raise InputError(f"[cfh] {problem}" for problem in problems)
    with shown(quiet=options.quiet) as progress:
        pictures = make_maps(
            CFH,
            options.scans,
            options.mask,
            options.out,
            settings,
            how,
            n_threads=options.n_threads,
            max_memory=parse_size(options.max_memory),
            progress=progress,
        )
        for picture in pictures:
            log.info("Look at %s", picture)
