"""Which runs of a folder are wanted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

# Of many names as many are listed.
_LISTED = 12


@dataclass(frozen=True)
class Selection:
    """Which runs of a dataset; all by default.

    Attributes
    ----------
    participant_labels, sessions, runs : tuple of str, optional
        With or without "sub-", "ses-", "run-".
    task : str, optional
    echo : str, optional
        Which echo of multi-echo runs.
    acquisition : str, optional
        The label after "acq-".
    """

    participant_labels: tuple[str, ...] | None = None
    sessions: tuple[str, ...] | None = None
    runs: tuple[str, ...] | None = None
    task: str | None = None
    echo: str | None = None
    acquisition: str | None = None

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
            f"{where} has no participant sub-{label}. It has: {listed(every)}."
            for label in sorted(wanted)
            if label not in names
        ]
        return sorted(name for label in wanted for name in names.get(label, ())), problems

    def takes(self, entities: Mapping[str, str | None]) -> bool:
        """Tell whether a run with these BIDS entities is wanted; of the echoes all are."""
        asked = {"task": self.task, "acq": self.acquisition}
        return (
            all(
                label is None or entities.get(key) == bare(key, label)
                for key, label in asked.items()
            )
            and _among(entities.get("ses"), "ses", self.sessions)
            and _among(entities.get("run"), "run", self.runs)
        )

    def __str__(self) -> str:
        said = [f"task {bare('task', self.task)}"] if self.task else []
        said += [f"acquisition {bare('acq', self.acquisition)}"] if self.acquisition else []
        for what, labels in (("session", self.sessions), ("run", self.runs)):
            said += [f"{what} {', '.join(sorted(labels))}"] if labels else []
        return ", ".join(said) or "any task, session and run"


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
