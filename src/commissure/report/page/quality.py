"""The page on which the quality of all people is seen at once, and rated."""

from collections.abc import Iterator, Mapping

from commissure.records.verdicts import in_words, limits
from commissure.render.numbers import fixed
from commissure.report.contents import Participant, Run, Study
from commissure.report.outliers import outliers
from commissure.report.page.html import Page
from commissure.report.page.parts import (
    Cell,
    Figure,
    Link,
    Part,
    Rated,
    Rating,
    Table,
    Text,
    section,
)
from commissure.report.sections.people import SHOWN
from commissure.report.words import count, listed

QUALITY = "quality.html"
_MOST_NAMED = 10


def runs_of(study: Study) -> Iterator[tuple[str, Participant, Run]]:
    """Give each run that was measured, with its name."""
    for who in study.participants:
        for run in who.runs:
            if run.known:
                several = len(who.runs) > 1
                yield (
                    f"{who.participant_id} {run.name}" if several else who.participant_id,
                    who,
                    run,
                )


def measured(study: Study) -> dict[str, dict[str, float]]:
    """Return what was measured and has a limit: column of quality.tsv -> run -> value."""
    found: dict[str, dict[str, float]] = {}
    for name, _, run in runs_of(study):
        for column in limits():
            value = run.known.get(column)
            if isinstance(value, int | float):
                found.setdefault(column, {})[name] = float(value)
    return {column: found[column] for column in limits() if column in found}


def standing_out(study: Study) -> dict[str, set[str]]:
    """Return of each column who stands out of the others."""
    return {column: outliers(values) for column, values in measured(study).items()}


def quality_page(
    study: Study, figure: Figure | None, thumbnails: Mapping[str, tuple[str, str]]
) -> Page:
    """Return the page.

    Parameters
    ----------
    study : Study
    figure : Figure or None
        Of the distributions.
    thumbnails : mapping of str to (str, str)
        Participant -> picture of the registration as a data URI, and what it shows.
    """
    stand_out = standing_out(study)
    rated = tuple(
        Rated(
            who.participant_id, who.page, *thumbnails.get(who.participant_id, ("", "")), _said(who)
        )
        for who in study.participants
    )
    distributions: list[Part | None] = [figure or Text("Nothing has been measured yet.", "missing")]
    return Page(
        title=f"Quality of {study.name}",
        subtitle="Everyone at once: what was measured, who stands out, where each brain was put.",
        lead=(_lead(study, stand_out),),
        tiles=(),
        notices=(),
        sections=(
            section("distributions", "Distributions by group", distributions),
            section("everyone", "Everyone", [_table(study, stand_out)]),
            section("registrations", "Registrations, and your rating", [Rating(rated)]),
        ),
        back=Link("the study", "report.html"),
    )


def _lead(study: Study, stand_out: Mapping[str, set[str]]) -> str:
    names = sorted({name for of in stand_out.values() for name in of})
    n = sum(1 for _ in runs_of(study))
    runs = f"{count(n, 'run')} {'was' if n == 1 else 'were'} measured."
    if not names:
        return f"{runs} Nobody stands out."
    who = listed([*names[:_MOST_NAMED], *(["others"] if len(names) > _MOST_NAMED else [])])
    return (
        f"{runs} {who} {'stands' if len(names) == 1 else 'stand'} out: more than three "
        "robust standard deviations from the median of all. That is a reason to look, not to leave "
        "somebody out."
    )


def _table(study: Study, stand_out: Mapping[str, set[str]]) -> Table:
    columns = {key: about for key, about in SHOWN.items() if key in measured(study)}
    rows: list[tuple[Cell, ...]] = []
    for name, who, run in runs_of(study):
        numbers = [
            fixed(float(run.known.get(key, float("nan"))), n) for key, (_, n) in columns.items()
        ]
        far = [
            columns[key][0] for key, names in stand_out.items() if name in names and key in columns
        ]
        state = {True: "included", False: "left out", None: "-"}[run.included]
        rows.append(
            (
                Link(name, who.page),
                who.group or "-",
                *numbers,
                "; ".join(far) or "-",
                state,
                in_words(run.reasons) or "-",
            )
        )
    heads = (
        "run",
        "group",
        *(label for label, _ in columns.values()),
        "stands out in",
        "state",
        "why",
    )
    note = "A click on a column's head sorts by it."
    return Table("Every run that was measured", heads, tuple(rows), (note,), sortable=True)


def _said(who: Participant) -> str:
    if who.state == "failed":
        return "failed"
    return {True: "included", False: "left out", None: "not decided"}[who.included]
