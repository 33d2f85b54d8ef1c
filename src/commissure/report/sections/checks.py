"""What a reviewer checks - chance, motion, degrees of freedom - and how all of it was made."""

import json
import re
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any

import pandas as pd

from commissure.files.tables import rows_of
from commissure.render.numbers import fixed, interval_text, p_text
from commissure.report.contents import Study
from commissure.report.page.parts import (
    CopyText,
    Details,
    Figure,
    Link,
    Part,
    Section,
    Table,
    Text,
    section,
)
from commissure.report.sections.findings import NOT_COMPARED
from commissure.report.wording import chance, region_name, why_no_motion
from commissure.report.words import capital

_LONGEST_HEADING = 60
_MATCHED = (
    "Each run's maps were made of random projections of its series to {target:g} effective degrees "
    "of freedom, so that maps can be compared though the runs differ."
)
# What the two kinds of degrees of freedom are called.
_FREEDOM = {"effective_df": "effective", "nominal_df": "nominal"}
_MARKUP = re.compile(r"\*\*|(?<![\w\\])[*_](?=\w)|(?<=[\w.])[*_](?!\w)|(?<!\\)`")
_ESCAPED = re.compile(r"\\(\W|_)")


def chance_section(study: Study, figures: Mapping[str, Figure]) -> Section:
    """Return the null distribution."""
    parts: list[Part | None] = []
    nulls = [figure for key, figure in figures.items() if key.startswith("null")]
    if nulls:
        parts.append(Text(chance(study.findings) if study.findings else NOT_COMPARED))
        parts += nulls
    else:
        text = NOT_COMPARED if study.findings is None else "There is no null distribution here."
        parts.append(Text(text, "missing"))
    return section("chance", "Could it be chance?", parts)


def motion_section(
    study: Study, figures: Mapping[str, Figure], links: Mapping[str, Link]
) -> Section:
    """Return motion against the maps, and the contrast with and without motion in the model."""
    findings = study.findings
    title = "Could it be head motion?"
    if findings is None or "motion" not in figures:
        text = NOT_COMPARED if findings is None else f"{capital(why_no_motion(findings))}."
        return section("motion", title, [Text(text, "missing")])
    correlations = findings.table("motion_correlations")
    parts: list[Part | None] = [
        Text(
            "Who moves more can seem more, or less, connected. If the values rise or fall with "
            "the mean framewise displacement (FD, Jenkinson), or if the effect vanishes once "
            "motion is in the model, motion may explain the finding. "
            f"{findings.measure.motion}".rstrip()
        ),
        figures["motion"],
        Table(
            f"Correlations of mean FD with {findings.measure.value}",
            ("region", "who", "r", "95 % CI", "p", "n"),
            tuple(
                (
                    region_name(str(row["region"]), findings),
                    str(row["group"]),
                    fixed(row["r"]) or "-",
                    interval_text(row["ci_low"], row["ci_high"]) or "-",
                    p_text(row["p"]) or "-",
                    str(row["n"]),
                )
                for row in _by_region(rows_of(correlations))
            ),
            links=(links["motion.tsv"],) if "motion.tsv" in links else (),
        ),
    ]
    places = rows_of(findings.table("motion_places"))
    with_distance = any("rho_with_distance" in row for row in places)
    if places:
        parts.append(
            Table(
                "How many places go with mean FD (by chance 5 % have p < 0.05)",
                (
                    "beside",
                    "median r",
                    "places with p < 0.05, uncorrected",
                    *(("r with the partner's distance",) if with_distance else ()),
                ),
                tuple(
                    (
                        "all else in the model" if row["model"] == "partial" else "nothing",
                        fixed(row["median_r"]),
                        f"{100 * row['share_p_below_0.05']:.1f} %",
                        *((fixed(row["rho_with_distance"]),) if with_distance else ()),
                    )
                    for row in places
                ),
                links=(links["motion_places.tsv"],) if "motion_places.tsv" in links else (),
            )
        )
    effects = findings.table("motion_effects")
    if {"t_with", "t_without"} <= set(effects):
        parts.append(
            Table(
                "The contrast on each region's mean, without and with mean FD in the model",
                ("region", "t without", "t with mean FD", "change"),
                tuple(
                    (
                        region_name(str(row["region"]), findings),
                        f"{fixed(row['t_without'])} (df {row['df_without']:.0f})",
                        f"{fixed(row['t_with'])} (df {row['df_with']:.0f})",
                        fixed(row["t_with"] - row["t_without"]),
                    )
                    for row in rows_of(effects)
                ),
            )
        )
    return section("motion", title, parts)


