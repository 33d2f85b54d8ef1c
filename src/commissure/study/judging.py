"""Who is left out of the group stage by name."""

from collections.abc import Iterable, Sequence

from commissure.inputs import Scan
from commissure.settings.quality import QualityRules


def left_out(scan: Scan, rules: QualityRules) -> str | None:
    """Return why a run is left out by name, None if it is not."""
    reasons = [reason for name, reason in rules.exclude.items() if _names(name, scan)]
    return "; ".join(reasons) or None


def exclusion_problems(
    rules: QualityRules, scans: Sequence[Scan], participants: Iterable[str]
) -> list[str]:
    """Say who is left out by name but is not there, and for whom there is no reason.

    Parameters
    ----------
    rules : QualityRules
    scans : sequence of Scan
    participants : iterable of str
        Of the whole study, of which the scans may be a part.
    """
    there = {name.removeprefix("sub-") for name in participants}
    unknown = [
        name
        for name in rules.exclude
        if name.removeprefix("sub-") not in there and not any(_names(name, scan) for scan in scans)
    ]
    problems = [
        f'[quality] exclude names {name}, but gives no reason: {{"{name}" = "the reason"}}.'
        for name, reason in rules.exclude.items()
        if not reason.strip()
    ]
    if unknown:
        problems.append(
            f"[quality] exclude names {', '.join(unknown)}, of whom there is no scan. Write names "
            "as the scans have them: sub-07 for a participant, sub-07_ses-2_run-1 for a run."
        )
    return problems


def _names(name: str, scan: Scan) -> bool:
    """Tell whether a name is of a run, or of its participant or session."""
    who = scan.participant_id.removeprefix("sub-")
    name = name.removeprefix("sub-")
    if name == who:
        return True
    labels = {f"ses-{scan.session}", f"task-{scan.task}", f"run-{scan.run}"}
    return name.startswith(f"{who}_") and set(name.removeprefix(f"{who}_").split("_")) <= labels
