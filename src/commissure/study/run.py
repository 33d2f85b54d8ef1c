"""A whole study: from its input folder to its findings, going on where the last run stopped."""

import logging
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic

from filelock import Timeout

from commissure.executors import Executor, OnEvent, Outcome, Report, Task
from commissure.executors.permutation_batches import null_by
from commissure.inference import NullMaker
from commissure.problems import MORE_MEMORY, InputError
from commissure.records.verdicts import VERDICTS, Verdict
from commissure.report.files import REPORT, write_report
from commissure.study.checking import check_confounds_of, check_folder, check_study
from commissure.study.forget import gone_from_input
from commissure.study.group.compared import judged_runs
from commissure.study.group.stage import run_group
from commissure.study.identity import claim
from commissure.study.judging import left_out
from commissure.study.matching import matched, waits
from commissure.study.outcome import StudyOutcome
from commissure.study.participant.job import Job, is_done, memory_of, results_of, work_on
from commissure.study.participant.steps import CLEANING
from commissure.study.plan import AnalysisLevel, StudyPlan
from commissure.study.provenance import recorded
from commissure.study.study_files import write_study_files
from commissure.study.verdict_files import leave_verdicts
from commissure.workspace.ledger import Ledger, lock_of
from commissure.workspace.left import is_left, seconds_apart
from commissure.workspace.paths import GROUP_FOLDER, STATE_FOLDER, make_folder, state_path

log = logging.getLogger(__name__)


def run_study(
    study: StudyPlan,
    stage: AnalysisLevel,
    executor: Executor,
    *,
    n_threads: int | None = None,
    max_memory: int | None = None,
    on_event: OnEvent | None = None,
) -> StudyOutcome:
    """Do what is left to do of a study.

    Parameters
    ----------
    study : StudyPlan
    stage : {"participant", "group", "all"}
    executor : Executor
        Who works on the participants.
    n_threads, max_memory : int, optional
        Of the group stage.
    on_event : callable, optional
        Called with a participant (or "group"), what is being done, and the share that is done.

    Raises
    ------
    InputError
        Before anything is done, with all that can be told before. What goes wrong later is in the
        outcome: one participant does not stop the others.
    """
    is_new = not (study.out_dir / STATE_FOLDER).exists()
    notes, people = check_study(study, stage)
    check_folder(study)
    claim(study.out_dir, study.input_dir, study.scans)
    tell = on_event or (lambda _who, _what, _share: None)
    if study.whole:
        gone = gone_from_input(study.out_dir, [scan.participant_id for scan in study.scans])
        if gone is not None:
            log.warning("%s", gone)
    outcome = StudyOutcome(notes=notes)
    # One of an array of jobs costs the same however many people there are.
    of = (
        None
        if study.whole or stage != "participant"
        else [job.participant_id for job in study.jobs]
    )
    with recorded(study.out_dir, study.input_dir, study.command, study.settings, notes, of=of):
        if stage != "group":
            pending = [job for job in study.jobs if not is_done(job)]
            if not is_new:
                check_confounds_of(pending)
            if waits(study.jobs):
                study = _matched(study, executor, tell, outcome)
                pending = [job for job in study.jobs if not is_done(job)]
            _participants(study, pending, executor, tell, outcome)
        results = [result for job in study.jobs for result in results_of(job)]
        outcome.judged = judged_runs(results, study.settings)
        _write_of_all(study, [j.verdict for j in outcome.judged], one_of_many=of is not None)
        if people is not None:
            try:
                with lock_of(study.out_dir, "group"):
                    outcome.group = run_group(
                        outcome.judged,
                        people,
                        study.out_dir,
                        study.settings,
                        n_threads=n_threads,
                        max_memory=max_memory,
                        progress=lambda what, share: tell("group", what, share),
                        null_by=_null_by(study, executor),
                    )
            except InputError as error:
                outcome.group_problems = error.problems
                Ledger(study.out_dir, GROUP_FOLDER).fail("findings", error.problems)
    tell("group", "report", 0.99)
    if of is None or not is_left(study.out_dir, study.out_dir / REPORT):
        _report(study.out_dir, wait=of is None)
    tell("group", "done", 1.0)
    return outcome


def _participants(
    study: StudyPlan,
    pending: Sequence[Job],
    executor: Executor,
    tell: OnEvent,
    outcome: StudyOutcome,
) -> None:
    """Do what is left to do for each participant who is not done."""
    jobs = study.jobs
    rules = study.settings.quality
    # Nothing is computed of those who are left out by name.
    wanted = [job for job in jobs if any(left_out(scan, rules) is None for scan in job.scans)]
    waiting = {job.participant_id for job in pending} & {job.participant_id for job in wanted}
    outcome.n_done = len(wanted) - len(waiting)
    if outcome.n_done:
        log.info("%d of %d participants are done already.", outcome.n_done, len(wanted))
    for job in jobs:
        if job.participant_id not in waiting:
            tell(job.participant_id, "done", 1.0)

    between = seconds_apart(len(jobs))
    next_report = monotonic() + between

    def tell_and_show(who: str, what: str, share: float) -> None:
        nonlocal next_report
        tell(who, what, share)
        if share >= 1 and monotonic() >= next_report:
            _report(study.out_dir, wait=False)
            next_report = monotonic() + between

    left = [job for job in pending if job.participant_id in waiting]
    outcome.errors = _work(left, executor, tell_and_show)


