"""The same comparison of other measures, declared secondary."""

from collections.abc import Mapping, Sequence
from typing import Any

from commissure.files.tables import rows_of
from commissure.render.numbers import fixed, p_text
from commissure.report.contents import Findings, Study
from commissure.report.page.parts import Link, Part, Section, Table, Text, section, unbroken
from commissure.report.sections.findings import NOT_COMPARED
from commissure.report.wording import region_name

_TITLE = "Other measures (secondary)"
_NONE = (
    "No other measure was compared. [measures] use names those that are to be (commissure measures "
    "lists them), and [group] laterality asks whether the other side differs."
)


def secondary_section(study: Study, links: Mapping[str, Link]) -> Section:
    """Return what other measures show, in the regions of the findings and anywhere."""
    findings = study.findings
    regions = [] if findings is None else findings.rows("secondary_regions")
    if findings is None or not regions:
        missing = NOT_COMPARED if findings is None else _NONE
        return section("secondary", _TITLE, [Text(missing, "missing")])
    measures = findings.record.get("Secondary", ())
    parts: list[Part | None] = [
        Text(
            f"The findings are of {findings.measure.value}. The same contrast, by the same model, "
            "on other measures of the same scans helps to read them; it is no finding by itself."
        ),
        _of_regions(findings, regions, links),
        _of_maps(findings, measures, links),
    ]
    return section("secondary", _TITLE, parts)


def _of_regions(
    findings: Findings, rows: Sequence[Mapping[str, Any]], links: Mapping[str, Link]
) -> Table:
    order = list(dict.fromkeys(row["region"] for row in rows))
    statistic = findings.statistic
    return Table(
        "The contrast on the mean of each measure in each region",
        ("region", "measure", "mean", f"{statistic} (df)", "p, uncorrected", "voxels"),
        tuple(
            (
                region_name(str(row["region"]), findings),
                str(row["measure"]),
                fixed(row["mean"], 3),
                unbroken(f"{fixed(row[statistic])} ({row['df']:.0f})"),
                p_text(row["p"]),
                f"{row['voxels']:,.0f}",
            )
            for row in sorted(rows, key=lambda row: order.index(row["region"]))
        ),
        notes=(str(findings.record.get("NoteOnSecondary", "")),),
        links=_linked("secondary_regions.tsv", links),
    )


def _of_maps(
    findings: Findings, measures: Sequence[Mapping[str, str]], links: Mapping[str, Link]
) -> Table:
    peak = f"peak_{findings.statistic}"
    names = {one["Name"]: one["LongName"] for one in measures}
    return Table(
        "Each measure's own map: its peak, and what is significant at any place",
        ("measure", "what", f"peak {findings.statistic}", "x, y, z (mm)", "corrected p", "voxels"),
        tuple(
            (
                str(row["measure"]),
                names.get(str(row["measure"]), ""),
                fixed(row[peak]),
                unbroken(", ".join(f"{row[axis]:.0f}" for axis in "xyz")),
                p_text(row["p_fwe"]),
                f"{row['voxels_significant']:,.0f} of {row['voxels']:,.0f}",
            )
            for row in rows_of(findings.table("secondary_maps"))
        ),
        links=_linked("secondary_maps.tsv", links),
    )


def _linked(name: str, links: Mapping[str, Link]) -> tuple[Link, ...]:
    return (links[name],) if name in links else ()
