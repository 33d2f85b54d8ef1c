"""`commissure run`: a whole study, from its folder to its findings."""

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from commissure.cli.arguments import in_flags
from commissure.cli.config import add_settings_options, settings_of
from commissure.cli.console import study_shown
from commissure.cli.entities import add_entity_options, entities_of
from commissure.executors import DaskExecutor, Executor, LocalExecutor
from commissure.inputs import Selection, find_participants, read_scans
from commissure.settings.reading import caution
from commissure.settings.tables import Execution, StudySettings
from commissure.study.run import StudyOutcome, StudyPlan, run_study

log = logging.getLogger(__name__)

SOME_FAILED = 1
# Runs that are left out, in messages; all are in quality.tsv.
_MOST_NAMED = 10

_DESCRIPTION = """\
Take a study from its folder to its findings: preprocessing, CFH maps, group comparison, clinical
statistics. What is done already is not done again: a run that was stopped goes on where it was,
and after a change of settings or files only what depends on them is done anew.
"""

_EPILOG = """\
INPUT is a raw BIDS dataset, derivatives of fMRIPrep or XCP-D, a working folder of DPABI, or a table
with the columns participant_id and path.

examples:
  commissure run study/ results/ all --preset liu2025
  commissure run study/ results/ participant --participant-label 01 02 --n-procs 2
  commissure run study/ results/ group --config study.toml
"""


def add_parser(commands: Any, what: str) -> None:
    """Add this command to the subparsers of the main parser."""
    parser = commands.add_parser(
        "run",
        help=what,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_run)
    parser.add_argument("input", type=Path, metavar="INPUT", help="BIDS_DIR, or another input")
    parser.add_argument("out_dir", type=Path, metavar="OUT_DIR")
    parser.add_argument("stage", choices=("participant", "group", "all"))
    which = parser.add_argument_group("which runs (default: all)")
    which.add_argument("--participant-label", "--participant_label", nargs="+", metavar="LABEL")
    which.add_argument("--session-id", "--session_id", nargs="+", metavar="LABEL")
    which.add_argument("--task", "--task-id", "--task_id", metavar="LABEL")
    which.add_argument("--run", nargs="+", dest="runs", metavar="INDEX")
    which.add_argument("--echo", "--echo-idx", "--echo_idx", metavar="INDEX")
    add_entity_options(which)
    which.add_argument("--space", metavar="NAME", help="of preprocessed runs, where several are")
    which.add_argument("--input-kind", choices=("auto", "bids", "fmriprep", "dpabi", "table"))
    which.add_argument("--participants", type=Path, metavar="TSV", help="default: the input's")
    how = parser.add_argument_group("how (default: as the preset says; see commissure config show)")
    add_settings_options(how)
    how.add_argument("--partner", choices=("scan", "group"))
    how.add_argument("--formula", help='such as "group + age + sex"')
    how.add_argument("--contrast", help='such as "group[a] - group[b]"')
    how.add_argument("--clinical", metavar="NAMES", help="scores to correlate with")
    how.add_argument("--within", metavar="LEVEL", help="of the group, for the scores")
    how.add_argument("--n-permutations", type=int, metavar="N")
    how.add_argument("--seed", type=int)
    run = parser.add_argument_group("running")
    run.add_argument("--n-procs", "--n_procs", "--nprocs", type=int, metavar="N")
    run.add_argument("--n-threads", "--n_threads", "--omp-nthreads", type=int, metavar="N")
    run.add_argument("--mem-gb", "--mem_gb", type=float, metavar="GB")
    run.add_argument("--executor", choices=("local", "dask"))
    run.add_argument("--scheduler", metavar="ADDRESS", help="of Dask, such as tcp://10.0.0.1:8786")
    run.add_argument("-w", "--work-dir", "--work_dir", type=Path, metavar="DIR")
    run.add_argument("--quiet", action="store_true", help="show warnings and errors only")


def _run(options: argparse.Namespace) -> int:
    if threading.current_thread() is threading.main_thread():
        # Batch systems send it before they kill: what is under way is put away as at Ctrl-C.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    changes = _changes(options)
    options.flags = {
        f"{table}.{name}": _flag(name) for table, values in changes.items() for name in values
    }
    settings = settings_of(options, changes)
    study = _study(options, settings)
    if options.stage != "participant" and (told := caution(settings.group)):
        log.warning("%s", in_flags(told, options.flags))
    with (
        study_shown(len(study.jobs), quiet=options.quiet) as show,
        _executor(settings.execution) as executor,
    ):
        outcome = run_study(
            study,
            options.stage,
            executor,
            max_memory=_bytes(settings.execution.mem_gb),
            on_event=show,
        )
    _show(outcome, options)
    reasons = [reason for run in outcome.judged for reason in run.verdict.reasons]
    wrong = any(reason.kind == "header" and reason.excludes for reason in reasons)
    return SOME_FAILED if outcome.failed or outcome.group_problems or wrong else 0


