"""The other end of a `WorkerProcess`: a process that does one task after the other."""

import logging
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from queue import SimpleQueue
from types import FrameType
from typing import Any, BinaryIO

from commissure.executors.task import Outcome, attempt

# Exit code of a process that was asked to stop, as shells give it.
_STOPPED = 128 + signal.SIGTERM

# Called with "event", "log" or "outcome", and what it is.
Answer = Callable[[str, Any], None]


def serve(n_threads: int, log_level: int) -> None:
    """Do the tasks that come by standard input until None comes; answer by standard output.

    Each task is a pickled pair of its name and (pickled once more) the function with its argument.
    Answers are pickled pairs of "event", "log" or "outcome" and what it is.

    If the input ends before that, the parent is dead, however it died: then this process and all
    that it started end at once, so that nothing goes on writing.
    """
    incoming, outgoing = _channel()
    signal.signal(signal.SIGTERM, _stop)
    tasks: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_receive, args=(incoming, tasks), daemon=True).start()
    lock = threading.Lock()

    def answer(kind: str, content: Any) -> None:
        with lock:
            pickle.dump((kind, content), outgoing)
            outgoing.flush()

    _send_log(answer, log_level)
    while (task := tasks.get()) is not None:
        name, work = task
        answer("outcome", _do(name, work, n_threads, answer))


def _channel() -> tuple[BinaryIO, BinaryIO]:
    """Take standard input and output for us: what is printed goes to standard error."""
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return incoming, outgoing


def _stop(_number: int, _frame: FrameType | None) -> None:
    """End by an exception, so that temporary files are removed and programs are ended."""
    sys.exit(_STOPPED)


def _receive(incoming: BinaryIO, tasks: "SimpleQueue[Any]") -> None:
    task = ()
    while task is not None:
        try:
            task = pickle.load(incoming)  # noqa: S301  (from our parent)
        except Exception:  # the end of the input, or of what can be read of it
            _end_all()
        tasks.put(task)


def _end_all() -> None:
    """End this process and all that it started, at once."""
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(_STOPPED)


class _LogSender(logging.Handler):
    """Sends log records to the parent."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self._answer = answer

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record."""
        self._answer("log", (record.name, record.levelno, record.getMessage()))


def _send_log(answer: Answer, level: int) -> None:
    """Send our log, and warnings, to the parent."""
    logging.captureWarnings(capture=True)
    for name in ("commissure", "py.warnings"):
        logger = logging.getLogger(name)
        logger.addHandler(_LogSender(answer))
        logger.setLevel(level)
        logger.propagate = False


def _do(name: str, work: bytes, n_threads: int, answer: Answer) -> bytes:
    """Do a task; return its pickled outcome."""
    try:
        function, argument = pickle.loads(work)  # noqa: S301  (from our parent)
    except Exception:
        return pickle.dumps(Outcome(name, error=traceback.format_exc()))

    def report(what: str, share: float) -> None:
        answer("event", (str(what), float(share)))

    outcome = attempt(function, name, argument, report, n_threads)
    try:
        return pickle.dumps(outcome)
    except Exception:
        error = traceback.format_exc()
        return pickle.dumps(Outcome(name, error=error, seconds=outcome.seconds))
