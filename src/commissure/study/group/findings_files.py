"""What the group stage writes."""

import json
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import nibabel as nib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from commissure.files.bids_names import has_midline
from commissure.files.data_texts import read_data
from commissure.files.labels import contrast_label, distinct_labels
from commissure.files.text import write_json
from commissure.inference import PermutationResult, contrast_effect
from commissure.measures.names import measure_of_files
from commissure.records.asked import in_order
from commissure.records.rivals import rivals_to_json
from commissure.render.clinical_tables import correlations_text, table1_frame, table1_text
from commissure.render.docx import table_docx
from commissure.render.effect import COLOURS
from commissure.render.findings import findings_figure
from commissure.render.numbers import fixed, interval_text, p_equals, p_text
from commissure.render.scatter import scatter_figure
from commissure.report.wording import sides_of
from commissure.space import Domain
from commissure.study.group.findings import GroupFindings
from commissure.study.group.findings_record import record_of
from commissure.study.group.groups import members
from commissure.study.group.partners import write_partners
from commissure.study.group.region_tables import write_report_tables
from commissure.study.group.region_tests import write_region_tests
from commissure.study.group.secondary import SECONDARY_NOTE, write_secondary
from commissure.study.group.tables import write_table

# Clusters in a table where none is significant.
_NEAREST = 5
# Maps of p of the one family-wise error each, by the criterion that it may be.
_MAPS_OF_P = {"p": None, "ponesided": None, "pfdr": None, "pfwe": "voxel", "ptfce": "tfce"}
_EACH_DIRECTION = (
    "each for itself, as SnPM: by chance one or the other is below alpha at up to twice that rate"
)
_CRITERION_NOTE = (
    "Only this p is held to the rate of errors: the others are shown beside it, and choosing among "
    "them afterwards finds too much."
)


def write_findings(findings: GroupFindings, folder: Path) -> None:
    """Write maps, tables, figures and the record of how they were made into a folder."""
    _write_maps(findings, folder)
    _write_clusters(findings, folder)
    _write_people(findings, folder)
    write_region_tests(findings, folder)
    people = findings.inputs.people.table
    scans = members(people, findings.settings.group)
    names = in_order(scans, findings.settings.group, findings.settings.contrast)
    write_partners(findings.partners, people, {name: scans[name] for name in names}, folder)
    _write_figures(findings, folder)
    write_report_tables(findings, folder)
    write_secondary(findings, folder)
    write_json(folder / "stats.json", record_of(findings))


def _write_maps(findings: GroupFindings, folder: Path) -> None:
    result, contrast = findings.result, findings.settings.contrast
    domain = findings.inputs.maps.domain
    statistic = "t" if result.n_rows == 1 else "F"
    of_contrast = {
        statistic: result.t,
        "effect": result.effect if result.n_rows == 1 else None,
        "g": findings.g,
        "p": result.p_uncorrected,
        "ponesided": result.p_one_sided,
        "pfwe": result.p_fwe,
        "pfdr": result.p_fdr,
        "tfce": result.tfce,
        "ptfce": result.p_tfce,
        "cluster": _numbered(findings),
        "significant": _significant(findings),
    }
    coverage = findings.inputs.maps.coverage
    about: dict[str, Any] = {"Scans": len(coverage.scans), "Space": findings.inputs.space}
    _write_map(coverage.domain, folder, "stat-coverage", "coverage", coverage.n_with, about)
    about = {"Contrast": contrast, "Space": findings.inputs.space}
    df = _about_df(result)
    for name, values in of_contrast.items():
        if values is not None:
            stem = f"contrast-{contrast_label(contrast)}_stat-{name}"
            more = _about_p(name, findings) | (df if name == statistic else {})
            _write_map(domain, folder, stem, name, values, about | more)
    for label, maps in findings.inputs.variants.items() if result.n_rows == 1 else ():
        design = findings.inputs.design
        t = contrast_effect(maps, design.matrix, findings.inputs.contrast, (1,)).t
        stem = f"contrast-{contrast_label(contrast)}_stat-t_desc-{label}"
        _write_map(domain, folder, stem, "tvariant", t, about | df | {"Variant": label})
    _write_secondary_maps(findings, folder)
    for model, found in findings.with_motion.items():
        about = {"Space": findings.inputs.space, "DegreesOfFreedom": found.df}
        name = {"none": "motion", "partial": "motionpartial"}[model]
        _write_map(domain, folder, f"stat-{name}", name, np.nan_to_num(found.r), about)
    labels = distinct_labels(findings.groups)
    never_zero = measure_of_files(findings.inputs.maps.sources).never_zero
    for group, mean in findings.groups.items():
        of_group = {"mean": mean.mean}
        if mean.test is not None:
            of_group |= {"onesamplet": mean.test.t, "onesamplepfwe": mean.test.p_fwe}
        about = {"Group": group, "NumberOfScans": mean.n, "Space": findings.inputs.space}
        about |= {"NotTested": never_zero} if mean.test is None else {}
        for name, values in of_group.items():
            stem = f"group-{labels[group]}_stat-{name}"
            df = _about_df(mean.test) if name == "onesamplet" and mean.test else {}
            _write_map(domain, folder, stem, name, values, about | df)