def variants_section(study: Study) -> Section:
    """Return the contrast on maps that variants of the settings made, beside the study's own."""
    title = "Does it depend on how the scans were cleaned?"
    effects = study.findings.table("variant_effects") if study.findings else None
    if study.findings is None or effects is None or effects.empty:
        text = NOT_COMPARED if study.findings is None else _why_no_variant(study)
        return section("variants", title, [Text(text, "missing")])
    parts: list[Part | None] = []
    asked = study.settings.get("variants", {})
    for label, rows in effects.groupby("variant", sort=False):
        about = asked.get(str(label), {})
        if about.get("why"):
            parts.append(Text(str(about["why"])))
        parts.append(
            Table(
                f"The contrast on each region's mean, as it is and with {about.get('name', label)}",
                (
                    "region",
                    f"mean {study.measure.axis}",
                    f"mean, {label}",
                    "t",
                    f"t, {label}",
                ),
                tuple(
                    (
                        region_name(str(row["region"]), study.findings),
                        *(fixed(row[name]) for name in ("mean", "mean_variant", "t", "t_variant")),
                    )
                    for row in rows_of(rows)
                ),
            )
        )
    return section("variants", title, parts)


def _why_no_variant(study: Study) -> str:
    """Return why there are no maps of variants to compare with."""
    if not (study.measure.is_ours and study.made_here):
        return "These maps were made before: there are none that were cleaned otherwise."
    if not study.settings.get("variants"):
        return (
            "No variant of the settings was mapped: none was asked for ([variants]), none differs "
            "from the study's own settings, or partners are those of the whole group."
        )
    if study.findings is not None and study.findings.statistic == "F":
        return "For an F test the finding is not computed for variants of the settings."
    return "Not everyone has a map of each variant of the settings: runs that came clean have none."


def freedom_section(study: Study, figures: Mapping[str, Figure]) -> Section:
    """Return the degrees of freedom by group."""
    parts: list[Part | None] = [
        Text(
            "How many independent values a run's series still have after cleaning, by their "
            "autocorrelation; and how many white noise would have, which depends on the volumes, "
            f"the filter and the regressors alone. {study.measure.freedom}".rstrip()
        )
    ]
    unknown = "Not known yet." if study.unfinished else "Not known of these scans."
    parts.append(figures.get("freedom") or Text(unknown, "missing"))
    target = study.settings.get(study.measure.stat, {}).get("match_df")
    if target is not None:
        parts.append(Text(_MATCHED.format(target=target)))
    rows: list[tuple[str, ...]] = []
    for column, name in _FREEDOM.items():
        by_group = _by_group(study, column)
        rows += [
            (name, group, fixed(median(values), 1), f"{min(values):.1f} to {max(values):.1f}")
            for group, values in by_group.items()
        ]
        parts += [
            Text(told, "warning" if target is None else "note") for told in _unlike(name, by_group)
        ]
    if rows:
        title = "Degrees of freedom of the runs that are compared"
        parts.append(Table(title, ("kind", "group", "median", "from"), tuple(rows)))
    return section("freedom", "Degrees of freedom", parts)


def _by_group(study: Study, column: str) -> dict[str, list[float]]:
    """Return what was measured of the included runs, by group."""
    found: dict[str, list[float]] = {}
    for who in study.participants:
        for run in who.runs:
            value = getattr(run.measured, column, None)
            if run.included and value is not None:
                found.setdefault(who.group or "all", []).append(value)
    named = study.findings.groups if study.findings else []
    return {
        name: found[name] for name in [*named, *sorted(found.keys() - set(named))] if name in found
    }


