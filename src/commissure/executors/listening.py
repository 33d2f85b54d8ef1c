"""Waiting for what is told of tasks that are done elsewhere."""

import logging
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Any

from commissure.executors.task import OnEvent, Outcome

# Of each task its name, "event", "log" or "outcome", and what it is.
Told = SimpleQueue[tuple[str, str, Any]]
# Seconds without a word after which one may wonder.
_SILENCE = 60.0


def log_level() -> int:
    """Return the level from which on what others log is handed on."""
    return logging.getLogger("commissure").getEffectiveLevel()


def listen(
    told: Told,
    n_tasks: int,
    on_event: OnEvent | None,
    on_silence: Callable[[], None] | None = None,
) -> Iterator[Outcome]:
    """Give outcomes as they are told, and hand on what else is told meanwhile.

    Parameters
    ----------
    told : Told
    n_tasks : int
        Outcomes to wait for.
    on_event : callable, optional
        See `OnEvent`.
    on_silence : callable, optional
        Called where nothing has been told for a minute.
    """
    while n_tasks:
        try:
            name, kind, content = told.get(timeout=_SILENCE)
        except Empty:
            if on_silence is not None:
                on_silence()
            continue
        if kind == "outcome":
            n_tasks -= 1
            yield content
        elif kind == "log":
            logger, level, message = content
            logging.getLogger(logger).log(level, "%s", message)
        elif on_event is not None:
            on_event(name, *content)