def _write_secondary_maps(findings: GroupFindings, folder: Path) -> None:
    """Write t (or F) and p of each secondary comparison."""
    contrast = findings.settings.contrast
    statistic = "t" if findings.result.n_rows == 1 else "F"
    for one in findings.secondary:
        about = {
            "Contrast": contrast,
            "Space": findings.inputs.space,
            "Measure": one.measure.record,
            "Notes": [SECONDARY_NOTE],
        }
        for name, values in ((statistic, one.result.t), ("pfwe", one.result.p_fwe)):
            stem = f"contrast-{contrast_label(contrast)}_stat-{name}_measure-{one.label}"
            df = _about_df(one.result) if name == statistic else {}
            _write_map(one.domain, folder, stem, name, values, about | df)


def _about_df(result: PermutationResult) -> dict[str, Any]:
    """Return the degrees of freedom of a map of t, or both of one of F."""
    df = float(result.df)
    return {"DegreesOfFreedom": df if result.n_rows == 1 else [float(result.n_rows), df]}


def _about_p(name: str, findings: GroupFindings) -> dict[str, Any]:
    """Return what a map of p is, for its sidecar; nothing for other maps."""
    if name not in _MAPS_OF_P:
        return {}
    about: dict[str, Any] = {"IsCriterion": _MAPS_OF_P[name] == findings.settings.criterion}
    if findings.result.n_rows == 1:
        each = findings.result.p_one_sided is not None and name not in ("p", "pfdr")
        about["Directions"] = _EACH_DIRECTION if each else "both together"
    return about


def _write_map(
    domain: Domain,
    folder: Path,
    stem: str,
    name: str,
    values: NDArray[Any],
    about: dict[str, Any],
) -> None:
    output = json.loads(read_data("files", "stats_outputs.json"))[name]
    kind = np.int32 if name in ("cluster", "coverage") else np.float32
    img = domain.to_image(values.astype(kind), fill=output["Outside"])
    if "Intent" in output:
        # So that viewers know what they open.
        df = np.atleast_1d(about.get("DegreesOfFreedom", []))
        img.header.set_intent(output["Intent"], tuple(map(float, df)))
    nib.save(img, folder / f"{stem}_statmap.nii.gz")
    write_json(folder / f"{stem}_statmap.json", {"Description": output["Description"], **about})


def _numbered(findings: GroupFindings) -> NDArray[np.int32]:
    numbers = np.zeros(findings.inputs.maps.domain.n_places, np.int32)
    for i, cluster in enumerate(findings.result.clusters):
        numbers[cluster.places] = i + 1
    return numbers


