"""Whether the scans of a study are alike in what their headers say.

Runs of one participant and session are averaged: they must have been acquired alike. Participants
are compared: where these differ, it is told, for the map of a scan depends on its degrees of
freedom, and so on its length, repetition time and resolution.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from nibabel.affines import voxel_sizes

from commissure.files.images import load_image
from commissure.inputs.copies import copies
from commissure.inputs.scan import Scan
from commissure.inputs.selection import listed
from commissure.problems import InputError, once_each
from commissure.space.grid import Grid, same_grid

_LOG = logging.getLogger(__name__)

# Of the longest run; a shorter one was stopped, or is of another kind.
_SHORTEST = 0.5
# A difference in length up to it (a run without its dummy volumes) is not worth telling.
_ALIKE_LENGTH = 0.9
_DIGITS = 3

_WHY = (
    "Maps depend on it by chance alone (degrees of freedom): see that groups do not differ in it, "
    "or compare only those who are alike"
)


@dataclass(frozen=True)
class _Facts:
    """What a header tells of how a run was acquired."""

    scan: Scan
    tr: float
    matrix: tuple[int, ...]
    voxel: tuple[float, ...]
    n_volumes: int
    places: Grid

    @property
    def grid(self) -> str:
        return (
            f"{' x '.join(map(str, self.matrix))} voxels of "
            f"{' x '.join(f'{size:g}' for size in self.voxel)} mm"
        )


def unlike(scans: Sequence[Scan]) -> tuple[list[str], list[str]]:
    """Compare scans by their headers.

    Returns
    -------
    problems : list of str
        Runs that would be averaged and are not alike; files that are there for two.
    notes : list of str
        What participants differ in.
    """
    facts = [_facts_of(scan) for scan in scans]
    problems = [*copies(scans), *_spaces(scans)]
    notes: list[str] = []
    ordered = sorted(facts, key=lambda fact: _averaged(fact.scan))
    for _, group in groupby(ordered, key=lambda fact: _averaged(fact.scan)):
        found, told = _within(list(group))
        problems += found
        notes += told
    # One problem with each run is enough.
    if not problems:
        notes += _between(facts)
    notes += _sessions(scans)
    for note in notes:
        _LOG.warning("%s", note)
    return problems, notes


def check_alike(scans: Sequence[Scan]) -> tuple[str, ...]:
    """Return what was chosen of the input unasked, and what participants differ in.

    What should be known of single scans is logged; it stands in the sidecars of their series too.

    Raises
    ------
    InputError
        If runs that would be averaged are not alike, or one file is there for two.
    """
    problems, notes = unlike(scans)
    if problems:
        raise InputError(problems)
    for said in once_each(said for scan in scans for said in scan.warnings):
        _LOG.warning("%s", said)
    return tuple(dict.fromkeys([note for scan in scans for note in scan.notes] + notes))


def _averaged(scan: Scan) -> tuple[str, str]:
    return scan.participant_id, scan.session or ""


def _facts_of(scan: Scan) -> _Facts:
    img = load_image(scan.bold)
    # Towards right, front and top: how a grid is stored makes no difference.
    grid = Grid.of(img)
    return _Facts(
        scan,
        round(scan.tr, _DIGITS),
        grid.shape,
        tuple(round(float(size), 2) for size in voxel_sizes(grid.affine)),
        img.shape[3] if img.ndim > 3 else 1,
        grid,
    )


def _within(runs: Sequence[_Facts]) -> tuple[list[str], list[str]]:
    """Compare the runs of a participant and session."""
    names = f"{', '.join(run.scan.name for run in runs)} would be averaged"
    choose = "Choose the runs that belong together ([input] runs, or .bidsignore the others)"
    problems = [f"{names}, but {why}. {choose}." for why in _labels_of_runs(runs)]
    different: dict[str, Callable[[_Facts], str]] = {
        "repetition times": lambda run: f"{run.tr:g} s" if run.tr else "not told",
        "grids": lambda run: run.grid,
        "kinds": lambda run: run.scan.kind,
        "spaces": lambda run: str(run.scan.space),
    }
    for what, value_of in different.items():
        values = list(dict.fromkeys(map(value_of, runs)))
        if len(values) > 1:
            problems.append(f"{names}, and have different {what} ({'; '.join(values)}). {choose}.")
    # Heads lie otherwise in each raw run; what is done to them brings them to one grid.
    others = [run.places for run in runs if not same_grid(run.places, runs[0].places)]
    if others and not problems and runs[0].scan.kind != "raw":
        where = f"{runs[0].places}; {others[0]}"
        problems.append(f"{names}, and lie on different grids ({where}). {choose}.")
    lengths = sorted(run.n_volumes for run in runs)
    said = f"{names}, and have {lengths[0]} to {lengths[-1]} volumes"
    if lengths[0] < _SHORTEST * lengths[-1]:
        problems.append(f"{said}: the shorter must have been stopped. {choose}.")
    elif lengths[0] < _ALIKE_LENGTH * lengths[-1]:
        return problems, [f"{said}: each counts as much as it has volumes."]
    return problems, []


def _labels_of_runs(runs: Sequence[_Facts]) -> list[str]:
    """Say which labels of runs do not tell whether they are two runs or one twice."""
    found = []
    for task in dict.fromkeys(run.scan.task for run in runs):
        labels = [run.scan.run for run in runs if run.scan.task == task]
        if None in labels and any(labels):
            found.append("one has no run- label: it may be one of the others under another name")
        numbers = [int(label) for label in labels if label is not None and label.isdecimal()]
        if len(set(numbers)) < len(numbers):
            found.append("two have the same number (run-1 is run-01): one may be a copy")
    return found


def _between(facts: Sequence[_Facts]) -> list[str]:
    """Say in what participants differ."""
    series = [fact for fact in facts if fact.scan.kind != "map"]
    notes = []
    what: dict[str, Callable[[_Facts], str]] = {
        "repetition time": lambda fact: f"{fact.tr:g} s" if fact.tr else "not told",
        "resolution": lambda fact: f"{' x '.join(f'{size:g}' for size in fact.voxel)} mm",
    }
    for name, value_of in what.items():
        people = _people(series, value_of)
        if len(people) > 1:
            notes.append(f"Scans differ in {name}: {_by_value(people)}. {_WHY}.")
    lengths = [fact.n_volumes for fact in series]
    if lengths and min(lengths) < _ALIKE_LENGTH * max(lengths):
        usual = int(np.median(lengths))
        people = _people(
            series,
            lambda fact: (
                f"{fact.n_volumes} volumes"
                if abs(fact.n_volumes - usual) > (1 - _ALIKE_LENGTH) * usual
                else f"about {usual} volumes"
            ),
        )
        notes.append(f"Scans differ in length: {_by_value(people)}. {_WHY}.")
    return notes


def _people(
    facts: Iterable[_Facts], value_of: Callable[[_Facts], str]
) -> dict[str, dict[str, None]]:
    people: dict[str, dict[str, None]] = {}
    for fact in facts:
        people.setdefault(value_of(fact), {})[fact.scan.participant_id] = None
    return people


def _by_value(people: dict[str, dict[str, None]]) -> str:
    """Say who has which value, the most frequent first and as a number only."""
    most, *others = sorted(people.items(), key=lambda item: -len(item[1]))
    return "; ".join(
        [f"{most[0]} ({len(most[1])} participants)"]
        + [f"{value} ({listed(who)})" for value, who in others]
    )


def _spaces(scans: Sequence[Scan]) -> list[str]:
    """Say that scans are in several template spaces."""
    people: dict[str, dict[str, None]] = {}
    for scan in scans:
        if scan.space:
            people.setdefault(scan.space, {})[scan.participant_id] = None
    if len(people) < 2:
        return []
    msg = (
        f"Scans are in different spaces, where the same place is not the same: {_by_value(people)}."
        " Take all in one space, or leave the others out."
    )
    return [msg]


def _sessions(scans: Sequence[Scan]) -> list[str]:
    """Say where participants have not the same sessions."""
    of_person: dict[str, set[str]] = {}
    for scan in scans:
        of_person.setdefault(scan.participant_id, set()).add(scan.session or "none")
    people: dict[str, dict[str, None]] = {}
    for person, sessions in of_person.items():
        people.setdefault(", ".join(sorted(sessions)), {})[person] = None
    if len(people) < 2:
        return []
    return [f"Participants have different sessions: {_by_value(people)}."]
