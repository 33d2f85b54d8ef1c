"""To how many degrees of freedom the runs of a study are matched."""

from collections.abc import Sequence
from dataclasses import replace

from commissure.inputs.sidecars import EFFECTIVE_DF
from commissure.problems import InputError
from commissure.records.verdicts import Verdict
from commissure.settings.tables import StudySettings
from commissure.study.participant.job import Job
from commissure.study.verdict_files import read_verdicts


def check_match(jobs: Sequence[Job], *, whole: bool) -> None:
    """Raise if runs are to be matched and it is not known to what.

    Parameters
    ----------
    jobs : sequence of Job
        Of all participants.
    whole : bool
        Whether all of the study is done at once, so that all runs are clean before one is mapped.

    Raises
    ------
    InputError
        With each run whose degrees of freedom nobody knows; if not all is done at once, with those
        of earlier runs, to choose from.
    """
    settings = jobs[0].settings
    if not _maps(jobs) or (settings.maps.matched_df is None and not settings.maps.waits):
        return
    table = settings.measure  # no other can be matched
    problems = [
        f"{scan.bold} is a map that was made before: [{table}] match cannot change it. Leave "
        "match out."
        if scan.kind == "map"
        else f"{scan.bold} has no {EFFECTIVE_DF} in its sidecar, which [{table}] match needs. Add "
        "it, or leave match out."
        for job in jobs
        for scan in job.scans
        if scan.kind == "map" or (scan.kind == "clean" and EFFECTIVE_DF not in scan.metadata)
    ]
    if settings.maps.waits and not whole:
        known = _degrees_of_freedom(read_verdicts(jobs[0].out_dir))
        there_is = (
            f"quality.tsv has {min(known):.6g} to {max(known):.6g} of the runs that are included"
            if known
            else "effective_df in quality.tsv will tell how many the runs have"
        )
        problems.append(
            f"[{table}] match needs match_df where the stages are run one by one: without it, runs "
            f"are matched to the least of all, which is known when all are clean. {there_is}."
        )
    if problems:
        raise InputError(problems)


def waits(jobs: Sequence[Job]) -> bool:
    """Tell whether runs are mapped only when all are clean."""
    return _maps(jobs) and jobs[0].settings.maps.waits


def matched(settings: StudySettings, verdicts: Sequence[Verdict]) -> StudySettings:
    """Return the settings with as many degrees of freedom as each included run has at least."""
    known = _degrees_of_freedom(verdicts)
    if not known:
        return settings
    variants = tuple(replace(v, maps=v.maps.matched_to(min(known))) for v in settings.variants)
    return replace(settings, maps=settings.maps.matched_to(min(known)), variants=variants)


def _maps(jobs: Sequence[Job]) -> bool:
    return any(step.made == "maps" for step in jobs[0].steps)


def _degrees_of_freedom(verdicts: Sequence[Verdict]) -> list[float]:
    """Return those of the runs that are included, or would be but for their matching."""
    return [
        verdict.measured.effective_df
        for verdict in verdicts
        if verdict.measured.effective_df is not None
        and all(reason.kind == "match" for reason in verdict.reasons if reason.excludes)
    ]
