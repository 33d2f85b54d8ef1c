"""The figure of everyone's quality."""

import base64
from io import BytesIO

from commissure.records.verdicts import limits
from commissure.render.overview import overview_figure
from commissure.report.contents import Study
from commissure.report.page.parts import Figure
from commissure.report.page.quality import measured, runs_of, standing_out
from commissure.report.sections.people import SHOWN


def quality_drawn(study: Study) -> Figure | None:
    """Return the distributions by group; None where nothing was measured."""
    values = measured(study)
    if not values:
        return None
    group_of = {name: who.group or "all" for name, who, _ in runs_of(study)}
    named = study.findings.groups if study.findings else []
    order = [g for g in named if g in group_of.values()]
    order += sorted(set(group_of.values()) - set(order))
    words = {column: SHOWN[column][0] for column in values}
    rules, limit_of = study.settings.get("quality", {}), limits()
    figure = overview_figure(
        {words[column]: of for column, of in values.items()},
        group_of,
        order,
        {words[column]: names for column, names in standing_out(study).items()},
        {words[c]: float(rules[limit_of[c]]) for c in values if rules.get(limit_of[c]) is not None},
    )
    content = BytesIO()
    figure.savefig(content, format="png", dpi=150)
    return Figure(
        "What was measured, by group",
        f"Every run a dot, by group: {', '.join(words.values())}",
        "Every run is a dot; those that stand out are named. Dashed lines are limits of [quality].",
        f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode('ascii')}",
    )
