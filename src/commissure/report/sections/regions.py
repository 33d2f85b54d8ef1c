"""The tests of regions that were named beforehand."""

from collections.abc import Mapping
from typing import Any

from commissure.files.tables import rows_of
from commissure.records.rivals import rivals_in
from commissure.render.numbers import fixed, interval_text, p_equals, p_text
from commissure.report.contents import Findings
from commissure.report.page.parts import Link, Table, unbroken
from commissure.report.rivals import called
from commissure.report.wording import direction, sides
from commissure.report.words import listed

_MOST_NAMED = 3


def region_table(findings: Findings, links: Mapping[str, Link]) -> Table | None:
    """Return the contrast on each region that was named beforehand; None where none was."""
    table = findings.table("region_tests")
    if table.empty:
        return None
    statistic = "t" if "t" in table else "F"
    columns = ["region", "voxels"]
    columns += ["direction", "estimate"] if "estimate" in table else []
    columns += [f"{statistic} (df)", "p", "corrected p"]
    columns += ["Hedges g [95 % CI]"] if "g" in table else []
    rows = []
    for row in rows_of(table):
        cells = [str(row["region"]), _voxels(row)]
        if "estimate" in table:
            sign = "positive" if row["estimate"] > 0 else "negative"
            cells += [sides(findings, sign), fixed(row["estimate"], 3)]
        df = f"{row['df']:.0f}"
        df = f"{row['df_contrast']:.0f}, {df}" if "df_contrast" in table else df
        cells.append(unbroken(f"{fixed(row[statistic])} ({df})"))
        cells += [p_text(row["p_uncorrected"]), p_text(row["p_corr"])]
        if "g" in table:
            interval = unbroken(interval_text(row["g_low"], row["g_high"]))
            cells.append(f"{fixed(row['g'])} {interval}".strip() or "-")
        rows.append(tuple(cells))
    files = ("region_tests.tsv", "region_tests.docx")
    return Table(
        "Regions named beforehand: the contrast on each one's mean",
        tuple(columns),
        tuple(rows),
        notes=tuple(map(str, findings.record.get("NotesOnRegionTests", ()))),
        links=tuple(links[name] for name in files if name in links),
    )


def regions_verdict(findings: Findings) -> str:
    """Return what was found in the regions named beforehand, as a sentence; empty without any."""
    rows = rows_of(findings.table("region_tests"))
    if not rows:
        return ""
    significant = [row for row in rows if row["significant"]]
    label = called(rivals_in(findings.record), findings.asked) if significant else ""
    label = f", {label}" if label else ""
    told = significant or [min(rows, key=lambda row: row["p_corr"])]
    more = len(told) - _MOST_NAMED
    names = [_region_in_words(row, findings) for row in told[:_MOST_NAMED]]
    names += [f"{more} more"] if more > 0 else []
    if len(rows) == 1:
        verb = "is" if significant else "is not"
        return f"The region named beforehand {verb} significant{label}: {names[0]}."
    if not significant:
        none = f"No region of the {len(rows)} named beforehand is significant"
        return f"{none}; the strongest is {names[0]}."
    verb = "is" if len(significant) == 1 else "are"
    return (
        f"Of the {len(rows)} regions named beforehand, {len(significant)} {verb} "
        f"significant{label}: {listed(names)}."
    )


def _region_in_words(row: Mapping[str, Any], findings: Findings) -> str:
    what = ""
    if "estimate" in row:
        sign = "positive" if row["estimate"] > 0 else "negative"
        what = f"{direction(findings, sign)}, "
    statistic = f"{findings.statistic} = {fixed(row[findings.statistic])}"
    return f"{row['region']} ({what}{statistic}, {p_equals(row['p_corr'], 'corrected p')})"


def circular(findings: Findings) -> tuple[str, ...]:
    """Return what must stand beside effect sizes of clusters."""
    note = findings.record.get("NoteOnEffectSizes")
    if not note:
        return ()
    if findings.table("region_tests").empty:
        return (f"{note} For one that is not, name the region beforehand ([group] rois).",)
    return (f"{note} The regions named beforehand were not selected in this way.",)


def _voxels(row: Mapping[str, Any]) -> str:
    """Return how many places the mean is over, of how many."""
    n, lost = int(row["voxels"]), int(row["voxels_without_data"])
    return f"{n:,} of {n + lost:,}" if lost else f"{n:,}"
