"""`commissure check`: what would go wrong in a study, and what it would take."""

import argparse
import shlex
import sys
from collections.abc import Iterator
from typing import Any

from rich.console import Console

from commissure.cli.arguments import in_flags
from commissure.cli.console import shown
from commissure.cli.options import flags_of, settings_of
from commissure.cli.plan import add_study_options, executor_of, plan_of
from commissure.executors import Executor, LocalExecutor
from commissure.problems import Gathered
from commissure.settings.reading import caution
from commissure.settings.tables import StudySettings
from commissure.study.checking import check_all, check_table, tasks_of
from commissure.study.forecast import forecast
from commissure.study.participant.job import Job
from commissure.study.plan import StudyPlan

_DESCRIPTION = """\
Tell in seconds all that would stop a study, before anything is computed: settings, scans,
participants, formula, output folder, memory. Nothing is computed and no result is written. It takes
what commissure run takes: write check in place of run. What images hold is read when they are
worked on: damaged data are told then.
"""


def add_parser(commands: Any, what: str) -> None:
    """Add this command to the subparsers of the main parser."""
    parser = commands.add_parser("check", help=what, description=_DESCRIPTION)
    parser.set_defaults(run=_run)
    add_study_options(parser, stage="all")


def _run(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    with shown(quiet=options.quiet), executor_of(settings.execution) as executor:
        study = _plan_of(options, settings)
        left = check_all(study, options.stage, executor)
    console = Console(highlight=False, emoji=False, soft_wrap=True)
    if options.stage != "participant" and (told := caution(settings.group)):
        console.print(in_flags(told, flags_of(options)), markup=False)
    for line in _lines(study, left, executor):
        console.print(line, markup=False)
    command = shlex.join("run" if word == "check" else word for word in sys.argv[1:])
    console.print(f"Nothing speaks against it. Now: commissure {command}", markup=False)
    return 0


def _plan_of(options: argparse.Namespace, settings: StudySettings) -> StudyPlan:
    """Return the plan; raise with what is wrong with the participants' table, too."""
    gathered = Gathered()
    study = gathered.run(lambda: plan_of(options, settings, options.participants))
    if study is None and options.stage != "participant":
        gathered.run(lambda: check_table(options.input, options.participants, settings))
    gathered.tell()
    assert study is not None  # noqa: S101
    return study


def _lines(study: StudyPlan, left: list[Job], executor: Executor) -> Iterator[str]:
    """Give what there is, and what the work on it takes."""
    n_people = len({scan.participant_id for scan in study.scans})
    kinds = " and ".join(sorted({scan.kind for scan in study.scans}))
    yield f"{n_people} participants with {len(study.scans)} runs ({kinds})."
    if len(left) < n_people:
        yield f"{n_people - len(left)} of them are done already, or are not asked for."
    if not left:
        return
    about = forecast(left, study.out_dir)
    yield (
        f"{study.out_dir} takes about {_size(about.out_bytes)} more, {study.work_dir} about "
        f"{_size(about.work_bytes)}; {_size(about.free_bytes)} are free"
        f"{'.' if about.fits else ': MAKE ROOM, or write elsewhere.'}"
    )
    tasks = tasks_of(left)
    at_once = executor.n_at_once(tasks) if isinstance(executor, LocalExecutor) else 1
    memory = max(task.n_bytes for task in tasks)
    yield (
        f"{at_once} at a time, of about {_size(memory)} of memory each: about "
        f"{_time(about.seconds / at_once)} on cores like those of our benchmarks, without the "
        "group stage, which takes minutes."
    )


def _size(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.1f} MB"


def _time(seconds: float) -> str:
    return (
        f"{seconds / 3600:.1f} hours" if seconds > 2 * 3600 else f"{seconds / 60 + 1:.0f} minutes"
    )
