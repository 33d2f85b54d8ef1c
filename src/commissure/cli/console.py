"""Progress and log, on standard error."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def shown(*, quiet: bool) -> Iterator[Callable[[str, float], None]]:
    """Show log messages, and a progress bar that is moved by calling what this gives.

    Parameters
    ----------
    quiet : bool
        Show warnings only.
    """
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
            task = progress.add_task("", total=1)
            yield lambda what, share: progress.update(task, description=what, completed=share)
            progress.update(task, completed=1)
    finally:
        logger.removeHandler(handler)
