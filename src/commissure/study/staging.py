"""Outputs that appear whole or not at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from commissure.problems import InputError


@contextmanager
def staged(out_dir: Path) -> Iterator[Path]:
    """Give a folder to write to, whose files move to `out_dir` when all went well.

    On any error nothing is left behind, not even an `out_dir` made for it.

    Raises
    ------
    InputError
        If the folder cannot be made or written to.
    """
    made = [folder for folder in (out_dir, *out_dir.parents) if not folder.exists()]
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".commissure-", dir=out_dir))
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
        for file, final in files.items():
            final.parent.mkdir(parents=True, exist_ok=True)
            file.replace(final)
        complete = True
    except OSError as error:
        msg = f"Cannot write to {out_dir} ({error.strerror or error}). Nothing was written."
        raise InputError(msg) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if not complete:
            for new in made:
                new.rmdir()
