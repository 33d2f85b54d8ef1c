"""Outputs that appear whole or not at all."""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from commissure.problems import InputError
from commissure.workspace.paths import inside

# Only writing ends so, whatever file it was.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


@contextmanager
def staged(
    out_dir: Path, parent: Path | None = None, before: Callable[[], None] | None = None
) -> Iterator[Path]:
    """Give a folder to write to, whose files move to `out_dir` when all went well.

    On any error nothing is left behind, not even an `out_dir` made for it.

    Parameters
    ----------
    out_dir : Path
    parent : Path, optional
        Where the folder is made, on the file system of `out_dir`; by default there itself.
    before : callable, optional
        Called when all is written, right before the first file moves.

    Raises
    ------
    InputError
        If the folder cannot be made or written to, or a file that is read cannot be.
    """
    parent = parent or out_dir
    made = [folder for folder in (out_dir, *out_dir.parents) if not folder.exists()]
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".commissure-", dir=parent))
    except OSError as error:
        msg = f"Cannot write to {out_dir} ({error.strerror}). Choose another output folder."
        raise InputError(msg) from error
    complete = False
    try:
        try:
            yield folder
        except OSError as error:
            raise _told(error, folder, out_dir) from error
        _move(folder, out_dir, before)
        complete = True
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if not complete:
            for new in made:
                if new.is_dir() and not any(new.iterdir()):
                    new.rmdir()


def _move(folder: Path, out_dir: Path, before: Callable[[], None] | None) -> None:
    """Move all files of a folder to where they are to be."""
    files = {
        file: inside(out_dir, file.relative_to(folder))
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
    problems = [
        f"{final} is a folder, where a file is to be. Move it away."
        for final in files.values()
        if final.is_dir()
    ]
    if problems:
        raise InputError(problems)
    try:
        for file in files:
            _sync(file)
        if before is not None:
            before()
        for file, final in files.items():
            final.parent.mkdir(parents=True, exist_ok=True)
            file.replace(final)
        for place in {final.parent for final in files.values()}:
            _sync(place)
    except OSError as error:
        raise _cannot_write(error, out_dir) from error


def _told(error: OSError, folder: Path, out_dir: Path) -> Exception:
    """Return an error of what is done while a folder is filled as the sentence that it deserves.

    Only what happens to the folder itself is of writing; other files are being read.
    """
    file = None if error.filename is None else Path(os.fsdecode(error.filename))
    if error.errno in _NO_ROOM or (file is not None and file.is_relative_to(folder)):
        return _cannot_write(error, out_dir)
    if file is None:
        if error.errno is None:
            return error  # of decoding something: its reader is to say what
        return InputError(
            f"A file could not be read, or not be written to {out_dir} ({error.strerror}). Nothing "
            "was written. Look at the disks."
        )
    return InputError(
        f"{file} cannot be read ({error.strerror or error}). Check that it is there, whole, and "
        "may be read."
    )


def _cannot_write(error: OSError, out_dir: Path) -> InputError:
    return InputError(
        f"Cannot write to {out_dir} ({error.strerror or error}). Nothing was written. Make room, "
        "allow writing, or choose another output folder."
    )


def unfinished(path: Path) -> Path:
    """Return what `replace_file` writes first; killed, it leaves it to the next to replace it."""
    return path.with_name(f".{path.name}-new")


def replace_file(path: Path, text: str) -> None:
    """Write a file such that, killed at any moment, the old or the new one is there, whole.

    To be called by one process at a time.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = unfinished(path)
        try:
            new.write_text(text, encoding="utf-8")
            _sync(new)
            new.replace(path)
            _sync(path.parent)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
    except OSError as error:
        msg = f"Cannot write {path} ({error.strerror or error}). Make room, or allow writing."
        raise InputError(msg) from error


def _sync(path: Path) -> None:
    """Let a file or folder reach the disk, so that what follows cannot get there before it."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
