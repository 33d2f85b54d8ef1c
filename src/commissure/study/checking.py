"""All that can be told of a study before anything is computed."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from commissure.executors import Executor, LocalExecutor, Task
from commissure.inputs import check_alike, find_participants
from commissure.inputs.people import Participants, read_participants, unknown_columns
from commissure.inputs.regions import region_problems
from commissure.problems import Gathered, InputError
from commissure.settings.tables import StudySettings
from commissure.study.group.inputs import named_columns
from commissure.study.group.laterality import check_laterality
from commissure.study.group.people import check_people
from commissure.study.identity import check_claim
from commissure.study.matching import check_match
from commissure.study.participant.clean_files import own_folder
from commissure.study.participant.domain import check_places
from commissure.study.participant.job import Job, is_done, memory_of
from commissure.study.participant.preprocessed import check_confounds
from commissure.study.plan import AnalysisLevel, StudyPlan
from commissure.workspace.ledger import check_unchanged
from commissure.workspace.left import are_few
from commissure.workspace.paths import GROUP_FOLDER, STATE_FOLDER, inside
from commissure.workspace.places import check_place


def check_study(
    study: StudyPlan, stage: AnalysisLevel
) -> tuple[tuple[str, ...], Participants | None]:
    """Check all that a study is given, but for where it is to write.

    Doubts that stop nothing are logged.

    Parameters
    ----------
    study : StudyPlan
    stage : {"participant", "group", "all"}

    Returns
    -------
    notes : tuple of str
        What scans differ in.
    people : Participants or None
        Of the group stage.

    Raises
    ------
    InputError
        With every problem.
    """
    gathered = Gathered()
    gathered.problems += region_problems(study.settings.group.rois)
    for label, maps in study.settings.of_measures.items():
        gathered.run(partial(check_places, study.scans, maps, label))
    if stage != "participant":
        spaces = [scan.clean_space for scan in study.scans]
        gathered.run(lambda: check_laterality(spaces, study.settings.group))
    gathered.run(lambda: check_match(study.jobs, whole=stage == "all"))
    notes = gathered.run(lambda: check_alike(study.scans))
    people = None if stage == "participant" else gathered.run(lambda: _people(study))
    if stage != "group" and not (study.out_dir / STATE_FOLDER).exists():
        # What is done already is not read again; it is known once the folder is claimed.
        gathered.run(lambda: check_confounds_of(study.jobs))
    gathered.tell()
    return notes or (), people


def check_folder(study: StudyPlan) -> None:
    """Check where a study is to write, and that what it wrote is as it was.

    Raises
    ------
    InputError
        With every problem.
    """
    check_claim(study.out_dir, study.input_dir, study.scans)
    if study.out_dir not in study.work_dir.parents:
        check_work_dir(study)
    for scan in study.scans:
        inside(study.out_dir, own_folder(scan), "func")  # and not, by a link, in somebody's scans
    if (study.out_dir / STATE_FOLDER).exists():
        names = [*(job.participant_id for job in study.jobs), "study", GROUP_FOLDER]
        if study.whole or are_few(study.out_dir):  # one of many jobs need not look at all pages
            names.append("report")
        check_unchanged(study.out_dir, names)


def check_work_dir(study: StudyPlan) -> None:
    """Check a folder for work in hand that was named: it is not to lie among somebody's scans.

    Raises
    ------
    InputError
    """
    try:
        check_place(study.work_dir, study.input_dir, (scan.bold for scan in study.scans))
    except InputError as error:
        raise InputError(f"--work-dir: {problem}" for problem in error.problems) from error


def check_all(study: StudyPlan, stage: AnalysisLevel, executor: Executor) -> list[Job]:
    """Check a study and where it writes, and return what is left to be done of its participants.

    Raises
    ------
    InputError
        With every problem.
    """
    gathered = Gathered()
    gathered.run(lambda: check_study(study, stage))
    n_before = len(gathered.problems)
    gathered.run(lambda: check_folder(study))
    left = [] if stage == "group" else study.jobs
    if len(gathered.problems) == n_before and (study.out_dir / STATE_FOLDER).exists():
        left = [job for job in left if not is_done(job)]
        gathered.run(lambda: check_confounds_of(left))
    if isinstance(executor, LocalExecutor):
        gathered.run(lambda: executor.n_at_once(tasks_of(left)))
    gathered.tell()
    return left


def tasks_of(jobs: Sequence[Job]) -> list[Task]:
    """Return jobs as tasks, with the memory that each needs."""
    return [Task(job.participant_id, job, memory_of(job)) for job in jobs]


def check_confounds_of(jobs: Sequence[Job]) -> None:
    """Check the tables of confounds of what is to be done; see `check_confounds`."""
    if jobs:
        settings, scans = jobs[0].settings, [scan for job in jobs for scan in job.scans]
        strategy, rules = settings.input.confounds, settings.quality
        check_confounds(scans, settings.preprocessing, strategy, rules)


def check_table(input_dir: Path, participants: Path | None, settings: StudySettings) -> None:
    """Check the participants' table alone, where there are no scans to hold it against.

    Raises
    ------
    InputError
        With every problem.
    """
    people = read_participants(participants or find_participants(input_dir))
    if problems := unknown_columns(people, named_columns(settings.group)):
        raise InputError(problems)


def _people(study: StudyPlan) -> Participants:
    if study.participants is None:
        msg = "The group stage needs participants.tsv. Give it with --participants."
        raise InputError(msg)
    people = read_participants(study.participants)
    if problems := check_people(people, study.scans, study.settings):
        raise InputError(problems)
    return people
