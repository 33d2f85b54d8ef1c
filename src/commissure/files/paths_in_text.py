"""Paths in a sentence whose names may have blanks: told by what there is on this computer."""

import os
import re
from collections.abc import Callable

# Where an absolute path may begin. In a contrast or in "and/or" the sign stands otherwise.
_ROOT = re.compile(r"(?<![\w./\\)\]-])(?:file:(?://)?)?(?=/)")
_FIRST_SIGN = re.compile(r"(?<=[^\s/])/(?=[^\s/])")
_WORD = re.compile(r"(?:^|(?<=[\s'\"(=,;]))(?=[^\s'\"(=,;])")
# The rest of a path, of which nothing is there.
_REST = re.compile(r"(?:/[^\s/\\,;:'\"()\[\]<>|]+)*/?")
# A name ends where no name goes on: "y.nii" does not in "y.nii.gz".
_GOES_ON = re.compile(r"[\w~+-]|\.\w")
# A relative path begins at most so many signs before its first "/".
_LOOK_BACK = 80


def name_existing(text: str, name_of: Callable[[str], str]) -> str:
    """Return a text in which paths that exist, or whose first folders do, are called otherwise.

    Parameters
    ----------
    text : str
    name_of : callable
        Gives what a path is called.
    """
    parts, done = [], 0
    while found := _next_path(text, done):
        start, begin, end = found
        parts += [text[done:start], name_of(text[begin:end])]
        done = end
    return "".join([*parts, text[done:]])


def _next_path(text: str, done: int) -> tuple[int, int, int] | None:
    """Return where the next path stands: with its scheme, without it, and its end."""
    for sign in re.finditer(r"(?=/)", text[done:]):
        at = done + sign.start()
        for start, begin, folder in _beginnings(text, at, done):
            end = _end(text, at, folder)
            # A relative one begins with a folder that is there.
            if end > at or folder != "/":
                return start, begin, _REST.match(text, end).end()  # type: ignore[union-attr]
    return None


def _beginnings(text: str, at: int, done: int) -> list[tuple[int, int, str]]:
    """Return where a path with a "/" at a place may begin, and the folder before that sign."""
    if root := next((m for m in _ROOT.finditer(text, done, at + 1) if m.end() == at), None):
        return [(root.start(), at, "/")]
    if not _FIRST_SIGN.match(text, at):
        return []
    least = max(done, at - _LOOK_BACK)
    words = [least + m.start() for m in _WORD.finditer(text[least:at])]
    return [(s, s, text[s:at]) for s in words if " " in text[s:at] and os.path.isdir(text[s:at])]  # noqa: PTH112


def _end(text: str, at: int, folder: str) -> int:
    """Return where what exists of a path ends, from a "/" behind an existing folder on."""
    while text.startswith("/", at):
        try:
            names = os.listdir(folder)  # noqa: PTH208
        except (OSError, ValueError):
            return at
        name = max((n for n in names if _is_at(n, text, at + 1)), key=len, default="")
        if not name:
            return at
        at, folder = at + 1 + len(name), os.path.join(folder, name)  # noqa: PTH118
    return at


def _is_at(name: str, text: str, at: int) -> bool:
    return text.startswith(name, at) and not _GOES_ON.match(text, at + len(name))
