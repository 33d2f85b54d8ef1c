"""What was found: means, differences, clusters, effects, clinical scores."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from commissure.files.tables import rows_of
from commissure.records.rivals import rivals_in
from commissure.render.numbers import fixed, interval_text, p_text
from commissure.render.viewer import Viewer
from commissure.report.asked import where
from commissure.report.contents import Findings, Study
from commissure.report.criterion import criterion_words
from commissure.report.page.parts import (
    Cell,
    Details,
    Figure,
    Link,
    Part,
    Place,
    Section,
    Table,
    Text,
    section,
    unbroken,
)
from commissure.report.rivals import called, findings_caution
from commissure.report.sections.regions import circular, region_table
from commissure.report.wording import (
    cluster_label,
    correlations_verdict,
    held_constant,
    is_tested_each_way,
    region_name,
    sides,
)
from commissure.report.words import capital, count, listed

NOT_COMPARED = "Not done yet: the group stage has not been run."
# Of clusters that are not significant; of the regions that a cluster lies in.
# Voxels of which clusters have so few that sizes are often equal, and p larger than need be.
_COARSE_MM = 6
_COARSE = (
    "Voxels are coarse, so clusters have few of them and the p of their size is larger than need "
    "be (with voxels of 8 mm, 2.6 % of studies without any effect find something at 5 %): what is "
    "there is missed more often than by mass or TFCE."
)
_MOST_SHOWN = 20
_MOST_WITHOUT_FINDING = 5
_MOST_SHARES = 3


def means_section(study: Study, figures: Mapping[str, Figure]) -> Section:
    """Return each group's mean map."""
    parts: list[Part | None] = []
    if "means" in figures:
        if study.measure.high:
            parts.append(Text(study.measure.high))
        parts.append(figures["means"])
    else:
        parts.append(Text(_absent(study, "There are no mean maps in this folder."), "missing"))
    groups = study.findings.record.get("ScansOfGroups", {}) if study.findings else {}
    of = " of each group" if len(groups) > 1 else ""
    return section("means", f"{capital(study.measure.mean)}{of}", parts)


def differences_section(
    study: Study, figures: Mapping[str, Figure], links: Mapping[str, Link], viewer: Viewer | None
) -> Section:
    """Return where the effect is: slices, clusters, viewer, glass brain, surface."""
    findings = study.findings
    if findings is None:
        return section("differences", "What was found", [Text(NOT_COMPARED, "missing")])
    title = where(findings.asked, findings.measure.value)
    significant = findings.significant
    parts: list[Part | None] = [Text(_asked(findings)), _design(findings)]
    if significant.empty:
        parts.append(
            Text(
                "No cluster is significant. That is no proof that there is no effect: it says that "
                "this study did not find one.",
                "note",
            )
        )
    parts += [figures.get("figure1")] if not significant.empty else []
    files = [links[key] for key in ("clusters.tsv", "clusters.docx") if key in links]
    if not significant.empty:
        parts.append(cluster_table(findings, significant, _significant_title(findings), files))
    parts.append(viewer)
    parts += [figures[key] for key in ("glass", "surface") if key in figures]
    others = findings.clusters.drop(significant.index)
    if len(others):
        caption = "Clusters that are not significant"
        most = _MOST_SHOWN if len(significant) else _MOST_WITHOUT_FINDING
        if len(others) > most:
            caption += f" (the first {most} of {len(others)}; clusters.tsv has all)"
        shown = others.head(most)
        table = cluster_table(findings, shown, caption, [] if len(significant) else files)
        if significant.empty:
            parts.insert(3, table)
        else:
            summary = count(len(others), "cluster is", "clusters are")
            parts.append(Details(f"{summary} not significant", (table,)))
    said = findings_caution(findings)
    return section("differences", title, [Text(said, "warning") if said else None, *parts])


