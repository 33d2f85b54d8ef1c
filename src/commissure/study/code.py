"""The code that makes each result, as a hash: mended code makes new results."""

import hashlib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Literal

from commissure.study.versions import generated_by

Made = Literal["anatomy", "clean", "maps", "findings", "methods", "study", "report"]

_SOURCES = (".py", ".json", ".toml", ".txt", ".md", ".j2", ".bib", ".html", ".css", ".js")
_NUMBERS = ("numba", "numpy", "scipy")
_IMAGES = ("matplotlib", "nibabel", "nilearn", *_NUMBERS)
_RAW = ("preprocessing/*", "space/*", "files/*", "study/preprocess*", "report/quality_figures.py")
# What makes each kind of result: files of this package, and programs whose versions count.
_CODE: dict[Made, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "anatomy": (_RAW, ("greedy", "niimath", *_IMAGES)),
    "clean": (
        (*_RAW, "inputs/*", "study/quality.py", "study/data/preprocess_outputs.json"),
        ("greedy", "niimath", "pandas", *_IMAGES),
    ),
    "maps": (
        (
            "measures/*",
            "space/*",
            "files/*",
            "study/cfh_files.py",
            "study/domain.py",
            "study/participant.py",
            "study/data/cfh_outputs.json",
            "report/cfh_figure.py",
        ),
        _IMAGES,
    ),
    "findings": (
        (
            "inference/*",
            "clinical/*",
            "space/*",
            "files/*",
            "report/*.py",
            "study/find*",
            "study/group*",
            "study/stat*",
            "study/people.py",
            "study/regions.py",
            "study/report_tables.py",
            "study/data/stats_outputs.json",
        ),
        ("formulaic", "pandas", *_IMAGES),
    ),
    "methods": (("report/*", "study/methods_*", "study/source_software.py"), ("jinja2",)),
    "study": (("study/study_files.py", "study/quality.py", "study/data/*", "files/*"), ("pandas",)),
    "report": (("report/*", "files/*", "study/report_*", "study/data/*"), ("jinja2", *_IMAGES)),
}


@cache
def code_of(made: Made) -> str:
    """Return a hash of all code that a kind of result depends on, ours and the libraries'."""
    patterns, programs = _CODE[made]
    digest = hashlib.sha256()
    for pattern in patterns:
        found = {name: code for name, code in sources().items() if fnmatchcase(name, pattern)}
        if not found:
            msg = f"No file of commissure is called {pattern}."
            raise RuntimeError(msg)
        digest.update(repr(sorted(found.items())).encode())
    versions = [(one["Name"], one["Version"]) for one in generated_by(*programs)]
    digest.update(repr(versions).encode())
    return digest.hexdigest()


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
