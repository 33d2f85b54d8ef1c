"""What the group stage reads: the maps, and the places that all of them have."""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from commissure.files.bids_names import IMAGE_EXTENSIONS, entity, split_extension
from commissure.files.columns import LARGEST
from commissure.files.images import load_image, sample_file
from commissure.files.stores import store
from commissure.files.tables import read_table
from commissure.inference import match_maps
from commissure.inputs.owners import of_others, unlike_names
from commissure.measures.names import measure_of_files
from commissure.problems import InputError
from commissure.space import Domain
from commissure.study.group.coverage import Coverage, check_maps_differ, coverage_of
from commissure.study.group.scales import scale_notes

_LOG = logging.getLogger(__name__)

# What the names of maps that are compared must not differ in.
_KINDS: dict[str, Callable[[Path], str | None]] = {
    "measures": lambda file: entity(file, "stat") or measure_of_files([file.name]).name,
    "spaces": lambda file: entity(file, "space"),
    "ways of cleaning (desc)": lambda file: entity(file, "desc"),
}


@dataclass(frozen=True, eq=False)
class GroupMaps:
    """Maps of all scans where all of them have data.

    Attributes
    ----------
    data : ndarray of shape (n_scans, n_places)
    domain : Domain
        The mask where every scan has data: a value that is finite and not exactly 0, which is
        what maps have where they have no data.
    coverage : Coverage
        How many scans have data at each place of the mask.
    sources : tuple of str
        File of each scan.
    notes : tuple of str
        Whose map is of another scale than the others.
    """

    data: NDArray[np.float64]
    domain: Domain
    coverage: Coverage
    sources: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_maps(
    maps: Path,
    participants: pd.DataFrame,
    domain: Domain,
    wanted: NDArray[np.bool_] | None = None,
) -> GroupMaps:
    """Read the map of each scan, in the order of the participants.

    Parameters
    ----------
    maps : Path
        A table with the columns ``participant_id`` (and ``session_id``, if participants have it)
        and ``path`` (relative to the table, or absolute); or one 4D file in the order of the
        participants.
    participants : DataFrame
        Of all scans.
    domain : Domain
    wanted : ndarray of bool, shape (n_participants,), optional
        Whose maps are taken; by default everyone's.

    Raises
    ------
    InputError
        With every problem that was found.
    """
    rows = np.arange(len(participants)) if wanted is None else np.flatnonzero(wanted)
    if split_extension(maps)[1] in IMAGE_EXTENSIONS:
        values, sources = _read_4d(maps, len(participants), domain)
        values, sources = values[rows], tuple(sources[row] for row in rows)
    else:
        listed = _listed(maps, participants)
        files = [listed[row] for row in rows]
        values, sources = _read_files(files, domain), tuple(map(str, files))
    return where_all_have_data(values, sources, participants.iloc[rows], domain)


def read_map_files(files: Sequence[Path], participants: pd.DataFrame, domain: Domain) -> GroupMaps:
    """Read maps, a file a scan in the order of the participants; see `read_maps`."""
    values, sources = _read_files(files, domain), tuple(map(str, files))
    return where_all_have_data(values, sources, participants, domain)


def sample_map(file: Path, domain: Domain) -> NDArray[np.float64]:
    """Read a map at the places of a domain; NaN where it has no data.

    Maps have NaN or exactly 0 where they have no data: a measured value is never exactly 0.

    Raises
    ------
    InputError
        If it is no map of one volume on the grid of the domain.
    """
    img = load_image(file)
    if math.prod(img.shape[3:]) != 1:  # some programs write one volume as a fourth dimension
        msg = f"{file} has {img.ndim} dimensions; a map has 3. Give one volume a scan."
        raise InputError(msg)
    values = sample_file(file, domain).reshape(domain.n_places)
    if np.nanmax(np.abs(values), initial=0) > LARGEST:
        msg = (
            f"{file} has values beyond {LARGEST:g}, which nothing that is measured has. Make it "
            "again, or leave it out."
        )
        raise InputError(msg)
    return _missing_as_nan(values)


def mean_of_runs(values: NDArray[np.float64], lengths: Sequence[int | None]) -> NDArray[np.float64]:
    """Return the mean of a session's runs (n_runs, n_places) where every run has data, else NaN.

    A run counts as much as it has volumes, `lengths`, where these are known. Means of fewer runs at
    some places would have more noise there.
    """
    known = [n for n in lengths if n]
    if len(known) < len(lengths) or len(set(known)) == 1:
        mean: NDArray[np.float64] = values.mean(axis=0)
        return mean
    weighted: NDArray[np.float64] = np.average(values, axis=0, weights=known)
    return weighted


