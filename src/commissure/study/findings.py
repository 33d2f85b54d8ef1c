"""What the group stage is asked, what it reads and what it finds: the types of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from annotated_types import Ge, Le, Lt, MinLen
from numpy.typing import NDArray

from commissure.clinical import PartialCorrelations, Table1
from commissure.inference import (
    Cluster,
    ContrastEffect,
    Design,
    LeaveOneOut,
    PermutationResult,
)
from commissure.space.atlas import Atlas
from commissure.study.group_inputs import GroupMaps
from commissure.study.people import Participants

Seed = Annotated[int, Ge(0), Le(2**63 - 1)]


# Of standard deviations: beyond it, groups of unequal size find too much or too little.
LARGEST_SPREAD_RATIO = 1.25


@dataclass(frozen=True)
class StatsSettings:
    """What is asked of the maps, and how; see `commissure.inference.permutation_test`.

    Attributes
    ----------
    formula, contrast : str
        What explains the maps, and what is asked of it; see `commissure.inference.design_matrix`.
        The group stage needs both.
    group : str
        Column of the groups.
    blocks : str, optional
        Column of the exchangeability blocks.
    categorical : tuple of str
        Columns of numbers that are factors, beside those of participants.json.
    numeric : tuple of str
        Columns that have numbers although few of their whole numbers are different, or one of them
        looks like a code of a missing value.
    clinical : tuple of str
        Scores to correlate with the regions.
    within : str, optional
        Level of the group column within which they are.
    clinical_covariates : tuple of str, optional
        What is controlled then; by default the formula's terms but the group.
    correlation : {"pearson", "spearman"}
        Of the partial correlations.
    table1 : tuple of str, optional
        Columns of Table 1; by default those of the formula, then the scores.
    welch : bool
        Whether Table 1 does without equal variances.
    rois : tuple of str
        Further regions, see `commissure.study.regions.find_region`.
    atlas : str, optional
        ``harvard-oxford``, ``none``, or the paths of an image and its labels with a comma between;
        by default the first where it is installed.
    loss_share : float
        Share of the places with data that a scan alone may cost before it is named: with 5 %, a
        slice or two that a field of view cuts off are left to the count of all.
    alpha : float
        Corrected p below which a cluster is significant.
    cluster_statistic : {"size", "mass"}
        By which.
    space : str, optional
        Space of the maps; by default what their names say.
    n_permutations : int
        The observed labelling among them.
    cluster_forming_p : float
        One-sided p at which places form clusters.
    connectivity : {6, 18, 26}
        Neighbours of a place.
    method : {"freedman-lane", "draper-stoneman"}
        How scans are relabelled; SnPM13 does it by draper-stoneman.
    variance_groups : str
        Whose spread may differ: "auto" (the groups', where the formula has them, each has scans
        enough, and the method is freedman-lane), a column, or "none".
    tail : {"two-sided", "one-sided-each"}
        Whether alpha is for both directions together, or for each.
    statistics : tuple of {"size", "mass", "tfce"}
        What is corrected for beside the largest t.
    pareto_tail : bool
        Whether small p come from a generalised Pareto fitted to the tail of the null.
    dtype : {"float32", "float64"}
        Precision of the permuted maps.
    seed : int
        Of the relabellings.
    """

    formula: str = ""
    contrast: str = ""
    group: str = "group"
    blocks: str | None = None
    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    clinical: tuple[str, ...] = ()
    within: str | None = None
    clinical_covariates: tuple[str, ...] | None = None
    correlation: Literal["pearson", "spearman"] = "pearson"
    table1: Annotated[tuple[str, ...], MinLen(1)] | None = None
    welch: bool = False
    rois: tuple[str, ...] = ()
    atlas: str | None = None
    loss_share: Annotated[float, Ge(0), Le(1)] = 0.05
    alpha: Annotated[float, Ge(1e-6), Lt(1)] = 0.05
    cluster_statistic: Literal["size", "mass"] = "size"
    space: str | None = None
    n_permutations: Annotated[int, Ge(2), Le(1_000_000)] = 5000
    cluster_forming_p: Annotated[float, Ge(1e-8), Lt(0.5)] = 0.001
    connectivity: Literal[6, 18, 26] = 18
    method: Literal["freedman-lane", "draper-stoneman"] = "freedman-lane"
    variance_groups: Annotated[str, MinLen(1)] = "auto"
    tail: Literal["two-sided", "one-sided-each"] = "two-sided"
    statistics: tuple[Literal["size", "mass", "tfce"], ...] = ("size", "mass", "tfce")
    pareto_tail: bool = False
    dtype: Literal["float32", "float64"] = "float64"
    seed: Seed = 0


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
    def ratio(self) -> float:
        """The largest standard deviation over the smallest."""
        return max(self.sd) / min(self.sd) if min(self.sd) > 0 else np.inf

    @property
    def note(self) -> str | None:
        """What a reader must know where groups differ and the test does not allow for it."""
        if self.allowed_for or self.ratio <= LARGEST_SPREAD_RATIO:
            return None
        sd = ", ".join(f"{name} {sd:.3g}" for name, sd in zip(self.names, self.sd, strict=True))
        return (
            f"The groups differ in spread (standard deviation beside the model: {sd}), and the "
            "test assumes that they do not: its p may be too small or too large. Set [group] "
            'variance_groups = "auto" with the method freedman-lane.'
        )


@dataclass(frozen=True, eq=False)
class GroupMean:
    """The maps of one group: their mean, and whether it differs from zero.

    Attributes
    ----------
    n : int
    mean : ndarray of shape (n_places,)
    test : PermutationResult
        One-sample, by sign flips.
    """

    n: int
    mean: NDArray[np.float64]
    test: PermutationResult


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
    with_global_signal : ndarray of shape (n_scans, n_places), or None
        The maps if the global signal is left in the series, where everyone has one.
    """

    people: Participants
    design: Design
    contrast: NDArray[np.float64]
    maps: GroupMaps
    atlas: Atlas | None
    rois: Mapping[str, NDArray[np.intp]]
    table1: Table1
    space: str | None
    with_global_signal: NDArray[np.float64] | None = None


def region_places(
    clusters: Sequence[Cluster], significant: Iterable[int], rois: Mapping[str, NDArray[np.intp]]
) -> dict[str, NDArray[np.intp]]:
    """Return the places of each region: significant clusters (from 0), then those asked for."""
    return {f"cluster {i + 1}": clusters[i].places for i in significant} | dict(rois)


@dataclass(frozen=True, eq=False)
class Findings:
    """All that the group stage finds; `commissure.study.findings_files` writes it.

    Attributes
    ----------
    settings : StatsSettings
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
    correlations : PartialCorrelations or None
    notes : tuple of str
        What a reader must know.
    spreads : Spreads or None
        Of the groups, where there are several.
    """

    settings: StatsSettings
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
    correlations: PartialCorrelations | None
    notes: tuple[str, ...]
    spreads: Spreads | None = None
