"""What one of many jobs leaves of the study as a whole to a later one, which takes it up.

Tables of everyone are read and written whole. If each job of an array did so, that would cost the
square of the people; so one does it for all that ended since the last.
"""

import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time
from typing import Any
from uuid import uuid4

from filelock import Timeout

from commissure.files.text import read_json
from commissure.workspace.ledger import ledger_names, lock_of
from commissure.workspace.paths import STATE_FOLDER, state_path
from commissure.workspace.staging import replace_file

log = logging.getLogger(__name__)

# What is of everyone is written once in so many seconds of each thousand people.
_EVERY_S = 60.0
_FEW_PEOPLE = 50


def seconds_apart(n_people: int) -> float:
    """Return how many seconds are between two times that what is of everyone is written."""
    return _EVERY_S * max(1.0, n_people / 1000)


def are_few(out_dir: Path) -> bool:
    """Tell whether so few people are in a study that what is of everyone takes no time."""
    return len(ledger_names(out_dir)) <= _FEW_PEOPLE


def is_left(out_dir: Path, path: Path) -> bool:
    """Tell whether one of many jobs leaves a file of everyone to the next: it is just written."""
    if are_few(out_dir) or not path.exists():
        return False
    n_people = len(ledger_names(out_dir))
    left = time() - path.stat().st_mtime < seconds_apart(n_people)
    if left:
        log.info("%s was written just now; it tells of this run when it is written again.", path)
    return left


@contextmanager
def kept_apart(out_dir: Path, kind: str, content: dict[str, Any]) -> Iterator[None]:
    """Leave something, as it is now and, at the end, as it is then; killed, as it was.

    Parameters
    ----------
    out_dir : Path
    kind : str
        What it is of: the name of a folder.
    content : dict
        Plain values.
    """
    path = state_path(out_dir, kind, f"{uuid4().hex}.json")
    with lock_of(out_dir, path.stem):
        replace_file(path, json.dumps(content))
        try:
            yield
        finally:
            replace_file(path, json.dumps(content))


def left_of(out_dir: Path, kind: str) -> dict[Path, dict[str, Any]]:
    """Return what jobs that ended have left, oldest first, by its file.

    Raises
    ------
    InputError
        If one is damaged.
    """
    found = {}
    for path in (out_dir / STATE_FOLDER / kind).glob("*.json"):
        with suppress(Timeout), lock_of(out_dir, path.stem).acquire(timeout=0):
            if path.exists():
                found[path] = (path.stat().st_mtime_ns, read_json(path))
    return {path: found[path][1] for path in sorted(found, key=lambda path: found[path][0])}


def remove_left(out_dir: Path, left: Iterable[Path]) -> None:
    """Remove what was taken up."""
    for path in left:
        path.unlink(missing_ok=True)
        Path(lock_of(out_dir, path.stem).lock_file).unlink(missing_ok=True)
