"""Files that are there for two: one file by two paths, or a copy of it.

A copy under another name is one person's data counted twice. Files are compared by what they hold,
however they are compressed, and only those are read of which it may be true.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from pathlib import Path

from commissure.files.image_headers import UNREADABLE, opened
from commissure.inputs.scan import Scan

_SAMPLE, _CHUNK = 1 << 16, 1 << 20
# Behind compressed data stand the checksum and the size of what was compressed, 4 bytes each.
_TRAILER = 8


def copies(scans: Sequence[Scan]) -> list[str]:
    """Say which files are there for two scans, and which T1w for two people.

    Masks may be: those of a template are.
    """
    return [
        *_twice("the scan", scans, lambda scan: scan.bold, lambda scan: scan.name),
        *_twice("the confounds", scans, lambda scan: scan.confounds, lambda scan: scan.name),
        *_twice("the T1w image", scans, lambda scan: scan.t1w, lambda scan: scan.participant_id),
    ]


def _twice(
    what: str,
    scans: Iterable[Scan],
    file_of: Callable[[Scan], Path | None],
    owner_of: Callable[[Scan], str],
) -> list[str]:
    owners: dict[Path, dict[str, None]] = {}
    for scan in scans:
        if (path := file_of(scan)) is not None:
            owners.setdefault(path.resolve(), {})[owner_of(scan)] = None
    problems = [
        f"{path} is {what} of {' and of '.join(names)}. Give each its own."
        for path, names in owners.items()
        if len(names) > 1
    ]
    prints: dict[object, list[Path]] = {}
    for path in owners:
        prints.setdefault(_print_of(path), []).append(path)
    problems += [
        f"{a} and {b}, {what} of {', '.join(owners[a])} and of {', '.join(owners[b])}, hold the "
        "same: one is a copy of the other. Give each its own."
        for alike in prints.values()
        for a, b in combinations(alike, 2)
        if owners[a] != owners[b] and _same_content(a, b)
    ]
    return problems


def _print_of(path: Path) -> object:
    """Return what is the same of files that hold the same, and seldom of others."""
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            if path.suffix == ".gz":
                stream.seek(max(size - _TRAILER, 0))
                trailer = stream.read()
                # Of several pieces the last may be empty.
                if any(trailer[4:]):
                    return trailer
            stream.seek(max((size - _SAMPLE) // 2, 0))
            return size, stream.read(_SAMPLE)
    except OSError:
        return path  # whoever needs it will say so


def _same_content(a: Path, b: Path) -> bool:
    try:
        with opened(a) as one, opened(b) as two:
            while (chunk := one.read(_CHUNK)) == two.read(_CHUNK):
                if not chunk:
                    return True
    except UNREADABLE:
        pass  # damaged: told by whoever reads it
    return False
