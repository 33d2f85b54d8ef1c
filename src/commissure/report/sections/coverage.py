"""How many places of the mask all scans have, and who costs the others."""

from commissure.report.contents import Study
from commissure.report.page.parts import Details, Part, Section, Table, Text, section
from commissure.report.sections.findings import NOT_COMPARED
from commissure.report.words import count

_ROWS = 20
# More rows are folded.
_FEW = 5


def coverage_section(study: Study) -> Section:
    """Return how many places were analysed, and which scans lack some that others have."""
    title = "Do all scans cover the same places?"
    about = study.findings.record.get("Coverage") if study.findings else None
    if not about:
        text = NOT_COMPARED if study.findings is None else "How much scans cover was not recorded."
        return section("coverage", title, [Text(text, "missing")])
    n_any, n_all = about["PlacesWithDataInAny"], about["PlacesWithDataInAll"]
    lacking = about["Lacking"]
    share = f"{100 * n_all / n_any:.1f} %" if n_any else "none"
    parts: list[Part | None] = [
        Text(
            f"A place is analysed where every scan has data: {n_all:,} of the {n_any:,} places of "
            f"the mask at which any scan has ({share}). The mask has {about['PlacesOfMask']:,}; "
            "near the midline maps may have none by definition. The map stat-coverage shows how "
            "many scans have data at each place."
        )
    ]
    if lacking:
        rows = tuple(
            (
                str(scan["scan"]),
                f"{scan['places']:,}",
                f"{scan['alone']:,}",
                f"{n_all + scan['alone']:,}",
            )
            for scan in lacking[:_ROWS]
        )
        more = f"; {len(lacking) - _ROWS} others lack some" if len(lacking) > _ROWS else ""
        heads = ("scan", "places it lacks", "that no other lacks", "analysed without it")
        title_of = f"Scans that lack places which others have{more}"
        table = Table(title_of, heads, rows)
        few = len(rows) <= _FEW
        parts.append(
            table
            if few
            else Details(
                f"{count(len(lacking), 'scan lacks', 'scans lack')} places which others have",
                (table,),
                annex=True,
            )
        )
    return section("coverage", title, parts)
