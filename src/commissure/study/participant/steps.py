"""What is done for one participant, step by step, each step once."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from commissure.executors import Report
from commissure.files.bids_names import of_variant
from commissure.files.images import load_image, sample_file
from commissure.inputs import Scan
from commissure.measures import Measure
from commissure.measures.measure import ScanMaps
from commissure.measures.names import measure_to_make
from commissure.preprocessing.anatomy import Anatomy, prepare_anatomy
from commissure.problems import InputError
from commissure.records.runs import Measured, measured_from_json, measured_to_json
from commissure.settings.tables import StudySettings
from commissure.space import Domain
from commissure.study.participant.anatomy_cache import anatomy_file, load_anatomy, save_anatomy
from commissure.study.participant.clean import (
    clean_preprocessed_run,
    clean_run,
    load_volumes,
    measure_clean,
    telling,
)
from commissure.study.participant.clean_files import (
    clean_name,
    own_folder,
    source_uri,
    write_anatomy,
)
from commissure.study.participant.domain import study_domain
from commissure.study.participant.map_files import (
    CleanSeries,
    map_file,
    write_own_map,
    write_scan_maps,
)
from commissure.workspace.keys import Made, code_of, hash_of
from commissure.workspace.ledger import Ledger, lock_of
from commissure.workspace.step import Step

log = logging.getLogger(__name__)


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
    """

    participant_id: str
    scans: tuple[Scan, ...]
    out_dir: Path
    work_dir: Path
    settings: StudySettings

    @property
    def lock(self) -> FileLock:
        """Held by who works on the participant."""
        return lock_of(self.out_dir, self.participant_id)


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
        The measure's map; None where it is not made yet, or is left to the group.
    key : str, optional
        Hash of all that the last of these depends on.
    problems : tuple of str
        Why something is missing.
    """

    job: Job
    scan: Scan
    measured: Measured | None = None
    clean: Path | None = None
    map: Path | None = None
    key: str | None = None
    problems: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do for the run."""
        mapped = self.map is not None or self.job.settings.maps.of_group
        return self.measured is not None and mapped


@dataclass
class _Steps:
    """The steps of a job: which there are, and what each depends on."""

    job: Job
    ledger: Ledger
    names: list[str] = field(default_factory=list)

    def anatomy(self, t1w: Path) -> tuple[str, str]:
        """Return the name and the key of the step that writes an anatomy."""
        return self._step(
            "anatomy",
            t1w.name,
            self.ledger.stamp(t1w),
            self.job.settings.preprocessing.resolution_mm,
            self.job.settings.preprocessing.warp,
        )

    def clean(self, scan: Scan) -> tuple[str, str]:
        """Return the name and the key of the step that makes a run clean."""
        files = [scan.bold, *(path for path in (scan.t1w, scan.mask, scan.confounds) if path)]
        settings, variants = self.job.settings, self.job.settings.variants
        cleaned_here = scan.kind in ("raw", "preprocessed")
        return self._step(
            "clean",
            scan.name,
            [self.ledger.stamp(path) for path in files],
            [scan.kind, scan.space, scan.tr, scan.slice_times, scan.metadata, sorted(scan.done)],
            [asdict(settings.preprocessing), [(v.label, asdict(v.preprocessing)) for v in variants]]
            if cleaned_here
            else None,
            self.job.settings.input.confounds if scan.kind == "preprocessed" else None,
        )

    def maps(self, scan: Scan, clean_key: str) -> tuple[str, str]:
        """Return the name and the key of the step that maps a clean run."""
        settings, measure = self.job.settings.maps, self.job.settings.measure
        mask = self.ledger.stamp(Path(settings.mask)) if settings.mask else None
        variants = [(variant.label, asdict(variant.maps)) for variant in self.job.settings.variants]
        return self._step("maps", scan.name, clean_key, measure, asdict(settings), variants, mask)

    def _step(self, made: Made, of: str, *depends: Any) -> tuple[str, str]:
        name = Step.named(made, of)
        self.names.append(name)
        return name, hash_of(code_of(made), *depends)


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
    steps = _Steps(job, ledger)
    results = []
    for scan in job.scans:
        if scan.kind == "map":
            results.append(_of_map(job, scan, steps))
            continue
        problems = [
            problem
            for step, said in ledger.failures.items()
            for problem in said
            if step.of in (scan.name, scan.t1w.name if scan.t1w else None)
        ]
        try:
            results.append(_of_run(job, scan, steps, problems))
        except InputError as error:
            # A file that somebody changed is not used.
            said = dict.fromkeys([*problems, *error.problems])
            results.append(RunResult(job, scan, problems=tuple(said)))
    ledger.keep_times()
    return results


