"""What was run on what, when and with which versions: provenance.json.

Nothing in it names the user or the machine: files are called by their names, those of participants
from their folders on, on the command line too. It is the only file of a study with times
in it, so that all others are the same however often a study was interrupted.
"""

import hashlib
import json
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from commissure.files.shared_paths import in_argument, in_sentence, without_folders
from commissure.files.text import read_json
from commissure.problems import InputError
from commissure.settings.description import tables_of_results
from commissure.settings.tables import StudySettings
from commissure.workspace.keys import hash_of
from commissure.workspace.ledger import Ledger, ledger_names, lock_of
from commissure.workspace.staging import replace_file
from commissure.workspace.versions import generated_by

FILE = "provenance.json"
_PROGRAMS = (
    "formulaic",
    "greedy",
    "jinja2",
    "matplotlib",
    "nibabel",
    "niimath",
    "nilearn",
    "numba",
    "numpy",
    "pandas",
    "scipy",
)
_MAPS = ("sub-*/**/func/*_boldmap.nii.gz", "group/*_statmap.nii.gz")


@contextmanager
def recorded(
    out_dir: Path,
    input_dir: Path,
    command: Sequence[str],
    settings: StudySettings,
    notes: Sequence[str] = (),
) -> Iterator[None]:
    """Record a run of a study: that it began, at once, and how it ended.

    A run that was killed has no end. Hashes are those of the inputs as they were last used, and of
    the maps that there are when a run ends.

    Parameters
    ----------
    out_dir : Path
        Which is known to be this study's.
    input_dir : Path
    command : sequence of str
        Arguments as they were given, without the program's own path.
    settings : StudySettings
    notes : sequence of str
        What was chosen of the input without being asked for, and what scans differ in.

    Raises
    ------
    InputError
        If provenance.json cannot be written.
    """
    run: dict[str, Any] = {
        "Command": ["commissure", *map(in_argument, command)],
        "Started": _now(),
        "Finished": None,
        "Ended": None,
        "Notes": [in_sentence(note, input_dir) for note in notes],
        "SettingsHash": hash_of(without_folders(tables_of_results(settings))),
        "Seed": settings.group.seed,
        "Python": platform.python_version(),
        "Platform": platform.platform(),
        "Versions": {one["Name"]: one["Version"] for one in generated_by(*_PROGRAMS)},
    }
    with held(out_dir) as content:
        number = len(content["Runs"])
        content["Runs"].append(run)
    ended = "failed"
    try:
        yield
        ended = "completed"
    except KeyboardInterrupt:
        ended = "stopped"
        raise
    finally:
        outputs = _outputs(out_dir)
        with held(out_dir) as content:
            content["Runs"][number : number + 1] = [run | {"Finished": _now(), "Ended": ended}]
            content |= {"Inputs": _inputs(out_dir), "Outputs": outputs}


@contextmanager
def held(out_dir: Path) -> Iterator[dict[str, Any]]:
    """Give what is recorded, to be changed while no other run changes it.

    Raises
    ------
    InputError
        If it is damaged or cannot be written.
    """
    path = out_dir / FILE
    with lock_of(out_dir, "provenance"):
        content: dict[str, Any] = {"Runs": []}
        if path.exists():
            content |= _read(path)
        yield content
        replace_file(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _read(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
        runs = content.get("Runs", [])
        if isinstance(runs, list) and all(isinstance(run, dict) for run in runs):
            return content
        problems: tuple[str, ...] = (f"{path} is no record of runs.",)
    except InputError as error:
        problems = error.problems
    raise InputError(
        f"{problem} Put the one that it was back, or move it away: a new one is begun."
        for problem in problems
    )


def _inputs(out_dir: Path) -> dict[str, str]:
    """Return the hash of each input, by its name, from the ledgers."""
    found: dict[str, dict[str, str]] = {}
    for who in ledger_names(out_dir):
        for name, digest in Ledger(out_dir, who).inputs.items():
            shared, _, apart = name.rpartition("#")
            found.setdefault(shared, {})[digest] = f"{shared}#{apart}"
    return {
        name if len(same) == 1 else apart: digest
        for name, same in sorted(found.items())
        for digest, apart in sorted(same.items())
    }


def _outputs(out_dir: Path) -> dict[str, str]:
    """Return the hash of each map, by its path in the output folder."""
    found = {}
    for path in sorted(path for pattern in _MAPS for path in out_dir.glob(pattern)):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        found[path.relative_to(out_dir).as_posix()] = digest
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
