"""Outputs that appear whole or not at all."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from commissure.problems import InputError


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
        If the folder cannot be made or written to.
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
        yield folder
        files = {
            file: out_dir / file.relative_to(folder)
            for file in sorted(folder.rglob("*"))
            if file.is_file()
        }
        for final in files.values():
            if final.is_dir():
                msg = f"{final} is a folder, where a file is to be. Move it away."
                raise InputError(msg)
        for file in files:
            _sync(file)
        if before is not None:
            before()
        for file, final in files.items():
            final.parent.mkdir(parents=True, exist_ok=True)
            file.replace(final)
        for place in {final.parent for final in files.values()}:
            _sync(place)
        complete = True
    except OSError as error:
        msg = f"Cannot write to {out_dir} ({error.strerror or error}). Nothing was written."
        raise InputError(msg) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if not complete:
            for new in made:
                if not any(new.iterdir()):
                    new.rmdir()


def replace_file(path: Path, text: str) -> None:
    """Write a file such that, killed at any moment, the old or the new one is there, whole.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
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
