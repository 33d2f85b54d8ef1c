"""Null distributions of permutation tests, made in parts by an executor."""

import pickle
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from commissure.inference import Null, Sweep
from commissure.problems import InputError
from commissure.study.executors import Executor, Report, Task


@dataclass(frozen=True)
class NullByParts:
    """Makes null distributions by an executor; what `permutation_test` takes as `null_by`.

    Attributes
    ----------
    executor : Executor
    folder : Path
        That all who work see; the maps are written there once, not sent with every part.
    n_parts : int
        At most so many; the numbers do not depend on it.
    """

    executor: Executor
    folder: Path
    n_parts: int = 16

    def __call__(self, sweep: Sweep, progress: Callable[[int], None] | None) -> Null:
        """Make a null distribution.

        Raises
        ------
        InputError
            If a part could not be made.
        """
        parts = sweep.parts(self.n_parts)
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"sweep-{uuid.uuid4().hex}.pickle"
        try:
            with path.open("wb") as file:
                pickle.dump(sweep, file, protocol=5)
            tasks = [
                Task(f"permutations {part.start + 1}-{part.stop}", (path, part)) for part in parts
            ]
            made: dict[str, Null] = {}
            for outcome in self.executor.run(part_task, tasks):
                if not outcome.ok:
                    why = outcome.error or " ".join(outcome.problems)
                    msg = f"{outcome.name} could not be made: {why}"
                    raise InputError(msg)
                made[outcome.name] = outcome.value
                if progress is not None:
                    progress(len(outcome.value.max_t))
        finally:
            path.unlink(missing_ok=True)
        return Null.joined([made[task.name] for task in tasks])


def part_task(argument: tuple[Path, slice], _report: Report, n_threads: int) -> Null:
    """Make one part."""
    path, part = argument
    return _load(path).null(part, n_threads=n_threads)


@lru_cache(maxsize=1)
def _load(path: Path) -> Sweep:
    with path.open("rb") as file:
        sweep: Sweep = pickle.load(file)  # noqa: S301  (we wrote it)
    return sweep
