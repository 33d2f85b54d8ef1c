"""What results depend on, as hashes: settings, and the code that makes them."""

import hashlib
import json
from dataclasses import asdict
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Literal

from commissure.sources import sources
from commissure.workspace.versions import generated_by

Made = Literal[
    "anatomy", "clean", "maps", "beside", "partners", "findings", "methods", "study", "report"
]

_NUMBERS = ("numba", "numpy", "scipy")
_IMAGES = ("matplotlib", "nibabel", "nilearn", *_NUMBERS)
_RAW = (
    "preprocessing/*",
    "records/runs.py",
    "space/*",
    "files/*.py",
    "study/participant/clean*",
    "study/participant/handed.py",
    "study/participant/steps.py",
    "render/quality.py",
)
_MAPS = (
    "measures/*",
    "space/*",
    "files/*.py",
    "study/participant/domain.py",
    "study/participant/handed.py",
    "study/participant/map_files.py",
    "study/participant/steps.py",
    "render/map.py",
    "render/quality.py",
)
# What makes each kind of result: files of this package, and programs whose versions count.
_CODE: dict[Made, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "anatomy": (_RAW, ("greedy", "niimath", *_IMAGES)),
    "clean": (
        (
            *_RAW,
            "inputs/*",
            "study/participant/preprocessed.py",
            "study/quality.py",
            "files/data/preprocess_outputs.json",
        ),
        ("greedy", "niimath", "pandas", *_IMAGES),
    ),
    "maps": (_MAPS, _IMAGES),
    "beside": (_MAPS, _IMAGES),
    "partners": ((*_MAPS, "study/group/steps.py"), _IMAGES),
    "findings": (
        (
            "inference/*",
            "clinical/*",
            "space/*",
            "files/*.py",
            "render/*",
            "inputs/people.py",
            "inputs/regions.py",
            "records/asked.py",
            "records/rivals.py",
            "report/*.py",
            "settings/group.py",
            "study/group/*",
            "files/data/group_columns.json",
            "files/data/stats_outputs.json",
        ),
        ("formulaic", "pandas", *_IMAGES),
    ),
    "methods": (
        ("report/*", "records/*", "render/docx.py", "inputs/source_software.py"),
        ("jinja2",),
    ),
    "study": (
        ("study/study_files.py", "study/verdict_files.py", "records/*", "files/*"),
        ("pandas",),
    ),
    "report": (("report/*", "records/*", "render/*", "files/*.py"), ("jinja2", *_IMAGES)),
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
    # Of commissure the code counts, not the version, which changes with every commit.
    _, *others = generated_by(*programs)
    versions = [(one["Name"], one["Version"]) for one in others]
    digest.update(repr(versions).encode())
    return digest.hexdigest()


def plain(part: Any) -> Any:
    """Return the fields of a dataclass by their names, and anything else as it is."""
    return asdict(part) if hasattr(part, "__dataclass_fields__") else part


def hash_of(*parts: Any) -> str:
    """Return a hash of settings and whatever else is plain, the same on every machine."""
    text = json.dumps(list(map(plain, parts)), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
