"""What was run on what, when and with which versions: provenance.json.

Nothing in it names the user or the machine: files are called by their names, those of participants
from their folders on, on the command line too. It is the only file of a study with times
in it, so that all others are the same however often a study was interrupted.
"""

import json
import platform
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from commissure.files.shared_paths import in_argument, in_sentence, without_folders
from commissure.files.text import read_json
from commissure.problems import InputError
from commissure.settings.description import tables_of_results
from commissure.settings.tables import StudySettings
from commissure.study.participant.clean_files import own_folder_of
from commissure.workspace.keys import hash_of
from commissure.workspace.ledger import Ledger, ledger_names, lock_of
from commissure.workspace.left import is_left, kept_apart, left_of, remove_left
from commissure.workspace.staging import replace_file
from commissure.workspace.versions import generated_by
from commissure.workspace.written import Written

FILE = "provenance.json"
# Folder of what jobs have left.
_LEFT = "runs"
_TABLES = ("Inputs", "Outputs")
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
_MAPS_OF_ONE = "{}/**/func/*_boldmap.nii.gz"
_MAPS = (_MAPS_OF_ONE.format("sub-*"), "group/*_statmap.nii.gz")


@contextmanager
def recorded(
    out_dir: Path,
    input_dir: Path,
    command: Sequence[str],
    settings: StudySettings,
    notes: Sequence[str] = (),
    *,
    of: Collection[str] | None = None,
) -> Iterator[None]:
    """Record a run of a study: that it began, at once, and how it ended.

    A run that was killed has no end. Hashes are those of the inputs as they were last used, and of
    the maps that there are when a run ends, which are read only if no step wrote them so.

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
    of : collection of str, optional
        Participants whose inputs and maps are recorded anew; by default all, and the group's.

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
    record: dict[str, Any] = {"Runs": [run]}
    apart = of is not None and is_left(out_dir, out_dir / FILE)
    noted = _noted(out_dir, record, of_all=of is None)
    with kept_apart(out_dir, _LEFT, record) if apart else noted:
        run["Ended"] = "failed"
        try:
            yield
            run["Ended"] = "completed"
        except KeyboardInterrupt:
            run["Ended"] = "stopped"
            raise
        finally:
            run["Finished"] = _now()
            if of is None:
                record |= _files(out_dir, ledger_names(out_dir), _MAPS)
            else:
                places = [_MAPS_OF_ONE.format(own_folder_of(who)) for who in of]
                record |= _files(out_dir, of, places)


@contextmanager
def _noted(out_dir: Path, record: dict[str, Any], *, of_all: bool) -> Iterator[None]:
    """Take up a record at its beginning, and at the end with all that it has then."""
    with held(out_dir) as content:
        number = len(content["Runs"])
        content["Runs"] += record["Runs"]
    try:
        yield
    finally:
        with held(out_dir) as content:
            content["Runs"][number : number + 1] = record["Runs"]
            for name in _TABLES:
                content[name] = record[name] if of_all else content.get(name, {}) | record[name]


@contextmanager
def held(out_dir: Path) -> Iterator[dict[str, Any]]:
    """Give what is recorded, to be changed while no other run changes it.

    What jobs have left is taken up.

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
        left = left_of(out_dir, _LEFT)
        for one in left.values():
            content["Runs"] += one["Runs"]
            for name in _TABLES:
                content[name] = content.get(name, {}) | one.get(name, {})
        yield content
        replace_file(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        remove_left(out_dir, left)


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


def _files(
    out_dir: Path, ledgers: Iterable[str], places: Iterable[str]
) -> dict[str, dict[str, str]]:
    """Return the hash of each input by its name, and of each map by its path in the folder."""
    found: dict[str, dict[str, str]] = {}
    written: dict[str, Written] = {}
    for ledger in (Ledger(out_dir, who) for who in ledgers):
        written |= ledger.written
        for name, digest in ledger.inputs.items():
            shared, _, apart = name.rpartition("#")
            found.setdefault(shared, {})[digest] = f"{shared}#{apart}"
    inputs = {
        name if len(same) == 1 else apart: digest
        for name, same in sorted(found.items())
        for digest, apart in sorted(same.items())
    }
    outputs = {}
    for path in sorted(path for place in places for path in out_dir.glob(place)):
        name = path.relative_to(out_dir).as_posix()
        known = written.get(name)
        outputs[name] = ((known and known.again(path)) or Written.of(path)).sha256
    return {"Inputs": inputs, "Outputs": outputs}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
