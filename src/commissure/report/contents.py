"""What a study's output folder holds, as the pages show it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from commissure.files.tables import rows_of
from commissure.inputs.people import EFFECTIVE_DF, MEAN_FD
from commissure.measures import Measure
from commissure.measures.names import UNKNOWN, measure_of_record
from commissure.records.asked import Asked, asked_in, in_order
from commissure.records.runs import Measured
from commissure.records.verdicts import Reason, in_short, in_words
from commissure.render.numbers import with_unit

# Columns that are ours.
_IN_WORDS = {
    MEAN_FD: "mean framewise displacement",
    EFFECTIVE_DF: "effective degrees of freedom",
}
State = Literal["done", "failed", "started", "waiting"]


@dataclass(frozen=True)
class Run:
    """One run of a participant.

    Attributes
    ----------
    name : str
        Its session, task and number, such as "task-rest"; empty if it has none.
    state : {"done", "failed", "started", "waiting"}
    included : bool or None
        Whether it takes part in the comparison; None where that is not decided.
    reasons : tuple of Reason
        Why it does not, and what is only noted.
    measured : Measured or None
    failures : tuple of str
        What went wrong.
    """

    name: str
    state: State
    included: bool | None = None
    reasons: tuple[Reason, ...] = ()
    measured: Measured | None = None
    failures: tuple[str, ...] = ()

    @property
    def known(self) -> dict[str, float | str]:
        """What was measured, by the columns of quality.tsv."""
        return self.measured.known if self.measured else {}

    @property
    def short(self) -> list[str]:
        """Why it does not take part, in a few words each."""
        return in_short([Reason("failed")] if self.failures else self.reasons)

    @property
    def remarks(self) -> str:
        """What went wrong, else the reasons."""
        return " ".join(self.failures) or in_words(self.reasons)


@dataclass(frozen=True)
class Participant:
    """A participant and the runs.

    Attributes
    ----------
    participant_id : str
    page : str
        File name of the page.
    group : str or None
        Where it is known.
    runs : tuple of Run
    """

    participant_id: str
    page: str
    group: str | None
    runs: tuple[Run, ...]

    @property
    def state(self) -> State:
        """Return the state of the participant as a whole: failed if any run is."""
        states = {run.state for run in self.runs}
        for state in ("failed", "started", "waiting"):
            if state in states:
                return "started" if state == "waiting" and "done" in states else state
        return "done" if states else "waiting"

    @property
    def included(self) -> bool | None:
        """Tell whether any run takes part in the comparison; None where that is not decided."""
        decided = [run.included for run in self.runs if run.included is not None]
        return any(decided) if decided else None


@dataclass(frozen=True, eq=False)
class Findings:
    """What the group stage found.

    Attributes
    ----------
    record : mapping
        stats.json.
    tables : mapping of str to DataFrame
        The .tsv files that are there, by their names.
    """

    record: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]

    @property
    def settings(self) -> Mapping[str, Any]:
        """What was asked of the maps."""
        return dict(self.record.get("Settings", {}))

    @property
    def asked(self) -> Asked:
        """The contrast."""
        return asked_in(self.record)

    @property
    def groups(self) -> list[str]:
        """The groups as the contrast names them, the others behind: the order of all tables."""
        names, group = self.record.get("ScansOfGroups", {}), self.settings.get("group", "group")
        return in_order(names, str(group), self.asked.text)

    def meaning(self, level: str) -> str:
        """Return a group with what participants.json says of it: "patient (blepharospasm)"."""
        what = self.record.get("Meanings", {}).get(level, level)
        return level if what.casefold() == level.casefold() else f"{level} ({what})"

    @property
    def measure(self) -> Measure:
        """What the maps are of."""
        return measure_of_record(self.record)

    @property
    def dots(self) -> str:
        """What each dot of a figure is: a participant, or a scan where some have several."""
        people = self.table("participants")
        who = people["participant_id"] if "participant_id" in people else pd.Series(dtype=str)
        return "scan" if who.duplicated().any() else "participant"

    def label(self, column: str) -> str:
        """Return a column of the participants in words, with its unit: "age (year)"."""
        words, units = self.in_words(column), self.record.get("Units", {})
        return with_unit(words, {words: units.get(column, "")})

    def in_words(self, column: str) -> str:
        """Return what a column of ours is."""
        return _IN_WORDS.get(column, column)

    @property
    def statistic(self) -> str:
        """What the maps show: t or F."""
        return "F" if "peak_F" in self.table("clusters") else "t"

    @property
    def criterion(self) -> str:
        """By which p something is significant: size, mass, tfce or voxel."""
        return str(self.settings.get("criterion", "size"))

    @property
    def clusters(self) -> pd.DataFrame:
        """The clusters, without their sub-peaks."""
        table = self.table("clusters")
        return table[table["voxels"].notna()] if "voxels" in table else table

    @property
    def significant(self) -> pd.DataFrame:
        """The significant ones among `clusters`."""
        table = self.clusters
        return table[table["significant"].astype(bool)] if "significant" in table else table

    def table(self, name: str) -> pd.DataFrame:
        """Return a table, empty if it is not there."""
        return self.tables.get(name, pd.DataFrame())

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of a table, none if it is not there."""
        return rows_of(self.table(name))


@dataclass(frozen=True, eq=False)
class Study:
    """All that is known of a study.

    Attributes
    ----------
    name : str
        Of the dataset, else of the output folder.
    participants : tuple of Participant
    findings : Findings or None
        None as long as the groups are not compared.
    group_failures : tuple of str
        Why they could not be.
    settings : mapping
        Tables of settings.json.
    source : str or None
        Where the input lies.
    versions : mapping of str to str
    changed : str
        When the last step was finished.
    methods, references : str
        Text of the methods section and its references (BibTeX).
    problems : tuple of str
        What could not be read.
    planned : Measure
        What the maps will be of, before there are findings.
    stale : tuple of str
        Settings of the group stage that were changed after it: what it was, what it is.
    notes : tuple of str
        What was told of the input when it was last run.
    made_here : bool
        Whether the maps are, or will be, made of series, and not by others.
    """

    name: str
    participants: tuple[Participant, ...]
    findings: Findings | None = None
    group_failures: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    source: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    changed: str = ""
    methods: str = ""
    references: str = ""
    problems: tuple[str, ...] = ()
    planned: Measure = UNKNOWN
    stale: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    made_here: bool = True

    @property
    def unfinished(self) -> list[Participant]:
        """The participants who are still to be done, in part or wholly."""
        return [who for who in self.participants if who.state in ("waiting", "started")]

    @property
    def measure(self) -> Measure:
        """What the maps are of, or will be."""
        return self.findings.measure if self.findings else self.planned

    def in_state(self, state: State) -> list[Participant]:
        """Return the participants in a state."""
        return [who for who in self.participants if who.state == state]
