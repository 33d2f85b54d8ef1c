"""What is written of verdicts: verdicts.json, and quality.tsv for people."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from commissure.files.data_texts import read_data
from commissure.files.text import read_json, write_json, write_tsv
from commissure.problems import InputError
from commissure.records.runs import KEYS, RunKey
from commissure.records.verdicts import VERDICTS, Verdict, verdicts_from_json, verdicts_to_json
from commissure.workspace.left import kept_apart, left_of

# Folder of the verdicts that jobs have left.
LEFT = "verdicts"
# All that is written of verdicts.
FILES = (VERDICTS, "quality.tsv", "quality.json")


def read_verdicts(out_dir: Path) -> tuple[Verdict, ...]:
    """Return the verdicts that an output folder has, those that jobs have left among them.

    Raises
    ------
    InputError
        If the file is not as it was written.
    """
    path = out_dir / VERDICTS
    left = left_of(out_dir, LEFT).values()
    try:
        written = verdicts_from_json(read_json(path)) if path.exists() else ()
        return merge_verdicts(written, (one for some in left for one in verdicts_from_json(some)))
    except ValueError as error:
        msg = f"{path} is not as commissure wrote it. Remove it, and it is written again."
        raise InputError(msg) from error


def leave_verdicts(out_dir: Path, verdicts: Sequence[Verdict]) -> None:
    """Leave verdicts to the next that writes them."""
    with kept_apart(out_dir, LEFT, verdicts_to_json(verdicts)):
        pass


def merge_verdicts(old: Iterable[Verdict], new: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """Return the verdicts of all runs, sorted: new ones in place of older ones of a run."""
    latest = {verdict.measured.of: verdict for verdict in (*old, *new)}

    def order(run: RunKey) -> list[tuple[bool, str]]:
        return [(label is None, label or "") for label in asdict(run).values()]

    return tuple(latest[run] for run in sorted(latest, key=order))


def write_verdicts(folder: Path, verdicts: Sequence[Verdict]) -> None:
    """Write verdicts.json, quality.tsv and what its columns are."""
    write_json(folder / VERDICTS, verdicts_to_json(verdicts))
    table, described = quality_table(verdicts), _columns()
    write_tsv(folder / "quality.tsv", table)
    write_json(folder / "quality.json", {name: described[name] for name in map(str, table)})


def _columns() -> dict[str, dict[str, str]]:
    """Return what the columns of quality.tsv are, in their order."""
    return dict(json.loads(read_data("files", "quality_columns.json")))


def quality_table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """Return quality.tsv: which runs, ``included, reasons``, and what was measured."""
    known = {name for verdict in verdicts for name in verdict.measured.known}
    # Where series were measured, it is told that their degrees of freedom are not known.
    known |= {"effective_df"} if "n_volumes" in known else set()
    return pd.DataFrame(
        [
            {
                **asdict(verdict.measured.of),
                "included": verdict.included,
                "reasons": verdict.text,
                **verdict.measured.known,
            }
            for verdict in verdicts
        ],
        columns=[*KEYS, "included", "reasons", *(name for name in _columns() if name in known)],
    )
