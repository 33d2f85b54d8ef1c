"""`commissure stats`: from maps to findings."""

import argparse
import logging
from typing import Any

from commissure.cli.arguments import in_flags, number, path_of
from commissure.cli.console import shown
from commissure.cli.options import add_options, add_settings_options, flags_of, settings_of
from commissure.cli.sizes import add_memory, memory_allowed
from commissure.settings.reading import caution
from commissure.study.group.maps_command import compare_maps
from commissure.study.group.region_tests import regions_told

log = logging.getLogger(__name__)

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
    parser = commands.add_parser(
        "stats",
        help=what,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_run)
    files = parser.add_argument_group("files")
    files.add_argument("--maps", type=path_of, required=True, help="table of maps, or a 4D file")
    files.add_argument("--participants", type=path_of, required=True, help="participants.tsv")
    files.add_argument("--mask", type=path_of, required=True, help="where to look (grey matter)")
    files.add_argument("-o", "--out", type=path_of, required=True, help="output folder")
    files.add_argument(
        "--mask-threshold", type=number(-1e9, 1e9), metavar="P", help="for probability maps"
    )
    how = parser.add_argument_group("how")
    add_settings_options(how)
    add_options(how, "group", flags={"rois": ("--roi", "--rois")})
    run = parser.add_argument_group("running")
    add_options(run, "execution", ("n_threads", "mem_gb"))
    add_memory(run)
    run.add_argument("--quiet", action="store_true", help="show warnings and errors only")


def _run(options: argparse.Namespace) -> None:
    settings = settings_of(options)
    flags, group = flags_of(options), settings.group
    if told := caution(group):
        log.warning("%s", in_flags(told, flags))
    max_memory = memory_allowed(options, settings.execution)
    with shown(quiet=options.quiet) as progress:
        findings = compare_maps(
            options.maps,
            options.participants,
            options.mask,
            options.out,
            group,
            mask_threshold=options.mask_threshold,
            n_threads=settings.execution.n_threads,
            max_memory=max_memory,
            progress=progress,
        )
        for note in findings.notes:
            log.warning("%s", in_flags(note, flags))
        log.info(
            "%d of %d clusters are significant. See %s",
            len(findings.significant),
            len(findings.result.clusters),
            options.out / "clusters.tsv",
        )
        if told := regions_told(findings):
            log.info("%s", told)
        if findings.caution:
            log.warning("%s", findings.caution)
