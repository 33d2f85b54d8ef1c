"""A process that does tasks for this one, and whose death is an outcome like others."""

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any, cast

from commissure.executors.task import Outcome, Task, Work
from commissure.problems import killed_by

# The worker finds modules where this process does.
_START = (
    "import sys; n_threads, log_level, *sys.path[:] = sys.argv[1:]; "
    "from commissure.executors.worker import serve; serve(int(n_threads), int(log_level))"
)
# Seconds that a process is given to end by itself.
_GRACE = 5.0
# Bytes from the end of what a process wrote that are told with its death.
_TAIL = 2000

# Told "event" or "log", and its content.
Tell = Callable[[str, Any], None]


def packed(function: Work, task: Task) -> bytes:
    """Return what a `WorkerProcess` needs to do a task."""
    return pickle.dumps((function, task.argument))


class WorkerProcess:
    """A Python process that does one task after the other.

    It is started afresh, not forked: a fork of a process that has threads may hang. To start one
    and to import what preprocessing needs takes some 5 seconds of a core, so it is kept for
    further tasks. It leads a process group of its own, with which the programs that it runs are
    ended too; and it ends when this process does, of whatever cause, as its input then ends.

    Parameters
    ----------
    n_threads : int
        Threads that its tasks may use.
    log_level : int
        Of what is told of its log.
    """

    def __init__(self, n_threads: int, log_level: int) -> None:
        self._written = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the process)
        self._n_written_before = 0  # by earlier tasks
        # Threads of libraries that ours do not know of. They are counted when loaded.
        environment = os.environ | {
            "OMP_NUM_THREADS": str(n_threads),
            "OPENBLAS_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            "VECLIB_MAXIMUM_THREADS": "1",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, str(n_threads), str(log_level), *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._written,
            env=environment,
            process_group=0,
        )
        self._stdin = cast("IO[bytes]", self._process.stdin)
        self._stdout = cast("IO[bytes]", self._process.stdout)

    @property
    def alive(self) -> bool:
        """Whether it can do a task."""
        return self._process.poll() is None

    def do(self, name: str, work: bytes, tell: Tell) -> Outcome:
        """Have a task done, and wait for it.

        Parameters
        ----------
        name : str
            The task's.
        work : bytes
            See `packed`.
        tell : callable
            Called with "event" and (what, share), or with "log" and (logger, level, message).
        """
        start = time.monotonic()
        self._n_written_before = self._written.seek(0, os.SEEK_END)
        try:
            pickle.dump((name, work), self._stdin)
            self._stdin.flush()
            while True:
                kind, content = pickle.load(self._stdout)  # noqa: S301  (from our own process)
                if kind == "outcome":
                    break
                tell(kind, content)
        except (OSError, EOFError, pickle.UnpicklingError):
            seconds = time.monotonic() - start
            return Outcome(name, error=self._death(), seconds=seconds, lost=True)
        try:
            outcome: Outcome = pickle.loads(content)  # noqa: S301  (from our own process)
        except Exception:
            seconds = time.monotonic() - start
            return Outcome(name, error=traceback.format_exc(), seconds=seconds)
        return outcome

    def stop(self) -> None:
        """Have it end, whatever it is at; who waits in `do` is told of its death.

        It may remove its temporary files first, but has no more than some seconds to do so.
        """
        self._process.terminate()
        last = threading.Timer(_GRACE, self._kill_if_alive)
        last.daemon = True
        last.start()

    def end(self) -> None:
        """End it after its last task."""
        with suppress(OSError, ValueError):  # it may be dead
            pickle.dump(None, self._stdin)
            self._stdin.flush()
        self._buried()
        self._close()

    def _close(self) -> None:
        for stream in (self._stdin, self._stdout, self._written):
            with suppress(OSError):
                stream.close()

    def _buried(self) -> int:
        """Wait a little for its end, end all that is left of it, and return its exit code."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE)
        self._kill_group()
        return self._process.wait()

    def _kill_if_alive(self) -> None:
        if self.alive:
            self._kill_group()

    def _kill_group(self) -> None:
        # The group keeps its number for as long as anything is left in it.
        with suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

    def _death(self) -> str:
        """Say how it ended."""
        code = self._buried()
        if code >= 0:
            how = f"The process ended with exit code {code}."
        else:
            how = f"The process {killed_by(-code)}."
        n_written = self._written.seek(0, os.SEEK_END)
        self._written.seek(max(self._n_written_before, n_written - _TAIL))
        tail = self._written.read().decode(errors="replace").strip()
        self._close()
        return f"{how}\n{tail}" if tail else how
