"""The group stage: from maps and participants to findings."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from commissure.clinical import (
    PartialCorrelations,
    Table1,
    partial_correlations,
    roi_values,
    table1,
)
from commissure.inference import (
    Cluster,
    ContrastEffect,
    Design,
    LeaveOneOut,
    PermutationResult,
    cluster_table,
    contrast_effect,
    design_matrix,
    hedges_g,
    leave_one_out,
    permutation_test,
)
from commissure.inference.grammar import read_formula
from commissure.problems import InputError
from commissure.space import Domain
from commissure.space.atlas import Atlas
from commissure.study.bids_names import entity
from commissure.study.group_inputs import GroupMaps, Participants, read_maps, read_participants
from commissure.study.image_files import load_image
from commissure.study.regions import find_atlas, find_region

T = TypeVar("T")

# A mean of fewer scans cannot be tested.
_LEAST_SCANS_OF_MEAN = 3


@dataclass(frozen=True)
class StatsSettings:
    """What is asked of the maps, and how; see `commissure.inference.permutation_test`.

    Attributes
    ----------
    formula, contrast : str
        See `commissure.inference.design_matrix` and `Design.contrast`.
    group : str
        Column of the groups.
    blocks : str, optional
        Column of the exchangeability blocks.
    categorical : tuple of str
        Columns of numbers that are factors, beside those of participants.json.
    clinical : tuple of str
        Scores to correlate with the regions.
    within : str, optional
        Level of the group column within which they are.
    clinical_covariates : tuple of str, optional
        What is controlled then; by default the formula's terms but the group.
    correlation : {"pearson", "spearman"}
    table1 : tuple of str, optional
        Columns of Table 1; by default those of the formula, then the scores.
    welch : bool
        Whether Table 1 does without equal variances.
    rois : tuple of str
        Further regions, see `commissure.study.regions.find_region`.
    atlas : str, optional
        ``harvard-oxford``, ``none``, or the paths of an image and its labels with a comma between;
        by default the first where it is installed.
    alpha : float
        Corrected p below which a cluster is significant.
    cluster_statistic : {"size", "mass"}
        By which.
    space : str, optional
        Space of the maps; by default what their names say.
    """

    formula: str
    contrast: str
    group: str = "group"
    blocks: str | None = None
    categorical: tuple[str, ...] = ()
    clinical: tuple[str, ...] = ()
    within: str | None = None
    clinical_covariates: tuple[str, ...] | None = None
    correlation: Literal["pearson", "spearman"] = "pearson"
    table1: tuple[str, ...] | None = None
    welch: bool = False
    rois: tuple[str, ...] = ()
    atlas: str | None = None
    alpha: float = 0.05
    cluster_statistic: Literal["size", "mass"] = "size"
    space: str | None = None
    n_permutations: int = 5000
    cluster_forming_p: float = 0.001
    connectivity: int = 18
    method: Literal["freedman-lane", "draper-stoneman"] = "freedman-lane"
    tail: Literal["two-sided", "one-sided-each"] = "two-sided"
    statistics: tuple[str, ...] = ("size", "mass", "tfce")
    pareto_tail: bool = False
    dtype: str = "float64"
    seed: int = 0


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
    """

    people: Participants
    design: Design
    contrast: NDArray[np.float64]
    maps: GroupMaps
    atlas: Atlas | None
    rois: Mapping[str, NDArray[np.intp]]
    table1: Table1
    space: str | None


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


def read_inputs(
    maps: Path,
    participants: Path,
    mask: Path,
    settings: StatsSettings,
    *,
    mask_threshold: float | None = None,
) -> Inputs:
    """Read and check everything that is to be analysed.

    Parameters
    ----------
    maps, participants, mask : Path
        See `commissure.study.group_inputs`.
    settings : StatsSettings
    mask_threshold : float, optional
        See `commissure.Domain.from_mask`.

    Raises
    ------
    InputError
        With every problem that was found in any of them.
    """
    checks = _Checks()
    people = checks.run(lambda: read_participants(participants))
    domain = checks.run(
        lambda: Domain.from_mask(
            load_image(mask), threshold=mask_threshold, name=str(mask), both_sides=False
        )
    )
    atlas = checks.run(lambda: find_atlas(settings.atlas))
    if people is None:
        raise InputError(checks.problems)
    table, categorical = people.table, (*people.categorical, *settings.categorical)
    checks.problems += _check_scores(settings, table)
    design = checks.run(
        lambda: design_matrix(
            settings.formula,
            table,
            categorical=categorical,
            group=settings.group,
            blocks=settings.blocks,
        )
    )
    contrast = summary = group_maps = None
    if design is not None:
        contrast = checks.run(lambda: design.contrast(settings.contrast))
        summary = checks.run(lambda: _table1(table, settings, design, categorical))
    if domain is not None:
        group_maps = checks.run(lambda: read_maps(maps, table, domain))
    if group_maps is None:
        raise InputError(dict.fromkeys(checks.problems))
    rois: dict[str, NDArray[np.intp]] = {}
    for text in settings.rois:
        rois |= checks.run(partial(find_region, text, group_maps.domain, atlas)) or {}
    if checks.problems or design is None or contrast is None or summary is None:
        raise InputError(dict.fromkeys(checks.problems))
    space = settings.space or entity(Path(group_maps.sources[0].split(",")[0]), "space")
    return Inputs(people, design, contrast, group_maps, atlas, rois, summary, space)


