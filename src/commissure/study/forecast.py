"""How much room and time a study will take, about: of what is known from headers alone."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from commissure.files.images import load_image
from commissure.inputs import Scan
from commissure.settings.tables import Execution
from commissure.space.templates import load_template
from commissure.study.participant.job import Job
from commissure.threads import available_threads

# By measurement. Bytes: of a run's pictures, of its images but the series a voxel of the brain,
# of an anatomy in the work folder.
_PICTURES = {"raw": 2_100_000, "preprocessed": 900_000, "clean": 80_000}
_PER_VOXEL = {"raw": 100, "preprocessed": 30, "clean": 20}
_ANATOMY = 23_000_000
# Seconds of one core: of a T1w of 1 mm, of a run of reference size.
_T1W_S, _RUN_S, _RUN_SIZE = 35.0, 45.0, 64 * 64 * 35 * 230
# Of noise, little is saved by compression.
_BYTES = 4
# ml of a brain: where series of others have values.
_BRAIN_ML = 1_900


@dataclass(frozen=True)
class Forecast:
    """What a study will take, about.

    Attributes
    ----------
    out_bytes, work_bytes : int
        On the disk.
    free_bytes : int
        There, now.
    seconds : float
        Of one core.
    """

    out_bytes: int
    work_bytes: int
    free_bytes: int
    seconds: float

    @property
    def fits(self) -> bool:
        """Whether there is room on the disk."""
        return self.out_bytes + self.work_bytes < self.free_bytes


def forecast(jobs: Sequence[Job], out_dir: Path) -> Forecast:
    """Return what the work that is left will take; the group stage is not counted.

    Parameters
    ----------
    jobs : sequence of Job
    out_dir : Path
        Which need not exist yet.
    """
    execution = jobs[0].settings.execution if jobs else Execution()
    scans = [(scan, job) for job in jobs for scan in job.scans if scan.kind != "map"]
    t1ws = {scan.t1w for scan, _ in scans if scan.t1w is not None}
    there = next(p for p in (out_dir.absolute(), *out_dir.absolute().parents) if os.path.exists(p))  # noqa: PTH110
    return Forecast(
        out_bytes=sum(_bytes_of(scan, job) for scan, job in scans) + _at_once(jobs),
        work_bytes=0 if execution.keep == "none" else _ANATOMY * len(t1ws),
        free_bytes=shutil.disk_usage(there).free,
        seconds=_T1W_S * len(t1ws) + sum(_seconds_of(scan) for scan, job in scans),
    )


def _bytes_of(scan: Scan, job: Job) -> int:
    n_voxels, _ = _size_of(scan, job)
    kept = 0 if job.lets_series_go else _series_bytes(scan, job)
    return _PICTURES[scan.kind] + n_voxels * _PER_VOXEL[scan.kind] + kept


def _at_once(jobs: Sequence[Job]) -> int:
    """Return the bytes of the clean series that are there at a time and are not kept."""
    passing = sorted(
        (sum(_series_bytes(scan, job) for scan in job.scans) for job in jobs if job.lets_series_go),
        reverse=True,
    )
    n_procs = jobs[0].settings.execution.n_procs if jobs else None
    return sum(passing[: n_procs or available_threads()])


def _series_bytes(scan: Scan, job: Job) -> int:
    """Return how large the clean series of a run are, with those of variants."""
    n_series = 0 if scan.kind in ("clean", "map") else 1 + len(job.settings.variants)
    return _BYTES * int(np.prod(_size_of(scan, job))) * n_series


def _size_of(scan: Scan, job: Job) -> tuple[int, int]:
    """Return how many voxels of the brain and volumes a clean run has."""
    recipe, shape = job.settings.preprocessing, load_image(scan.bold).shape
    n_volumes = int(shape[3]) - scan.n_to_drop(recipe.n_trim)
    if scan.is_resampled:
        n_voxels = int(np.sum(load_template(recipe.resolution_mm).brain > 0.5))
    else:
        voxel_ml = abs(np.linalg.det(load_image(scan.bold).affine[:3, :3])) / 1000
        n_voxels = min(int(np.prod(shape[:3])), round(_BRAIN_ML / voxel_ml))
    return n_voxels, n_volumes


def _seconds_of(scan: Scan) -> float:
    return _RUN_S * float(np.prod(load_image(scan.bold).shape)) / _RUN_SIZE
