"""Simulated people scanned at the same time, in processes."""

from collections.abc import Iterator, Sequence
from contextlib import closing

from commissure.executors import Executor, Report, Task
from commissure.problems import InputError
from commissure.simulation.people import Person
from commissure.simulation.study import ScanAll, ScanOne

# A raw participant of the reference study's size takes 1.5 GB.
_BYTES = 2_000_000_000


def scan_by(executor: Executor) -> ScanAll:
    """Return what has people scanned by an executor, for `simulate_study`."""

    def scan_all(scan: ScanOne, people: Sequence[Person]) -> Iterator[str]:
        tasks = [Task(person.row["participant_id"], (scan, person), _BYTES) for person in people]
        with closing(executor.run(_scan, tasks)) as outcomes:
            for outcome in outcomes:
                if not outcome.ok:
                    why = [f"{outcome.name} could not be simulated: {outcome.error}"]
                    raise InputError(outcome.problems or why)
                yield outcome.name

    return scan_all


def _scan(argument: tuple[ScanOne, Person], _report: Report, n_threads: int) -> None:
    scan, person = argument
    scan(person, n_threads)
