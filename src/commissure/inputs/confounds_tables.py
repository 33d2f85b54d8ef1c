"""Tables of confounds as files: how long they are, and what is in them."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from commissure.files.columns import LARGEST
from commissure.files.text import read_text
from commissure.preprocessing import framewise_displacement_power
from commissure.problems import InputError

_NON_STEADY = "non_steady_state"
MOTION = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")
# fMRIPrep before 1.2 wrote names in camel case; nilearn refuses tables with any.
_BEFORE_1_2 = {
    "X": "trans_x",
    "Y": "trans_y",
    "Z": "trans_z",
    "RotX": "rot_x",
    "RotY": "rot_y",
    "RotZ": "rot_z",
    "CSF": "csf",
    "WhiteMatter": "white_matter",
    "GlobalSignal": "global_signal",
    "FramewiseDisplacement": "framewise_displacement",
    "stdDVARS": "std_dvars",
}
# mm.
_LARGEST_SHIFT = 1000


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
    header, lines = _lines(path)
    flags = [n for n, name in enumerate(header) if name.startswith(_NON_STEADY)]
    n_non_steady = 0
    for line in lines if flags else []:
        cells = line.split("\t")
        if not any(n < len(cells) and cells[n].strip() in ("1", "1.0") for n in flags):
            break
        n_non_steady += 1
    return TableShape(tuple(header), len(lines), n_non_steady)


def read_confounds_table(path: Path) -> pd.DataFrame:
    """Read a table of confounds, a row a volume; ``n/a`` and empty cells are NaN.

    Raises
    ------
    InputError
        If it is not there, is no table, or has a column that is not of numbers.
    """
    header, lines = _lines(path)
    try:
        table = pd.read_csv(
            io.StringIO("\n".join(lines)),
            sep="\t",
            names=header,
            na_values=["n/a"],
            index_col=False,
            quoting=csv.QUOTE_NONE,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        msg = f"{path} cannot be read as a table with tabs ({error}). Copy it again."
        raise InputError(msg) from error
    words = [str(name) for name, kind in table.dtypes.items() if kind.kind not in "iuf"]
    if words:
        msg = f"{path} has values that are not numbers in the columns {', '.join(words)}."
        raise InputError(msg)
    _check_size(path, table.to_numpy(np.float64))
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
    _check_size(path, numbers)
    return numbers


def _check_size(path: Path, numbers: NDArray[np.float64]) -> None:
    """Raise if finite numbers are so large that nobody measured them; squares would be infinite."""
    if (np.isfinite(numbers) & (np.abs(numbers) > LARGEST)).any():
        msg = f"{path} has numbers too large to be measured (above {LARGEST:g}). Copy it again."
        raise InputError(msg)


def _lines(path: Path) -> tuple[list[str], list[str]]:
    """Return the header and the lines of a table with tabs, all as long as the header.

    Raises
    ------
    InputError
        If it is no such table.
    """
    first, *lines = [line for line in _text(path).split("\n") if line.strip()]
    header = [name.strip().strip('"') for name in first.split("\t")]
    if len(header) == 1 and any(mark in first for mark in ",; "):
        msg = f"{path} is not separated by tabs: its first line is {first.strip()[:60]!r}. "
        raise InputError(msg + "Take the file as it was written, or save it with tabs.")
    if not lines:
        msg = f"{path} has no rows below its header. Copy it again."
        raise InputError(msg)
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        msg = f"{path} has several columns called {', '.join(map(repr, twice))}. Rename or remove."
        raise InputError(msg)
    ragged = [n for n, line in enumerate(lines, 2) if line.count("\t") != len(header) - 1]
    if ragged:
        n_cells = len(lines[ragged[0] - 2].split("\t"))
        msg = (
            f"{path} cannot be read as a table: line {ragged[0]} has {n_cells} cells and the "
            f"header {len(header)}. Copy it again."
        )
        raise InputError(msg)
    return header, lines


def _text(path: Path) -> str:
    text = read_text(path)
    if not text.strip():
        msg = f"{path} is empty. Copy it again."
        raise InputError(msg)
    return text


def motion_table(path: Path) -> pd.DataFrame:
    """Read a table of confounds, completed by what can be made from its columns."""
    table = read_confounds_table(path)
    if "RotX" in table:
        # Components and cosines have other names and makers since.
        table = table[[name for name in _BEFORE_1_2 if name in table]].rename(columns=_BEFORE_1_2)
    missing = [name for name in MOTION if name not in table]
    if missing:
        msg = (
            f"{path} has no column {', '.join(missing)}, so it is no table of fMRIPrep's kind. "
            "Give the table of the run's confounds."
        )
        raise InputError(msg)
    if not np.isfinite(table[list(MOTION)].to_numpy()).all():
        msg = f"{path} has gaps (n/a) in the motion parameters. Copy it again."
        raise InputError(msg)
    return completed(path, table)


def completed(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with what can be made from its columns.

    Raises
    ------
    InputError
        If no head can have moved so.
    """
    shift, turn = (table[list(names)].abs().to_numpy().max() for names in (MOTION[:3], MOTION[3:]))
    if shift > _LARGEST_SHIFT or turn > np.pi:
        msg = (
            f"{path} has shifts of up to {shift:g} mm and rotations of up to {turn:g} rad, as no "
            "head moves. Are they in other units, or in another order? Correct the table."
        )
        raise InputError(msg)
    made = {}
    for name in (*MOTION, "csf", "white_matter", "global_signal"):
        if name in table:
            made[f"{name}_derivative1"] = table[name].diff()
            made[f"{name}_power2"] = table[name] ** 2
            made[f"{name}_derivative1_power2"] = table[name].diff() ** 2
    parameters = table[list(MOTION)].to_numpy(np.float64)
    made["framewise_displacement"] = pd.Series(framewise_displacement_power(parameters))
    new = {name: column for name, column in made.items() if name not in table}
    return pd.concat([table, pd.DataFrame(new)], axis=1)