def _of_run(job: Job, scan: Scan, steps: _Steps, problems: list[str]) -> RunResult:
    """Return what there is of a run; raise `InputError` if a file of it was changed."""
    step, key = steps.clean(scan)
    facts = steps.ledger.done(step, key)
    if facts is None:
        return RunResult(job, scan, problems=tuple(problems))
    measured, mapped = measured_from_json(facts), None
    if not job.settings.maps.of_group:
        step, key = steps.maps(scan, key)
        if steps.ledger.done(step, key) is not None:
            mapped = job.out_dir / map_name(job, scan)
    return RunResult(job, scan, measured, clean_file(job, scan), mapped, key, tuple(problems))


def _of_map(job: Job, scan: Scan, steps: _Steps) -> RunResult:
    """Return what there is of a map that others made: there is nothing to be done for it."""
    try:
        measured, (_, key) = measure_clean(scan), steps.clean(scan)
    except InputError as error:
        return RunResult(job, scan, problems=error.problems)
    return RunResult(job, scan, measured, scan.bold, scan.bold, key)


def is_done(job: Job) -> bool:
    """Tell whether nothing is left to do for a participant."""
    return all(result.is_done for result in results_of(job))


def map_name(job: Job, scan: Scan) -> Path:
    """Return where the map of a clean run lies, relative to the output folder."""
    named = clean_name(scan, job.settings.preprocessing.resolution_mm)
    return named.with_name(map_file(named, job.settings.measure))


def map_scan(job: Job, scan: Scan, folder: Path, n_threads: int | None) -> dict[str, Any]:
    """Map a clean run and write the maps to a folder; return what was found out."""
    about = clean_series(job, scan)
    settings, measure = job.settings.maps, measure_to_make(job.settings.measure)
    assert measure.of_scan is not None  # noqa: S101 - what can be made has it
    domain = study_domain(about.path, about.space, settings, measure.stat)
    maps = measure.of_scan(sample_file(about.path, domain), domain, settings, n_threads)
    write_study_maps(measure, scan, about, maps, domain, asdict(settings), folder)
    for variant in job.settings.variants if scan.kind != "clean" else ():
        path = of_variant(about.path, variant.label)
        series = sample_file(path, domain)
        made = measure.of_scan(series, domain, variant.maps, n_threads)
        source = f"bids::{path.relative_to(job.out_dir).as_posix()}"
        n_volumes = series.shape[1]
        of = replace(about, path=path, source=source, name=path.name, n_volumes=n_volumes)
        func = folder / own_folder(scan) / "func"
        write_own_map(measure, of, made, domain, asdict(variant.maps), func)
    own = maps.values[measure.stat]
    return {"n_left_out": int(np.isnan(own).sum())}


def write_study_maps(
    measure: Measure,
    scan: Scan,
    about: CleanSeries,
    maps: ScanMaps,
    domain: Domain,
    settings: dict[str, Any],
    folder: Path,
) -> None:
    """Write a run's maps and their picture where they belong in a study."""
    func, figures = (folder / own_folder(scan) / name for name in ("func", "figures"))
    for place in (func, figures):
        place.mkdir(parents=True, exist_ok=True)
    write_scan_maps(measure, about, maps, domain, settings, func, figures)


def clean_series(job: Job, scan: Scan) -> CleanSeries:
    """Return what the sidecars of a clean run's maps say of it."""
    path, named = clean_file(job, scan), clean_name(scan, job.settings.preprocessing.resolution_mm)
    source = f"bids::{named.as_posix()}" if scan.kind != "clean" else source_uri(path)
    n_volumes = load_image(path).shape[3]
    return CleanSeries(path, n_volumes, scan.tr, scan.clean_space, source, named.name)


def clean_file(job: Job, scan: Scan) -> Path:
    """Return where a run's clean series lie."""
    if scan.kind in ("clean", "map"):
        return scan.bold
    return job.out_dir / clean_name(scan, job.settings.preprocessing.resolution_mm)


