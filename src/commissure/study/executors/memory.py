"""How much memory there is for us."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")


def memory_limit() -> int | None:
    """Return the bytes that this process and its children may use, or None if that is not known.

    The machine's memory, or less where a container or a batch system allows less.
    """
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    return min([machine, *_group_limits(Path("/proc/self/cgroup"), _GROUPS)])


def _group_limits(own: Path, groups: Path) -> Iterator[int]:
    """Yield the limits of this process's control groups (versions 1 and 2) and of those above."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        root = groups / controllers
        file = "memory.limit_in_bytes" if controllers else "memory.max"
        folder = root / name.lstrip("/")
        for group in (folder, *folder.parents):
            with suppress(OSError, ValueError):  # there is none, or it is "max"
                yield int((group / file).read_text())
            if group == root:
                break
