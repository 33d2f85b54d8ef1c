"""Where outputs may go: never over, beside or into what is somebody else's."""

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from commissure.files.text import read_json
from commissure.problems import InputError
from commissure.workspace.paths import STATE_FOLDER, inside
from commissure.workspace.staging import replace_file, staged
from commissure.workspace.written import Written, written_in

# What says that an output folder is a study's, and what single commands wrote in one.
STUDY_MARK = "study.json"
RECORD = ".commissure.json"
# Whosever dataset it is.
_OF_A_PERSON = re.compile(r"sub-[A-Za-z0-9]+")
# Of many names as many are listed.
_LISTED = 5


def check_place(out_dir: Path, source: Path | None = None, files: Iterable[Path] = ()) -> None:
    """Raise if outputs must not go to a folder, because of where it is.

    Parameters
    ----------
    out_dir : Path
    source : Path, optional
        The input folder, or the table of files.
    files : iterable of Path
        Scans of the input.

    Raises
    ------
    InputError
        If it is a file, the input, holds it, or lies in a participant's folder or in the records
        of a study.
    """
    try:
        out = out_dir.resolve()
        out_dir.parent.stat()
    except FileNotFoundError:
        pass
    except (OSError, RuntimeError, ValueError) as error:
        # Too long, a loop of links, a character that no file system takes.
        why = getattr(error, "strerror", None) or error
        msg = f"{str(out_dir)[:200]!r} is no folder that can be written to ({why}). Give another."
        raise InputError(msg) from error
    if STATE_FOLDER in out.parts:
        msg = f"{out_dir} lies in the records of a study ({STATE_FOLDER}). Give another folder."
        raise InputError(msg)
    # Not of pathlib, which raises where it may not look.
    nearest = next(folder for folder in (out, *out.parents) if os.path.exists(folder))  # noqa: PTH110
    if not nearest.is_dir():
        msg = f"Cannot write to {out_dir}: {nearest} is a file. Give another output folder."
        raise InputError(msg)
    try:
        (nearest / STATE_FOLDER).exists()
    except OSError as error:
        msg = (
            f"Cannot write to {out_dir}: {nearest} may not be entered ({error.strerror}). Allow "
            "it, or give another output folder."
        )
        raise InputError(msg) from error
    if source is not None:
        root = source.resolve()
        if out == root or out in root.parents:
            msg = f"{out_dir} holds the input. Give an output folder of its own."
            raise InputError(msg)
    someones = next((f for f in (out, *out.parents) if _OF_A_PERSON.fullmatch(f.name)), None)
    if someones is not None:
        msg = (
            f"{out_dir} lies in a participant's folder ({someones}). Give an output folder outside "
            "of it."
        )
        raise InputError(msg)
    of_people = next(_folders_of_people(out, source, files), None)
    if of_people is not None:
        msg = (
            f"{out_dir} lies among the scans of the input ({of_people}). Give an output folder "
            "outside of them."
        )
        raise InputError(msg)


def _folders_of_people(out: Path, source: Path | None, files: Iterable[Path]) -> Iterator[Path]:
    """Give the folders of participants that a folder lies in."""
    root = None if source is None or source.is_file() else source.resolve()
    tops = set()
    for file in files:
        # Not resolved itself: in an annex, scans are links.
        real = file.parent.resolve()
        if root is not None and root in real.parents:
            tops.add(root / real.relative_to(root).parts[0])
        tops |= {folder for folder in (real, *real.parents) if folder.name.startswith("sub-")}
    for folder in (out, *out.parents):
        of_input = root is not None and root in folder.parents
        if folder in tops or (of_input and folder.name.startswith("sub-")):
            yield folder


def strangers(out_dir: Path) -> list[str]:
    """Return what lies in a folder, but for what is hidden and not of BIDS."""
    try:
        names = [path.name for path in out_dir.iterdir()]
        return sorted(name for name in names if name == ".bidsignore" or name[0] != ".")
    except FileNotFoundError:
        return []
    except OSError as error:
        msg = f"{out_dir} cannot be read ({error.strerror}). Choose another output folder."
        raise InputError(msg) from error


