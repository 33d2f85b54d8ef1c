"""Which runs are compared, of whom, and who is left out."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import pandas as pd

from commissure.files.bids_names import bare
from commissure.inputs.people import EFFECTIVE_DF, MEAN_FD, Participants
from commissure.problems import InputError
from commissure.records.runs import KEYS, Measured
from commissure.records.verdicts import Reason, Verdict
from commissure.settings.group import GroupSettings
from commissure.settings.judging import judge
from commissure.settings.tables import StudySettings
from commissure.study.group.people import in_subset, rows_of
from commissure.study.judging import left_out
from commissure.study.participant.job import RunResult
from commissure.study.quality import key_of

# The runs of a participant and session.
ScanRuns = tuple[tuple[str, str | None], list["Judged"]]


@dataclass(frozen=True)
class Judged:
    """A run and whether it is included.

    Attributes
    ----------
    result : RunResult
    verdict : Verdict
        Without measurements where the run could not be made clean.
    """

    result: RunResult
    verdict: Verdict


def judged_runs(results: Sequence[RunResult], settings: StudySettings) -> list[Judged]:
    """Judge the runs that are clean; those that are not are left out, with the reason."""
    judged = []
    for one in results:
        decided = left_out(one.scan, settings.quality)
        # What went wrong with somebody who is left out stops nobody.
        result = one if decided is None else replace(one, problems=(), problems_beside=())
        measured = result.measured or Measured(key_of(result.scan))
        verdict = judge(
            measured,
            settings.quality,
            match_df=settings.maps.matched_df,
            best_volumes=settings.preprocessing.best_volumes,
        )
        if decided is not None:
            verdict = Verdict(measured, (Reason("left_out", said=decided),))
        elif result.problems:
            verdict = Verdict(measured, (Reason("failed", said=" ".join(result.problems)),))
        elif not result.is_mapped:
            verdict = Verdict(measured, (Reason("undone"),))
        judged.append(Judged(result, verdict))
    return judged


def asked_of_group(settings: StudySettings, people: Participants) -> GroupSettings:
    """Return what is asked of the maps, with what was measured of the people in the formula."""
    group = settings.group
    terms = [MEAN_FD] if group.mean_fd_covariate else []
    if EFFECTIVE_DF in people.table:  # see `with_freedom`
        terms.append(EFFECTIVE_DF)
    return replace(group, formula=" + ".join([group.formula, *terms]))


def of_subset(
    included: Sequence[Judged], people: Participants, asked: GroupSettings
) -> list[Judged]:
    """Return the runs of those to whom the study is limited."""
    if not asked.subset:
        return list(included)
    scans = [run.result.scan for run in included]
    keys = sorted({(scan.participant_id, scan.session or "") for scan in scans})
    rows = rows_of([(who, session or None) for who, session in keys], people)
    kept = {key for key, inside in zip(keys, in_subset(rows, asked.subset), strict=True) if inside}
    return [
        run
        for run, scan in zip(included, scans, strict=True)
        if (scan.participant_id, scan.session or "") in kept
    ]


def scans_of(included: Sequence[Judged], asked: GroupSettings) -> list[ScanRuns]:
    """Gather the runs of each participant and session.

    Raises
    ------
    InputError
        If participants have several sessions and these are not blocks.
    """
    scans: dict[tuple[str, str | None], list[Judged]] = {}
    for run in included:
        scan = run.result.scan
        scans.setdefault((scan.participant_id, scan.session), []).append(run)
    ids = [who for who, _ in scans]
    twice = sorted({who for who in ids if ids.count(who) > 1})
    if twice and asked.blocks is None:
        msg = (
            f"{', '.join(twice)} have several sessions. Choose one ([input] sessions), or say "
            'that sessions of a participant belong together: [group] blocks = "participant_id".'
        )
        raise InputError(msg)
    return sorted(scans.items(), key=lambda item: (item[0][0], item[0][1] or ""))


def excluded_people(
    judged: Sequence[Judged], people: Participants, asked: GroupSettings
) -> pd.DataFrame:
    """Return who is left out, of which group, and why."""
    verdicts = [run.verdict for run in judged if not run.verdict.included]
    table = pd.DataFrame(
        [{**asdict(verdict.measured.of), "reasons": verdict.text} for verdict in verdicts],
        columns=[*KEYS, "reasons"],
    )
    group = asked.group
    if group in people.table:
        names = people.table["participant_id"].map(bare)
        levels = dict(zip(names, people.table[group], strict=True))
        table.insert(1, group, table["participant_id"].map(bare).map(levels))
    if asked.subset:
        ours = people.table["participant_id"][in_subset(people, asked.subset)].map(bare)
        table = table[table["participant_id"].map(bare).isin(ours)]
    return table
