"""Small tables beside the findings, so that the report can draw them and compute nothing."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from commissure.clinical import partial_correlations
from commissure.inference import Design, contrast_effect
from commissure.inference.adjusted import adjusted_values, estimates
from commissure.inputs.people import MEAN_FD
from commissure.problems import InputError
from commissure.records.asked import in_order
from commissure.report.wording import WHOLE_MAP
from commissure.study.group.findings import GroupFindings, region_places
from commissure.study.group.groups import members, scanned_again
from commissure.study.group.motion_places import motion_known, motion_places
from commissure.study.group.tables import write_table

# Enough for the limits of a line to look as curved as they are.
_POINTS_OF_LINE = 25
_NULLS = ("max_t", "max_cluster_size", "max_cluster_mass", "max_tfce")


def write_report_tables(findings: GroupFindings, folder: Path) -> None:
    """Write what the report shows of chance, adjusted values, motion and the global signal."""
    tables = {
        "null_distributions": null_distributions(findings),
        **adjusted_tables(findings),
        **motion_tables(findings),
        **variants_table(findings),
    }
    for name, table in tables.items():
        write_table(folder, name, table, "%.10g")


def null_distributions(findings: GroupFindings) -> pd.DataFrame:
    """Return the largest value of each relabelling, the observed one first.

    Returns
    -------
    DataFrame
        Columns such as ``max_cluster_size_positive`` and ``max_cluster_size_negative``;
        ``max_cluster_size`` for F.
    """
    columns: dict[str, NDArray[np.float64]] = {}
    for name in _NULLS:
        values = getattr(findings.result, name)
        if values is None:
            continue
        signs = ("_positive", "_negative") if values.shape[1] == 2 else ("",)
        columns |= {f"{name}{sign}": values[:, i] for i, sign in enumerate(signs)}
    return pd.DataFrame(columns)


def adjusted_tables(findings: GroupFindings) -> dict[str, pd.DataFrame]:
    """Return the values of regions without the covariates' part, and the means they scatter around.

    Returns
    -------
    dict of DataFrame
        ``adjusted_values``: ``participant_id``, the group or the covariate that is compared, and
        a column a region. ``adjusted_means``: ``region, term, n, estimate, ci_low, ci_high`` with
        95 % confidence limits; for a covariate ``at`` is where the line is estimated. Empty where
        the contrast is of cells or within blocks, which have no such plot.
    """
    design, regions = findings.inputs.design, findings.regions
    if regions.empty:
        return {}
    try:
        shown = _shown(findings)
    except InputError:
        # Means of scans in blocks are not estimable as the values of independent scans.
        return {}
    if shown is None:
        return {}
    column, rows, terms, of_terms = shown
    people = findings.inputs.people.table
    values = regions.to_numpy(float)
    names = list(map(str, regions))
    adjusted = pd.DataFrame(adjusted_values(values, design.matrix, rows), columns=names)
    adjusted.insert(0, column, people[column].to_numpy())
    adjusted.insert(0, "participant_id", people["participant_id"].astype(str).to_numpy())
    found = estimates(values, design.matrix, of_terms)
    means = pd.DataFrame(
        [
            {"region": region, **term}
            | {"estimate": found.estimate[i, j]}
            | {"ci_low": found.low[i, j], "ci_high": found.high[i, j]}
            for j, region in enumerate(names)
            for i, term in enumerate(terms)
        ]
    )
    return {"adjusted_values": adjusted, "adjusted_means": means}


def motion_tables(findings: GroupFindings) -> dict[str, pd.DataFrame]:
    """Return how motion goes with the maps, and the contrast with and without it in the model.

    Returns
    -------
    dict of DataFrame
        ``motion``: ``participant_id``, the group, ``mean_fd``, the mean of the map, regions.
        ``motion_correlations``: ``region, group, n, r, ci_low, ci_high, p``, for all and for each
        group. ``motion_effects``: ``region, t_without, df_without, t_with, df_with``.
        ``motion_places``: see `commissure.study.group.motion_places`. None of them
        where motion is not known.
    """
    people = findings.inputs.people.table
    if not motion_known(people):
        return {}
    group = findings.settings.group
    fd = people[MEAN_FD].to_numpy(float)
    regions = findings.regions.reset_index(drop=True)
    regions.insert(0, WHOLE_MAP, findings.inputs.maps.data.mean(axis=1))
    about = {"participant_id": people["participant_id"].astype(str), MEAN_FD: fd}
    if group in people:
        about[group] = people[group].astype(str)
    motion = pd.concat([pd.DataFrame(about), regions], axis=1)
    tables = {"motion": motion, "motion_correlations": _with_motion(motion, regions, findings)}
    if not scanned_again(people):
        tables["motion_places"] = motion_places(findings)
    if findings.result.n_rows == 1:
        tables["motion_effects"] = _motion_in_model(regions, fd, findings)
    return tables


def variants_table(findings: GroupFindings) -> dict[str, pd.DataFrame]:
    """Return the contrast on the same regions of the maps that variants of the settings made.

    Returns
    -------
    dict of DataFrame
        ``variant_effects``: ``variant, region``, the mean over all scans and the contrast's t, of
        the study's own maps and of the variant's, ``df``. Empty where there are no such maps, and
        for F contrasts.
    """
    inputs, result = findings.inputs, findings.result
    if result.n_rows != 1:
        return {}
    tables = [_variant_table(label, maps, findings) for label, maps in inputs.variants.items()]
    found = [table for table in tables if len(table)]
    return {"variant_effects": pd.concat(found, ignore_index=True)} if found else {}


def _variant_table(label: str, maps: NDArray[np.float64], findings: GroupFindings) -> pd.DataFrame:
    inputs, result = findings.inputs, findings.result
    places = {WHOLE_MAP: np.arange(inputs.maps.domain.n_places)}
    places |= region_places(result.clusters, findings.significant, inputs.rois)
    # Compared at the same places: those where the other maps have data too.
    in_both = np.logical_and.reduce(np.isfinite(maps))
    common = {name: inside[in_both[inside]] for name, inside in places.items()}
    places = {name: inside for name, inside in common.items() if len(inside)}
    table = pd.DataFrame({"variant": label, "region": list(places)})
    if not places:
        return table
    for name, values in (("", inputs.maps.data), ("_variant", maps)):
        means = np.column_stack([values[:, inside].mean(axis=1) for inside in places.values()])
        # Of g nothing is used here.
        effect = contrast_effect(means, inputs.design.matrix, inputs.contrast, (1,))
        table[f"mean{name}"], table[f"t{name}"] = means.mean(axis=0), effect.t
    return table.assign(df=result.df)


def _shown(
    findings: GroupFindings,
) -> (
    tuple[str, NDArray[np.float64], list[dict[str, float | str | int]], NDArray[np.float64]] | None
):
    """Return the column that is compared, each scan's prediction, the terms and their rows."""
    design, settings = findings.inputs.design, findings.settings
    people = findings.inputs.people.table
    named = list(findings.compared)
    levels = design.factors.get(settings.group, ())
    if levels and all(name in {f"{settings.group}[{level}]" for level in levels} for name in named):
        return _groups_shown(design, settings.group, levels, people)
    if len(named) == 1 and named[0] in design.covariates:
        covariate = named[0]
        x = people[covariate].to_numpy(float)
        mean, slope = design.contrast("mean")[0], design.contrast(covariate)[0]
        at = [float(place) for place in np.linspace(x.min(), x.max(), _POINTS_OF_LINE)]
        of_terms = np.stack([mean + (place - x.mean()) * slope for place in at])
        terms: list[dict[str, float | str | int]] = [
            {"term": covariate, "n": len(x), "at": place} for place in at
        ]
        return covariate, mean + np.outer(x - x.mean(), slope), terms, of_terms
    return None


