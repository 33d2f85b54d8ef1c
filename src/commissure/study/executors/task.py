"""A piece of work and what came of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Task:
    """A piece of work."""

    name: str
    argument: Any


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    name: str
    value: Any = None
    problems: tuple[str, ...] = ()
    error: str | None = None
    seconds: float = 0.0


class Executor(Protocol):
    """Runs tasks."""

    def run(
        self,
        function: Callable[[Any, Callable[[str, float], None], int | None], Any],
        tasks: Sequence[Task],
        on_event: Callable[[str, str, float], None] | None,
    ) -> Iterator[Outcome]:
        """Give the outcomes as they come."""
        ...
