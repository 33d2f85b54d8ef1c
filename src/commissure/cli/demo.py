"""`commissure demo`: the whole story on a small simulated study."""

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from commissure.cli.arguments import count, path_of
from commissure.cli.console import study_shown
from commissure.executors import LocalExecutor
from commissure.study.demo import N_CONTROLS, N_PATIENTS, Planted, run_demo

_DESCRIPTION = f"""\
Simulate a small raw study ({N_PATIENTS} patients, {N_CONTROLS} controls, coarse voxels) in which
patients have higher CFH in two regions, take it from its scans to its findings, and print what was
found beside what was planted. It takes some minutes. Stopped, it goes on where it was.
"""


def add_parser(commands: Any, what: str) -> None:
    """Add this command to the subparsers of the main parser."""
    parser = commands.add_parser(
        "demo",
        help=what,
        description=_DESCRIPTION,
    )
    parser.set_defaults(run=_run)
    parser.add_argument(
        "folder", type=path_of, nargs="?", default=Path("demo-out"), help="default: %(default)s"
    )
    parser.add_argument("--n-procs", type=count, metavar="N", help="default: all cores")
    parser.add_argument("--quiet", action="store_true", help="show warnings and errors only")


def _run(options: argparse.Namespace) -> int:
    with study_shown(N_PATIENTS + N_CONTROLS, quiet=options.quiet) as show:
        outcome, planted = run_demo(options.folder, LocalExecutor(options.n_procs), on_event=show)
    console = Console()
    console.print(_table(planted))
    included = sum(j.verdict.included for j in outcome.judged)
    console.print(
        f"{included} of {len(outcome.judged)} runs were good enough to be compared. "
        f"Now open {options.folder / 'results' / 'report.html'}",
        markup=False,
        soft_wrap=True,
    )
    for problem in outcome.group_problems:
        console.print(problem, markup=False, soft_wrap=True)
    return 1 if outcome.failed or outcome.group_problems else 0


def _table(planted: list[Planted]) -> Table:
    table = Table(title="Higher CFH in patients: what was planted, and what was found")
    for name in (
        "region",
        "true peak (mm)",
        "found peak (mm)",
        "apart",
        "t",
        "voxels",
        "p corrected",
    ):
        table.add_column(name, justify="left" if name == "region" else "right")
    for region in planted:
        true = ", ".join(f"{x:.0f}" for x in region.peak_mm)
        row, distance = region.found, region.distance_mm
        if row is None or distance is None:
            table.add_row(region.name, true, "not found", "", "", "", "")
            continue
        table.add_row(
            region.name,
            true,
            ", ".join(f"{row[axis]:.0f}" for axis in "xyz"),
            f"{distance:.0f} mm",
            f"{row['peak_t']:.2f}",
            f"{row['voxels']:.0f}",
            f"{region.p:.3f}",
        )
    return table
