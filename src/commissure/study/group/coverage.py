"""Where all maps have data, and who costs places that the others have."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commissure.problems import InputError
from commissure.space import Domain

# So many of those who lack most are named.
_NAMED = 10


@dataclass(frozen=True, eq=False)
class Coverage:
    """Which places of the mask have data in how many scans.

    Attributes
    ----------
    domain : Domain
        The mask.
    n_with : ndarray of shape (n_places,)
        Scans that have data at each place.
    scans : tuple of str
        What each scan is called.
    lacking : ndarray of shape (n_scans,)
        Places that some other scan has and this one has not.
    alone : ndarray of shape (n_scans,)
        Places that this scan alone lacks: what leaving it out would gain.
    """

    domain: Domain
    n_with: NDArray[np.intp]
    scans: tuple[str, ...]
    lacking: NDArray[np.intp]
    alone: NDArray[np.intp]

    @property
    def n_any(self) -> int:
        """Places at which any scan has data: maps of CFH have none near the midline."""
        return int((self.n_with > 0).sum())

    @property
    def n_all(self) -> int:
        """Places at which all scans have data: those that are analysed."""
        return int((self.n_with == len(self.scans)).sum())

    def costly(self, share: float) -> list[int]:
        """Return the scans that alone cost more than a share of the places, the worst first."""
        worst = np.argsort(-self.alone, kind="stable")
        return [int(i) for i in worst if self.alone[i] > share * self.n_any]


def coverage_of(
    values: NDArray[np.float64], scans: Sequence[str], domain: Domain
) -> tuple[Coverage, NDArray[np.bool_]]:
    """Tell where maps have data, and where all have.

    Parameters
    ----------
    values : ndarray of shape (n_scans, n_places)
        NaN where a map has no data.
    scans : sequence of str
        What each is called.
    domain : Domain

    Returns
    -------
    coverage : Coverage
    everywhere : boolean ndarray of shape (n_places,)

    Raises
    ------
    InputError
        If there is no place at which all have data, with those who cost most.
    """
    # A scan at a time: masks of all maps would be nearly as large as they are.
    n_with = np.zeros(domain.n_places, np.intp)
    for row in values:
        n_with += np.isfinite(row)
    some, of_others = n_with > 0, n_with == len(values) - 1
    lacking = np.array([np.sum(some & ~np.isfinite(row)) for row in values], np.intp)
    alone = np.array([np.sum(some & of_others & ~np.isfinite(row)) for row in values], np.intp)
    coverage = Coverage(domain, n_with, tuple(scans), lacking, alone)
    if not coverage.n_all:
        msg = (
            f"There is no voxel of {domain.name} in which all {len(values)} maps have a value. "
            f"{_who_lacks(coverage)} Leave out the scans that do not cover the mask."
        )
        raise InputError(msg)
    return coverage, n_with == len(values)


def coverage_notes(coverage: Coverage, share: float) -> list[str]:
    """Say how many places were used, who cost the others, and what leaving them out gains."""
    lost = coverage.n_any - coverage.n_all
    if not lost:
        return []
    n_any = coverage.n_any
    of_all = (
        f"{coverage.n_all:,} of the {n_any:,} places with data were analysed: at the other "
        f"{lost:,} ({_percent(lost, n_any)}) not all {len(coverage.scans)} scans have data. "
        f"{_who_lacks(coverage)}"
    )
    return [of_all] + [
        f"{coverage.scans[i]} alone lacks {coverage.alone[i]:,} of the {n_any:,} places "
        f"({_percent(coverage.alone[i], n_any)}): without this scan "
        f"{coverage.n_all + coverage.alone[i]:,} would be analysed. Look at its field of view and "
        "at the coverage map, and leave it out if the places matter more."
        for i in coverage.costly(share)
    ]


def coverage_record(coverage: Coverage) -> dict[str, Any]:
    """Return what stats.json says of the coverage."""
    order = np.lexsort((-coverage.lacking, -coverage.alone))
    return {
        "PlacesOfMask": coverage.domain.n_places,
        "PlacesWithDataInAny": coverage.n_any,
        "PlacesWithDataInAll": coverage.n_all,
        "Lacking": [
            {
                "scan": coverage.scans[i],
                "places": int(coverage.lacking[i]),
                "alone": int(coverage.alone[i]),
            }
            for i in order
            if coverage.lacking[i]
        ],
    }


def check_maps_differ(
    values: NDArray[np.float64], scans: Sequence[str], sources: Sequence[str]
) -> None:
    """Raise if maps are no measurements: the same value everywhere, or the same map twice.

    Raises
    ------
    InputError
        With every one of them.
    """
    problems = []
    same: dict[bytes, list[int]] = {}
    for i, row in enumerate(values):
        data = row[np.isfinite(row)]
        if len(data) > 1 and np.ptp(data) == 0:
            problems.append(
                f"{sources[i]} ({scans[i]}) has the same value, {data[0]:g}, at all "
                f"{len(data):,} places of the mask: that is no map. Make it again, or leave it out."
            )
        elif len(data):
            same.setdefault(hashlib.sha256(row.tobytes()).digest(), []).append(i)
    problems += [
        f"{' and '.join(scans[i] for i in rows)} have the same map "
        f"({', '.join(dict.fromkeys(sources[i] for i in rows))}): one person's data are there "
        "twice. Give each scan its own."
        for rows in same.values()
        if len(rows) > 1
    ]
    if problems:
        raise InputError(problems)


def _who_lacks(coverage: Coverage) -> str:
    """Name those who lack most."""
    order = np.lexsort((-coverage.lacking, -coverage.alone))
    lacking = [int(i) for i in order if coverage.lacking[i]]
    named = ", ".join(f"{coverage.scans[i]} ({coverage.lacking[i]:,})" for i in lacking[:_NAMED])
    rest = len(lacking) - _NAMED
    return f"Lacking are {named}{f' and {rest} others' if rest > 0 else ''}."


def _percent(part: int | np.intp, whole: int) -> str:
    return f"{100 * int(part) / whole:.1f} %"
