"""The group stage: from maps and participants to findings."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commissure.clinical import roi_values
from commissure.files.stores import rows_of
from commissure.inference import (
    Apart,
    Design,
    NullMaker,
    PermutationResult,
    cluster_p,
    cluster_table,
    contrast_effect,
    design_matrix,
    hedges_g,
    judged,
    leave_one_out,
    permutation_test,
    pooled_t,
)
from commissure.inference.glm import Model
from commissure.measures.names import measure_of_files
from commissure.problems import InputError
from commissure.settings.group import GroupSettings
from commissure.space import Domain
from commissure.study.group.correlations import correlated
from commissure.study.group.coverage import coverage_notes
from commissure.study.group.doubts import LEAST_SCANS_OF_MEAN, doubts
from commissure.study.group.findings import (
    GroupFindings,
    GroupMean,
    Inputs,
    Secondary,
    Spreads,
    region_places,
)
from commissure.study.group.groups import members, scanned_again
from commissure.study.group.laterality import compared_sides
from commissure.study.group.motion_places import correlations_with_motion
from commissure.study.group.partners import partner_findings
from commissure.study.group.region_tests import lost_notes, region_tests
from commissure.study.group.rivals import rivals_of
from commissure.study.group.secondary import Regions, Test, compared_beside
from commissure.study.group.spreads import spreads_of

_NO_G = (
    "Hedges g is left out: with several scans of a person it would be in units of what is left "
    "within people, which no other study could be compared with."
)


def find(
    inputs: Inputs,
    settings: GroupSettings,
    *,
    n_threads: int | None = None,
    max_memory: int | None = None,
    progress: Callable[[str, float], None] | None = None,
    null_by: NullMaker | None = None,
) -> GroupFindings:
    """Compare groups, or relate maps to scores, with everything that is reported of it.

    Parameters
    ----------
    inputs : Inputs
    settings : GroupSettings
    n_threads, max_memory, null_by
        See `commissure.inference.permutation_test`.
    progress : callable, optional
        Called with what is being done and the share of it that is done.
    """
    design, maps, contrast = inputs.design, inputs.maps, inputs.contrast

    def test(
        values: NDArray[np.float64],
        design: Design,
        contrast: Any,
        what: str,
        domain: Domain | Apart = maps.domain,
        **options: Any,
    ) -> PermutationResult:
        return permutation_test(
            values,
            design,
            contrast,
            domain,
            n_permutations=settings.n_permutations,
            seed=settings.seed,
            dtype=settings.dtype,
            pareto_tail=settings.pareto_tail,
            tail=settings.tail,
            n_threads=n_threads,
            max_memory=max_memory,
            progress=_counter(what, settings.n_permutations, progress),
            null_by=null_by,
            **options,
        )

    of_spread = spreads_of(maps.data, inputs.people.table, design, contrast, settings)
    groups_of_variance = None if of_spread is None else of_spread.variance_groups
    relabelled = _relabelled(of_spread, settings)
    result = test(
        maps.data,
        design,
        contrast,
        "permutations",
        cluster_forming_p=settings.cluster_forming_p,
        connectivity=settings.connectivity,
        statistics=settings.statistics,
        **relabelled,
    )
    compared = design.scans_compared(settings.contrast)
    of_means = result.n_rows == 1 and not any(
        part in design.covariates for name in compared for part in name.split(":")
    )
    repeated = scanned_again(inputs.people.table)
    with_g = of_means and not repeated
    sizes = (design.effective_size(settings.contrast),) if of_means else (np.nan,)
    graph = maps.domain.neighbours(settings.connectivity)
    result, significant = judged(result, settings.criterion, settings.alpha, graph)
    clusters = cluster_table(
        result.t,
        result.clusters,
        maps.domain,
        p_corr=_cluster_p(result, settings),
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
        effects = contrast_effect(means, design.matrix, contrast, sizes)
        influence = leave_one_out(means, design.matrix, contrast)
    groups = {}
    told = [*inputs.people.told, *coverage_notes(maps.coverage, settings.loss_share), *maps.notes]
    told += [_NO_G] if of_means and repeated else []
    unequal = [] if of_spread is None or of_spread.note is None else [of_spread.note]
    flips = bool(relabelled["flip_signs"])
    notes = [*told, *unequal]
    notes += doubts(inputs.people.table, design, contrast, settings, flip_signs=flips)
    never_zero = measure_of_files(maps.sources).never_zero
    notes += [never_zero] if never_zero and Model.of(design, contrast).tests_mean else []
    for name, rows in members(inputs.people.table, settings.group).items():
        if rows.sum() < LEAST_SCANS_OF_MEAN:
            continue
        values = rows_of(maps.data, rows)
        if never_zero:
            groups[name] = GroupMean(len(values), values.mean(axis=0), None)
            continue
        people = inputs.people.table[rows].reset_index(drop=True)
        try:
            one_group = design_matrix("1", people, blocks=settings.blocks)
        except InputError as error:
            notes += [f"The mean of {name} was not tested: {p}" for p in error.problems]
            continue
        groups[name] = GroupMean(
            len(values),
            values.mean(axis=0),
            test(values, one_group, "mean", f"mean of {name}", statistics=()),
        )
    g = None
    if with_g:
        # Where spreads may differ the map's own statistic is over one for each group; g is over one
        # of all, in clusters.tsv too.
        one_spread = result.t
        if groups_of_variance is not None:
            one_spread = pooled_t(maps.data, design.matrix, contrast)
        g = hedges_g(one_spread, result.df, sizes)
    ids = [str(who) for who in inputs.people.table["participant_id"]]
    places = region_places(result.clusters, significant, inputs.rois)
    regions = roi_values(maps.data, places, ids)
    tested = None
    if inputs.rois:
        asked = regions[list(inputs.rois)]
        of_regions = test(
            asked.to_numpy(),
            design,
            contrast,
            "regions",
            Apart(asked.shape[1]),
            statistics=(),
            **relabelled,
        )
        tested = region_tests(asked, of_regions, inputs, settings, sizes if with_g else None)
        notes += lost_notes(tested)
    partners = None
    places = region_places(result.clusters, significant, inputs.rois)
    if inputs.partners_at is not None and places:
        partners = partner_findings(
            places,
            maps.domain,
            inputs.partners_at,
            inputs.atlas,
            lambda values: test(
                values,
                design,
                contrast,
                "partners",
                Apart(values.shape[1]),
                statistics=(),
                **relabelled,
            ),
        )
    correlations = None
    why_none: tuple[str, ...] = ()
    try:
        correlations = correlated(regions, inputs.people, design, settings)
    except InputError as error:
        # What has been computed so far is not to be lost.
        why_none = error.problems
    secondary, of_secondary = _secondary(
        inputs,
        settings,
        places,
        lambda values, domain, what, spreads: test(
            values,
            design,
            contrast,
            what,
            domain,
            statistics=(),
            **_relabelled(spreads, settings),
        ),
    )
    return GroupFindings(
        settings=settings,
        inputs=inputs,
        result=result,
        compared=compared,
        g=g,
        clusters=clusters,
        significant=significant,
        effects=effects,
        influence=influence,
        groups=groups,
        regions=regions,
        region_tests=tested,
        correlations=correlations,
        notes=(*notes, *why_none, *of_secondary),
        not_correlated=why_none,
        spreads=of_spread,
        rivals=rivals_of(inputs, settings),
        with_motion=correlations_with_motion(inputs),
        secondary=secondary,
        partners=partners,
    )


def _secondary(
    inputs: Inputs, settings: GroupSettings, regions: Regions, test: Test
) -> tuple[tuple[Secondary, ...], list[str]]:
    """Return what else is compared, laterality first, and what must be known of it."""
    found, notes = compared_beside(inputs, settings, regions, test)
    if settings.laterality == "none":
        return found, notes
    try:
        return (compared_sides(inputs, settings, regions, test), *found), notes
    except InputError as error:
        return found, [*(f"Laterality was not tested: {p}" for p in error.problems), *notes]


def _relabelled(spreads: Spreads | None, settings: GroupSettings) -> dict[str, Any]:
    """Return how scans may be exchanged, by the spreads of their groups."""
    return {
        "method": settings.method,
        "variance_groups": None if spreads is None else spreads.variance_groups,
        "flip_signs": spreads is not None and spreads.flip_signs,
    }


def _cluster_p(result: PermutationResult, settings: GroupSettings) -> dict[str, list[float]]:
    """Return the columns of p: first the criterion's, then what else was made of its clusters."""
    p = [cluster_p(result, cluster) for cluster in result.clusters]
    names = dict.fromkeys((settings.criterion, *settings.statistics, "voxel"))
    of_places = settings.criterion in ("tfce", "voxel")
    return {
        f"p_corr_{name}": [of[name] for of in p]
        for name in names
        if not (of_places and name in ("size", "mass"))
    }


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
