"""Tasks in processes on this machine."""

import threading
import traceback
from collections.abc import Generator, Iterable
from functools import partial
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from commissure.executors.listening import Told, listen, log_level
from commissure.executors.memory import memory_limit
from commissure.executors.process import WorkerProcess, packed
from commissure.executors.task import Executor, OnEvent, Outcome, Task, Work
from commissure.problems import InputError
from commissure.threads import available_threads


class LocalExecutor(Executor):
    """Runs tasks in processes on this machine.

    Each process does one task after the other, and is replaced if it dies. What tasks compute does
    not depend on how many there are.

    Parameters
    ----------
    n_procs : int, optional
        Processes at the same time; by default as many as there are cores. They are fewer where
        memory is short.
    n_threads : int, optional
        Threads of each task; by default the cores are divided among the processes.
    max_memory : int, optional
        Bytes that all tasks together may use, by the estimates that come with them; by default
        the memory that there is.

    Raises
    ------
    InputError
        If a number is less than 1.
    """

    def __init__(
        self,
        n_procs: int | None = None,
        n_threads: int | None = None,
        max_memory: int | None = None,
    ) -> None:
        problems = [
            f"{name} must be 1 or more; it is {value}."
            for name, value in (("n_procs", n_procs), ("n_threads", n_threads))
            if value is not None and value < 1
        ]
        if problems:
            raise InputError(problems)
        self._n_procs = n_procs or available_threads()
        self._n_threads = n_threads
        self._max_memory = max_memory or memory_limit()

    def run(
        self, function: Work, tasks: Iterable[Task], on_event: OnEvent | None = None
    ) -> Generator[Outcome, None, None]:
        """Do tasks, and give the outcome of each as it is done, in any order.

        When the caller stops listening (Ctrl-C among other things) all processes are ended.

        Parameters
        ----------
        function : callable
            See `Work`.
        tasks : iterable of Task
        on_event : callable, optional
            See `OnEvent`.

        Raises
        ------
        InputError
            Before anything is done, if there is not enough memory for a task.
        """
        tasks = list(tasks)
        n_procs = self.n_at_once(tasks)
        n_threads = self._n_threads or max(1, available_threads() // n_procs)
        return self._outcomes(function, tasks, on_event, n_procs, n_threads)

    def n_at_once(self, tasks: list[Task]) -> int:
        """Return how many tasks are done at the same time.

        Raises
        ------
        InputError
            If there is not enough memory for a task.
        """
        return min(self._n_procs, self._n_affordable(tasks), max(len(tasks), 1))

    def _n_affordable(self, tasks: list[Task]) -> int:
        """Return how many of the largest tasks fit into memory at the same time."""
        largest = max((task.n_bytes for task in tasks), default=0)
        if not largest or self._max_memory is None:
            return self._n_procs
        if too_large := [task for task in tasks if task.n_bytes > self._max_memory]:
            raise InputError(
                f"{task.name} needs about {task.n_bytes / 1e9:.1f} GB of memory; "
                f"{self._max_memory / 1e9:.1f} GB are allowed. Allow more, or take another machine."
                for task in too_large
            )
        return self._max_memory // largest

    def _outcomes(
        self,
        function: Work,
        tasks: list[Task],
        on_event: OnEvent | None,
        n_procs: int,
        n_threads: int,
    ) -> Generator[Outcome, None, None]:
        crew = _Crew(function, tasks, n_threads)
        crew.start(n_procs)
        try:
            yield from listen(crew.told, len(tasks), on_event)
        except BaseException:  # that nobody listens any more among them
            crew.stop()
            raise
        crew.join()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Do nothing: no process outlives the iterator that `run` gives."""


class _Crew:
    """Threads, each with a process whose tasks it waits for.

    Attributes
    ----------
    told : Told
    """

    def __init__(self, function: Work, tasks: list[Task], n_threads: int) -> None:
        self.told: Told = SimpleQueue()
        self._function, self._n_threads = function, n_threads
        self._waiting = iter(tasks)
        self._members: list[threading.Thread] = []
        self._processes: list[WorkerProcess] = []
        self._stopped = False
        self._lock = threading.Lock()

    def start(self, n: int) -> None:
        """Begin, with so many processes."""
        self._members = [threading.Thread(target=self._work, daemon=True) for _ in range(n)]
        for member in self._members:
            member.start()

    def stop(self) -> None:
        """End all processes, whatever they are at."""
        with self._lock:
            self._stopped = True
            for process in self._processes:
                process.stop()
        self.join()

    def join(self) -> None:
        """Wait for the end of all processes."""
        for member in self._members:
            member.join()

    def _work(self) -> None:
        """Do tasks one after the other, for as long as there are any."""
        process = None
        while (task := self._next()) is not None:
            try:
                if process is None or not process.alive:
                    process = self._new_process()
                work = packed(self._function, task)
                outcome = process.do(task.name, work, partial(self._tell, task.name))
            except Exception:  # what cannot be pickled, or started
                outcome = Outcome(task.name, error=traceback.format_exc())
            self.told.put((task.name, "outcome", outcome))
        if process is not None:
            process.end()

    def _next(self) -> Task | None:
        with self._lock:
            return None if self._stopped else next(self._waiting, None)

    def _new_process(self) -> WorkerProcess:
        with self._lock:
            process = WorkerProcess(self._n_threads, log_level())
            self._processes.append(process)
            if self._stopped:
                process.stop()
        return process

    def _tell(self, name: str, kind: str, content: object) -> None:
        self.told.put((name, kind, content))
