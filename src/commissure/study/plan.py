"""What is to be run of a study."""

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from commissure.inputs import Scan
from commissure.settings.tables import StudySettings
from commissure.study.participant.job import Job
from commissure.study.participant.steps import PARTICIPANT, RunWork
from commissure.study.step import Step

AnalysisLevel = Literal["participant", "group", "all"]


@dataclass(frozen=True)
class StudyPlan:
    """What is to be run.

    Attributes
    ----------
    input_dir : Path
    out_dir : Path
    work_dir : Path
    settings : StudySettings
    scans : tuple of Scan
    participants : Path, optional
        participants.tsv; needed by the group stage only.
    command : tuple of str
        The arguments of the command line, for provenance.json.
    whole : bool
        Whether these are all participants that the input has.
    pipeline : tuple of Step
        What is to be done of each run.
    """

    input_dir: Path
    out_dir: Path
    work_dir: Path
    settings: StudySettings
    scans: tuple[Scan, ...]
    participants: Path | None
    command: tuple[str, ...] = ()
    whole: bool = False
    pipeline: tuple[Step[RunWork, Any], ...] = PARTICIPANT

    @property
    def jobs(self) -> list[Job]:
        """One for each participant, in order."""
        ordered = sorted(self.scans, key=lambda scan: scan.participant_id)
        return [
            Job(who, tuple(scans), self.out_dir, self.work_dir, self.settings, self.pipeline)
            for who, scans in groupby(ordered, key=lambda scan: scan.participant_id)
        ]
