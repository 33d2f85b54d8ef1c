"""Where the partners of a region's places lie, in each group, and whether the contrast moves them.

A partner is told by how far it is from the mirror position of its place: outwards, forwards and
upwards, so that both sides of the brain are alike.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from commissure.inference import PermutationResult
from commissure.space import Domain
from commissure.space.atlas import Atlas
from commissure.study.group.tables import write_table

FloatArray = NDArray[np.float64]
# Numbers of places -> positions of their partners in each scan, mm (n_scans, n_places, 3).
PartnersAt = Callable[[NDArray[np.intp]], FloatArray]
DIRECTIONS = ("outwards", "forwards", "upwards")


@dataclass(frozen=True, eq=False)
class RegionPartners:
    """Of each scan, where the partners of a region's places lie.

    Attributes
    ----------
    displacement : ndarray of shape (n_scans, 3)
        From the mirror positions, mm: outwards, forwards, upwards; the mean over the places.
    shift : ndarray of shape (n_scans,)
        Distance from the mirror position, mm; the median over the places.
    position : ndarray of shape (n_scans, 3)
        x, y, z in mm: of the middle of the mirror positions, displaced.
    label : tuple of str
        What most partners of the scan lie in; empty where there is no atlas.
    """

    displacement: FloatArray
    shift: FloatArray
    position: FloatArray
    label: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class PartnerFindings:
    """Where partners lie.

    Attributes
    ----------
    regions : mapping of str to RegionPartners
    p : ndarray of shape (n_regions,)
        Of the contrast on the displacements: of the largest statistic of a region's three
        directions, corrected for all directions and regions.
    """

    regions: Mapping[str, RegionPartners]
    p: FloatArray


def region_partners(
    places: FloatArray, partners: FloatArray, atlas: Atlas | None
) -> RegionPartners:
    """Return where the partners of a region lie.

    Parameters
    ----------
    places : ndarray of shape (n_places, 3)
        mm.
    partners : ndarray of shape (n_scans, n_places, 3)
        mm.
    atlas : Atlas or None
    """
    outwards = -np.sign(places[:, :1])  # of the other side
    apart = partners - places * (-1, 1, 1)
    apart[..., :1] *= outwards
    displacement = apart.mean(axis=1)
    side = -1.0 if np.mean(places[:, 0] > 0) > 0.5 else 1.0
    middle = (np.abs(places) * (1, 0, 0) + places * (0, 1, 1)).mean(axis=0)
    return RegionPartners(
        displacement,
        np.median(np.linalg.norm(apart, axis=2), axis=1),
        (middle + displacement) * (side, 1, 1),
        tuple(_commonest_label(of_scan, atlas) for of_scan in partners),
    )


def partner_findings(
    regions: Mapping[str, NDArray[np.intp]],
    domain: Domain,
    partners_at: PartnersAt,
    atlas: Atlas | None,
    test: Callable[[FloatArray], PermutationResult],
) -> PartnerFindings:
    """Find where the partners of regions lie, and test whether the contrast moves them.

    Parameters
    ----------
    regions : mapping of str to ndarray of int
        Places of each.
    domain : Domain
    partners_at : callable
    atlas : Atlas or None
    test : callable
        Values of shape (n_scans, k) -> the contrast on them, by the relabellings of the maps.
    """
    found = {
        name: region_partners(domain.coordinates[places], partners_at(places), atlas)
        for name, places in regions.items()
    }
    values = np.column_stack([of.displacement for of in found.values()])
    # Of what does not vary at all there is no p.
    p = np.nan_to_num(test(values).p_fwe, nan=1.0).reshape(-1, 3)
    return PartnerFindings(found, p.min(axis=1))


def write_partners(
    found: PartnerFindings | None,
    people: pd.DataFrame,
    groups: Mapping[str, NDArray[np.bool_]],
    folder: Path,
) -> None:
    """Write where partners lie: of each group, and of each scan.

    Parameters
    ----------
    found : PartnerFindings or None
        None: nothing is written.
    people : DataFrame
        A row a scan.
    groups : mapping of str to ndarray of bool
        Which scans each has.
    folder : Path
    """
    if found is None:
        return
    of_groups, of_scans = [], []
    group_of = pd.Series("", index=range(len(people)), dtype=object)
    for name, rows in groups.items():
        group_of[rows] = name
    for (region, of), p in zip(found.regions.items(), found.p, strict=True):
        of_groups += [_row(region, name, rows, of, p) for name, rows in groups.items()]
        of_scans.append(
            pd.DataFrame(
                {"participant_id": people["participant_id"].astype(str), "group": group_of}
                | {"region": region}
                | {axis: of.position[:, i].round(1) for i, axis in enumerate("xyz")}
                | {"shift_mm": of.shift.round(1), "partner_region": list(of.label)}
            )
        )
    write_table(folder, "partners", pd.DataFrame(of_groups))
    write_table(folder, "partners_of_scans", pd.concat(of_scans, ignore_index=True))


def _row(
    region: str, group: str, rows: NDArray[np.bool_], of: RegionPartners, p: float
) -> dict[str, object]:
    labels = [label for label, inside in zip(of.label, rows, strict=True) if inside]
    label, n = _commonest(labels)
    mean = of.displacement[rows].mean(axis=0)
    return (
        {"region": region, "group": group, "n": int(rows.sum())}
        | {"partner_region": label, "share": round(n / len(labels), 3)}
        | {
            axis: round(float(x), 1)
            for axis, x in zip("xyz", of.position[rows].mean(0), strict=True)
        }
        | {f"{name}_mm": round(float(x), 1) for name, x in zip(DIRECTIONS, mean, strict=True)}
        | {"shift_mm": round(float(np.median(of.shift[rows])), 1), "p_corr": p}
    )


def _commonest_label(positions: FloatArray, atlas: Atlas | None) -> str:
    if atlas is None:
        return ""
    names = (*atlas.regions, "no label")
    return _commonest([names[number] for number in atlas.likeliest(positions)])[0]


def _commonest(words: Sequence[str]) -> tuple[str, int]:
    """Return the commonest word (of several the first by the alphabet) and its number."""
    counts = Counter(words)
    word = min(counts, key=lambda word: (-counts[word], word))
    return word, counts[word]
