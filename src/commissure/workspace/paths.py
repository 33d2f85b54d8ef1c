"""Paths of an output folder: none leads out of it, and what we remove we have made."""

import re
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

from commissure.problems import InputError

# Everything that is only for resuming.
STATE_FOLDER = ".commissure"
# Lies in every folder that is removed with all that is in it.
_MARKER = ".made-by-commissure"
_AS_IT_IS = re.compile(r"[a-z0-9_-]")
# Windows opens these as devices, whatever ending they have.
_DEVICES = {"con", "prn", "aux", "nul"} | {f"{n}{i}" for n in ("com", "lpt") for i in range(10)}


def inside(root: Path, *parts: str | Path) -> Path:
    """Return a path in a folder.

    Parameters
    ----------
    root : Path
    parts : str or Path
        Relative.

    Raises
    ------
    InputError
        If it is not in the folder: by "..", as an absolute path, or by way of a link. The file
        itself may be a link: it is the link that is replaced or removed.
    """
    relative = Path(*parts)
    if staying(root)(relative):
        return root / relative
    msg = (
        f"{str(relative)!r} leads out of {root}, where commissure changes nothing. If it is a "
        "link, put a folder in its place."
    )
    raise InputError(msg)


def staying(root: Path) -> Callable[[str | Path], bool]:
    """Return who tells whether a relative path stays in a folder; see `inside`.

    It looks once at each folder on the way, whatever number of files lies in it.
    """
    folder = root.resolve()

    @cache
    def is_ours(parent: Path) -> bool:
        real = parent.resolve()
        return real == folder or folder in real.parents

    def stays(path: str | Path) -> bool:
        relative = Path(path)
        leads_out = relative.is_absolute() or bool(relative.drive) or ".." in relative.parts
        if leads_out or not relative.parts or "\0" in str(relative):
            return False
        return is_ours((root / relative).parent)

    return stays


def state_path(out_dir: Path, *parts: str) -> Path:
    """Return a path among what is only for resuming."""
    return inside(out_dir, STATE_FOLDER, *parts)


def file_name(label: str) -> str:
    """Return what a file is called after a label; `label_of` finds it again.

    Different labels have different names also where case does not count, and none is a device, a
    hidden file or a path.
    """
    if label.partition(".")[0].lower() in _DEVICES:
        return f"{_encoded(label[0], always=True)}{''.join(map(_encoded, label[1:]))}"
    inner = "".join(c if c == "." else _encoded(c) for c in label[1:-1])
    ends = [_encoded(c) for c in (label[:1], label[1:][-1:])]
    return f"{ends[0]}{inner}{ends[1]}"


def label_of(name: str) -> str:
    """Return the label that a file is called after."""
    lower = re.sub("=([a-z])", lambda found: found[1].upper(), name)
    parts = re.split("((?:%[0-9a-f]{2})+)", lower)
    return "".join(
        bytes.fromhex(part.replace("%", "")).decode(errors="replace") if part[:1] == "%" else part
        for part in parts
    )


def make_folder(path: Path) -> Path:
    """Make a folder that `remove_folder` may remove.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    path.mkdir(parents=True, exist_ok=True)
    marker = path / _MARKER
    # A folder with anything in it but the marker is not ours because we look at it.
    if not marker.exists() and not any(path.iterdir()):
        marker.touch()
    return path


def is_made(path: Path) -> bool:
    """Tell whether `make_folder` made a folder."""
    return path.is_dir() and not path.is_symlink() and (path / _MARKER).is_file()


def remove_folder(path: Path) -> None:
    """Remove a folder that `make_folder` made, with all that is in it; nothing if there is none.

    Raises
    ------
    InputError
        If it is another's, or a link.
    """
    if not path.is_symlink() and not path.exists():
        return
    if is_made(path):
        shutil.rmtree(path, ignore_errors=True)
        return
    if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
        path.rmdir()
        return
    msg = f"{path} was not made by commissure, and is in its way. Move it away."
    raise InputError(msg)


def _encoded(character: str, *, always: bool = False) -> str:
    if not always and (not character or _AS_IT_IS.match(character)):
        return character
    if not always and character.isascii() and character.isupper():
        return f"={character.lower()}"
    return "".join(f"%{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))


GROUP_FOLDER = "group"
