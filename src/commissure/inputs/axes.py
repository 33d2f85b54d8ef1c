"""What runs must be alike in by name before they are averaged or compared.

Participant, session and run may differ: repetitions are averaged, people are compared. In every
other entity of their names (task, acquisition, direction, echo, ...) runs must be alike: it is
chosen, or there is one label only, or nothing is read.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from commissure.inputs.selection import ENTITIES_WITH_SETTINGS, Selection, bare, listed

_LOG = logging.getLogger(__name__)

_REPEATED = ("sub", "ses", "run")
# Magnitude and phase of one run; the phase is never taken. How a file was made is chosen elsewhere.
_OF_FILES = ("part", "space", "cohort", "res", "den", "hemi", "stat", "desc")
_PLURALS = {
    "task": "tasks",
    "acq": "acquisitions",
    "ce": "contrast agents",
    "rec": "reconstructions",
    "dir": "directions of phase encoding",
    "echo": "echoes",
}
_COMBINE = "; or combine them first (for example with tedana)"

Entities = Mapping[str, str | None]


@dataclass(frozen=True)
class Chosen:
    """Which runs are alike in all that may not differ.

    Attributes
    ----------
    places : tuple of int
        Of the runs that are taken, among all.
    problems : tuple of str
        What must be chosen, and how; who was asked for and has no run.
    notes : tuple of str
        What was chosen without being asked for; who is left out.
    """

    places: tuple[int, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def choose(
    runs: Sequence[Entities],
    selection: Selection,
    wanted: Sequence[str],
    where: Path,
    *,
    combined_echoes: bool = False,
) -> Chosen:
    """Choose the runs that were asked for, alike in all but participant, session and run.

    Parameters
    ----------
    runs : sequence of mapping of str to str
        The BIDS entities of the runs of all the participants; "sub" at least.
    selection : Selection
        What it asks for is alike: several labels of an entity may be named.
    wanted : sequence of str
        Participants; who of them has no such run is told, or a problem if it was asked for.
    where : Path
        The input, for messages.
    combined_echoes : bool
        Whether a run without "echo-" is the one that its echoes were combined to.
    """
    taken = [place for place, entities in enumerate(runs) if selection.takes(entities)]
    problems: list[str] = []
    notes: list[str] = []
    open_axes: list[str] = []
    for axis in _axes([runs[place] for place in taken], selection):
        labels = _labels([runs[place] for place in taken], axis, open_axes)
        if len(labels) < 2:
            continue
        who = _who([runs[place] for place in taken], axis)
        preferred = _preferred(axis, labels, combined_echoes=combined_echoes)
        if preferred is not None:
            taken = [place for place in taken if (runs[place].get(axis) or "") == preferred]
            # Single echoes beside the combined ones are no runs that anybody would miss.
            if axis == "task":
                selection = replace(selection, task=preferred)
                notes.append(_task_note(where, preferred, labels))
        elif (
            axis not in ("acq", "echo") and "" in labels and len(labels) == 2 and not _has_both(who)
        ):
            # Nothing says that these were acquired otherwise (acq- does), nobody's are averaged.
            notes.append(_unlabelled(where, axis, labels[1], who))
        else:
            open_axes.append(axis)
            problems.append(_problem(where, axis, labels, who))
    having = {bare("sub", runs[place].get("sub") or "") for place in taken}
    lacking = [name for name in wanted if bare("sub", name) not in having]
    if lacking and selection.participant_labels is not None:
        problems.append(
            f"{_have(lacking)} no BOLD run that matches {selection}. Leave out who has none "
            "(--participant-label), or ask for less."
        )
    elif lacking and taken:
        notes.append(f"{_have(lacking)} no BOLD run that matches {selection}: left out.")
    notes += _of_other_tasks([runs[place] for place in taken], selection, where)
    for note in notes:
        _LOG.warning("%s", note)
    return Chosen(tuple(taken), tuple(problems), tuple(notes))


def _axes(runs: Iterable[Entities], selection: Selection) -> list[str]:
    """Return the entities that nothing was asked of, in the order in which they are looked at."""
    found = {key for entities in runs for key in entities}
    found -= {*_REPEATED, *_OF_FILES, *selection.asked}
    known = [key for key in _PLURALS if key in found]
    return known + sorted(found - set(known))


def _labels(runs: Iterable[Entities], axis: str, open_axes: Sequence[str]) -> list[str]:
    """Return the labels of an axis, one if they only follow those of axes that are open anyway."""
    groups: dict[tuple[str | None, ...], set[str]] = {}
    for entities in runs:
        key = tuple(entities.get(other) for other in open_axes)
        groups.setdefault(key, set()).add(entities.get(axis) or "")
    most = max(groups.values(), key=len)
    return sorted(most)


def _preferred(axis: str, labels: Sequence[str], *, combined_echoes: bool) -> str | None:
    if axis == "task":
        rest = [label for label in labels if _is_rest(label)]
        return rest[0] if len(rest) == 1 else None
    return "" if axis == "echo" and combined_echoes and "" in labels else None


def _is_rest(task: str) -> bool:
    return task.lower().startswith("rest")


def _who(runs: Iterable[Entities], axis: str) -> dict[str, list[str]]:
    """Return which participants have runs of each label."""
    who: dict[str, set[str]] = {}
    for entities in runs:
        person = f"sub-{bare('sub', entities.get('sub') or '')}"
        who.setdefault(entities.get(axis) or "", set()).add(person)
    return {label: sorted(people) for label, people in who.items()}


def _has_both(who: Mapping[str, Sequence[str]]) -> bool:
    """Tell whether anybody has runs of two labels."""
    every = [person for people in who.values() for person in people]
    return len(set(every)) < len(every)


def _task_note(where: Path, task: str, labels: Sequence[str]) -> str:
    others = [label for label in labels if label != task]
    return (
        f"{where} has runs of several tasks: {task} is taken, {listed(others)} left out. For "
        f"another: {_setting('task', others[0])}."
    )


def _of_other_tasks(runs: Iterable[Entities], selection: Selection, where: Path) -> list[str]:
    tasks = {entities.get("task") or "" for entities in runs}
    if "task" in selection.asked or len(tasks) != 1 or any(map(_is_rest, tasks)) or "" in tasks:
        return []
    return [f"The only task of {where} is {min(tasks)}; CFH is meant for scans at rest."]


def _unlabelled(where: Path, axis: str, label: str, who: Mapping[str, Sequence[str]]) -> str:
    return (
        f"{where}: the names of the runs of {listed(who[''])} lack {axis}-, and those of "
        f"{listed(who[label])} have {axis}-{label}: they are taken to be alike. If they are not, "
        f"choose: {_setting(axis, label)}."
    )


def _problem(
    where: Path, axis: str, labels: Sequence[str], who: Mapping[str, Sequence[str]]
) -> str:
    everybody = {person for people in who.values() for person in people}
    fewest = min(labels, key=lambda label: len(who[label]))
    named = f"({', '.join(filter(None, labels))})"
    named += f" and some without {axis}- in their names" * ("" in labels)
    if len(who[fewest]) == len(everybody):
        spread = (
            f"{listed(sorted(everybody))} {'have' if len(everybody) > 1 else 'has'} all of them"
        )
    else:
        spread = (
            f"{len(who[fewest])} of {len(everybody)} participants have "
            f"{fewest or 'none'} ({listed(who[fewest])})"
        )
    more = _COMBINE if axis == "echo" else ""
    if axis not in ("task", "echo"):
        every = ", ".join(f'"{label}"' for label in labels)
        more = f"; if they are alike but for the name, name all: entities = {{{axis} = [{every}]}}"
    return (
        f"{where} has runs of several {_PLURALS.get(axis, f'labels {axis}-')} "
        f"{named}, which would be averaged or compared as if they were alike: "
        f"{spread}. Choose one: {_setting(axis, next(filter(None, labels)))}{more}."
    )


def _have(names: Sequence[str]) -> str:
    return f"{listed(names)} {'has' if len(names) == 1 else 'have'}"


def _setting(axis: str, label: str) -> str:
    if axis in ENTITIES_WITH_SETTINGS:
        name = ENTITIES_WITH_SETTINGS[axis]
        return f'[input] {name} = "{label}" (--{name} {label})'
    return f'[input] entities = {{{axis} = "{label}"}} (--entity {axis}={label})'
