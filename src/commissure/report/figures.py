"""The figures of a study's report, drawn from what the group stage wrote."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import nibabel as nib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from commissure.files.bids_names import has_midline
from commissure.files.labels import distinct_labels
from commissure.files.tables import rows_of
from commissure.preprocessing.clean_preprocessed import template_on
from commissure.records.verdicts import limits
from commissure.render.brain import glass_figure, mean_maps_figure, surface_figure
from commissure.render.checks import freedom_figure, motion_figure, null_figure
from commissure.render.effect import effect_figure
from commissure.render.numbers import interval_text
from commissure.report.contents import Findings, Study
from commissure.report.criterion import criterion_words, value_of
from commissure.report.drawn import Drawn
from commissure.report.maps import contrast_map, read_map
from commissure.report.partners import partners_drawn
from commissure.report.wording import cluster_label, is_tested_each_way, region_name
from commissure.report.words import capital
from commissure.workspace.paths import GROUP_FOLDER

log = logging.getLogger(__name__)

FIGURES_FOLDER = "figures"
_MOST_PANELS = 6
_MOST_MARKED = 6


def draw_figures(study: Study, out_dir: Path, folder: Path) -> dict[str, Any]:
    """Draw all figures that there are data for, as SVG and as PNG of 300 dpi.

    Parameters
    ----------
    study : Study
    out_dir : Path
        Where the maps are.
    folder : Path
        Where to write.

    Returns
    -------
    dict
        ``drawn``: a `Drawn` each, as a dict; ``problems``: what could not be drawn.
    """
    drawn: list[dict[str, Any]] = []
    problems: list[str] = []
    (folder / FIGURES_FOLDER).mkdir(parents=True, exist_ok=True)
    for what, draw in _drawings(study, out_dir):
        try:
            for about, figure in draw():
                _save(figure, folder / FIGURES_FOLDER / about.stem)
                drawn.append(asdict(about))
        except Exception as error:
            # A figure is not worth a study's report; the log has the rest.
            log.exception("The figure of %s could not be drawn.", what)
            problems.append(f"The figure of {what} could not be drawn: {str(error).rstrip('.')}.")
    return {"drawn": drawn, "problems": problems}


def critical_value(null: NDArray[np.float64], alpha: float) -> float:
    """Return what a value must exceed for a share alpha of the null, or less, to reach it."""
    shares = np.arange(1, len(null) + 1) / len(null)
    n_allowed = int(np.searchsorted(shares, alpha, side="right"))
    return float(np.sort(null)[::-1][min(n_allowed, len(null) - 1)])


_Drawing = Callable[[], Iterator[tuple[Drawn, Figure]]]


def _drawings(study: Study, out_dir: Path) -> list[tuple[str, _Drawing]]:
    findings = study.findings
    drawings: list[tuple[str, _Drawing]] = [("degrees of freedom", lambda: _freedom(study))]
    if findings is None:
        return drawings
    return [
        ("the groups' means", lambda: _means(findings, out_dir)),
        ("the significant clusters", lambda: _clusters(findings, out_dir)),
        ("the effects", lambda: _effects(findings)),
        ("the partners", lambda: partners_drawn(findings)),
        ("the null distribution", lambda: _nulls(findings)),
        ("motion", lambda: _motion(study, findings)),
        *drawings,
    ]


def _means(findings: Findings, out_dir: Path) -> Iterator[tuple[Drawn, Figure]]:
    maps, affine = {}, np.eye(4)
    labels = distinct_labels(findings.record.get("ScansOfGroups", {}))
    for name in findings.groups:
        label = labels[name]
        found = read_map(out_dir / GROUP_FOLDER / f"group-{label}_stat-mean_statmap.nii.gz")
        if found is not None:
            values, affine = found
            n = findings.record["ScansOfGroups"][name]
            maps[f"{name} (n = {n})"] = np.where(values == 0, np.nan, values)
    if maps:
        about = Drawn(
            "means",
            "mean-maps",
            capital(findings.measure.mean),
            f"Axial slices of the {findings.measure.mean} of {' and '.join(maps)}",
            "Axial slices, the left of the brain on the left; "
            f"{'one scale for all groups' if len(maps) > 1 else 'the scale runs'}, from the 2nd to "
            "the 98th percentile.",
            vector=False,
        )
        shape = next(iter(maps.values())).shape
        in_mni = has_midline(findings.record.get("Space"))
        anatomy = template_on(shape, affine).t1w if in_mni else None
        yield about, mean_maps_figure(maps, affine, findings.measure.axis, anatomy)


def _clusters(findings: Findings, out_dir: Path) -> Iterator[tuple[Drawn, Figure]]:
    found = contrast_map(findings, out_dir, "significant")
    if found is None or not len(findings.significant):
        return
    values, affine = found
    if not has_midline(findings.record.get("Space")):
        # Neither the glass brain nor the surface fits another space.
        return
    img = nib.Nifti1Image(values.astype(np.float32), affine)
    largest = float(np.abs(values).max())
    label = findings.statistic
    labels = [
        f"cluster {n}: {cluster_label(str(n), findings) or 'no label'}"
        for n in findings.significant["cluster"]
    ]
    alt = f"with the significant clusters ({'; '.join(labels)})"
    yield (
        Drawn(
            "glass",
            "glass-brain",
            "Glass brain",
            f"Transparent brain from the left, behind, the right and above, {alt}",
            "The significant clusters seen through the brain: from the left, from behind, from "
            "the right, from above. Deep clusters show here and not on the surface.",
            vector=False,
        ),
        glass_figure(img, largest, label=label),
    )
    yield (
        Drawn(
            "surface",
            "surface",
            "Cortical surface",
            f"Inflated cortex of both hemispheres, {alt}",
            "Where the significant clusters meet the inflated cortex (fsaverage5). The map was "
            "projected from the volume, so places are good to a few millimetres only.",
            vector=False,
        ),
        surface_figure(img, largest, label=label),
    )


def _effects(findings: Findings) -> Iterator[tuple[Drawn, Figure]]:
    values, means = findings.table("adjusted_values"), findings.table("adjusted_means")
    adjusted = not values.empty
    people, group = findings.table("participants"), str(findings.settings.get("group", "group"))
    if adjusted:
        column = next(name for name in map(str, values) if name != "participant_id")
    elif group in people and not findings.table("roi_values").empty:
        # Scans in blocks have no adjusted means: their values as they are.
        column = group
        values = findings.table("roi_values").assign(**{group: people[group].to_numpy()})
    else:
        return
    regions = [n for n in map(str, values) if n not in ("participant_id", column)]
    for region, label in distinct_labels(regions, "-").items():
        of_region = means[means["region"] == region] if adjusted else means
        name = region_name(region, findings)
        yield (
            Drawn(
                f"effect {region}",
                f"effect_{label}",
                name[0].upper() + name[1:],
                f"{capital(findings.measure.value)} of each {findings.dots} in {name}, by {column}",
                _means_in_words(of_region),
                narrow=True,
            ),
            effect_figure(
                values,
                of_region,
                region,
                column,
                label=f"adjusted {findings.measure.axis}" if adjusted else findings.measure.axis,
                along=findings.label(column),
                order=findings.groups,
            ),
        )


def _means_in_words(means: pd.DataFrame) -> str:
    if means.empty or "at" in means:
        return ""
    return "; ".join(
        f"{row['term']}: {row['estimate']:.2f} {interval_text(row['ci_low'], row['ci_high'])}"
        for row in rows_of(means)
    )


def _nulls(findings: Findings) -> Iterator[tuple[Drawn, Figure]]:
    table = findings.table("null_distributions")
    words = criterion_words(findings)
    columns = [column for column in map(str, table) if column.startswith(words.column)]
    alpha = float(findings.settings.get("alpha", 0.05))
    if not columns:
        return
    if not is_tested_each_way(findings):
        nulls = {"": table[columns].max(axis=1).to_numpy(float)}
    else:
        nulls = {column.rpartition("_")[2]: table[column].to_numpy(float) for column in columns}
    for sign, null in nulls.items():
        rows = [r for r in rows_of(findings.clusters) if not sign or r["direction"] == sign]
        # Nothing hides the significant ones; if there are none, the largest shows how far it is.
        marked = [row for row in rows if row["significant"]][:_MOST_MARKED] or rows[:1]
        sizes = [(f"cluster {row['cluster']}", value_of(row, findings)) for row in marked]
        sizes = sizes or [("observed", float(null[0]))]
        critical = critical_value(null, alpha)
        unit = f" {words.unit}" if words.is_of_clusters else ""
        title = f"{capital(words.largest)} by chance{f' ({sign})' if sign else ''}"
        yield (
            Drawn(
                f"null {sign}".strip(),
                f"null-distribution{f'_{sign}' if sign else ''}",
                title,
                f"Histogram of the {words.largest} of {len(null):,} relabellings, with what was "
                "observed marked",
                f"A {words.what} is significant beyond {critical:g}{unit} (dashed); "
                + (
                    "the significant ones are marked."
                    if any(row["significant"] for row in marked)
                    else "the largest that was observed is marked."
                ),
            ),
            null_figure(
                null,
                sizes,
                critical,
                f"{words.unit} of the largest cluster" if words.is_of_clusters else words.largest,
                f"limit, corrected p ≤ {alpha:g}",
            ),
        )


def _motion(study: Study, findings: Findings) -> Iterator[tuple[Drawn, Figure]]:
    motion = findings.table("motion")
    if motion.empty:
        return
    group = str(findings.settings.get("group", "group"))
    regions = [n for n in map(str, motion) if n not in ("participant_id", "mean_fd", group)]
    shown = {name: region_name(name, findings) for name in regions[:_MOST_PANELS]}
    each = ", and of each group" if group in motion else ""
    about = Drawn(
        "motion",
        "motion-against-maps",
        f"Head motion against {findings.measure.value}",
        f"Scatter plots of mean framewise displacement against {findings.measure.value}: "
        f"{', '.join(shown.values())}",
        f"Each dot is a {findings.dots}; r and p of all{each}. A dashed line, where scans come "
        "near it, is the limit beyond which they are left out.",
    )
    yield (
        about,
        motion_figure(
            motion,
            findings.table("motion_correlations"),
            shown,
            group,
            findings.measure.axis,
            findings.groups,
            _limit(study, "mean_fd_jenkinson"),
        ),
    )


def _freedom(study: Study) -> Iterator[tuple[Drawn, Figure]]:
    by_group: dict[str, list[float]] = {}
    for who in study.participants:
        for run in who.runs:
            df = run.measured.effective_df if run.measured else None
            if run.included is not False and df is not None:
                by_group.setdefault(who.group or "all", []).append(df)
    if by_group:
        about = Drawn(
            "freedom",
            "degrees-of-freedom",
            "Effective degrees of freedom",
            f"Effective degrees of freedom of every run of {' and '.join(sorted(by_group))}",
            "Each dot is a run; the line is the median. A dashed line, where runs come near it, is "
            "the limit below which they are left out.",
        )
        named = study.findings.groups if study.findings else []
        order = [*named, *sorted(by_group.keys() - set(named))]
        ordered = {name: np.array(by_group[name]) for name in order if name in by_group}
        yield about, freedom_figure(ordered, _limit(study, "effective_df"))


def _limit(study: Study, column: str) -> float | None:
    """Return the limit of a column of quality.tsv."""
    value = study.settings.get("quality", {}).get(limits()[column])
    return None if value is None else float(value)


def _save(figure: Figure, stem: Path) -> None:
    # Without the date and with a fixed salt, the same findings give the same bytes.
    with mpl.rc_context({"svg.hashsalt": "commissure"}):
        figure.savefig(stem.with_name(f"{stem.name}.svg"), dpi=300, metadata={"Date": None})
        figure.savefig(stem.with_name(f"{stem.name}.png"), dpi=300)
    plt.close(figure)
