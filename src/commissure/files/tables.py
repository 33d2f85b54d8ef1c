"""Reading tables that people wrote."""

import csv
from pathlib import Path

import pandas as pd

from commissure.problems import InputError


def read_table(path: Path) -> pd.DataFrame:
    """Read a table with a header, separated by tabs or commas.

    Raises
    ------
    InputError
        If it is not there, or is no such table.
    """
    if not path.is_file():
        msg = f"{path} does not exist. Check the path."
        raise InputError(msg)
    try:
        text = path.read_text(encoding="utf-8-sig")
        separator = "\t" if "\t" in text.partition("\n")[0] else ","
        widths = {len(row) for row in csv.reader(text.splitlines(), delimiter=separator) if row}
        if len(widths) != 1:
            msg = (
                f"{path} is not a table: its rows have {', '.join(map(str, sorted(widths)))} cells."
            )
            raise InputError(msg)
        # Names stay text: 007 is not 7.
        names = {"participant_id": str, "session_id": str, "path": str}
        table = pd.read_csv(path, sep=separator, dtype=names, encoding="utf-8-sig")
    except (UnicodeDecodeError, csv.Error, pd.errors.ParserError) as error:
        msg = f"{path} cannot be read as a table of text in UTF-8 ({error}). Save it as .tsv again."
        raise InputError(msg) from error
    if not len(table):
        msg = f"{path} has no rows."
        raise InputError(msg)
    return table
