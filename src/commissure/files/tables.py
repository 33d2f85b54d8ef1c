"""Reading tables that people wrote: one border for every table, whatever program saved it."""

import csv
import io
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from commissure.files.columns import describe, values_of
from commissure.problems import InputError

# Names stay text: 007 is not 7.
_NAMES = ("participant_id", "session_id", "path")
# A file's name may have two blanks, or a letter in two parts.
_PATHS = ("path", "mask", "confounds")
_SEPARATORS = {"\t": "tabs", ";": "semicolons", ",": "commas"}
_LARGEST_BYTES = 64 * 2**20
_OTHER_FORMATS = {
    b"PK\x03\x04": "a workbook of a spreadsheet program (.xlsx, .ods)",
    b"\xd0\xcf\x11\xe0": "a workbook of a spreadsheet program (.xls)",
    b"\x1f\x8b": "compressed (gzip)",
    b"%PDF": "a PDF",
}
_POINTERS = ("/annex/objects/", "../.git/annex/", ".git/annex/", "version https://git-lfs")
_SAVE_AGAIN = "Save it as text in UTF-8, separated by tabs."
# NFKC makes 102 of "10²" and 1/2 of "½": what changes the value of a cell is left alone.
_KEEPS_ITS_FORM = ("<super>", "<sub>", "<fraction>", "<circle>")
# Invisible, but what stands behind them is shown from right to left, or in another order: 12 as 21.
# They stay, for whoever checks names, levels and numbers to refuse them.
_TURNS_WRITING = "\u202b\u202d\u202e\u2067"
_SHOWN = 5


@dataclass(frozen=True)
class TextTable:
    """A table as text.

    Attributes
    ----------
    path : Path
    names : tuple of str
        Of its columns; each once.
    rows : tuple of tuple of str
        Tidy cells: without blanks around them, in one Unicode form.
    notes : dict of str to str
        What was tidied, column by column.
    """

    path: Path
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: Mapping[str, str]

    def column(self, name: str) -> tuple[str, ...]:
        """Return the cells of a column."""
        place = self.names.index(name)
        return tuple(row[place] for row in self.rows)


def read_table(path: Path) -> pd.DataFrame:
    """Read a table with a header; see `read_cells`.

    Returns
    -------
    DataFrame
        See `as_frame`.
    """
    return as_frame(read_cells(path))


def as_frame(table: TextTable) -> pd.DataFrame:
    """Return a table with numbers where a column has nothing else, missing cells as NaN.

    ``participant_id``, ``session_id`` and ``path`` stay text.
    """
    columns = {}
    for name in table.names:
        cells = table.column(name)
        column = describe(name, cells, declared="text" if name in _NAMES else None)
        # Decimal commas are understood where that is told.
        kind = "text" if column.notes else column.kind
        columns[name] = pd.Series(values_of(cells, kind))
        if kind != "number":
            columns[name] = columns[name].astype(object)
        elif not columns[name].isna().any() and (columns[name] % 1 == 0).all():
            columns[name] = columns[name].astype("int64")
    return pd.DataFrame(columns)


def read_cells(path: Path) -> TextTable:
    """Read a table with a header, separated by tabs, semicolons or commas, as text.

    UTF-8, with or without a byte order mark, and UTF-16 with one are understood. Empty lines and
    columns without a name and without a value are left out.

    Raises
    ------
    InputError
        If it is not there, or is no such table: other encodings, rows of different length,
        columns without a name or of the same name.
    """
    text = _text_of(path)
    separator = _separator_of(text, path)
    lines = _rows_of(text, separator, path)
    if not lines:
        msg = f"{path} is empty. Check the file."
        raise InputError(msg)
    header, *rows = lines
    if not rows:
        msg = f"{path} has no rows below its header. Check the file."
        raise InputError(msg)
    ragged = [(line, cells) for line, cells in rows if len(cells) != len(header[1])]
    if ragged:
        which = ", ".join(f"line {line} has {len(cells)}" for line, cells in ragged[:_SHOWN])
        more = f", and {len(ragged) - _SHOWN} more lines differ" * (len(ragged) > _SHOWN)
        msg = (
            f"{path} is not a table: its header has {len(header[1])} cells (separated by "
            f"{_SEPARATORS[separator]}), {which}{more}. Correct these lines."
        )
        raise InputError(msg)
    written = [header[1], *(cells for _, cells in rows)]
    paths = [tidy(name) in _PATHS for name in header[1]]
    tidied = [
        tuple(
            cell.strip() if n and is_path else tidy(cell)
            for cell, is_path in zip(cells, paths, strict=True)
        )
        for n, cells in enumerate(written)
    ]
    filled = [place for place in range(len(header[1])) if any(row[place] for row in tidied)]
    names, *cells = [tuple(row[place] for place in filled) for row in tidied]
    problems = _header_problems(names, path)
    if problems:
        raise InputError(problems)
    numbers = [header[0], *(line for line, _ in rows)]
    return TextTable(path, names, tuple(cells), _notes(tidied[0], numbers, written, tidied))


