"""What studies find of what is there: whether, where, and what else."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from commissure.inference import PermutationResult, hedges_g
from commissure.simulation.comparison import ALPHA, compare_groups
from commissure.simulation.group_truth import STATED_DIFFERENCE, GroupTruth
from commissure.simulation.maps import MapStudy, simulate_maps
from commissure.simulation.networks import REGIONS

# Beyond four standard deviations of a kernel of 4 mm FWHM smoothing carries nothing.
DILATION_MM = 6.8
_REACH_MM = 20.0


@dataclass(frozen=True)
class RegionFound:
    """What a study finds of a planted region.

    Attributes
    ----------
    name : str
    found : bool
        Whether a significant cluster of higher CFH in patients is in the region's truth.
    peak_t, peak_g : float
        The largest t within the region's truth, and the Hedges g it stands for.
    distance_mm : float
        From the planted centre to the peak of the cluster that is found; NaN if none is.
    """

    name: str
    found: bool
    peak_t: float
    peak_g: float
    distance_mm: float


@dataclass(frozen=True)
class StudyFound:
    """What a study finds of what is there.

    Attributes
    ----------
    seed : int
    regions : tuple of RegionFound
    n_significant, n_outside : int
        Significant clusters of either direction, and those without a place in the dilated truth.
    """

    seed: int
    regions: tuple[RegionFound, ...]
    n_significant: int
    n_outside: int


def sensitivity_study(
    seed: int,
    truth: GroupTruth,
    *,
    n_patients: int = 30,
    n_controls: int = 30,
    n_permutations: int = 1000,
    n_threads: int | None = None,
) -> StudyFound:
    """Simulate a study at map level and say what it finds of the truth."""
    study = simulate_maps(
        seed,
        n_patients,
        n_controls,
        truth.effects,
        resolution_mm=round(truth.forward.domain.grid.affine[1, 1]),
        n_threads=n_threads,
    )
    result = compare_groups(study, n_permutations=n_permutations, seed=seed, n_threads=n_threads)
    return found_of(study, result, truth, seed)


def found_of(
    study: MapStudy, result: PermutationResult, truth: GroupTruth, seed: int
) -> StudyFound:
    """Hold what a study finds against the truth."""
    places = study.domain.coordinates
    difference = truth.difference[truth.forward.domain.hemisphere != 0]
    there = np.abs(difference) > STATED_DIFFERENCE
    significant = [c for c in result.clusters if c.p_size is not None and c.p_size <= ALPHA]
    dilated = np.zeros(len(places), np.bool_)
    if there.any():
        dilated = np.asarray(cKDTree(places[there]).query(places)[0]) <= DILATION_MM
    sizes = study.participants["group"].value_counts()
    regions = []
    for region in REGIONS:
        distance = np.linalg.norm(places - region.centre, axis=1)
        own = there & (distance <= _REACH_MM)
        if not own.any():
            own = distance <= max(DILATION_MM, distance.min())
        hits = [c for c in significant if c.sign > 0 and own[c.places].any()]
        peak_t = float(result.t[own].max())
        regions.append(
            RegionFound(
                region.name,
                bool(hits),
                peak_t,
                float(hedges_g(peak_t, result.df, [sizes["patient"], sizes["control"]])),
                float(min((distance[c.peak] for c in hits), default=np.nan)),
            )
        )
    outside = [c for c in significant if not dilated[c.places].any()]
    return StudyFound(seed, tuple(regions), len(significant), len(outside))
