"""One participant's work: each step once, and what there is of it."""

import logging
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from commissure.executors import Report
from commissure.executors.memory import preprocessing_bytes
from commissure.files.images import load_image
from commissure.inputs import Scan
from commissure.problems import InputError
from commissure.records.runs import Measured, measured_from_json
from commissure.settings.tables import StudySettings
from commissure.space.templates import analysis_grid
from commissure.study.participant.anatomy_cache import Anatomies, anatomy_files
from commissure.study.participant.clean import measure_clean, telling
from commissure.study.participant.clean_files import clean_name
from commissure.study.participant.handed import Handed
from commissure.study.participant.map_files import map_file
from commissure.study.participant.steps import CLEAN, PARTICIPANT, RunWork
from commissure.study.step import Step
from commissure.workspace.ledger import Ledger, lock_of

log = logging.getLogger(__name__)

# Ending of clean series, which need not be kept; what their sidecars say is told of them later.
_SERIES = "_bold.nii.gz"


@dataclass(frozen=True)
class Job:
    """One participant's work.

    Attributes
    ----------
    participant_id : str
    scans : tuple of Scan
    out_dir : Path
    work_dir : Path
        For what may be thrown away.
    settings : StudySettings
    pipeline : tuple of Step
        What is to be done of each run.
    """

    participant_id: str
    scans: tuple[Scan, ...]
    out_dir: Path
    work_dir: Path
    settings: StudySettings
    pipeline: tuple[Step[RunWork, Any], ...] = PARTICIPANT

    @property
    def lock(self) -> FileLock:
        """Held by who works on the participant."""
        return lock_of(self.out_dir, self.participant_id)

    @property
    def steps(self) -> tuple[Step[RunWork, Any], ...]:
        """The steps of the pipeline, but those that are left to the group stage."""
        left = "maps" if self.settings.maps.of_group else None
        return tuple(step for step in self.pipeline if step.made != left)

    @property
    def makes_maps(self) -> bool:
        """Whether maps are made here, after which nothing needs clean series."""
        return any(step.made == "maps" for step in self.steps)

    @property
    def lets_series_go(self) -> bool:
        """Whether clean series are removed once all maps are made of them."""
        return self.settings.execution.keep != "all" and self.makes_maps


@dataclass(frozen=True)
class RunResult:
    """What there is of one run.

    Attributes
    ----------
    job : Job
    scan : Scan
    measured : Measured, optional
        None if the run is not clean yet.
    clean : Path, optional
        Clean series.
    map : Path, optional
        The main measure's map; None where it is not made yet, or is left to the group.
    key : str, optional
        Hash of all that the last of these depends on.
    problems : tuple of str
        Why something is missing.
    problems_beside : tuple of str
        Why maps of measures beside the main one are missing.
    is_done : bool
        Whether nothing is left to do for the run.
    """

    job: Job
    scan: Scan
    measured: Measured | None = None
    clean: Path | None = None
    map: Path | None = None
    key: str | None = None
    problems: tuple[str, ...] = ()
    problems_beside: tuple[str, ...] = ()
    is_done: bool = False

    @property
    def is_mapped(self) -> bool:
        """Whether it can be compared, as far as that needs the run alone."""
        mapped = self.map is not None or all(step.made != "maps" for step in self.job.steps)
        return self.measured is not None and mapped


def work_on(job: Job, report: Report, n_threads: int | None = None, *, wait: bool = True) -> bool:
    """Do what is still to be done for a participant.

    Parameters
    ----------
    job : Job
    report : callable
        Called with what is being done and the share that is done.
    n_threads : int, optional
    wait : bool
        Whether to wait for another run that works on the participant.

    Returns
    -------
    bool
        False if another run works on the participant.

    Raises
    ------
    InputError
        With what went wrong, after everything else was done.
    """
    try:
        with job.lock.acquire(timeout=-1 if wait else 0):
            _Worker(job, report, n_threads).run()
    except Timeout:
        return False
    return True


def results_of(job: Job) -> list[RunResult]:
    """Return what there is of each run of a participant, by its ledger; nothing is computed."""
    ledger = Ledger(job.out_dir, job.participant_id)
    results = []
    for run in _runs(job, ledger):
        scan = run.scan
        if scan.kind == "map":
            results.append(_of_map(job, run, ledger))
            continue
        problems = [
            problem
            for step, said in ledger.failures.items()
            for problem in said
            if step.of in (scan.name, scan.t1w.name if scan.t1w else None)
        ]
        try:
            results.append(_of_run(job, run, ledger, problems))
        except InputError as error:
            # A file that somebody changed is not used.
            said = dict.fromkeys([*problems, *error.problems])
            results.append(RunResult(job, scan, problems=tuple(said)))
    ledger.keep_times()
    return results


def is_done(job: Job) -> bool:
    """Tell whether nothing is left to do for a participant."""
    return all(result.is_done for result in results_of(job))


def map_name(job: Job, scan: Scan) -> Path:
    """Return where the map of a clean run lies, relative to the output folder."""
    named = named_after(job, scan)
    return named.with_name(map_file(named, job.settings.measure))


def named_after(job: Job, scan: Scan) -> Path:
    """Return what a run's clean series are called, relative to the output folder."""
    return clean_name(scan, job.settings.preprocessing.resolution_mm)


