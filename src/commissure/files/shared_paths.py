"""What files and folders of a user are called in what is shared: without where they lie.

A path names people (``/home/jane.roe``), hospitals and projects. In outputs, a file is called from
its participant's folder on, or by its name.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from commissure.files.paths_in_text import name_existing

# DPABI's folders say what was done to the files in them.
_FIRST = re.compile(r"sub-.+|(S\d+_)?(FunImg|FunRaw|T1Img|T1Raw|RealignParameter|Results)\w*")
_PART = r"[^\s/\\,;:'\"()\[\]<>|]+"
_FIRST_PART = r"[^\s/\\,;:'\"()\[\]<>|=]+"
_INSIDE = rf"(?:[/\\]{_PART})+[/\\]?"
_FOLDERS = r"(?:\\[^\\/:*?\"<>|]*[^\s\\/:*?\"<>|](?=\\))*"
# Paths in a sentence. What a contrast is divided by is none, nor is "and/or", nor an address.
_PATH = re.compile(
    r"(?<![\w./\\)\]-])(?:"
    # absolute, as a URI too
    rf"(?:file:(?://)?)?/{_PART}{_INSIDE}"
    # at the root, and no number
    rf"|/(?=[^\W\d_]){_PART}"
    # of Windows: C:\Users\jane, \\server\share
    # (where a folder's name may have blanks)
    rf"|(?:[A-Za-z]:|\\\\{_PART}){_FOLDERS}{_INSIDE}"
    # from a home, from here
    rf"|(?:~(?:(?!\d){_PART})?|\.\.?){_INSIDE}"
    # relative, which only the ending of a file tells; a BIDS URI is none
    rf"|(?<!:){_FIRST_PART}(?:[/\\]{_PART})*[/\\]{_PART}\.(?:nii(?:\.gz)?|tsv|csv|txt|json|toml|mat|xlsx?)\b"
    ")"
)
_OF_WINDOWS = re.compile(r"[A-Za-z]:[/\\]|\\\\|[^/]+\\")
# An option and its value in one argument: -o/home/jane.
_SHORT = re.compile(r"-\w(?=[/~.])")


def shared_name(path: Path | str) -> str:
    """Return a file's path from its participant's folder on, else its name; BIDS URIs are kept."""
    if str(path).startswith("bids:"):
        return str(path)
    parts = _parts(str(path).removeprefix("file:"))
    places = [i for i, part in enumerate(parts[:-1]) if _FIRST.fullmatch(part)]
    # Of DPABI's folders and the participant's, which lie in one another, the first.
    first = next((i for i in reversed(places) if i - 1 not in places), -1)
    return "/".join(parts[first:])


def recorded_name(path: Path) -> str:
    """Return `shared_name` and what tells files apart whose shared names are the same."""
    digest = hashlib.sha256(str(path.absolute()).encode("utf-8", "surrogateescape"))
    return f"{shared_name(path)}#{digest.hexdigest()[:12]}"


def in_argument(text: str) -> str:
    """Return an argument or a setting with files in it called by their names.

    ``mine=/home/jane/roi.nii.gz`` becomes ``mine=roi.nii.gz``; what names no file is kept.
    """
    if _is_path(text):
        return "/".join(_parts(text)[-1:])
    if option := _SHORT.match(text):
        return option[0] + in_argument(text[option.end() :])
    for sign in "=,":
        if sign in text:
            return sign.join(map(in_argument, text.split(sign)))
    return in_sentence(text)


def without_folders(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with the files in them called by their names."""
    return {name: _shown(value) for name, value in settings.items()}


def in_sentence(text: str, *folders: Path) -> str:
    """Return a sentence in which files are called by their shared names.

    Parameters
    ----------
    text : str
    folders : Path
        Known ones, whose names may have spaces even if they do not exist on this computer.
    """
    known = {str(one) for folder in folders for one in (folder, folder.absolute()) if one.name}
    for folder in sorted(known, key=len, reverse=True):
        name = shared_name(folder).replace("\\", r"\\")
        inside = shared_name(f"{folder}/x").removesuffix("x").replace("\\", r"\\")
        there = rf"(?<![\w./-]){re.escape(folder)}"
        text = re.sub(rf"{there}/", inside, text)
        text = re.sub(rf"{there}(?![\w-])", name, text)
    return _PATH.sub(lambda match: shared_name(match[0]), name_existing(text, shared_name))


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return in_argument(value)
    if isinstance(value, Mapping):
        return without_folders(value)
    return [_shown(one) for one in value] if isinstance(value, list | tuple) else value


def _parts(path: str) -> tuple[str, ...]:
    """Return the parts of a path of this or another system, without its root."""
    of = PureWindowsPath(path) if _OF_WINDOWS.match(path) else PurePosixPath(path)
    return tuple(part for part in of.parts if part != of.anchor)


def _is_path(text: str) -> bool:
    """Tell whether the whole of an argument is the path of something."""
    if any(sign in text for sign in "=,"):
        return _exists(text) and "/" in text
    rooted = text.startswith(("/", "~", "./", "../")) or _OF_WINDOWS.match(text)
    return bool(rooted) or ("/" in text.strip("/") and _exists(text))


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return False