def effects_section(
    study: Study, figures: Mapping[str, Figure], links: Mapping[str, Link]
) -> Section:
    """Return the tests of regions that were named beforehand, and the effect plots."""
    plots = {key: figure for key, figure in figures.items() if key.startswith("effect")}
    named = None if study.findings is None else region_table(study.findings, links)
    parts: list[Part | None] = [named]
    if plots and study.findings is not None:
        parts += [Text(_of_effects(study.findings)), *plots.values()]
        if any(key.startswith("effect cluster ") for key in plots):
            parts += [Text(note, "note") for note in circular(study.findings)]
    elif named is None:
        missing = "No cluster is significant and no region was asked for: there is nothing to plot."
        parts.append(Text(_absent(study, missing), "missing"))
    return section("effects", "How large the effect is", parts)


def clinical_section(
    study: Study, figures: Mapping[str, Figure], links: Mapping[str, Link]
) -> Section:
    """Return partial correlations with scores."""
    findings = study.findings
    table = pd.DataFrame() if findings is None else findings.table("partial_correlations")
    if findings is None or table.empty:
        missing = NOT_COMPARED
        if findings is not None:
            missing = f"{capital(correlations_verdict(findings))}."
        return section("clinical", "Clinical scores", [Text(missing, "missing")])
    within = findings.settings.get("within")
    covariates = held_constant(findings)
    held = (
        f"with {listed(list(map(findings.in_words, covariates)))} held constant"
        if covariates
        else "with nothing held constant"
    )
    who = f"within {within}" if within else f"in all {findings.dots}s"
    rows = tuple(
        (
            region_name(str(row["roi"]), findings),
            findings.label(str(row["score"])),
            fixed(row["r"]) or "-",
            unbroken(interval_text(row["ci_low"], row["ci_high"])) or "-",
            p_text(row["p"]) or "-",
            p_text(row["q"]) or "-",
            str(row["n"]),
        )
        for row in rows_of(table)
    )
    keys = ("partial_correlations.tsv", "partial_correlations.docx")
    return section(
        "clinical",
        "Clinical scores",
        [
            Text(
                f"Partial correlations of the {findings.measure.mean} of each region with each "
                f"score, {who}, {held}. q is p corrected for the number of correlations (false "
                "discovery rate)."
            ),
            Table(
                "Partial correlations",
                ("region", "score", "r", "95 % CI", "p", "q", "n"),
                rows,
                links=tuple(links[key] for key in keys if key in links),
            ),
            figures.get("scatter"),
        ],
    )


def cluster_table(
    findings: Findings, clusters: pd.DataFrame, caption: str, links: Sequence[Link]
) -> Table:
    """Return clusters as a table whose first cells lead to them in the viewer."""
    statistic = findings.statistic
    p_columns = [name for name in map(str, clusters) if name.startswith("p_corr_")]
    has_labels = "peak_label" in clusters
    columns = ["cluster"]
    columns += ["region of the peak"] if has_labels else []
    columns += ["direction"] if "direction" in clusters else []
    columns += [f"peak {statistic}", "x, y, z (mm)", "voxels (mm³)"]
    columns += [_p_heading(name.removeprefix("p_corr_"), findings) for name in p_columns]
    columns += ["Hedges g [95 % CI]"] if "g" in clusters else []
    columns += ["lies in"] if "extent_labels" in clusters else []
    rows = []
    for row in rows_of(clusters):
        at = (float(row["x"]), float(row["y"]), float(row["z"]))
        number = str(row["cluster"])
        cells: list[Cell] = [Place(number, at)]
        cells += [cluster_label(number, findings) or "-"] if has_labels else []
        cells += [sides(findings, row["direction"])] if "direction" in clusters else []
        cells += [fixed(row[f"peak_{statistic}"]), unbroken(", ".join(f"{mm:.0f}" for mm in at))]
        cells.append(f"{row['voxels']:.0f} ({row['mm3']:,.0f})")
        cells += [p_text(row[name]) for name in p_columns]
        if "g" in clusters:
            interval = unbroken(interval_text(row["g_low"], row["g_high"]))
            cells.append(f"{fixed(row['g'])} {interval}".strip())
        if "extent_labels" in clusters:
            cells.append(_first_shares(row["extent_labels"]))
        rows.append(tuple(cells))
    notes = circular(findings) if "g" in clusters else ()
    return Table(caption, tuple(columns), tuple(rows), notes, tuple(links))


