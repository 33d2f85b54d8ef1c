"""To how many degrees of freedom the runs of a study are matched."""

from collections.abc import Iterable

from commissure.inputs import Scan
from commissure.inputs.sidecars import EFFECTIVE_DF
from commissure.problems import InputError
from commissure.settings.tables import StudySettings


def check_match(scans: Iterable[Scan], settings: StudySettings) -> None:
    """Raise if runs are to be matched whose degrees of freedom nobody knows."""
    if settings.maps.matched_df is None:
        return
    table = settings.measure
    problems = [
        f"{scan.bold} is a map that was made before: [{table}] match cannot change it. Leave "
        "match out."
        if scan.kind == "map"
        else f"{scan.bold} has no {EFFECTIVE_DF} in its sidecar, which [{table}] match needs. Add "
        "it, or leave match out."
        for scan in scans
        if scan.kind == "map" or (scan.kind == "clean" and EFFECTIVE_DF not in scan.metadata)
    ]
    if problems:
        raise InputError(problems)
