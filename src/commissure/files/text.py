"""Tables and JSON as a study writes them, and JSON as anybody may have written it."""

import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from commissure.problems import InputError

_BLANKS = re.compile(r"^[\s\ufeff\u200b\u2060]+")


def write_tsv(path: Path, table: pd.DataFrame, float_format: str | None = None) -> None:
    """Write a table, tab-separated, with n/a for what is missing (BIDS).

    Texts that a spreadsheet would execute get an apostrophe before them; see `as_meant`.
    """
    _text_by_text(table, harmless).to_csv(
        path, sep="\t", index=False, na_rep="n/a", lineterminator="\n", float_format=float_format
    )


def harmless(text: Any) -> Any:
    """Return a text with an apostrophe before it if a spreadsheet would take it for a formula.

    Numbers are none, nor are signs with numbers only, as in "-12, 30, 4"; what is no text is kept.
    """
    return f"'{text}" if isinstance(text, str) and _is_executed(text) else text


def as_meant(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table that `write_tsv` wrote as it was before."""
    return _text_by_text(table, _freed)


def _freed(text: Any) -> Any:
    mended = isinstance(text, str) and text.startswith("'") and _is_executed(text[1:])
    return text[1:] if mended else text


def _is_executed(text: str) -> bool:
    """Tell whether spreadsheets execute a text, or did before it was made harmless."""
    bare = text.lstrip("'")
    if len(bare) > 1 and bare[0] in "\t\r":
        return True
    # Some import with blanks trimmed, and take full-width signs for the plain ones.
    bare = unicodedata.normalize("NFKC", _BLANKS.sub("", bare))
    if len(bare) < 2 or bare[0] not in "=@+-":
        return False
    if bare[0] not in "+-":
        return True
    try:
        float(bare)
    except ValueError:
        return bool(re.search(r"[^\W\d_]|\(|\d\s*[-+*/^&%<>=]", bare))
    return False


def _text_by_text(table: pd.DataFrame, change: Callable[[Any], Any]) -> pd.DataFrame:
    changed = table.copy()
    changed.columns = pd.Index([change(name) for name in table.columns])
    for i in range(table.shape[1]):
        column = table.iloc[:, i]
        if not pd.api.types.is_numeric_dtype(column):
            changed.isetitem(i, column.map(change, na_action="ignore").array)
    return changed


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a sidecar, or another record."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_text(path: Path, largest: int | None = None) -> str:
    """Read text in UTF-8.

    Parameters
    ----------
    path : Path
    largest : int, optional
        Bytes. A larger file is refused unread, and so are a folder, a device and a pipe.

    Raises
    ------
    InputError
        If it cannot be read, or is none.
    """
    try:
        if largest is not None and path.exists():
            if not path.is_file():
                raise InputError(f"{path} cannot be read: it is no file. Check the path.")
            if path.stat().st_size > largest:
                msg = f"{path} is too large (over {largest:,} bytes). Check the path."
                raise InputError(msg)
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror}). Check that it is a file you may read."
        raise InputError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{path} is no text in UTF-8 ({error.reason}). Save it as UTF-8."
        raise InputError(msg) from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object: the border for every JSON file, whoever wrote it.

    Raises
    ------
    InputError
        If it cannot be read, is not UTF-8, is no JSON as RFC 8259 has it (NaN is none), names a
        key twice, is nested too deeply, holds half a character, or is no object.
    """
    text = read_text(path)
    try:
        content = json.loads(text, object_pairs_hook=_each_once, parse_constant=_refuse)
        if "\\ud" in text.lower():
            # A lone surrogate is read, but can be written to no file.
            json.dumps(content, ensure_ascii=False).encode()
    except RecursionError as error:
        msg = f"{path} is not valid JSON (its brackets are nested too deeply). Correct it."
        raise InputError(msg) from error
    except ValueError as error:
        msg = f"{path} is not valid JSON ({error}). Correct it."
        raise InputError(msg) from error
    if not isinstance(content, dict):
        msg = f"{path} must hold an object, {{...}}. Correct it."
        raise InputError(msg)
    return content


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        msg = f"it names {twice!r} twice"
        raise ValueError(msg)
    return content


def _refuse(literal: str) -> Any:
    msg = f"{literal} is no number in JSON; leave it out"
    raise ValueError(msg)
