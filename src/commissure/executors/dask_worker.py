"""Tasks on a machine of a Dask cluster: what is sent there and called by a Dask worker."""

import hashlib
import logging
import threading
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import commissure
from commissure.executors.process import WorkerProcess
from commissure.executors.task import Outcome
from commissure.sources import sources

# What the numbers hang on.
_NUMERICAL = ("nibabel", "niimath", "nilearn", "numba", "numpy", "picsl_greedy", "scipy")
# Seconds between looks whether anyone still wants a task.
_LOOK = 0.5
# States of a Dask worker that does not wait for its tasks.
_ENDING = ("closing", "closed", "failed")

# Processes without a task, by what they were started with; topics whose versions were compared.
_idle: dict[tuple[int, int], list[WorkerProcess]] = {}
_compared: set[str] = set()


@cache
def versions() -> dict[str, str]:
    """Return the versions of what the numbers hang on, and which code of commissure it is.

    Two copies of one version may differ, as those of a clone in which something was changed.
    """
    code = hashlib.sha256(repr(sorted(sources().items())).encode()).hexdigest()
    found = {"commissure": f"{commissure.__version__} (code {code[:8]})"}
    for name in _NUMERICAL:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def do_here(
    name: str,
    work: bytes,
    topic: str,
    n_threads: int,
    log_level: int,
    expected: dict[str, str],
) -> Outcome:
    """Do a task in a process beside this Dask worker.

    So it has its own signals, threads and memory, dies alone, and can be stopped: which is done as
    soon as nobody wants its result any more, because the study was stopped or has died, or because
    this worker ends. Nothing goes on writing for a study that is over.

    Parameters
    ----------
    name : str
        The task's.
    work : bytes
        See `packed`.
    topic : str
        Dask's name for what is told to the study.
    n_threads, log_level : int
        See `WorkerProcess`.
    expected : dict of str to str
        The study's `versions`.
    """
    from distributed import Reschedule, get_worker

    worker = get_worker()
    if (ours := versions()["commissure"]) != expected["commissure"]:
        problem = (
            f"The Dask worker {worker.address} has commissure {ours}, the study "
            f"{expected['commissure']}. Install the same version on all machines, and start the "
            "worker again."
        )
        return Outcome(name, problems=(problem,))

    def tell(kind: str, content: tuple[object, ...]) -> None:
        worker.log_event(topic, (name, kind, content))

    if topic not in _compared:
        _compared.add(topic)
        if difference := _difference(expected):
            message = f"{worker.address} has {difference}. Its numbers may differ a little."
            tell("log", ("commissure", logging.WARNING, f"The Dask worker {message}"))
    idle = _idle.setdefault((n_threads, log_level), [])
    try:
        process = idle.pop()
    except IndexError:
        process = WorkerProcess(n_threads, log_level)
    key = worker.get_current_task()
    finished, unwanted = threading.Event(), threading.Event()

    def stop_if_unwanted() -> None:
        while not finished.wait(_LOOK):
            task = worker.state.tasks.get(key)
            if task is None or task.state == "cancelled" or worker.status.name in _ENDING:
                unwanted.set()
                process.stop()
                return

    watch = threading.Thread(target=stop_if_unwanted, daemon=True)
    watch.start()
    try:
        outcome = process.do(name, work, tell)
    finally:
        finished.set()
        watch.join()
    if unwanted.is_set():
        process.end()
        raise Reschedule  # where it is wanted after all, as by another worker
    if process.alive:
        idle.append(process)
    return outcome


def _difference(expected: dict[str, str]) -> str:
    """Say where this machine's versions differ from the study's."""
    here = versions()
    return ", ".join(
        f"{name} {here[name]} (the study {there})"
        for name, there in expected.items()
        if here[name] != there
    )


def end_idle() -> None:
    """End the processes that wait for tasks."""
    for processes in list(_idle.values()):
        while processes:
            processes.pop().end()
