"""What files and folders of a user are called in what is shared: without where they lie.

A path names people (``/home/jane.roe``), hospitals and projects. In outputs, a file is called from
its participant's folder on, or by its name.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

# DPABI's folders say what was done to the files in them.
_FIRST = re.compile(r"sub-.+|(S\d+_)?(FunImg|FunRaw|T1Img|T1Raw|RealignParameter|Results)\w*")
# Of two parts or more, so that what a contrast is divided by is none.
_PATH = re.compile(r"(?<![\w.:/)\]-])(?:~|/[^\s/,;:'\"()\[\]]+)(?:/[^\s/,;:'\"()\[\]]+)+")
_KNOWN = ("bids:", "file:")


def shared_name(path: Path | str) -> str:
    """Return a file's path from its participant's folder on, else its name; URIs are kept."""
    if str(path).startswith(_KNOWN):
        return str(path)
    parts = PurePosixPath(path).parts
    first = next((i for i, part in enumerate(parts[:-1]) if _FIRST.fullmatch(part)), -1)
    return "/".join(parts[first:])


def recorded_name(path: Path) -> str:
    """Return `shared_name` and what tells files apart whose shared names are the same."""
    digest = hashlib.sha256(str(path.absolute()).encode("utf-8", "surrogateescape"))
    return f"{shared_name(path)}#{digest.hexdigest()[:12]}"


def in_argument(text: str) -> str:
    """Return an argument or a setting with files in it called by their names.

    ``mine=/home/jane/roi.nii.gz`` becomes ``mine=roi.nii.gz``; what names no file is kept.
    """
    pieces = re.split(r"([,=])", text)
    return "".join(PurePosixPath(one).name if _is_path(one) else one for one in pieces)


def without_folders(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with the files in them called by their names."""
    return {name: _shown(value) for name, value in settings.items()}


def in_sentence(text: str, *folders: Path) -> str:
    """Return a sentence in which files are called by their shared names.

    Parameters
    ----------
    text : str
    folders : Path
        Known ones, whose names may have spaces.
    """
    for folder in {*folders, *(folder.absolute() for folder in folders)}:
        if folder.name:
            text = text.replace(f"{folder}/", shared_name(folder / "x").removesuffix("x"))
            text = text.replace(str(folder), folder.name)
    return _PATH.sub(lambda match: shared_name(match[0]), text)


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return in_argument(value)
    if isinstance(value, Mapping):
        return without_folders(value)
    return [_shown(one) for one in value] if isinstance(value, list | tuple) else value


def _is_path(text: str) -> bool:
    if "/" not in text.strip("/"):
        return text.startswith(("/", "~"))
    return text.startswith(("/", "~", "./", "../")) or _exists(text)


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return False