def _matched(
    study: StudyPlan, executor: Executor, tell: OnEvent, outcome: StudyOutcome
) -> StudyPlan:
    """Make all runs clean, and match the study to the degrees of freedom that the least has."""
    jobs = replace(study, pipeline=CLEANING).jobs
    _participants(study, [job for job in jobs if not is_done(job)], executor, tell, outcome)
    judged = judged_runs([one for job in jobs for one in results_of(job)], study.settings)
    return replace(study, settings=matched(study.settings, [j.verdict for j in judged]))


def _write_of_all(study: StudyPlan, verdicts: Sequence[Verdict], *, one_of_many: bool) -> None:
    """Write what a study has beside its participants, or leave the verdicts to the next job."""
    if one_of_many and is_left(study.out_dir, study.out_dir / VERDICTS):
        leave_verdicts(study.out_dir, verdicts)
        return
    with lock_of(study.out_dir, "study"):
        kinds = {scan.kind for scan in study.scans}
        write_study_files(study.out_dir, study.input_dir, study.settings, verdicts, kinds)


def _report(out_dir: Path, *, wait: bool) -> None:
    """Write the report; without one the results are there all the same."""
    try:
        write_report(out_dir, wait=wait)
    except InputError as error:
        for problem in error.problems:
            log.warning("The report could not be written: %s", problem)


def participant_task(argument: tuple[Job, bool], report: Report, n_threads: int) -> bool:
    """Do a job; tell whether it was done, and not left to another run that works on it."""
    job, wait = argument
    return work_on(job, report, n_threads, wait=wait)


def _work(
    jobs: Sequence[Job],
    executor: Executor,
    on_event: OnEvent,
) -> dict[str, str]:
    """Do the jobs, those that another run works on last; return what went wrong beside ledgers."""
    errors: dict[str, str] = {}
    at: dict[str, str] = {}

    def follow(who: str, what: str, share: float) -> None:
        at[who] = what
        on_event(who, what, share)

    def go(some: Iterable[Job], *, wait: bool) -> list[Job]:
        by_name = {job.participant_id: job for job in some}
        tasks = [Task(name, (job, wait), memory_of(job)) for name, job in by_name.items()]
        busy = []
        with closing(executor.run(participant_task, tasks, follow)) as outcomes:
            for outcome in outcomes:
                if outcome.lost:
                    outcome = _lost(outcome, by_name[outcome.name], at.get(outcome.name))
                if outcome.error is not None:
                    errors[outcome.name] = outcome.error
                elif not outcome.problems and not outcome.value:
                    busy.append(by_name[outcome.name])
                    continue
                on_event(outcome.name, "done" if outcome.ok else "failed", 1.0)
                _log(outcome)
        return busy

    busy = go(jobs, wait=False)
    if busy:
        log.info("%d participants are worked on by another run: waiting for it.", len(busy))
        go(busy, wait=True)
    return errors


def _lost(outcome: Outcome, job: Job, at: str | None) -> Outcome:
    """Say what became of a participant whose process died, in the ledger too, and what to do.

    What it has left half done is removed.
    """
    how, _, tail = (outcome.error or "").partition("\n")
    where = f" It was at: {at}." if at else ""
    said = f"{how}{where} Run the same command again: it goes on there. {MORE_MEMORY}"
    with suppress(Timeout), job.lock.acquire(timeout=0):
        ledger = Ledger(job.out_dir, job.participant_id)
        ledger.clear_staging()
        if at:
            ledger.fail(at, [said])
    return replace(outcome, error="\n".join(filter(None, (said, tail))))


def _null_by(study: StudyPlan, executor: Executor) -> NullMaker | None:
    """Return who makes null distributions: Dask's workers, or this process's own threads."""
    if study.settings.execution.executor == "dask":
        # In the output folder, which all machines see.
        return null_by(executor, make_folder(state_path(study.out_dir, "permutations")))
    return None


def _log(outcome: Outcome) -> None:
    for problem in outcome.problems:
        log.error("%s: %s", outcome.name, problem)
    if outcome.error is not None:
        log.error("%s: %s", outcome.name, outcome.error)
    if outcome.ok:
        log.info("%s is done, in %.0f s.", outcome.name, outcome.seconds)
