"""Where the partners of each region lie."""

from collections.abc import Mapping

from commissure.files.tables import rows_of
from commissure.render.numbers import fixed, p_text
from commissure.report.contents import Findings, Study
from commissure.report.page.parts import Figure, Link, Part, Section, Table, Text, section, unbroken
from commissure.report.wording import region_name

_TELLING_MM = 1.0
_WORDS = (
    ("outwards_mm", "outwards", "inwards"),
    ("forwards_mm", "forwards", "backwards"),
    ("upwards_mm", "upwards", "downwards"),
)


def partners_section(
    study: Study, figures: Mapping[str, Figure], links: Mapping[str, Link]
) -> Section | None:
    """Return where partners lie in each group; None where there are none."""
    findings = study.findings
    if findings is None or findings.table("partners").empty:
        return None
    parts: list[Part | None] = [
        Text(
            "The partner of a place is where the other half of the brain goes with it best. Below "
            "is how far partners lie from the mirror position of their place, and which way. p is "
            "of the contrast on that displacement, corrected for its three directions and all "
            "regions."
        ),
        Table(
            "Partners of each region, by group",
            ("region", "group", "most partners lie in", "of", "from the mirror", "distance", "p"),
            tuple(
                (
                    region_name(str(row["region"]), findings),
                    unbroken(f"{row['group']} (n = {row['n']})"),
                    _text(row.get("partner_region")),
                    f"{100 * row['share']:.0f} %"
                    if _text(row.get("partner_region")) != "-"
                    else "-",
                    way(row),
                    f"{fixed(row['shift_mm'], 1)} mm",
                    p_text(row["p_corr"]),
                )
                for row in rows_of(findings.table("partners"))
            ),
            notes=(_note(findings),),
            links=tuple(links[k] for k in ("partners.tsv", "partners_of_scans.tsv") if k in links),
        ),
        figures.get("partners"),
    ]
    return section("partners", "Where the partner lies", parts)


def way(row: Mapping[str, float]) -> str:
    """Return a displacement in words: "3.2 mm backwards, 1.4 mm upwards"."""
    parts = [
        f"{abs(row[column]):.1f} mm {more if row[column] > 0 else less}"
        for column, more, less in _WORDS
        if abs(row[column]) >= _TELLING_MM
    ]
    return ", ".join(parts) or f"less than {_TELLING_MM:g} mm each way"


def _note(findings: Findings) -> str:
    dots = findings.dots
    return (
        f"From the mirror: the group's mean displacement. Distance: the median over {dots}s of the "
        f"median over the region's places. Of: share of {dots}s most of whose partners lie there."
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) and value else "-"
