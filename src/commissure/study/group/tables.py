"""Tables of the group stage, each with a sidecar that says what its columns are."""

import json
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pandas as pd

from commissure.files.data_texts import read_data
from commissure.files.text import write_json, write_tsv


def write_table(
    folder: Path,
    name: str,
    table: pd.DataFrame,
    float_format: str | None = None,
    **beside: Any,
) -> None:
    """Write a table of ``files/data/group_columns.json`` as .tsv, and what it is as .json.

    Parameters
    ----------
    folder : Path
    name : str
        Without ending.
    table : DataFrame
    float_format : str, optional
        ``%.10g`` for what is read by people: without the noise of the last digits.
    **beside
        What else the sidecar says.
    """
    write_tsv(folder / f"{name}.tsv", table, float_format)
    write_json(folder / f"{name}.json", {**beside, **described_columns(name, map(str, table))})


def described_columns(name: str, columns: Iterable[str]) -> dict[str, dict[str, str]]:
    """Say what the columns of a table are, by their names or the patterns that these match."""
    known = json.loads(read_data("files", "group_columns.json"))[name]
    return {
        column: next(what for pattern, what in known.items() if fnmatchcase(column, pattern))
        for column in columns
    }
