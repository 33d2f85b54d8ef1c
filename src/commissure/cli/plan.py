"""What commands share that take a study from its folder: which runs, how they run, how it went."""

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from commissure.cli.arguments import in_flags, path_of
from commissure.cli.console import study_shown
from commissure.cli.options import add_options, add_settings_options, flags_of
from commissure.executors import DaskExecutor, Executor, LocalExecutor
from commissure.inputs import Selection, find_participants, read_scans
from commissure.settings.tables import MEASURE, Execution, StudySettings
from commissure.study.outcome import StudyOutcome
from commissure.study.plan import StudyPlan
from commissure.study.run import run_study

log = logging.getLogger(__name__)

SOME_FAILED = 1
# Runs that are left out, in messages; all are in quality.tsv.
_MOST_NAMED = 10


def add_choice_of_runs(parser: Any) -> Any:
    """Add the options that choose runs; return their group."""
    which = parser.add_argument_group("which runs (default: all)")
    which.add_argument("--participant-label", "--participant_label", nargs="+", metavar="LABEL")
    flags = {
        "sessions": ("--session-id", "--session_id"),
        "task": ("--task", "--task-id", "--task_id"),
        "runs": ("--run",),
        "echo": ("--echo", "--echo-idx", "--echo_idx"),
        "acquisition": ("--acquisition",),
        "entities": ("--entity",),
        "t1w": ("--t1w",),
    }
    add_options(which, "input", list(flags), flags=flags)
    return which


def add_study_options(parser: Any, stage: str | None = None) -> None:
    """Add all that `commissure run` takes; `stage` is the one that need not be said."""
    parser.add_argument("input", type=path_of, metavar="INPUT", help="BIDS_DIR, or another input")
    parser.add_argument("out_dir", type=path_of, metavar="OUT_DIR")
    optional = {} if stage is None else {"nargs": "?", "default": stage}
    parser.add_argument("stage", choices=("participant", "group", "all"), **optional)
    which = add_choice_of_runs(parser)
    add_options(which, "input", ("space", "kind"), flags={"kind": "--input-kind"})
    which.add_argument("--participants", type=path_of, metavar="TSV", help="default: the input's")
    how = parser.add_argument_group("how (all settings: commissure config show)")
    add_settings_options(how)
    add_options(how, "measures", ("use",), flags={"use": "--measures"})
    add_options(how, MEASURE.stat, ("partner",))
    add_options(how, "group", ("formula", "contrast", "clinical", "within", "subset"))
    add_options(how, "group", ("n_permutations", "seed"))
    add_execution(parser)


def add_execution(parser: Any, without: Sequence[str] = ("dask",)) -> Any:
    """Add the options of how the work runs, but for some; return their group."""
    run = parser.add_argument_group("running")
    flags = {
        "n_procs": ("--n-procs", "--n_procs", "--nprocs"),
        "n_threads": ("--n-threads", "--n_threads", "--omp-nthreads"),
        "mem_gb": ("--mem-gb", "--mem_gb"),
    }
    add_options(run, "execution", flags=flags, without=without)
    run.add_argument("-w", "--work-dir", "--work_dir", type=path_of, metavar="DIR")
    run.add_argument("--quiet", action="store_true", help="show warnings and errors only")
    return run


def plan_of(
    options: argparse.Namespace,
    settings: StudySettings,
    participants: Path | None = None,
    **more: Any,
) -> StudyPlan:
    """Return what is to be run, of the scans that are found; `more` is for `StudyPlan`."""
    chosen = settings.input
    labels = options.participant_label
    scans = read_scans(
        options.input,
        chosen.kind,
        Selection(
            participant_labels=None if labels is None else tuple(labels),
            sessions=chosen.sessions,
            runs=chosen.runs,
            task=chosen.task,
            echo=chosen.echo,
            acquisition=chosen.acquisition,
            entities=chosen.entities,
            t1w=chosen.t1w,
        ),
        n_trim=settings.preprocessing.n_trim,
        slice_timing=settings.preprocessing.slice_timing,
        space=chosen.space,
        desc=chosen.desc,
        folder=chosen.folder,
        measure=chosen.measure,
        tr=chosen.tr,
        to_template=chosen.to_template,
    )
    if participants is None and options.stage != "participant":
        participants = find_participants(options.input)
    return StudyPlan(
        options.input,
        options.out_dir,
        options.work_dir or options.out_dir / ".commissure" / "work",
        settings,
        tuple(scans),
        participants,
        tuple(sys.argv[1:]),
        whole=labels is None,
        **more,
    )


def carry_out(options: argparse.Namespace, study: StudyPlan) -> int:
    """Run a study, show how it goes and went, and return the exit code."""
    if threading.current_thread() is threading.main_thread():
        # Batch systems send it before they kill: what is under way is put away as at Ctrl-C.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    execution = study.settings.execution
    with (
        study_shown(len(study.jobs), quiet=options.quiet) as show,
        executor_of(execution) as executor,
    ):
        outcome = run_study(
            study,
            options.stage,
            executor,
            max_memory=_bytes(execution.mem_gb),
            on_event=show,
        )
    _show(outcome, options)
    reasons = [reason for run in outcome.judged for reason in run.verdict.reasons]
    wrong = any(reason.kind == "header" and reason.excludes for reason in reasons)
    return SOME_FAILED if outcome.failed or outcome.group_problems or wrong else 0


def executor_of(execution: Execution) -> Executor:
    """Return who works on the participants."""
    if execution.executor == "dask":
        jobs = execution.dask or None
        return DaskExecutor(execution.scheduler, jobs, n_threads=execution.n_threads or 1)
    return LocalExecutor(
        execution.n_procs, execution.n_threads, max_memory=_bytes(execution.mem_gb)
    )


def _show(outcome: StudyOutcome, options: argparse.Namespace) -> None:
    """Print who failed, where and why, and what was found."""
    flags = flags_of(options)
    console = Console(stderr=True, emoji=False)
    if outcome.failed:
        table = Table("participant", "what went wrong", title="Failed")
        for who, why in sorted(outcome.failed.items()):
            table.add_row(Text(who), Text(in_flags(why, flags)))
        console.print(table)
    _warn_of_left_out(outcome)
    for problem in outcome.group_problems:
        log.error("The group stage: %s", in_flags(problem, flags))
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
        for note in filter(None, (*outcome.group.notes, outcome.group.caution)):
            console.print(in_flags(note, flags), markup=False)


def _warn_of_left_out(outcome: StudyOutcome) -> None:
    left_out = [j for j in outcome.judged if not j.verdict.included and not j.result.problems]
    for run in left_out[:_MOST_NAMED]:
        log.warning("%s is left out: %s.", run.result.scan.name, run.verdict.text.rstrip("."))
    if len(left_out) > _MOST_NAMED:
        log.warning("%d more are left out: see quality.tsv.", len(left_out) - _MOST_NAMED)


def _bytes(gigabytes: float | None) -> int | None:
    return None if gigabytes is None else int(gigabytes * 1e9)
