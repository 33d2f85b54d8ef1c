"""The group stage of a study: its steps, each once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from commissure.inference import NullMaker
from commissure.inputs.people import Participants, understood
from commissure.problems import InputError
from commissure.settings.tables import StudySettings
from commissure.study.group.compared import (
    Judged,
    excluded_people,
    of_subset,
    scans_of,
)
from commissure.study.group.inputs import named_columns
from commissure.study.group.people import rows_of, subset_text, with_freedom, with_motion
from commissure.study.group.steps import GROUP, PARTNERS, GroupWork
from commissure.workspace.ledger import Ledger
from commissure.workspace.paths import GROUP_FOLDER


@dataclass(frozen=True)
class GroupOutcome:
    """What the group stage did.

    Attributes
    ----------
    n_scans : int
    n_clusters, n_significant : int
    regions_told : str
        How many of the regions named beforehand are significant; empty without any.
    notes : tuple of str
    caution : str
        Why what is significant is no finding by itself; may be empty.
    """

    n_scans: int
    n_clusters: int
    n_significant: int
    regions_told: str
    notes: tuple[str, ...]
    caution: str = ""


def run_group(
    judged: Sequence[Judged],
    people: Participants,
    out_dir: Path,
    settings: StudySettings,
    *,
    n_threads: int | None = None,
    max_memory: int | None = None,
    progress: Callable[[str, float], None] | None = None,
    null_by: NullMaker | None = None,
) -> GroupOutcome:
    """Compare those who are included; nothing is done again that is done already.

    Parameters
    ----------
    judged : sequence of Judged
        All runs of the study.
    people : Participants
    out_dir : Path
    settings : StudySettings
    n_threads, max_memory : int, optional
    progress : callable, optional
        Called with what is being done and the share that is done.
    null_by : callable, optional
        See `commissure.inference.permutation_test`.

    Raises
    ------
    InputError
        With every problem that was found.
    """
    work = replace(
        _work(judged, people, out_dir, settings),
        n_threads=n_threads,
        max_memory=max_memory,
        progress=progress,
        null_by=null_by,
    )
    ledger = Ledger(out_dir, GROUP_FOLDER)
    names: list[str] = []
    facts: dict[str, dict[str, Any]] = {}
    key = ""
    ledger.clear_staging()
    for step in GROUP:
        name = step.name(work)
        if name is None or (step is PARTNERS and not settings.maps.of_group):
            continue
        key = step.key(work, settings, ledger.stamp, key)
        chosen = step.chosen(settings, work)
        facts[step.made] = ledger.do(name, key, partial(step.make, work, chosen))
        names.append(name)
        if step is PARTNERS:
            work = work.mapped(key)
    ledger.keep_only(names)
    found = facts["findings"]
    return GroupOutcome(**found | {"notes": tuple(found["notes"])})


def _work(
    judged: Sequence[Judged], people: Participants, out_dir: Path, settings: StudySettings
) -> GroupWork:
    """Return who is compared."""
    included = [run for run in judged if run.verdict.included]
    if not included:
        msg = "Nobody is included in the group stage; see quality.tsv for the reasons."
        raise InputError(msg)
    asked = settings.group
    compared = of_subset(included, people, asked)
    scans = scans_of(compared, asked)
    excluded = excluded_people(judged, people, asked)
    people = rows_of([key for key, _ in scans], people)
    motion = [[run.verdict.measured.mean_fd_jenkinson for run in runs] for _, runs in scans]
    people = with_motion(understood(people, named_columns(asked)), motion, asked)
    people = with_freedom(people, [[run.verdict.measured for run in of] for _, of in scans], asked)
    if asked.subset:
        of = f"{len(compared)} of {len(included)} runs"
        note = f"{subset_text(asked.subset)} are compared: {of}."
        people = replace(people, notes={**people.notes, "participant_id": note})
    return GroupWork(judged, scans, people, excluded, out_dir)