def _significant_title(findings: Findings) -> str:
    label = called(rivals_in(findings.record), findings.asked)
    return f"Significant clusters: {label}" if label else "Significant clusters"


def _p_heading(name: str, findings: Findings) -> str:
    other = "" if name == findings.criterion else "; not the criterion"
    return f"corrected p ({name}{other})"


def _asked(findings: Findings) -> str:
    """Return what was asked of the maps, and how."""
    record, settings = findings.record, findings.settings
    percent = 100 * settings.get("alpha", 0.05)
    sided, tail = "", ""
    if findings.statistic == "t":
        sided = ", one-sided"
        each = is_tested_each_way(findings)
        tail = " (each direction for itself)" if each else " (both directions together)"
    words = criterion_words(findings)
    beyond = f"{findings.statistic} = {record.get('ClusterFormingThreshold', float('nan')):.2f}"
    chance = (
        f"is found by chance in at most {percent:g} % of {record.get('Permutations', 0):,} "
        f"relabellings{tail}"
    )
    judged = (
        f"Places beyond {beyond} (p < {settings.get('cluster_forming_p', 0.001):g}{sided}) form "
        f"clusters; a cluster is significant if {words.as_large} {chance}."
        if words.is_of_clusters
        else f"A voxel is significant if {words.as_large} {chance}; such neighbours form clusters."
    )
    if findings.criterion == "size" and record.get("VoxelSizeMm", 0) >= _COARSE_MM:
        judged += f" {_COARSE}"
    return (
        f"Asked: {settings.get('contrast')}, with the model {settings.get('formula')}. {judged} "
        f"{record.get('VoxelsAnalysed', 0):,} voxels were analysed, with "
        f"{record.get('DegreesOfFreedom')} degrees of freedom."
    )


def _design(findings: Findings) -> Details | None:
    """Return what each column of the participants was taken for; None where that is not told."""
    columns = findings.record.get("Design") or ()
    rows = tuple(
        (
            findings.label(str(about["Column"])),
            str(about["Kind"]),
            _levels(about),
            str(about.get("Missing", "-")),
            str(about.get("Because", "-")),
        )
        for about in columns
    )
    if not rows:
        return None
    heads = ("column", "taken as", "levels, with their scans", "missing", "because")
    table = Table("The columns of the participants that were used", heads, rows)
    return Details("What each column was taken for", (table,))


def _levels(about: Mapping[str, Any]) -> str:
    """Return a factor's levels, such as "control (reference): 28, patient: 29"."""
    reference = about.get("Reference")
    return (
        ", ".join(
            f"{level}{' (reference)' if level == reference else ''}: {n}"
            for level, n in dict(about.get("Levels", {})).items()
        )
        or "-"
    )


def _of_effects(findings: Findings) -> str:
    """Return what the effect plots show, by what could be adjusted."""
    dot = f"Each dot is a {findings.dots}"
    means = findings.table("adjusted_means")
    if findings.table("adjusted_values").empty:
        return f"{dot}, with the values as they are."
    if "at" in means:
        return (
            f"{dot}, adjusted to the same values of the other covariates; the line is what the "
            "model predicts, with its 95 % confidence interval."
        )
    return (
        f"{dot}, adjusted to the same values of the covariates; the black diamond is the group's "
        "adjusted mean with its 95 % confidence interval."
    )


def _first_shares(labels: object) -> str:
    """Return the largest shares of a cluster, all of which clusters.tsv has."""
    shares = str(labels).split("; ") if isinstance(labels, str) else []
    return "; ".join(shares[:_MOST_SHARES] + (["..."] if len(shares) > _MOST_SHARES else []))


def _absent(study: Study, missing: str) -> str:
    return NOT_COMPARED if study.findings is None else missing