class _Worker:
    """Does the steps of a job, under its lock."""

    def __init__(self, job: Job, report: Report, n_threads: int | None) -> None:
        self.job, self.report, self.n_threads = job, report, n_threads
        # Read under the lock: another run may have gone on since.
        self.ledger = Ledger(job.out_dir, job.participant_id)
        self.steps = _Steps(job, self.ledger)
        self.anatomy: tuple[Path, Anatomy] | None = None
        self.problems: list[str] = []

    def run(self) -> None:
        self.ledger.clear_staging()
        for number, scan in enumerate(self.job.scans):
            if scan.kind != "map":
                self._run_of(scan, number / len(self.job.scans))
        self.ledger.keep_only(self.steps.names)
        if self.problems:
            raise InputError(dict.fromkeys(self.problems))

    def _run_of(self, scan: Scan, share: float) -> None:
        """Do the steps of one run; note what fails, and leave what depends on it."""
        resolution = self.job.settings.preprocessing.resolution_mm
        n = len(self.job.scans)
        if scan.t1w is not None:
            t1w = scan.t1w
            self.report(f"anatomy {t1w.name}", share)
            with self._noting(f"anatomy {t1w.name}", t1w) as failed:
                step, key = self.steps.anatomy(t1w)

                def write(folder: Path) -> dict[str, Any]:
                    anatomy = self._anatomy(t1w)
                    write_anatomy(anatomy, t1w, resolution, folder / own_folder(scan))
                    return {}

                self.ledger.do(step, key, write)
            if failed:
                return
        self.report(f"clean {scan.name}", share + 0.4 / n)
        with self._noting(f"clean {scan.name}", scan.bold) as failed:
            step, clean_key = self.steps.clean(scan)
            self.ledger.do(step, clean_key, lambda folder: self._clean(scan, folder))
        if failed or self.job.settings.maps.of_group:
            return
        self.report(f"maps {scan.name}", share + 0.9 / n)
        with self._noting(f"maps {scan.name}", scan.bold):
            step, key = self.steps.maps(scan, clean_key)
            self.ledger.do(step, key, lambda folder: self._map(scan, folder))

    def _map(self, scan: Scan, folder: Path) -> dict[str, Any]:
        """Map a clean run, if its series are those that were written."""
        clean = clean_file(self.job, scan)
        others = [of_variant(clean, variant.label) for variant in self.job.settings.variants]
        self.ledger.verify([clean, *(path for path in others if path.is_file())])
        return map_scan(self.job, scan, folder, self.n_threads)

    def _clean(self, scan: Scan, folder: Path) -> dict[str, Any]:
        """Make a run clean, as far as it is not, and return what was measured, for the ledger."""
        settings = self.job.settings
        variants = {variant.label: variant.preprocessing for variant in settings.variants}
        if scan.kind == "raw":
            anatomy = None if scan.t1w is None else self._anatomy(scan.t1w)
            measured = clean_run(
                scan,
                anatomy,
                settings.preprocessing,
                folder,
                self.n_threads,
                variants=variants,
            )
        elif scan.kind == "preprocessed":
            measured = clean_preprocessed_run(
                scan,
                settings.preprocessing,
                settings.input.confounds,
                folder,
                self.n_threads,
                variants=variants,
            )
        else:
            measured = measure_clean(scan)
        return measured_to_json(measured)

    def _anatomy(self, t1w: Path) -> Anatomy:
        if self.anatomy is None or self.anatomy[0] != t1w:
            warp = self.job.settings.preprocessing.warp
            key = hash_of(code_of("anatomy"), self.ledger.stamp(t1w), warp)
            cached = anatomy_file(self.job.work_dir, self.job.participant_id, key)
            anatomy = load_anatomy(cached)
            if anatomy is None:
                anatomy = prepare_anatomy(
                    load_volumes(t1w), self.n_threads, coarse=warp == "coarse"
                )
                save_anatomy(anatomy, cached)
            self.anatomy = t1w, anatomy
        return self.anatomy[1]

    @contextmanager
    def _noting(self, step: str, path: Path) -> Iterator[list[str]]:
        """Give a list that is filled with what goes wrong; it is noted in the ledger too."""
        failed: list[str] = []
        with telling(path, failed):
            yield failed
        if failed:
            self.ledger.fail(step, failed)
            self.problems += failed
