"""What the group stage is asked, what it reads and what it finds: the types of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from commissure.clinical import PartialCorrelations, Table1
from commissure.inference import (
    Cluster,
    ContrastEffect,
    Design,
    LeaveOneOut,
    PermutationResult,
)
from commissure.inputs.people import MEAN_FD, Participants
from commissure.measures import Measure
from commissure.records.asked import Asked
from commissure.records.rivals import Rival
from commissure.report.rivals import caution
from commissure.settings.group import GroupSettings
from commissure.space import Domain
from commissure.space.atlas import Atlas
from commissure.study.group.maps import GroupMaps
from commissure.study.group.partners import PartnerFindings, PartnersAt

# Of standard deviations: beyond it, scans of groups of another size cannot be exchanged under one
# variance, nor the largest values of a map under several.
LARGEST_SPREAD_RATIO = 1.25


@dataclass(frozen=True, eq=False)
class Spreads:
    """Groups of scans that may have a variance of their own.

    Attributes
    ----------
    names : tuple of str
        Of the groups, as the design has its levels.
    codes : ndarray of int, shape (n_scans,)
        Which group each scan is of.
    sd : tuple of float
        Standard deviation of the residuals in each group, the median over the places.
    allowed_for : bool
        Whether the test lets them differ.
    """

    names: tuple[str, ...]
    codes: NDArray[np.intp]
    sd: tuple[float, ...]
    allowed_for: bool

    @property
    def variance_groups(self) -> NDArray[np.intp] | None:
        """What `commissure.inference.permutation_test` takes."""
        return self.codes if self.allowed_for else None

    @property
    def flip_signs(self) -> bool:
        """Whether spreads differ so much that signs are flipped, and scans not exchanged."""
        return self.allowed_for and self.ratio > LARGEST_SPREAD_RATIO

    @property
    def ratio(self) -> float:
        """The largest standard deviation over the smallest."""
        return max(self.sd) / min(self.sd) if min(self.sd) > 0 else np.inf

    @property
    def note(self) -> str | None:
        """What a reader must know where groups differ by more than the test bears."""
        if self.allowed_for or self.ratio <= LARGEST_SPREAD_RATIO:
            return None
        sd = ", ".join(f"{name} {sd:.3g}" for name, sd in zip(self.names, self.sd, strict=True))
        differ = f"The groups differ in spread (standard deviation beside the model: {sd}), and the"
        return (
            f"{differ} test assumes that they do not: its p may be too small or too large. Set "
            '[group] variance_groups = "auto" with the method freedman-lane.'
        )


@dataclass(frozen=True, eq=False)
class GroupMean:
    """The maps of one group: their mean, and whether it differs from zero, where that can be asked.

    Attributes
    ----------
    n : int
    mean : ndarray of shape (n_places,)
    test : PermutationResult or None
        One-sample, by sign flips; None for what is never zero (`Measure.never_zero`).
    """

    n: int
    mean: NDArray[np.float64]
    test: PermutationResult | None


@dataclass(frozen=True, eq=False)
class Inputs:
    """What is analysed, read and checked.

    Attributes
    ----------
    people : Participants
    design : Design
    contrast : ndarray of shape (n_rows, n_columns)
    maps : GroupMaps
    atlas : Atlas or None
    rois : mapping of str to ndarray
        Places of the regions asked for.
    table1 : Table1
    space : str or None
    variants : mapping of str to ndarray of shape (n_scans, n_places)
        The maps that variants of the settings made, where everyone has one.
    qualities : mapping of str to ndarray of shape (n_scans,)
        What was measured of the scans: ``effective_df``, ``noise_floor``; NaN where it is not
        known. Others are columns of the participants.
    distance : ndarray of shape (n_places,), or None
        Of each place's partner, mm, the mean over the scans, where there are partners.
    matched_df : float or None
        Degrees of freedom that all maps were made with, if they were matched.
    beside : mapping of str to callable
        Reads the maps of each measure beside the main one, by its label; see `GroupMaps`.
    partners_at : callable or None
        See `commissure.study.group.partners`; None where not every scan has partners.
    """

    people: Participants
    design: Design
    contrast: NDArray[np.float64]
    maps: GroupMaps
    atlas: Atlas | None
    rois: Mapping[str, NDArray[np.intp]]
    table1: Table1
    space: str | None
    variants: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    qualities: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    distance: NDArray[np.float64] | None = None
    matched_df: float | None = None
    beside: Mapping[str, Callable[[], GroupMaps]] = field(default_factory=dict)
    partners_at: PartnersAt | None = None


def region_places(
    clusters: Sequence[Cluster], significant: Iterable[int], rois: Mapping[str, NDArray[np.intp]]
) -> dict[str, NDArray[np.intp]]:
    """Return the places of each region: significant clusters (from 0), then those asked for."""
    return {f"cluster {i + 1}": clusters[i].places for i in significant} | dict(rois)


@dataclass(frozen=True, eq=False)
class WithMotion:
    """Correlation of maps with mean FD over people.

    Attributes
    ----------
    r : ndarray of shape (n_places,)
        NaN where the maps do not vary.
    df : int
        Degrees of freedom of each.
    """

    r: NDArray[np.float64]
    df: int


@dataclass(frozen=True, eq=False)
class Secondary:
    """The same comparison of other maps of the same scans: no finding by itself.

    Attributes
    ----------
    label : str
        In names of files.
    measure : Measure
        What the maps are of.
    domain : Domain
        Where every scan has data.
    result : PermutationResult
        Of each place.
    regions : DataFrame
        ``region, voxels, mean``, ``t`` or ``F``, ``df, p``: the means of these maps over the whole
        domain and in the regions of the findings, as far as there are such maps there.
    """

    label: str
    measure: Measure
    domain: Domain
    result: PermutationResult
    regions: pd.DataFrame


@dataclass(frozen=True, eq=False)
class GroupFindings:
    """All that the group stage finds; `commissure.study.group.findings_files` writes it.

    Attributes
    ----------
    settings : GroupSettings
    inputs : Inputs
    result : PermutationResult
    compared : dict of str to int
        Scans of each mean or slope that the contrast names.
    clusters : DataFrame
        See `commissure.inference.cluster_table`; and whether each is significant.
    significant : tuple of int
        Which clusters, counted from 0.
    g : ndarray of shape (n_places,), or None
        Hedges g, where the contrast is of means.
    effects : ContrastEffect or None
        On the mean of each cluster; None for F contrasts, and where there is no cluster.
    influence : LeaveOneOut or None
        Of each scan on them.
    groups : dict of str to GroupMean
    regions : DataFrame of shape (n_scans, n_regions)
        Mean of each map in each significant cluster and each region asked for.
    region_tests : DataFrame or None
        The contrast on each region asked for; None where there is none.
    correlations : PartialCorrelations or None
    notes : tuple of str
        What a reader must know.
    not_correlated : tuple of str
        Why scores that were asked for were not correlated, among the notes.
    spreads : Spreads or None
        Of the groups, where there are several.
    rivals : tuple of Rival
        What else may explain the contrast.
    with_motion : mapping of str to WithMotion
        By what else is in the model; empty where it is not known.
    secondary : tuple of Secondary
        Of the other measures.
    partners : PartnerFindings or None
        Where the partners of the regions lie.
    """

    settings: GroupSettings
    inputs: Inputs
    result: PermutationResult
    compared: Mapping[str, int]
    clusters: pd.DataFrame
    significant: tuple[int, ...]
    g: NDArray[np.float64] | None
    effects: ContrastEffect | None
    influence: LeaveOneOut | None
    groups: Mapping[str, GroupMean]
    regions: pd.DataFrame
    region_tests: pd.DataFrame | None
    correlations: PartialCorrelations | None
    notes: tuple[str, ...]
    not_correlated: tuple[str, ...] = ()
    spreads: Spreads | None = None
    rivals: tuple[Rival, ...] = ()
    with_motion: Mapping[str, WithMotion] = field(default_factory=dict)
    secondary: tuple[Secondary, ...] = ()
    partners: PartnerFindings | None = None

    @property
    def asked(self) -> Asked:
        """The contrast."""
        return self.inputs.design.asked(self.settings.contrast)

    @property
    def units(self) -> dict[str, str]:
        """Units of the participants' columns, as far as they are known."""
        return self.inputs.people.units | {MEAN_FD: "mm"}

    @property
    def caution(self) -> str:
        """Why what is significant is no finding by itself; empty if it is, or nothing is."""
        tested = self.region_tests
        regions = tested is not None and tested["significant"].any()
        return caution(self.rivals, self.asked) if self.significant or regions else ""
