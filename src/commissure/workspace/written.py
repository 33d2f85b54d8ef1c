"""A file that was written, known again by its content."""

import hashlib
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True)
class Written:
    """A file as it was.

    Attributes
    ----------
    size, mtime_ns : int
        As long as both are the same, the content is not read again.
    sha256 : str
    """

    size: int
    mtime_ns: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Self:
        """Take note of a file; raises what opening it raises."""
        with path.open("rb") as file:
            status = path.stat()
            return cls(
                status.st_size, status.st_mtime_ns, hashlib.file_digest(file, "sha256").hexdigest()
            )

    @classmethod
    def parsed(cls, content: Any) -> Self | None:
        """Return what `vars` became in JSON; None if it is something else."""
        if not isinstance(content, dict):
            return None
        size, time, digest = (content.get(name) for name in ("size", "mtime_ns", "sha256"))
        if type(size) is int and type(time) is int and isinstance(digest, str):
            return cls(size, time, digest)
        return None

    def again(self, path: Path) -> Self | None:
        """Return the file as it is now, None if its content is another; raises as `of`."""
        status = path.stat()
        if status.st_size != self.size:
            return None
        if status.st_mtime_ns == self.mtime_ns:
            return self
        now = self.of(path)
        return now if now.sha256 == self.sha256 else None


def written_in(folder: Path, besides: Container[str] = ()) -> dict[str, Written]:
    """Return all files of a folder, besides some, by their names in it."""
    return {
        name: Written.of(file)
        for file in sorted(folder.rglob("*"))
        if (name := file.relative_to(folder).as_posix()) not in besides and file.is_file()
    }
