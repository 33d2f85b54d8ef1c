"""What was told while the study ran, and would be lost with the terminal."""

from commissure.report.contents import Study
from commissure.report.page.parts import Part, Section, Text, section


def told_section(study: Study) -> Section:
    """Return what was chosen or noticed: of the input, and of what was compared."""
    of_comparison = study.findings.record.get("Notes", []) if study.findings else []
    parts: list[Part | None] = [
        Text(note, "note") for note in dict.fromkeys([*study.notes, *map(str, of_comparison)])
    ]
    parts = parts or [Text("Nothing was chosen without being asked for, and nothing stood out.")]
    return section("told", "What was chosen, and what stood out?", parts)