def _significant(findings: GroupFindings) -> NDArray[np.float64]:
    inside = np.isin(_numbered(findings), np.array(findings.significant) + 1)
    return np.where(inside, findings.result.t, 0)


def _cluster_tables(findings: GroupFindings) -> tuple[pd.DataFrame, list[str]]:
    """Return the table of clusters with the effect on each one's mean, and its notes."""
    table = findings.clusters.copy()
    settings, result = findings.settings, findings.result
    first = table.index[table["voxels"].notna()]
    effects, influence = findings.effects, findings.influence
    if effects is not None and influence is not None:
        table.loc[first, "mean_effect"] = effects.estimate
        if findings.g is not None:
            table.loc[first, "g"] = effects.g
            table.loc[first, "g_low"] = effects.g_low
            table.loc[first, "g_high"] = effects.g_high
        ids = findings.inputs.people.table["participant_id"].astype(str).to_numpy()
        most = np.abs(influence.t_change).argmax(axis=0)
        table.loc[first, "most_influential"] = ids[most]
        table.loc[first, "t_of_mean"] = effects.t
        table.loc[first, "t_without"] = effects.t + influence.t_change[most, np.arange(len(most))]
    statistic, sided = "F", ""
    if result.n_rows == 1:
        statistic = "|t|"
        each = settings.tail == "one-sided-each"
        sided = ", each direction for itself" if each else ", two-sided"
    changes = "sign flips" if result.sign_flips else f"permutations ({settings.method})"
    how = (
        f"{settings.contrast}; {settings.formula}; {result.n_permutations:,} {changes}{sided}; "
        f"clusters of {settings.connectivity}-neighbours {_formed(findings, statistic)}. "
        f"{_CRITERION_NOTE}"
    )
    n = f"n: {', '.join(f'{name} {n}' for name, n in findings.compared.items())}."
    notes = [*filter(None, [findings.caution]), how, n, *table.attrs["notes"]]
    return table, notes


def _formed(findings: GroupFindings, statistic: str) -> str:
    """Return what makes clusters and what makes them significant, as the end of a sentence."""
    settings, df = findings.settings, f"{findings.result.df} degrees of freedom"
    limit = f"p_corr ≤ {settings.alpha:g}"
    if settings.criterion in ("tfce", "voxel"):
        of = "TFCE" if settings.criterion == "tfce" else statistic
        return f"that are significant themselves: {limit} by the largest {of} ({df})"
    return (
        f"at {statistic} > {findings.result.threshold:.4f} (p < {settings.cluster_forming_p:g}, "
        f"{df}), significant at {limit} by {settings.criterion}"
    )


def _write_clusters(findings: GroupFindings, folder: Path) -> None:
    table, notes = _cluster_tables(findings)
    rivals = rivals_to_json(findings.rivals)
    write_table(folder, "clusters", table, "%.10g", Notes=notes, Rivals=rivals)
    text, title = _clusters_text(table, findings)
    (folder / "clusters.docx").write_bytes(table_docx(text, title, notes))
    if findings.influence is not None:
        ids = findings.inputs.people.table["participant_id"]
        names = [f"cluster {i + 1}" for i in range(len(findings.result.clusters))]
        change = pd.DataFrame(findings.influence.t_change, columns=names)
        change.insert(0, "participant_id", ids.to_numpy())
        write_table(folder, "influence", change)


