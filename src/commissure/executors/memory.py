"""How much memory there is for us, and how much a task needs."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
# Bytes of registration, and of what is loaded before there are any data.
_REGISTRATION, _PROGRAM = 2_100_000_000, 600_000_000


def memory_limit() -> int | None:
    """Return the bytes that this process and its children may use, or None if that is not known.

    The machine's memory, or less where a container or a batch system allows less.
    """
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    return min([machine, *_group_limits(Path("/proc/self/cgroup"), _GROUPS)])


def preprocessing_bytes(n_voxels: int, n_grid_voxels: int, n_volumes: int) -> int:
    """Return about the memory that preprocessing a run takes at its peak.

    By measurement: 2.1 GB for registration of a T1w of 1 mm, programs included; or, for long runs,
    some copies of the series before and after it is brought to template space. The peak resident
    memory was 1.1 GB for 48 x 48 x 30 voxels and 120 volumes, 1.7 GB for 64 x 64 x 35 and 220.

    Parameters
    ----------
    n_voxels, n_grid_voxels : int
        Of the raw image, and of the grid in template space.
    n_volumes : int
    """
    series = 4 * n_volumes * (3 * n_voxels + int(3.5 * n_grid_voxels))
    return max(_REGISTRATION, _PROGRAM + series)


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