def _unlike(name: str, by_group: Mapping[str, list[float]]) -> Iterator[str]:
    """Tell whether runs, or the medians of groups, differ in their degrees of freedom."""
    values = [value for of_group in by_group.values() for value in of_group]
    if values and max(values) > 1.1 * min(values):
        yield (
            f"The runs differ by more than 10 % in {name} degrees of freedom: from "
            f"{min(values):.0f} to {max(values):.0f}."
        )
    medians = {group: median(of_group) for group, of_group in by_group.items()}
    if medians and max(medians.values()) > 1.05 * min(medians.values()):
        said = ", ".join(f"{value:.1f} ({group})" for group, value in medians.items())
        yield (
            f"The groups' medians differ by more than 5 % in {name} degrees of freedom: {said}. "
            "Chance alone makes the groups' maps differ."
        )


def methods_section(study: Study, links: Mapping[str, Link]) -> Section:
    """Return the methods paragraph with its references."""
    parts: list[Part | None] = []
    if study.methods:
        names = ("methods.docx", "methods.md", "methods.bib")
        files = tuple(links[name] for name in names if name in links)
        parts.append(CopyText("Copy the methods text", study.methods, prose(study.methods), files))
    else:
        parts.append(
            Text("The methods text is written by the group stage: not there yet.", "missing")
        )
    if study.references:
        entries = tuple(("p", entry.strip()) for entry in study.references.split("\n\n") if entry)
        references = CopyText("Copy the references (BibTeX)", study.references, entries)
        parts.append(Details("References as BibTeX", (references,), annex=True))
    return section("methods", "Methods, to be pasted into a paper", parts)


def provenance_section(study: Study, links: Mapping[str, Link]) -> Section:
    """Return settings, versions and where everything lies."""
    rows = [
        (f"{table}.{name}" if isinstance(values, Mapping) else table, _shown(value))
        for table, values in study.settings.items()
        for name, value in (values.items() if isinstance(values, Mapping) else [("", values)])
    ]
    record = study.findings.record if study.findings else {}
    facts = [
        ("input", study.source or "-"),
        ("last step finished", study.changed or "-"),
        ("seed of the relabellings", _shown(record.get("Seed"))),
        ("columns of the model", ", ".join(record.get("DesignColumns", [])) or "-"),
        ("atlas of the labels", _shown(record.get("Atlas"))),
        ("space of the maps", _shown(record.get("Space"))),
        *((f"version of {name}", version) for name, version in study.versions.items()),
    ]
    files = list(links.values())
    settings = Table("Settings", ("setting", "value"), tuple(rows))
    return section(
        "provenance",
        "Settings, versions and files",
        [
            Table("How this was made", ("what", "value"), tuple(facts)),
            Details("All settings", (settings,), annex=True) if rows else None,
            Details(
                f"All {len(files)} files of the study as a whole",
                (Table("Files", ("file",), tuple((link,) for link in files)),),
                annex=True,
            )
            if files
            else None,
        ],
    )


def prose(text: str) -> tuple[tuple[str, str], ...]:
    """Return the headings, items and paragraphs of a text, without the marks of Markdown.

    A short line by itself that does not end as a sentence does is a heading.
    """
    found: list[tuple[str, str]] = []
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = block.splitlines()
        alone = len(lines) == 1 and len(lines[0]) <= _LONGEST_HEADING
        if lines[0].startswith("#") or (alone and lines[0][-1].isalnum()):
            found.append(("h", _plain(lines[0].lstrip("# "))))
            lines = lines[1:]
        if lines and re.match(r"\s*([-*]|\d+\.)\s", lines[0]):
            for line in lines:
                if re.match(r"\s*([-*]|\d+\.)\s", line):
                    found.append(("li", _plain(re.sub(r"^\s*[-*]\s+", "", line.strip()))))
                else:
                    found[-1] = ("li", f"{found[-1][1]} {_plain(line.strip())}")
        elif lines:
            found.append(("p", _plain(" ".join(line.strip() for line in lines))))
    return tuple(found)


def _by_region(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put the rows of a region beside each other."""
    order = list(dict.fromkeys(row["region"] for row in rows))
    return sorted(rows, key=lambda row: order.index(row["region"]))


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", _MARKUP.sub("", text))


def _shown(value: Any) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