def _flag(name: str) -> str:
    own = {"kind": "--input-kind", "sessions": "--session-id", "runs": "--run"}
    return own.get(name, f"--{name.replace('_', '-')}")


def _executor(execution: Execution) -> Executor:
    if execution.executor == "dask":
        jobs = execution.dask or None
        return DaskExecutor(execution.scheduler, jobs, n_threads=execution.n_threads or 1)
    return LocalExecutor(
        execution.n_procs, execution.n_threads, max_memory=_bytes(execution.mem_gb)
    )


def _study(options: argparse.Namespace, settings: StudySettings) -> StudyPlan:
    chosen = settings.input
    selection = Selection(
        participant_labels=_labels(options.participant_label),
        sessions=chosen.sessions,
        runs=chosen.runs,
        task=chosen.task,
        echo=chosen.echo,
        acquisition=chosen.acquisition,
        entities=chosen.entities,
    )
    scans = read_scans(
        options.input,
        chosen.kind,
        selection,
        n_trim=settings.preprocessing.n_trim,
        slice_timing=settings.preprocessing.slice_timing,
        space=chosen.space,
        desc=chosen.desc,
        folder=chosen.folder,
        measure=chosen.measure,
        tr=chosen.tr,
    )
    participants = options.participants
    if participants is None and options.stage != "participant":
        participants = find_participants(options.input)
    work_dir = options.work_dir or options.out_dir / ".commissure" / "work"
    return StudyPlan(
        options.input,
        options.out_dir,
        work_dir,
        settings,
        tuple(scans),
        participants,
        tuple(sys.argv[1:]),
        whole=options.participant_label is None,
    )


def _changes(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return the settings that have options of their own."""
    given = {
        "input": {
            "kind": options.input_kind,
            "task": options.task,
            "sessions": options.session_id,
            "runs": options.runs,
            "echo": options.echo,
            "acquisition": options.acquisition,
            "entities": entities_of(options),
            "space": options.space,
        },
        "cfh": {"partner": options.partner},
        "group": {
            "formula": options.formula,
            "contrast": options.contrast,
            "clinical": options.clinical and options.clinical.replace(",", " ").split(),
            "within": options.within,
            "n_permutations": options.n_permutations,
            "seed": options.seed,
        },
        "execution": {
            "n_procs": options.n_procs,
            "n_threads": options.n_threads,
            "mem_gb": options.mem_gb,
            "executor": options.executor,
            "scheduler": options.scheduler,
        },
    }
    return {
        table: {name: value for name, value in values.items() if value is not None}
        for table, values in given.items()
    }


def _show(outcome: StudyOutcome, options: argparse.Namespace) -> None:
    """Print who failed, where and why, and what was found."""
    console = Console(stderr=True, emoji=False)
    if outcome.failed:
        table = Table("participant", "what went wrong", title="Failed")
        for who, why in sorted(outcome.failed.items()):
            table.add_row(Text(who), Text(in_flags(why, options.flags)))
        console.print(table)
    _warn_of_left_out(outcome)
    for problem in outcome.group_problems:
        log.error("The group stage: %s", in_flags(problem, options.flags))
    if options.quiet:
        return
    included = sum(j.verdict.included for j in outcome.judged)
    for note in outcome.notes:
        console.print(note, markup=False)
    console.print(
        f"{included} of {len(outcome.judged)} runs are included: see "
        f"{options.out_dir / 'quality.tsv'}",
        markup=False,
    )
    console.print(f"Look at {options.out_dir / 'report.html'}", markup=False)
    if outcome.group is not None:
        console.print(
            f"{outcome.group.n_significant} of {outcome.group.n_clusters} clusters are "
            f"significant: see {options.out_dir / 'group' / 'clusters.tsv'}",
            markup=False,
        )
        if outcome.group.regions_told:
            console.print(outcome.group.regions_told, markup=False)
        for note in outcome.group.notes:
            console.print(in_flags(note, options.flags), markup=False)


def _warn_of_left_out(outcome: StudyOutcome) -> None:
    left_out = [j for j in outcome.judged if not j.verdict.included and not j.result.problems]
    for run in left_out[:_MOST_NAMED]:
        log.warning("%s is left out: %s.", run.result.scan.name, run.verdict.text)
    if len(left_out) > _MOST_NAMED:
        log.warning("%d more are left out: see quality.tsv.", len(left_out) - _MOST_NAMED)


def _labels(given: list[str] | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(given)


def _bytes(gigabytes: float | None) -> int | None:
    return None if gigabytes is None else int(gigabytes * 1e9)