def find(
    inputs: Inputs,
    settings: StatsSettings,
    *,
    n_threads: int | None = None,
    max_memory: int | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Findings:
    """Compare groups, or relate maps to scores, with everything that is reported of it.

    Parameters
    ----------
    inputs : Inputs
    settings : StatsSettings
    n_threads, max_memory : int, optional
        See `commissure.inference.permutation_test`.
    progress : callable, optional
        Called with what is being done and the share of it that is done.
    """
    design, maps, contrast = inputs.design, inputs.maps, inputs.contrast

    def test(
        values: NDArray[np.float64], design: Design, contrast: Any, what: str, **options: Any
    ) -> PermutationResult:
        return permutation_test(
            values,
            design,
            contrast,
            maps.domain,
            n_permutations=settings.n_permutations,
            seed=settings.seed,
            dtype=settings.dtype,
            pareto_tail=settings.pareto_tail,
            tail=settings.tail,
            n_threads=n_threads,
            max_memory=max_memory,
            progress=_counter(what, settings.n_permutations, progress),
            **options,
        )

    result = test(
        maps.data,
        design,
        contrast,
        "permutations",
        cluster_forming_p=settings.cluster_forming_p,
        connectivity=settings.connectivity,
        method=settings.method,
        statistics=settings.statistics,
    )
    compared = design.scans_compared(settings.contrast)
    of_means = result.n_rows == 1 and not any(
        part in design.covariates for name in compared for part in name.split(":")
    )
    p_corr = _cluster_p(result.clusters, settings.statistics)
    significant = np.flatnonzero(
        np.array(p_corr.get(f"p_corr_{settings.cluster_statistic}", [])) < settings.alpha
    )
    clusters = cluster_table(
        result.t,
        result.clusters,
        maps.domain,
        p_corr=p_corr,
        atlas=inputs.atlas,
        statistic="t" if result.n_rows == 1 else "F",
        connectivity=settings.connectivity,
    )
    clusters["significant"] = clusters["cluster"].isin([str(i + 1) for i in significant])
    effects = influence = None
    if result.clusters and result.n_rows == 1:
        means = np.column_stack(
            [maps.data[:, cluster.places].mean(axis=1) for cluster in result.clusters]
        )
        effects = contrast_effect(means, design.matrix, contrast, list(compared.values()))
        influence = leave_one_out(means, design.matrix, contrast)
    groups = {}
    for name, members in _members(inputs.people.table, settings.group).items():
        if members.sum() < _LEAST_SCANS_OF_MEAN:
            continue
        values = maps.data[members]
        people = inputs.people.table[members].reset_index(drop=True)
        one_group = design_matrix("1", people, blocks=settings.blocks)
        groups[name] = GroupMean(
            len(values),
            values.mean(axis=0),
            test(values, one_group, "mean", f"mean of {name}", statistics=()),
        )
    ids = [str(who) for who in inputs.people.table["participant_id"]]
    found = {f"cluster {i + 1}": result.clusters[i].places for i in significant}
    regions = roi_values(maps.data, {**found, **inputs.rois}, ids)
    correlations, notes = _correlations(regions, inputs, settings)
    return Findings(
        settings=settings,
        inputs=inputs,
        result=result,
        compared=compared,
        g=hedges_g(result.t, result.df, list(compared.values())) if of_means else None,
        clusters=clusters,
        significant=tuple(map(int, significant)),
        effects=effects,
        influence=influence,
        groups=groups,
        regions=regions,
        correlations=correlations,
        notes=notes,
    )


class _Checks:
    """Runs checks one after the other and gathers what is wrong."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def run(self, check: Callable[[], T]) -> T | None:
        try:
            return check()
        except InputError as error:
            self.problems += error.problems
            return None


def _check_scores(settings: StatsSettings, table: pd.DataFrame) -> list[str]:
    """Say what is wrong with the scores and the group within which they are correlated."""
    problems = []
    named = {
        "--clinical": settings.clinical,
        "--clinical-covariates": settings.clinical_covariates or (),
        "--table1": settings.table1 or (),
    }
    for option, columns in named.items():
        if unknown := [name for name in columns if name not in table]:
            problems.append(
                f"{option} names {', '.join(unknown)}; the participants' columns are "
                f"{', '.join(map(str, table))}."
            )
    problems += [
        f"The score {name} has values that are no numbers. Correct them."
        for name in settings.clinical
        if name in table and not pd.api.types.is_numeric_dtype(table[name])
    ]
    if settings.within is not None and settings.group in table:
        levels = _members(table, settings.group)
        if settings.within not in levels:
            problems.append(
                f"--within {settings.within}: nobody has that {settings.group}; there are "
                f"{', '.join(levels)}."
            )
    if settings.cluster_statistic not in settings.statistics:
        problems.append(
            f"Clusters are judged by {settings.cluster_statistic}, which is not among the "
            f"statistics ({', '.join(settings.statistics)})."
        )
    if not 0 < settings.alpha < 1:
        problems.append(f"alpha must be between 0 and 1; it is {settings.alpha}.")
    return problems


def _members(table: pd.DataFrame, group: str) -> dict[str, NDArray[np.bool_]]:
    """Return which scans each group has; all of them where there is no such column."""
    if group not in table:
        return {"all": np.ones(len(table), bool)}
    names = table[group].map(lambda level: f"{level:g}" if isinstance(level, float) else str(level))
    return {name: (names == name).to_numpy() for name in sorted(names.unique())}


def _other_terms(settings: StatsSettings) -> tuple[str, ...]:
    return tuple(name for name in read_formula(settings.formula).names if name != settings.group)


def _table1(
    table: pd.DataFrame, settings: StatsSettings, design: Design, categorical: Sequence[str]
) -> Table1:
    columns = settings.table1 or (*_other_terms(settings), *settings.clinical)
    counted = [name for name in columns if name in categorical or name in design.factors]
    if settings.group not in table:
        table = table.assign(**{settings.group: "all"})
    variables = list(dict.fromkeys(name for name in columns if name in table))
    # In the order in which the contrast names the groups, the others behind them.
    named = {name: f"{settings.group}[{name}]" for name in _members(table, settings.group)}
    contrast = settings.contrast
    levels = sorted(
        named, key=lambda name: (named[name] not in contrast, contrast.find(named[name]))
    )
    return table1(
        table, settings.group, variables, categorical=counted, levels=levels, welch=settings.welch
    )


def _cluster_p(clusters: Sequence[Cluster], statistics: Sequence[str]) -> dict[str, list[float]]:
    return {
        f"p_corr_{name}": [getattr(cluster, f"p_{name}") for cluster in clusters]
        for name in ("size", "mass")
        if name in statistics
    }


def _correlations(
    regions: pd.DataFrame, inputs: Inputs, settings: StatsSettings
) -> tuple[PartialCorrelations | None, tuple[str, ...]]:
    if not settings.clinical:
        return None, ()
    if regions.empty:
        note = "No cluster is significant and no region was given: no score was correlated."
        return None, (note,)
    table = inputs.people.table
    members = _members(table, settings.group)
    rows = members[settings.within] if settings.within else np.ones(len(table), bool)
    names = settings.clinical_covariates
    if names is None:
        names = _other_terms(settings)
    people = table[rows]
    columns = pd.get_dummies(
        people[list(names)],
        columns=[name for name in names if name in inputs.design.factors],
        drop_first=True,
        dtype=float,
    )
    result = partial_correlations(
        regions.to_numpy()[rows],
        people[list(settings.clinical)],
        columns,
        roi_names=list(map(str, regions)),
        score_names=settings.clinical,
        covariate_names=list(map(str, columns)),
        participants=[str(who) for who in people["participant_id"]],
        method=settings.correlation,
    )
    return result, ()


def _counter(
    what: str, total: int, progress: Callable[[str, float], None] | None
) -> Callable[[int], None] | None:
    """Turn counts of relabellings, from any thread, into a share."""
    if progress is None:
        return None
    lock, done = threading.Lock(), 0

    def count(more: int) -> None:
        nonlocal done
        with lock:
            done += more
            progress(what, min(done / total, 1))

    return count