def _groups_shown(
    design: Design, group: str, levels: tuple[str, ...], people: pd.DataFrame
) -> tuple[str, NDArray[np.float64], list[dict[str, float | str | int]], NDArray[np.float64]]:
    of_level = {level: design.contrast(f"{group}[{level}]")[0] for level in levels}
    scans = members(people, group)
    rows = np.zeros_like(design.matrix)
    for level, row in of_level.items():
        rows[scans[level]] = row
    terms: list[dict[str, float | str | int]] = [
        {"term": level, "n": int(scans[level].sum())} for level in levels
    ]
    return group, rows, terms, np.stack(list(of_level.values()))


def _with_motion(
    motion: pd.DataFrame, regions: pd.DataFrame, findings: GroupFindings
) -> pd.DataFrame:
    """Correlate motion with each region, in all and in each group, if each scan is a person."""
    columns = ["region", "group", "n", "r", "ci_low", "ci_high", "p"]
    if scanned_again(findings.inputs.people.table):
        return pd.DataFrame(columns=columns)
    group = findings.settings.group
    parts = {"all": np.ones(len(motion), bool)}
    if group in motion:
        scans = members(motion, group)
        parts |= {name: scans[name] for name in in_order(scans, group, findings.settings.contrast)}
    found = []
    for name, rows in parts.items():
        try:
            result = partial_correlations(
                regions[rows],
                motion.loc[rows, [MEAN_FD]],
                np.empty((int(rows.sum()), 0)),
                roi_names=list(map(str, regions)),
                score_names=[MEAN_FD],
                covariate_names=[],
                participants=list(motion.loc[rows, "participant_id"]),
            )
        except InputError:
            # Too few scans in this group to correlate anything.
            continue
        kept = result.table[["roi", "n", "r", "ci_low", "ci_high", "p"]]
        found.append(kept.rename(columns={"roi": "region"}).assign(group=name))
    return pd.concat(found)[columns] if found else pd.DataFrame(columns=columns)


def _motion_in_model(
    regions: pd.DataFrame, fd: NDArray[np.float64], findings: GroupFindings
) -> pd.DataFrame:
    """Return the contrast's t on each region with mean FD among the columns, and without."""
    inputs = findings.inputs
    matrix, contrast = inputs.design.matrix, inputs.contrast
    others = [i for i, name in enumerate(inputs.design.names) if name != MEAN_FD]
    without = matrix[:, others], contrast[:, others]
    augmented = np.column_stack([without[0], fd - fd.mean()])
    table = pd.DataFrame({"region": list(map(str, regions))})
    models = {"without": without, "with": (augmented, np.pad(without[1], ((0, 0), (0, 1))))}
    for name, (columns, weights) in models.items():
        if columns.shape[0] - columns.shape[1] < 2 or (
            np.linalg.matrix_rank(columns) < columns.shape[1] or not weights.any()
        ):
            continue
        effect = contrast_effect(regions.to_numpy(float), columns, weights, (1,))
        table[f"t_{name}"], table[f"df_{name}"] = effect.t, effect.df
    return table
