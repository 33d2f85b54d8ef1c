"""A plain table of files: clean series, preprocessed ones, or maps."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from commissure.files.bids_names import entity
from commissure.files.image_timing import LONGEST_TR, is_number, repetition_time, timing_problems
from commissure.files.images import load_image
from commissure.files.labels import label_problem
from commissure.files.tables import read_table
from commissure.inputs.axes import choose
from commissure.inputs.confounds_tables import read_numbers, table_shape
from commissure.inputs.owners import of_others
from commissure.inputs.scan import (
    CLEANED,
    Scan,
    ScanKind,
    volume_problems,
)
from commissure.inputs.selection import Selection, bare, listed
from commissure.problems import InputError
from commissure.space.grid import Grid, same_grid

COLUMNS = (
    "participant_id",
    "session_id",
    "task",
    "run",
    "path",
    "kind",
    "space",
    "mask",
    "confounds",
    "tr",
)
# Stands for the file and its rows in a problem: what is wrong with many rows is said once.
_ROW = "{row}"
# How alike "session" and "session_id" are; "trt" and "tr" are less.
_CLOSE = 0.82
_KINDS = tuple(kind for kind in get_args(ScanKind) if kind != "raw")


def read_scan_table(
    path: str | Path,
    selection: Selection | None = None,
    *,
    n_trim: int = 0,
    tr: float | None = None,
    space: str | None = None,
) -> list[Scan]:
    """Read a table of files, a row a run, and check that they can be used.

    Parameters
    ----------
    path : path
        Separated by tabs or commas, with the columns participant_id and path, and as wanted
        session_id, task, run, kind ("clean", "preprocessed", "map"), space, mask, confounds, tr
        (s). Paths are relative to the table. Without a kind, a file of four dimensions is a clean
        series and one of three a map. Other columns are left alone.
    selection : Selection, optional
    n_trim : int
        Volumes that will be dropped of preprocessed runs.
    tr : float, optional
        Seconds, where the table tells none; else the image's sidecar or header.
    space : str, optional
        Where neither the table nor the name of the file tells it.

    Raises
    ------
    InputError
        With all the problems of the table and its files.
    """
    where = Path(path)
    table = read_table(where)
    missing = [name for name in ("participant_id", "path") if name not in table]
    if missing:
        msg = (
            f"{where} has no column {' and '.join(missing)}; its columns are "
            f"{', '.join(map(str, table))}. A table of files has participant_id and path."
        )
        raise InputError(msg)
    if misspelt := _misspelt(list(map(str, table)), where):
        raise InputError(misspelt)
    selection = selection or Selection()
    names = {str(name) for name in table["participant_id"].dropna()}
    wanted, problems = selection.participants(names, where)
    rows = []
    wrong: list[tuple[int, str]] = []
    for number, row in enumerate(table.to_dict("records"), 1):
        told = {str(key): _cell(value) for key, value in row.items() if key in COLUMNS}
        if told["participant_id"] is None or told["path"] is None:
            lacking = f"{_ROW} lacks participant_id or path. Fill it, or remove the row."
            wrong.append((number, lacking))
        elif told["participant_id"] in wanted:
            labels = {key: _label(key, told) for key in ("ses", "task", "run")}
            unfit = _label_problems(told["participant_id"], labels)
            wrong += [(number, f"{_ROW}: {problem}") for problem in unfit]
            if not unfit:
                rows.append((number, told, labels))
    entities = [{"sub": told["participant_id"], **labels} for _, told, labels in rows]
    chosen = choose(entities, selection, wanted, where)
    problems += chosen.problems
    files = [(told["participant_id"], str(told["path"])) for _, told, _ in rows]
    problems += [f"{where}: {problem}" for problem in of_others(files)]
    scans = []
    for number, told, labels in (rows[place] for place in chosen.places):
        try:
            scan = _scan(where, told, labels, n_trim, tr, space)
            scans.append(replace(scan, notes=chosen.notes))
        except InputError as error:
            wrong += [(number, problem) for problem in error.problems]
    problems += _together(where, wrong)
    if not scans and not problems:
        problems.append(f"{where} has no row that matches {selection}.")
    if problems:
        raise InputError(dict.fromkeys(problems))
    return scans


def _misspelt(names: Sequence[str], where: Path) -> list[str]:
    """Say which columns look like one that is read, which the table has not."""
    lacking = [name for name in COLUMNS if name not in names]
    meant = {
        name: close[0]
        for name in names
        if name not in COLUMNS
        and (close := get_close_matches(name.casefold(), lacking, n=1, cutoff=_CLOSE))
    }
    return [
        f"{where} has a column {name}, which is not read: is {column} meant? Call it so, or "
        "otherwise if it is something else."
        for name, column in meant.items()
    ]


def _scan(
    table: Path,
    told: dict[str, Any],
    labels: dict[str, str | None],
    n_trim: int,
    tr: float | None,
    space: str | None,
) -> Scan:
    """Make the `Scan` of a row.

    Raises
    ------
    InputError
        With all that is wrong with it.
    """
    path = _file(table, told["path"])
    img = load_image(path)
    kind: Any = told.get("kind") or ("map" if img.ndim == 3 else "clean")
    problems: list[str] = []
    if kind not in _KINDS:
        close = get_close_matches(str(kind), _KINDS, n=1)
        meant = f" Is {close[0]} meant?" if close else ""
        msg = f'{_ROW}: kind must be one of {", ".join(_KINDS)}; it is "{kind}".{meant}'
        raise InputError([*problems, msg])
    seconds, confounds = 0.0, None
    if kind == "map":
        if img.ndim != 3:
            problems.append(f"{_ROW}: {path} has {img.ndim} dimensions; a map has 3.")
    else:
        problems += volume_problems(path, img, n_trim if kind == "preprocessed" else 0)
        if img.ndim == 4:
            confounds = _beside(table, told.get("confounds"))
            problems += _confounds_problems(confounds, img.shape[3], kind)
            seconds, tr_problems = _repetition_time(path, img, told.get("tr"), tr)
            problems += tr_problems
            if kind == "preprocessed" and not seconds and not tr_problems:
                problems.append(f"{path} does not tell its repetition time. Give it (tr), in s.")
    mask = _beside(table, told.get("mask"))
    if mask is not None:
        try:
            if not same_grid(Grid.of(load_image(mask)), Grid.of(img)):
                problems.append(f"{_ROW}: {mask} is not on the grid of {path}.")
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return Scan(
        participant_id=told["participant_id"],
        session=labels["ses"],
        task=labels["task"],
        run=labels["run"],
        bold=path,
        t1w=None,
        tr=seconds,
        slice_times=None,
        kind=kind,
        space=told.get("space") or entity(path, "space") or space,
        mask=mask,
        confounds=confounds,
        done=CLEANED if kind in ("clean", "map") else frozenset(),
        n_non_steady=_n_non_steady(confounds) if kind == "preprocessed" else 0,
    )


def _cell(value: Hashable) -> Any:
    """Return a cell, None if it is empty; text without the blanks around it."""
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return None
    return value.strip() or None if isinstance(value, str) else value


def _label(key: str, told: dict[str, Any]) -> str | None:
    value = told.get("session_id" if key == "ses" else key)
    # A column of numbers with gaps is read as 1.0, 2.0.
    number = isinstance(value, float) and value.is_integer()
    return None if value is None else str(int(value) if number else value).removeprefix(f"{key}-")


def _label_problems(participant_id: str, labels: dict[str, str | None]) -> list[str]:
    columns = {"ses": "session_id", "task": "task", "run": "run"}
    told = {"participant_id": bare("sub", participant_id)}
    told |= {columns[key]: label for key, label in labels.items() if label is not None}
    return [problem for what, text in told.items() if (problem := label_problem(what, text))]


def _together(where: Path, wrong: Sequence[tuple[int, str]]) -> list[str]:
    """Say each thing once, with all the rows that it is true of."""
    rows: dict[str, list[int]] = {}
    for number, problem in wrong:
        rows.setdefault(problem, []).append(number)
    return [
        problem.replace(
            _ROW,
            f"{where}, row {numbers[0]}"
            if len(numbers) == 1
            else f"{where}, {len(numbers)} rows ({listed(map(str, numbers))})",
        )
        for problem, numbers in rows.items()
    ]


def _file(table: Path, name: str) -> Path:
    """Return a file that a table names.

    Raises
    ------
    InputError
        If it is a folder, or can be no file.
    """
    path = table.parent / str(name)
    try:
        is_folder = path.is_dir()
    except (OSError, ValueError) as error:
        msg = f"{_ROW}: {name!r:.80} cannot be a path ({error}). Correct it."
        raise InputError(msg) from error
    if is_folder:
        msg = f"{_ROW}: {path} is a folder. Give the file in it that is meant."
        raise InputError(msg)
    return path


def _beside(table: Path, name: str | None) -> Path | None:
    return None if name is None else _file(table, name)


def _n_non_steady(confounds: Path | None) -> int:
    return table_shape(confounds).n_non_steady if confounds and confounds.suffix == ".tsv" else 0


def _confounds_problems(path: Path | None, n_volumes: int, kind: str) -> list[str]:
    if path is None:
        lacking = f"{_ROW}: preprocessed series need a table of confounds to be cleaned with."
        return [f"{lacking} Name it in the column confounds."] if kind == "preprocessed" else []
    try:
        n_rows = table_shape(path).n_rows if path.suffix == ".tsv" else len(read_numbers(path, 6))
    except InputError as error:
        return list(error.problems)
    if n_rows == n_volumes:
        return []
    return [f"{_ROW}: {path} has {n_rows} rows and the image {n_volumes} volumes."]


def _repetition_time(
    path: Path, img: Any, told: Any, default: float | None
) -> tuple[float, list[str]]:
    given = default if told is None else told
    if given is None:
        return repetition_time(path, img) or 0.0, []
    if is_number(given) and 0 < given <= LONGEST_TR:
        # What a row says of its file is to agree with it; one time for all is meant to override.
        problems = timing_problems(path, img, given, by="table") if told is not None else []
        return float(given), problems
    said = f"{_ROW}: tr must be in seconds, above 0 and up to {LONGEST_TR}; it is {given!r}"
    is_ms = is_number(given) and LONGEST_TR < given <= 1000 * LONGEST_TR
    return 0.0, [
        f"{said} ({given / 1000:g} s, if these are milliseconds)." if is_ms else f"{said}."
    ]