def _clusters_text(table: pd.DataFrame, findings: GroupFindings) -> tuple[pd.DataFrame, str]:
    """Return the significant clusters with their sub-peaks as people print them, and the title.

    Where none is significant, those that come nearest.
    """
    statistic = "t" if findings.result.n_rows == 1 else "F"
    numbers = table["cluster"].str.rstrip(ascii_lowercase).astype(int)
    significant = numbers.isin([i + 1 for i in findings.significant])
    none = not significant.any()
    table = table[numbers <= _NEAREST if none else significant]
    text = pd.DataFrame({"Cluster": table["cluster"]})
    if "peak_label" in table:
        text["Region of the peak"] = table["peak_label"]
    if "direction" in table:
        text["Direction"] = [sides_of(findings.asked, sign) for sign in table["direction"]]
    text[f"Peak {statistic}"] = table[f"peak_{statistic}"].map(fixed)
    text["x, y, z (mm)"] = [
        f"{x:.0f}, {y:.0f}, {z:.0f}" for x, y, z in table[["x", "y", "z"]].itertuples(index=False)
    ]
    for column, name in (("voxels", "Voxels"), ("mm3", "mm³")):
        text[name] = table[column].map("{:.0f}".format, na_action="ignore").fillna("")
    for column in table.columns[table.columns.str.startswith("p_corr_")]:
        kind = column.removeprefix("p_corr_")
        other = "" if kind == findings.settings.criterion else " (not the criterion)"
        text[f"p corrected, {kind}{other}"] = table[column].astype(float).map(p_text)
    if "g" in table:
        text["Hedges g [95 % CI]"] = [
            f"{fixed(g)} {interval_text(low, high)}".strip()
            for g, low, high in table[["g", "g_low", "g_high"]].itertuples(index=False)
        ]
    if not none:
        return text, "Significant clusters"
    return text, "No cluster is significant; the first of those that are not"


def _write_people(findings: GroupFindings, folder: Path) -> None:
    write_table(folder, "roi_values", findings.regions.reset_index())
    write_table(folder, "table1", table1_frame(findings.inputs.table1))
    title = "Demographic and clinical characteristics"
    text, notes = table1_text(findings.inputs.table1, findings.units)
    (folder / "table1.docx").write_bytes(table_docx(text, title, notes))
    if findings.correlations is not None:
        write_table(folder, "partial_correlations", findings.correlations.table)
        text, notes = correlations_text(findings.correlations, findings.units)
        (folder / "partial_correlations.docx").write_bytes(
            table_docx(text, "Partial correlations", notes)
        )


def _write_figures(findings: GroupFindings, folder: Path) -> None:
    table, result = findings.clusters, findings.result
    statistic = "t" if result.n_rows == 1 else "F"
    mains = table[table["significant"]]
    peaks = [
        (
            f"cluster {row['cluster']}: peak {statistic} = {row[f'peak_{statistic}']:.2f}, "
            f"{row['voxels']} voxels, "
            + p_equals(row[f"p_corr_{findings.settings.criterion}"], "p corrected")
            + (f"\n{row['peak_label']}" if row.get("peak_label") else ""),
            (row["x"], row["y"], row["z"]),
        )
        for row in mains.to_dict("records")
    ]
    significant = _significant(findings)
    figure = findings_figure(
        significant,
        peaks,
        findings.inputs.maps.domain.to_image(significant.astype(np.float32)),
        label=statistic,
        on_template=has_midline(findings.inputs.space),
    )
    _save(figure, folder / "figure1")
    if findings.correlations is not None:
        _save(
            scatter_figure(findings.correlations, findings.units, _colour(findings)),
            folder / "partial_correlations",
        )


def _colour(findings: GroupFindings) -> str:
    """Return the colour of the group within which scores are, as the report's figures have it."""
    asked = findings.settings
    groups = in_order(findings.groups, asked.group, asked.contrast)
    within = asked.within
    return COLOURS[groups.index(within) % len(COLOURS)] if within in groups else COLOURS[0]


def _save(figure: Figure, stem: Path) -> None:
    # Without the date and with a fixed salt, the same findings give the same bytes.
    with mpl.rc_context({"svg.hashsalt": "commissure"}):
        figure.savefig(stem.with_suffix(".svg"), metadata={"Date": None})
        figure.savefig(stem.with_suffix(".png"), dpi=300)
    plt.close(figure)