def tidy(cell: str) -> str:
    """Return a cell in one Unicode form (NFKC), with plain blanks, and none around it.

    Invisible characters are dropped, but for those that turn the writing.
    """
    form = "".join(
        c
        if unicodedata.decomposition(c).startswith(_KEEPS_ITS_FORM)
        else unicodedata.normalize("NFKC", c)
        for c in unicodedata.normalize("NFC", cell)
        if unicodedata.category(c) != "Cf" or c in _TURNS_WRITING
    )
    return " ".join(form.split())


def _text_of(path: Path) -> str:
    """Return what is written in a file.

    Raises
    ------
    InputError
        If it cannot be read, or is not text in UTF-8 or UTF-16.
    """
    try:
        if path.is_dir():
            msg = f"{path} is a folder, where a table should be. Give the file."
            raise InputError(msg)
        if not path.exists():
            msg = f"{path} does not exist. Check the path."
            raise InputError(msg)
        if path.is_file() and path.stat().st_size > _LARGEST_BYTES:
            msg = f"{path} is larger than {_LARGEST_BYTES // 2**20} MB: that is no such table."
            raise InputError(msg)
        content = path.read_bytes()
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror}). Check the path, and who may read it."
        raise InputError(msg) from error
    for start, what in _OTHER_FORMATS.items():
        if content.startswith(start):
            msg = f"{path} is no text but {what}. {_SAVE_AGAIN}"
            raise InputError(msg)
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        msg = (
            f"{path} cannot be read as text in {encoding.removesuffix('-sig').upper()} (line "
            f"{line}); it may be in an older encoding, such as Latin-1. {_SAVE_AGAIN}"
        )
        raise InputError(msg) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        msg = f"{path} has NUL characters (line {line}): it is no text, or damaged. {_SAVE_AGAIN}"
        raise InputError(msg)
    if text.startswith(_POINTERS):
        msg = (
            f"{path} is a pointer of git-annex, DataLad or Git LFS, not the table. Get the file "
            "first (git annex get, git lfs pull)."
        )
        raise InputError(msg)
    if not text.strip():
        msg = f"{path} is empty. Check the file."
        raise InputError(msg)
    return text


def _separator_of(text: str, path: Path) -> str:
    """Return what separates the cells, as the header tells it.

    Raises
    ------
    InputError
        If it has semicolons and commas, or only blanks between its words.
    """
    header = next(line for line in io.StringIO(text, newline=None) if line.strip())
    there = [separator for separator in _SEPARATORS if separator in header]
    if "\t" not in there and len(there) > 1:
        msg = (
            f"{path} has commas and semicolons in its header, so what separates its cells cannot "
            f"be told. {_SAVE_AGAIN}"
        )
        raise InputError(msg)
    if not there and len(header.split()) > 1:
        msg = (
            f"{path} has neither tabs, commas nor semicolons in its header "
            f"({header.strip()[:60]!r}). {_SAVE_AGAIN}"
        )
        raise InputError(msg)
    return there[0] if there else "\t"


def _rows_of(text: str, separator: str, path: Path) -> list[tuple[int, list[str]]]:
    """Return the lines that are not empty: their numbers and their cells."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        rows = [(reader.line_num, cells) for cells in reader]
    except csv.Error as error:
        msg = (
            f"{path} is not a table: near line {reader.line_num} a cell cannot be read ({error}). "
            "Look for a quotation mark that is not closed."
        )
        raise InputError(msg) from error
    return [(line, cells) for line, cells in rows if any(cell.strip() for cell in cells)]


def _header_problems(names: Sequence[str], path: Path) -> list[str]:
    problems = []
    nameless = [str(place + 1) for place, name in enumerate(names) if not name]
    if nameless:
        problems.append(
            f"{path} has values in column {', '.join(nameless)}, which has no name. Give it one."
        )
    unseen = [repr(name) for name in names if not name.isprintable()]
    if unseen:
        problems.append(
            f"{path} has the column {', '.join(unseen)}: its name has characters that cannot be "
            "seen. Correct it: type it again."
        )
    spelt: dict[str, list[str]] = {}
    for name in filter(None, names):
        spelt.setdefault(name.casefold(), []).append(name)
    problems += [
        f"{path} has the column {' and '.join(dict.fromkeys(same))} more than once ({len(same)} "
        "times; upper and lower case are not told apart). Rename or remove all but one."
        for same in spelt.values()
        if len(same) > 1
    ]
    return problems


def _notes(
    names: Sequence[str],
    lines: Sequence[int],
    written: Sequence[Sequence[str]],
    tidied: Sequence[Sequence[str]],
) -> dict[str, str]:
    """Say of each column which cells are read otherwise than they are written."""
    notes = {}
    columns = zip(zip(*written, strict=True), zip(*tidied, strict=True), strict=True)
    for name, (old, new) in zip(names, columns, strict=True):
        changed = [
            f"{before!a} (line {line}) as {after!r}"
            for line, before, after in zip(lines, old, new, strict=True)
            if before != after and after
        ]
        if changed:
            shown = ", ".join(changed[:_SHOWN]) + ", ..." * (len(changed) > _SHOWN)
            notes[name] = (
                f"The column {name} has cells with blanks around the text, or with characters of "
                f"another form, which are read alike: {shown}."
            )
    return notes


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table by the names of its columns."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
