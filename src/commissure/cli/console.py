"""Progress and log, on standard error."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

# What is worked on and is nobody.
_NO_PARTICIPANTS = ("group", "simulation")


@contextmanager
def study_shown(n_participants: int, *, quiet: bool) -> Iterator[Callable[[str, str, float], None]]:
    """Show log messages, how many participants are done, what is done now and how long it takes.

    Parameters
    ----------
    n_participants : int
    quiet : bool
        Show warnings only.

    Yields
    ------
    callable
        To be called with a participant (or "group", "simulation"), what is being done, and the
        share of it that is done; 1 when it is finished.
    """
    with _progress(quiet=quiet) as progress:
        # No bar before there is something to show: what is wrong with the input stands alone.
        whole: TaskID | None = None
        rows: dict[str, TaskID] = {}
        shares: dict[str, float] = {}

        def show(who: str, what: str, share: float) -> None:
            nonlocal whole
            if whole is None:
                whole = progress.add_task(f"{n_participants} participants", total=n_participants)
            if share >= 1 and who in rows:
                progress.remove_task(rows.pop(who))
            elif share < 1 and who not in rows:
                rows[who] = progress.add_task(who, total=1)
            if who in rows:
                progress.update(rows[who], description=escape(f"{who} {what}"), completed=share)
            if who not in _NO_PARTICIPANTS:
                shares[who] = share
                n_done = sum(done >= 1 for done in shares.values())
                text = f"{n_done} of {n_participants} participants"
                progress.update(whole, description=text, completed=sum(shares.values()))

        yield show


@contextmanager
def shown(*, quiet: bool) -> Iterator[Callable[[str, float], None]]:
    """Show log messages, and a progress bar that is moved by calling what this gives.

    Parameters
    ----------
    quiet : bool
        Show warnings only.
    """
    with _progress(quiet=quiet) as progress:
        task: TaskID | None = None

        def show(what: str, share: float) -> None:
            nonlocal task
            if task is None:
                task = progress.add_task("", total=1)
            progress.update(task, description=escape(what), completed=share)

        yield show
        if task is not None:
            progress.update(task, completed=1)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Progress]:
    console = Console(stderr=True)
    logger = logging.getLogger("commissure")
    handler = RichHandler(console=console, show_path=False, show_time=False)
    logger.addHandler(handler)
    logger.setLevel(logging.WARNING if quiet else logging.INFO)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    try:
        with Progress(*columns, console=console, disable=quiet) as progress:
            yield progress
    finally:
        logger.removeHandler(handler)