def _of_run(job: Job, run: RunWork, ledger: Ledger, problems: list[str]) -> RunResult:
    """Return what there is of a run; raise `InputError` if a file of it was changed."""
    result, key = RunResult(job, run.scan, problems=tuple(problems)), ""
    for step in job.steps:
        name = step.name(run)
        if name is None:
            continue
        key = step.key(run, job.settings, ledger.stamp, key)
        if step.made == "anatomy":
            continue  # without which nothing can be clean
        facts = ledger.done(name, key)
        if facts is None:
            return result
        result = replace(result, key=key)
        if step.made == "maps":
            result = replace(result, map=job.out_dir / map_name(job, run.scan))
        elif step.made == "beside":
            result = replace(result, problems_beside=tuple(facts["problems"]))
        else:
            result = replace(result, measured=measured_from_json(facts), clean=run.clean)
    return replace(result, is_done=True)


def _of_map(job: Job, run: RunWork, ledger: Ledger) -> RunResult:
    """Return what there is of a map that others made: there is nothing to be done for it."""
    scan = run.scan
    try:
        measured, key = measure_clean(scan), CLEAN.key(run, job.settings, ledger.stamp, "")
    except InputError as error:
        return RunResult(job, scan, problems=error.problems)
    return RunResult(job, scan, measured, scan.bold, scan.bold, is_done=True, key=key)


def _runs(job: Job, ledger: Ledger, n_threads: int | None = None) -> list[RunWork]:
    """Return the runs of a participant as their steps want them."""
    anatomies = Anatomies(job.work_dir, job.participant_id, ledger.stamp, n_threads)
    return [
        RunWork(
            scan,
            job.out_dir,
            named_after(job, scan),
            anatomies.of,
            anatomies.of_space,
            Handed(ledger.verify),
            n_threads,
        )
        for scan in job.scans
    ]


def memory_of(job: Job) -> int:
    """Return about how many bytes a participant's work needs."""
    shape, _ = analysis_grid(job.settings.preprocessing.resolution_mm)
    return max(_memory_of_run(scan, int(np.prod(shape))) for scan in job.scans)


def _memory_of_run(scan: Scan, n_grid: int) -> int:
    shape = load_image(scan.bold).shape
    n_voxels, n_volumes = int(np.prod(shape[:3])), shape[3] if len(shape) > 3 else 1
    return preprocessing_bytes(n_voxels, n_grid if scan.is_resampled else n_voxels, n_volumes)


class _Worker:
    """Does the steps of a job, under its lock."""

    def __init__(self, job: Job, report: Report, n_threads: int | None) -> None:
        self.job, self.report = job, report
        # Read under the lock: another run may have gone on since.
        self.ledger = Ledger(job.out_dir, job.participant_id)
        self.runs = _runs(job, self.ledger, n_threads)
        self.names: list[str] = []
        self.problems: list[str] = []

    def run(self) -> None:
        self.ledger.clear_staging()
        for number, run in enumerate(self.runs):
            if run.scan.kind != "map":
                self._work_on(run, number / len(self.runs))
        self.ledger.keep_only(self.names)
        if self.job.settings.execution.keep == "none" and not self.problems:
            for path in anatomy_files(self.job.work_dir, self.job.participant_id):
                path.unlink(missing_ok=True)
        if self.problems:
            raise InputError(dict.fromkeys(self.problems))

    def _work_on(self, run: RunWork, share: float) -> None:
        """Do the steps of one run; note what fails, and leave what depends on it."""
        self._want_series(run)
        try:
            self._do_steps(run, share)
        finally:
            run.handed.clear()

    def _do_steps(self, run: RunWork, share: float) -> None:
        key = ""
        for number, step in enumerate(self.job.steps):
            about, name = step.about(run), step.name(run)
            if about is None or name is None:
                continue
            self.report(name, share + number / (len(self.job.steps) * len(self.runs)))
            self.names.append(name)
            failed: list[str] = []
            with telling(about[1], failed):
                key = step.key(run, self.job.settings, self.ledger.stamp, key)
                chosen = step.chosen(self.job.settings, run)
                self.ledger.do(name, key, partial(step.make, run, chosen))
            if failed:
                self.ledger.fail(name, failed)
                self.problems += failed
                return
        self._keep_later(run, key)
        if self.job.lets_series_go:
            self.ledger.let_go(str(CLEAN.name(run)), lambda name: not name.endswith(_SERIES))

    def _want_series(self, run: RunWork) -> None:
        """Have clean series made again that were not kept, if a step is to be done with them."""
        name, key = CLEAN.name(run), ""
        if name is None or not self.ledger.not_kept(name) or not self.job.makes_maps:
            return
        for step in self.job.steps:
            of = step.name(run)
            if of is None:
                continue
            key = step.key(run, self.job.settings, self.ledger.stamp, key)
            idle = step.made == "beside" and not self.job.settings.beside
            if self.ledger.done(of, key) is None and not idle:
                log.info("%s: its clean series were not kept, and are made again.", run.scan.name)
                self.ledger.want_again(name)
                return

    def _keep_later(self, run: RunWork, key: str) -> None:
        """Keep what a longer pipeline made of what this one has made again as it was."""
        done = {step.made for step in self.job.steps}
        for step in PARTICIPANT:
            name = step.name(run)
            if step.made in done or name is None:
                continue
            key = step.key(run, self.job.settings, self.ledger.stamp, key)
            if self.ledger.done(name, key) is None:
                return
            self.names.append(name)
