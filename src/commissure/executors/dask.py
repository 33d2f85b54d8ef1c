"""Tasks on several machines, by Dask."""

import logging
import traceback
import warnings
from collections.abc import Generator, Iterable, Mapping
from contextlib import suppress
from functools import partial
from importlib import import_module
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from commissure.executors.batch_system import start_jobs
from commissure.executors.dask_worker import do_here, end_idle, versions
from commissure.executors.listening import Told, listen, log_level
from commissure.executors.process import packed
from commissure.executors.task import Executor, OnEvent, Outcome, Task, Work
from commissure.problems import InputError

log = logging.getLogger(__name__)


class DaskExecutor(Executor):
    """Runs tasks on the workers of a Dask scheduler.

    A worker does as many tasks at a time as it has Dask threads, each in a process beside it. If a
    worker dies, its tasks are done again on others, each at most as often as the scheduler's
    `allowed-failures` say (3 by default). All machines see the study's folders by the same paths.

    Parameters
    ----------
    scheduler : str, optional
        Its address, as "tcp://10.0.0.5:8786".
    jobs : mapping, optional
        In place of it, how to start one with jobs of a batch system as workers; see `start_jobs`.
    n_threads : int
        Threads of each task.
    timeout : float
        Seconds in which the scheduler must answer.

    Raises
    ------
    InputError
        If Dask is not installed, the scheduler does not answer, or jobs cannot be submitted.
    """

    def __init__(
        self,
        scheduler: str | None = None,
        jobs: Mapping[str, Any] | None = None,
        n_threads: int = 1,
        timeout: float = 10.0,
    ) -> None:
        if (scheduler is None) == (jobs is None):
            msg = (
                "Dask needs either the address of a scheduler (--scheduler tcp://host:port) or a "
                "[dask] table that says how to submit jobs."
            )
            raise InputError(msg)
        if n_threads < 1:
            raise InputError(f"n_threads must be 1 or more; it is {n_threads}.")
        try:
            self._dask = import_module("distributed")
        except ImportError as error:
            msg = "Dask is not installed; install it with: pip install 'commissure[dask]'"
            raise InputError(msg) from error
        self._n_threads = n_threads
        self._cluster = None if jobs is None else start_jobs(jobs)
        try:
            self._client = self._connect(scheduler, timeout)
        except InputError:
            self._close_cluster()
            raise

    def _connect(self, scheduler: str | None, timeout: float) -> Any:
        mismatch = self._dask.versions.VersionMismatchWarning
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", mismatch)
                client = self._dask.Client(
                    scheduler or self._cluster, timeout=timeout, set_as_default=False
                )
        except (OSError, ValueError) as error:
            msg = (
                f"The Dask scheduler {scheduler} cannot be reached ({error}). Check the address "
                "and that it is running, as by: dask scheduler"
            )
            raise InputError(msg) from error
        for warning in caught:
            if issubclass(warning.category, mismatch):
                log.warning("%s", warning.message)
        return client

    def run(
        self, function: Work, tasks: Iterable[Task], on_event: OnEvent | None = None
    ) -> Generator[Outcome, None, None]:
        """Do tasks, and give the outcome of each as it is done, in any order.

        When the caller stops listening, or dies, the workers stop what they are at.

        Parameters
        ----------
        function : callable
            See `Work`.
        tasks : iterable of Task
        on_event : callable, optional
            See `OnEvent`.
        """
        tasks, told, futures = list(tasks), Told(), []
        topic = f"commissure-{uuid4().hex}"
        self._client.subscribe_topic(topic, lambda event: told.put(event[1]))
        try:
            self._look_for_workers()
            for number, task in enumerate(tasks):
                try:
                    work = packed(function, task)
                except Exception:  # what cannot be pickled
                    error = traceback.format_exc()
                    told.put((task.name, "outcome", Outcome(task.name, error=error)))
                    continue
                future = self._client.submit(
                    do_here, task.name, work, topic, self._n_threads, log_level(), versions(),
                    key=f"{task.name}-{number}-{topic}", pure=False,
                )  # fmt: skip
                future.add_done_callback(partial(_tell_outcome, told, task.name))
                futures.append(future)
            yield from listen(told, len(tasks), on_event, self._look_for_workers)
        finally:
            self._client.unsubscribe_topic(topic)
            self._client.cancel(futures)

    def _look_for_workers(self) -> None:
        with suppress(OSError, RuntimeError):  # the scheduler is lost, which is told elsewhere
            if not self._client.nthreads():
                log.warning("The Dask scheduler has no workers; the study waits for some.")

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the scheduler; jobs that were submitted for this study are ended."""
        with suppress(Exception):  # it may be gone
            self._client.run(end_idle, on_error="ignore")
        self._client.close()
        self._close_cluster()

    def _close_cluster(self) -> None:
        if self._cluster is not None:
            self._cluster.close()


def _tell_outcome(told: Told, name: str, future: Any) -> None:
    """Tell what came of a task."""
    if future.status == "cancelled":
        outcome = Outcome(name, error="The connection to the Dask scheduler was lost.")
    else:
        try:
            outcome = future.result()
        except Exception as error:
            outcome = Outcome(name, error=f"{type(error).__name__}: {error}")
            if type(error).__name__ == "KilledWorker":
                died = "All Dask workers that had it died, probably for lack of memory."
                outcome = Outcome(name, error=died, lost=True)
    told.put((name, "outcome", outcome))