def refuse_strangers(out_dir: Path) -> None:
    """Raise if a folder without our mark holds anything.

    Raises
    ------
    InputError
        Naming what lies there.
    """
    found = strangers(out_dir)
    if found:
        more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
        msg = (
            f"{out_dir} holds what commissure did not write: {', '.join(found[:_LISTED])}{more}. "
            "Give a new or empty output folder."
        )
        raise InputError(msg)


def is_study(out_dir: Path) -> bool:
    """Tell whether a folder is a study's."""
    return (out_dir / STATE_FOLDER / STUDY_MARK).is_file()


def is_of_commands(out_dir: Path) -> bool:
    """Tell whether single commands filled a folder."""
    return (out_dir / RECORD).is_file()


def check_outputs(out_dir: Path, source: Path | None = None, files: Iterable[Path] = ()) -> None:
    """Raise if a single command must not write to a folder; see `check_place`.

    Raises
    ------
    InputError
        Also if the folder is a study's, or holds anything and no command of ours wrote there.
    """
    check_place(out_dir, source, files)
    if is_study(out_dir):
        msg = f"{out_dir} is the output folder of a study. Give this command one of its own."
        raise InputError(msg)
    if not is_of_commands(out_dir):
        refuse_strangers(out_dir)


def check_written(out_dir: Path, names: Iterable[str]) -> None:
    """Raise if files are there that a command is to replace, and none of ours wrote them so.

    Raises
    ------
    InputError
        Naming them.
    """
    record, problems = _read_record(out_dir), []
    for name in names:
        path = inside(out_dir, name)
        if path.exists() and Written.of(path).sha256 not in record.get(name, ()):
            problems.append(
                f"{path} was changed after commissure wrote it. Put back the one that it was, or "
                "move it away."
                if name in record
                else f"{path} is not commissure's, and lies where it has to write. Move it away, "
                "or give another output folder."
            )
    if problems:
        raise InputError(problems)


@contextmanager
def placed(out_dir: Path) -> Iterator[Path]:
    """Give a folder whose files move to `out_dir`, as `staged`, and keep a record of them.

    For single commands: several may write to one folder, one after the other. They replace what
    they wrote, as it was written, and nothing else.

    Parameters
    ----------
    out_dir : Path
        See `check_outputs`, which is called first.

    Raises
    ------
    InputError
        If a file is in the way that is not ours, or was changed.
    """
    check_outputs(out_dir)
    with staged(out_dir) as folder:
        yield folder
        new = {name: file.sha256 for name, file in written_in(folder).items()}
        old = _read_record(out_dir)
        others = {name for name in new if not _is(out_dir / name, new[name])}
        check_written(out_dir, others)
        # Killed while files move, both are ours.
        both = old | {name: [*old.get(name, ()), new[name]] for name in new}
        (folder / RECORD).write_text(_as_text(both), encoding="utf-8")
    record = old | {name: [digest] for name, digest in new.items()}
    replace_file(out_dir / RECORD, _as_text(record))


def _is(path: Path, sha256: str) -> bool:
    return path.is_file() and Written.of(path).sha256 == sha256


def _as_text(record: dict[str, list[str]]) -> str:
    return json.dumps(dict(sorted(record.items())), indent=1, ensure_ascii=False) + "\n"


def _read_record(out_dir: Path) -> dict[str, list[str]]:
    """Return the hashes that each file of single commands may have."""
    path = out_dir / RECORD
    if not path.exists():
        return {}
    try:
        content = read_json(path)
    except InputError as error:
        raise InputError(
            f"{problem} It says what commissure wrote there: give a new output folder."
            for problem in error.problems
        ) from error
    return {name: digests for name, digests in content.items() if isinstance(digests, list)}
