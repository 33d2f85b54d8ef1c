"""What is to be done, and what came of it, wherever it is done."""

import time
import traceback
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Protocol, Self

from commissure.problems import InputError
from commissure.threads import one_blas_thread

# Tells what is being done and the share of the task that is done.
Report = Callable[[str, float], None]
# Does a task: called with the task's argument, a Report, and how many threads it may use. It is
# found by its name in its module, so a function inside a function will not do.
Work = Callable[[Any, Report, int], Any]
# Told the task's name, what is being done and the share of the task that is done.
OnEvent = Callable[[str, str, float], None]


@dataclass(frozen=True)
class Task:
    """A piece of work that needs no other.

    Attributes
    ----------
    name : str
        "sub-01".
    argument : object
        What the work is called with; it is pickled.
    n_bytes : int
        The memory it needs, by estimate; 0 where that is not worth an estimate.
    """

    name: str
    argument: Any
    n_bytes: int = 0


@dataclass(frozen=True)
class Outcome:
    """What came of a task: a value, or problems that users can mend, or an error.

    Attributes
    ----------
    name : str
        The task's.
    value : object
        What the work returned.
    problems : tuple of str
        Those of an InputError.
    error : str or None
        The traceback of any other exception, or how the process ended.
    seconds : float
        How long it took.
    lost : bool
        Whether its process died, or had too little memory, and nothing is wrong with the task.
    """

    name: str
    value: Any = None
    problems: tuple[str, ...] = ()
    error: str | None = None
    seconds: float = 0.0
    lost: bool = False

    @property
    def ok(self) -> bool:
        """Whether it went well."""
        return not self.problems and self.error is None


class Executor(Protocol):
    """Runs tasks at the same time. It is used in a `with`, at whose end nothing goes on."""

    def run(
        self, function: Work, tasks: Iterable[Task], on_event: OnEvent | None = None
    ) -> Generator[Outcome, None, None]:
        """Do tasks, and give the outcome of each as it is done, in any order.

        Whatever happens to one task, the others are done. `on_event` is called in the caller's
        thread, while it waits for the next outcome. Closing the generator stops what is under way,
        as `contextlib.closing` does when the caller fails.
        """

    def __enter__(self) -> Self:
        """Return itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End everything that was started."""


def attempt(function: Work, name: str, argument: Any, report: Report, n_threads: int) -> Outcome:
    """Do a task in this process, which is from now on kept to one BLAS thread.

    BLAS may sum in another order on more threads: so the numbers would depend on how many tasks
    there are at a time. What is worth more threads is spread over them by `map_threads`.
    """
    one_blas_thread()
    start = time.monotonic()
    try:
        outcome = Outcome(name, function(argument, report, n_threads))
    except InputError as wrong:
        outcome = Outcome(name, problems=wrong.problems)
    except MemoryError:
        outcome = Outcome(name, error="There was too little memory.", lost=True)
    except Exception:
        outcome = Outcome(name, error=traceback.format_exc())
    return replace(outcome, seconds=time.monotonic() - start)
