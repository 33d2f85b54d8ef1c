"""Permutation tests whose null distribution is made by an executor, in batches."""

import pickle
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from commissure.executors.task import Executor, Report, Task
from commissure.inference import Null, NullMaker, Sweep
from commissure.problems import MORE_MEMORY, InputError

# Enough to keep many workers busy to the end, and few enough to be worth a message each.
_N_BATCHES = 64


@dataclass(frozen=True)
class Batch:
    """Some relabellings of a sweep that lies in a folder.

    Attributes
    ----------
    folder : Path
    start, stop : int
    """

    folder: Path
    start: int
    stop: int


def null_by(executor: Executor, work_dir: Path, n_batches: int = _N_BATCHES) -> NullMaker:
    """Return what `permutation_test` takes as `null_by`: the null is made by an executor.

    It has the same bits as one made on threads of this process, on processors of the same kind.

    Parameters
    ----------
    executor : Executor
    work_dir : Path
        A folder that all machines see. The maps are written to it once, for the time of the test;
        workers map them into memory, and those on one machine share it.
    n_batches : int
        At most.
    """

    def make(sweep: Sweep, progress: Callable[[int], None] | None) -> Null:
        parts = sweep.parts(n_batches)
        work_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="permutations-", dir=work_dir) as name:
            folder = Path(name).resolve()
            _save(sweep, folder)
            tasks = [
                Task(f"permutations {part.start}-{part.stop}", Batch(folder, part.start, part.stop))
                for part in parts
            ]
            made: dict[str, Null] = {}
            with closing(executor.run(make_batch, tasks)) as outcomes:
                for outcome in outcomes:
                    if outcome.problems:
                        raise InputError(outcome.problems)
                    if outcome.lost:
                        msg = f"{outcome.name}: {outcome.error} {MORE_MEMORY} Run it again."
                        raise InputError(msg)
                    if outcome.error is not None:
                        msg = f"{outcome.name} failed: {outcome.error}"
                        raise RuntimeError(msg)
                    made[outcome.name] = outcome.value
                    if progress is not None:
                        progress(len(outcome.value.max_t))
        return Null.joined([made[task.name] for task in tasks])

    return make


def make_batch(batch: Batch, _report: Report, n_threads: int) -> Null:
    """Make the null distribution of a batch."""
    sweep = _load(batch.folder)
    return sweep.null(slice(batch.start, batch.stop), n_threads=n_threads)


def _save(sweep: Sweep, folder: Path) -> None:
    np.save(folder / "blocks.npy", sweep.blocks)
    (folder / "sweep.pickle").write_bytes(pickle.dumps(replace(sweep, blocks=sweep.blocks[:0])))


@lru_cache(maxsize=1)
def _load(folder: Path) -> Sweep:
    sweep: Sweep = pickle.loads((folder / "sweep.pickle").read_bytes())  # noqa: S301  (our own)
    # Not read-only, for which numba would compile its functions once more. Nothing is written.
    blocks = np.load(folder / "blocks.npy", mmap_mode="c")
    return replace(sweep, blocks=np.asarray(blocks))