def _missing_as_nan(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(values) & (values != 0), values, np.nan)


def where_all_have_data(
    values: NDArray[np.float64],
    sources: tuple[str, ...],
    participants: pd.DataFrame,
    domain: Domain,
) -> GroupMaps:
    """Return maps where all scans have data.

    Parameters
    ----------
    values : ndarray of shape (n_scans, n_places)
        NaN where a map has no data. The maps that are returned are put in its place.
    sources : tuple of str
        File of each scan.
    participants : DataFrame
        A row a scan.
    domain : Domain

    Raises
    ------
    InputError
        If there is no such place, or maps are no measurements.
    """
    scans = _names(participants)
    check_maps_differ(values, scans, sources)
    coverage, everywhere = coverage_of(values, scans, domain)
    data = _compact(values, everywhere)
    notes = tuple(scale_notes(data, scans))
    for note in notes:
        _LOG.warning("%s", note)
    return GroupMaps(data, domain.restrict(everywhere), coverage, sources, notes)


def _compact(values: NDArray[np.float64], places: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return maps at some places, in the memory that they had at all."""
    if places.all():
        return values
    flat, n_places = values.reshape(-1), int(places.sum())
    for scan, row in enumerate(values):
        flat[scan * n_places : (scan + 1) * n_places] = row[places]
    return flat[: len(values) * n_places].reshape(len(values), n_places)


def _names(participants: pd.DataFrame) -> list[str]:
    """Return what the scans are called: their participants, and sessions if there are any."""
    names = participants["participant_id"].astype(str)
    if "session_id" in participants:
        names = names + " ses-" + participants["session_id"].astype(str).str.removeprefix("ses-")
    return list(names)


def _read_4d(
    path: Path, n_scans: int, domain: Domain
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    img = load_image(path)
    if img.ndim != 4 or img.shape[3] != n_scans:
        size = " x ".join(map(str, img.shape))
        msg = (
            f"{path} is {size}; it must have one volume for each of the {n_scans} rows of the "
            "participants, in their order."
        )
        raise InputError(msg)
    values = np.ascontiguousarray(_missing_as_nan(sample_file(path, domain)).T)
    return values, tuple(f"{path}, volume {n + 1}" for n in range(n_scans))


def _listed(path: Path, participants: pd.DataFrame) -> list[Path]:
    """Return the file of each participant's map, as a table says."""
    table = read_table(path)
    if "path" not in table:
        msg = f"{path} has no column path; its columns are {', '.join(map(str, table))}."
        raise InputError(msg)
    if nameless := [str(n) for n, name in enumerate(table["path"], start=1) if pd.isna(name)]:
        msg = f"{path}: row {', '.join(nameless)} has no path. Fill it in, or remove the row."
        raise InputError(msg)
    keys = ["participant_id", *(["session_id"] if "session_id" in participants else [])]
    try:
        matched = match_maps(participants, table, on=keys)
    except InputError as error:
        both = f"{path} and participants.tsv do not name the same scans"
        raise InputError([f"{both}. {problem}" for problem in error.problems]) from error
    rows = [(str(who), str(name)) for who, name in matched[["participant_id", "path"]].to_numpy()]
    if problems := [f"{path}: {problem}" for problem in of_others(rows)] + _of_kinds(path, rows):
        raise InputError(problems)
    return [path.parent / name for _, name in rows]


def _of_kinds(table: Path, rows: Sequence[tuple[str, str]]) -> list[str]:
    """Say what maps differ in by their names, so that they cannot be compared."""
    problems = []
    for what, kind_of in _KINDS.items():
        people: dict[str, list[str]] = {}
        for who, name in rows:
            if kind := kind_of(Path(name)):
                people.setdefault(kind, []).append(who)
        problems += unlike_names(people, f"{table} names maps of different {what}")
    return problems


def _read_files(files: Sequence[Path], domain: Domain) -> NDArray[np.float64]:
    values = store((len(files), domain.n_places))
    problems: list[str] = []
    for row, file in enumerate(files):
        try:
            values[row] = sample_map(file, domain)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return values
