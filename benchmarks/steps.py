"""Processor seconds of a raw participant's steps, as they are in a study: reading, writing, maps.

Used by `benchmarks.preprocessing`.
"""

import functools
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from commissure.inputs import read_scans
from commissure.preprocessing import anatomy, placing, recipe, smoothing, steps
from commissure.settings.reading import read_settings
from commissure.study.participant import (
    anatomy_cache,
    clean,
    clean_files,
    handed,
    job,
    map_files,
)
from commissure.study.participant import steps as study_steps
from commissure.study.plan import StudyPlan
from commissure.workspace import ledger

# What each step is called in the table, by where its function is looked up.
STEPS: dict[str, tuple[tuple[Any, str], ...]] = {
    "reading scans": ((anatomy_cache, "load_volumes"), (clean, "load_volumes")),
    "T1w: brain mask": ((anatomy, "t1w_brain_mask"),),
    "T1w: bias": ((anatomy, "correct_bias"),),
    "T1w: deformable registration": ((anatomy, "register_deformable"),),
    "T1w: tissues": ((anatomy, "segment"),),
    "T1w: the rest": ((anatomy_cache, "prepare_anatomy"),),
    "anatomy, kept for later": ((anatomy_cache, "save_anatomy"),),
    "anatomy, written": ((study_steps, "write_anatomy"),),
    "slice timing": ((steps, "correct_slice_timing"),),
    "realignment": ((steps, "realign"),),
    "EPI to T1w": ((placing, "register_epi_to_t1w"),),
    "resampling": ((steps, "resample_series"),),
    "smoothing": ((smoothing.Smoothed, "by"),),
    "regression and filter": ((recipe, "cleaning_operator"), (recipe, "apply_operator")),
    "cleaning: the rest": ((clean, "preprocess"),),
    "clean series, written": ((clean_files, "_write_series"),),
    "pictures": ((clean_files, "_write_figure"), (map_files, "slices_figure")),
    "run: the rest that is written": ((clean, "write_run"),),
    "clean series, taken or read": (
        (handed.Handed, "sample"),
        (ledger.Ledger, "verify"),
    ),
    "maps": ((study_steps, "map_series"),),
    "maps, written": ((study_steps, "write_study_maps"), (study_steps, "write_own_map")),
    "hashes": ((ledger, "written_in"), (ledger.Ledger, "stamp")),
}


def processor_seconds() -> float:
    """Return what this process and the programs that it ran have taken."""
    of = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in of)


@contextmanager
def timed() -> Iterator[dict[str, float]]:
    """Give the seconds of each step that is done meanwhile, without those of steps inside it."""
    seconds, before = dict.fromkeys(STEPS, 0.0), []
    inner = [0.0]

    def timing(step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*arguments: Any, **options: Any) -> Any:
            inner.append(0.0)
            start = processor_seconds()
            try:
                return function(*arguments, **options)
            finally:
                took = processor_seconds() - start
                seconds[step] += took - inner.pop()
                inner[-1] += took

        return call

    for step, places in STEPS.items():
        for place, name in places:
            before.append((place, name, getattr(place, name)))
            setattr(place, name, timing(step, getattr(place, name)))
    try:
        yield seconds
    finally:
        for place, name, function in before:
            setattr(place, name, function)


def participant(bids: Path, out: Path) -> dict[str, float]:
    """Work on the one participant of a raw dataset, on one thread; return the seconds of steps."""
    settings = read_settings("recommended")
    chosen = settings.preprocessing
    scans = read_scans(bids, "bids", n_trim=chosen.n_trim, slice_timing=chosen.slice_timing)
    plan = StudyPlan(bids, out, out / ".commissure" / "work", settings, tuple(scans), None)
    start = processor_seconds()
    with timed() as seconds:
        job.work_on(plan.jobs[0], lambda _what, _share: None, 1)
    total = processor_seconds() - start
    return seconds | {"all else": total - sum(seconds.values()), "all": total}
