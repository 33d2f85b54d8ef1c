"""Which runs of a folder are wanted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from commissure.problems import InputError

# Of many names as many are listed.
_LISTED = 12


# What has a setting of its own; other entities stand in the table `entities`.
ENTITIES_WITH_SETTINGS = {"task": "task", "acq": "acquisition", "echo": "echo"}
_NO_CHOICE = {
    "sub": "participants are chosen by --participant-label",
    "ses": "sessions have a setting of their own, sessions",
    "run": "runs have a setting of their own, runs",
    "task": "the task has a setting of its own, task",
    "echo": "the echo has a setting of its own, echo",
    "space": "the space has a setting of its own, space",
    "res": 'the resolution belongs to the space, space = "MNI152NLin6Asym:res-2"',
    "desc": "desc has a setting of its own, desc",
    "part": "magnitude images are taken, never the phase",
}


@dataclass(frozen=True)
class Selection:
    """Which runs of a dataset; see `commissure.inputs.axes` for what is taken of several.

    Attributes
    ----------
    participant_labels, sessions, runs : tuple of str, optional
        With or without "sub-", "ses-", "run-"; all by default.
    task : str, optional
    echo : str, optional
        Which echo of multi-echo runs.
    acquisition : str, optional
        The label after "acq-".
    entities : mapping of str to str or sequence of str
        The labels of other entities: ``{"dir": "AP"}``. Several say that these runs are alike;
        "" is those whose names lack the entity.
    t1w : str, optional
        Entities in the name of the T1w image of raw runs: "acq-mprage", "acq-mprage_run-2".
    """

    participant_labels: tuple[str, ...] | None = None
    sessions: tuple[str, ...] | None = None
    runs: tuple[str, ...] | None = None
    task: str | None = None
    echo: str | None = None
    acquisition: str | None = None
    entities: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    t1w: str | None = None

    def __post_init__(self) -> None:
        problems = [
            f"[input] entities: {key} cannot be chosen there; {_NO_CHOICE[key]}."
            for key in self.entities
            if key in _NO_CHOICE
        ]
        if self.acquisition is not None and "acq" in self.entities:
            problems.append("[input] entities: acq is chosen by acquisition too. Leave out one.")
        if problems:
            raise InputError(problems)

    @property
    def asked(self) -> dict[str, frozenset[str]]:
        """The labels that are asked for, by entity, but for participants, sessions and runs."""
        asked = {"task": self.task, "acq": self.acquisition, "echo": self.echo}
        single = {key: (label,) for key, label in asked.items() if label is not None}
        several = {
            key: (labels,) if isinstance(labels, str) else labels
            for key, labels in self.entities.items()
        }
        return {
            key: frozenset(bare(key, label) for label in labels)
            for key, labels in (single | several).items()
        }

    def participants(self, existing: Iterable[str], where: Path) -> tuple[list[str], list[str]]:
        """Return the wanted of the existing participants, sorted, and what is not there."""
        names: dict[str, list[str]] = {}
        for name in sorted(existing):
            names.setdefault(bare("sub", name), []).append(name)
        every = [name for alike in names.values() for name in alike]
        if self.participant_labels is None:
            return sorted(every), []
        wanted = dict.fromkeys(bare("sub", label) for label in self.participant_labels)
        problems = [
            f"{where} has no participant sub-{label}. {_meant(label, every)}"
            for label in sorted(wanted)
            if label not in names
        ]
        return sorted(name for label in wanted for name in names.get(label, ())), problems

    def takes(self, entities: Mapping[str, str | None]) -> bool:
        """Tell whether a run with these BIDS entities is wanted."""
        return (
            all(bare(key, entities.get(key) or "") in labels for key, labels in self.asked.items())
            and _among(entities.get("ses"), "ses", self.sessions)
            and _among(entities.get("run"), "run", self.runs)
        )

    def __str__(self) -> str:
        names = {"task": "task", "acq": "acquisition", "echo": "echo"}
        said = [
            f"{names.get(key, key)} {' or '.join(sorted(labels)) or 'not in the name'}"
            for key, labels in self.asked.items()
        ]
        for what, labels in (("session", self.sessions), ("run", self.runs)):
            said += [f"{what} {', '.join(sorted(labels))}"] if labels else []
        return ", ".join(said) or "any task, session and run"


def _meant(label: str, every: Sequence[str]) -> str:
    """Say what there is, and whether a label is one of them but for case or leading zeros."""
    if alike := alike_labels(label, every):
        return f"Is {' or '.join(alike)} meant? Labels are compared with their zeros and case."
    return f"It has: {listed(every)}."


def alike_labels(label: str, every: Iterable[str]) -> list[str]:
    """Return the participants whose names are a label but for case or leading zeros."""

    def plain(name: str) -> str:
        return bare("sub", name.lower()).lstrip("0")

    return [name for name in every if plain(name) == plain(label)]


def bare(entity: str, label: str) -> str:
    """Return a label without its prefix; of runs and echoes also without leading zeros."""
    label = label.removeprefix(f"{entity}-")
    return label.lstrip("0") or "0" if entity in ("run", "echo") and label else label


def listed(names: Iterable[str]) -> str:
    """Return names for a message, the first ones if they are many."""
    every = list(names)
    more = len(every) - _LISTED
    return ", ".join(every[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _among(label: str | None, entity: str, wanted: tuple[str, ...] | None) -> bool:
    if wanted is None:
        return True
    return label is not None and bare(entity, label) in {bare(entity, one) for one in wanted}
