"""Which code this is: a hash of each file of the package."""

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

_SOURCES = (".py", ".json", ".toml", ".txt", ".md", ".j2", ".bib", ".html", ".css", ".js")


@cache
def sources() -> dict[str, str]:
    """Return a hash of each file of the package, by its path in it."""
    return {
        name: hashlib.sha256(file.read_bytes()).hexdigest()
        for name, file in _files(resources.files("commissure"), "")
    }


def _files(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_SOURCES):
            yield f"{prefix}{entry.name}", entry
