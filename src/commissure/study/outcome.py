"""How a study went."""

from dataclasses import dataclass, field

from commissure.study.group.compared import Judged
from commissure.study.group.stage import GroupOutcome


@dataclass
class StudyOutcome:
    """How a study went.

    Attributes
    ----------
    notes : tuple of str
        What was chosen of the input without being asked for, and what scans differ in.
    n_done : int
        Participants that had nothing left to be done before.
    judged : list of Judged
        All runs.
    errors : dict of str to str
        Participants that could not be worked on for a reason that is not in their ledger: defects
        of commissure, processes that were killed.
    group : GroupOutcome or None
    group_problems : tuple of str
        Why there is none.
    """

    notes: tuple[str, ...] = ()
    n_done: int = 0
    judged: list[Judged] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    group: GroupOutcome | None = None
    group_problems: tuple[str, ...] = ()

    @property
    def failed(self) -> dict[str, str]:
        """Participants with a run that could not be finished, and why."""
        failed = {
            j.result.scan.participant_id: " ".join(said)
            for j in self.judged
            if (said := (*j.result.problems, *j.result.problems_beside))
        }
        return failed | self.errors
