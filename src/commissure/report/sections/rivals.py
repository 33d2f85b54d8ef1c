"""What else than an effect differs along the contrast: motion, degrees of freedom, coverage."""

from commissure.records.rivals import Rival, rivals_in
from commissure.render.numbers import fixed, p_text
from commissure.report.contents import Study
from commissure.report.page.parts import Part, Section, Table, Text, section
from commissure.report.rivals import caution, clause, limit_of, mean_of, rival_words
from commissure.report.sections.findings import NOT_COMPARED
from commissure.report.words import capital

_STATES = {
    "alike": "within the limit",
    "beyond": "may explain it",
    "modelled": "in the model",
    "matched": "runs were matched",
    "unknown": "not known",
}


def rivals_section(study: Study) -> Section:
    """Return what goes with the contrast, and what was done about it."""
    title = "What else may explain it?"
    findings = study.findings
    rivals = rivals_in(findings.record) if findings else ()
    if findings is None or not rivals:
        text = NOT_COMPARED if findings is None else "Along this contrast no scans are compared."
        return section("rivals", title, [Text(text, "missing")])
    asked = findings.asked
    loud = caution(rivals, asked)
    parts: list[Part | None] = [
        Text(
            "The same contrast on what may make maps differ without any difference of brains, by "
            "the model of the maps without it. What is beyond its limit and neither in the model "
            "nor matched keeps a significant cluster from being a finding."
        )
    ]
    if loud:
        of = "; ".join(clause(rival, asked) for rival in rivals if rival.may_explain)
        parts.append(Text(f"{capital(of)}.", "warning"))
    levels = [level for level in asked.levels if any(level in r.means for r in rivals)]
    heads = ("what", *(f"mean, {level}" for level in levels), "effect", "p", "limit", "so it is")
    rows = tuple(_row(rival, levels) for rival in rivals)
    parts.append(Table("Along the contrast", heads, rows))
    return section("rivals", title, parts)


def _row(rival: Rival, levels: list[str]) -> tuple[str, ...]:
    words = rival_words(rival)
    quantity = f"{words['quantity']} ({words['unit']})" if words["unit"] else words["quantity"]
    value = "-" if rival.value is None else f"{rival.effect} = {fixed(rival.value)}"
    p = "-" if rival.p is None else p_text(rival.p)
    means = (mean_of(rival, level) or "-" for level in levels)
    return (quantity, *means, value, p, limit_of(rival), _STATES[rival.state])
