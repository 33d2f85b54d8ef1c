"""Tables of confounds as files: how long they are, and what is in them."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from commissure.files.text import read_text
from commissure.problems import InputError

_NON_STEADY = "non_steady_state"


@dataclass(frozen=True)
class TableShape:
    """What can be told of a table without reading its numbers.

    Attributes
    ----------
    columns : tuple of str
    n_rows : int
    n_non_steady : int
        Volumes at the beginning that are flagged as not yet in the steady state.
    """

    columns: tuple[str, ...]
    n_rows: int
    n_non_steady: int


def table_shape(path: Path) -> TableShape:
    """Return columns and length of a table of confounds.

    Raises
    ------
    InputError
        If it cannot be read as a table of text.
    """
    lines = [line for line in _text(path).splitlines() if line.strip()]
    header = next(csv.reader(lines[:1], delimiter="\t"))
    flags = [n for n, name in enumerate(header) if name.startswith(_NON_STEADY)]
    n_non_steady = 0
    for line in lines[1:] if flags else []:
        cells = line.split("\t")
        if not any(n < len(cells) and cells[n].strip() in ("1", "1.0") for n in flags):
            break
        n_non_steady += 1
    return TableShape(tuple(header), len(lines) - 1, n_non_steady)


def read_confounds_table(path: Path) -> pd.DataFrame:
    """Read a table of confounds, a row a volume; ``n/a`` and empty cells are NaN.

    Raises
    ------
    InputError
        If it is not there, is no table, or has a column that is not of numbers.
    """
    _text(path)
    try:
        table = pd.read_csv(path, sep="\t", na_values=["n/a"], encoding="utf-8-sig")
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read as a table with tabs ({error}). Copy it again."
        raise InputError(msg) from error
    table = table.rename(columns=str.strip)
    words = [str(name) for name in table if not pd.api.types.is_numeric_dtype(table[name])]
    if words:
        msg = f"{path} has values that are not numbers in the columns {', '.join(words)}."
        raise InputError(msg)
    return table


def read_numbers(path: Path, n_columns: int) -> NDArray[np.float64]:
    """Read a text file of numbers without a header, as SPM and DPABI write them.

    Raises
    ------
    InputError
        If it is not there, or has not so many numbers in each row.
    """
    rows = [line.replace(",", " ").split() for line in _text(path).splitlines() if line.strip()]
    try:
        numbers = np.array(rows, dtype=np.float64)
    except ValueError:
        numbers = np.empty((0, 0))
    if numbers.ndim != 2 or numbers.shape[1] != n_columns or not np.isfinite(numbers).all():
        msg = f"{path} must have {n_columns} number(s) in each row and nothing else. Copy it again."
        raise InputError(msg)
    return numbers


def _text(path: Path) -> str:
    text = read_text(path)
    if not text.strip():
        msg = f"{path} is empty. Copy it again."
        raise InputError(msg)
    return text
