"""Who took part: Table 1, everyone's state, who was left out and why."""

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from commissure.files.tables import rows_of
from commissure.render.numbers import fixed, p_text
from commissure.report.contents import Findings, Participant, Run, Study
from commissure.report.page.parts import Cell, Details, Link, Part, Section, Table, Text, section
from commissure.report.words import count

# What is measured of each image's registration beside the overlap, which its warp makes large.
_REGISTRATION = {
    "axes": "where the header's axes point to by the image's content, left and right apart",
    "turn": "angle between the header's axes and the head (°)",
    "doubt": "how nearly another way round fits as well (1: as well)",
    "apart": "distance from where a search by content puts it (mm)",
    "coverage": "share of the brain that it covers",
    "stretch": "stretch by the affine registration",
    "warped": "share of the brain that the warp folds or squeezes",
    "border": "how badly the border of the T1w's white matter shows (1: not at all)",
    "sides": "how surely left and right are the T1w's, in standard errors (below 0: exchanged)",
    "shifted": "shifts by distortion that were corrected, mean (mm; 0: none were found)",
}
_STATES = {"done": "finished", "failed": "failed", "started": "begun", "waiting": "to be done"}
# Columns of quality.tsv that everyone's table shows, with their decimals.
SHOWN = {
    "mean_fd_jenkinson": ("mean FD, Jenkinson (mm)", 3),
    "mean_fd_power": ("mean FD, Power (mm)", 3),
    "max_motion": ("largest shift of the head (mm)", 1),
    "max_rotation": ("largest turn (°)", 1),
    "n_volumes": ("volumes", 0),
    "effective_df": ("degrees of freedom", 0),
    "nominal_df": ("degrees of freedom of white noise", 0),
    "coverage": ("share of the grey matter with data", 2),
}


def participants_section(study: Study, links: Mapping[str, Link]) -> Section:
    """Return Table 1 and the table of everyone."""
    parts: list[Part | None] = []
    findings = study.findings
    if findings is None:
        parts.append(Text("Table 1 is made by the group stage: not done yet.", "missing"))
    else:
        parts.append(
            _table1(findings, [links[k] for k in ("table1.tsv", "table1.docx") if k in links])
        )
    everyone = Table(
        "Every participant, with a page of checks for each",
        ("participant", "group", "state", *(name for name, _ in SHOWN.values()), "remarks"),
        tuple(_rows(study.participants, analysed=findings is not None)),
        links=(
            Link("Everyone's quality on one page", "quality.html"),
            *(links[key] for key in ("quality.tsv",) if key in links),
        ),
    )
    if findings is None:
        parts.append(everyone)
    else:
        parts.append(Details(f"All {count(len(study.participants), 'participant')}", (everyone,)))
    return section("participants", "Participants", parts)


def left_out_section(study: Study) -> Section:
    """Return who is not compared, and why."""
    rows = []
    for who in study.participants:
        for run in who.runs:
            if run.included is False or run.failures:
                name = (
                    f"{who.participant_id} {run.name}" if len(who.runs) > 1 else who.participant_id
                )
                rows.append((Link(name, who.page), who.group or "-", run.remarks))
    noted = [
        (Link(who.participant_id, who.page), who.group or "-", run.remarks)
        for who in study.participants
        for run in who.runs
        if run.included and run.reasons
    ]
    parts: list[Part | None] = []
    if rows:
        parts.append(
            Table("Left out of the group stage", ("participant", "group", "why"), tuple(rows))
        )
    elif any(run.included is not None for who in study.participants for run in who.runs):
        parts.append(Text(_nobody(study)))
    else:
        parts.append(
            Text("Who is left out is decided when all participants are finished.", "missing")
        )
    if noted:
        parts.append(
            Table(
                "Included, but look at these pages before you trust them",
                ("participant", "group", "what was noted"),
                tuple(noted),
            )
        )
    return section("left-out", "Who was left out, and why", parts)


def _nobody(study: Study) -> str:
    """Return that nobody is left out, as far as that is known."""
    if study.unfinished:
        return f"Nobody has been left out yet; {count(len(study.unfinished), 'participant')} to go."
    return "Nobody was left out."


def measured_rows(run: Run) -> tuple[tuple[str, str], ...]:
    """Return what was measured of a run, in words."""
    names = {
        **{key: label for key, (label, _) in SHOWN.items()},
        "overlap_epi_t1w": "overlap of the EPI's brain and the T1w's (Dice; weak)",
        "overlap_epi_template": "overlap of the EPI's brain and the template's (Dice; weak)",
        **{
            f"{name}_{image}": f"{what} ({shown})"
            for image, shown in (("epi", "EPI"), ("t1w", "T1w"))
            for name, what in _REGISTRATION.items()
        },
    }
    decimals = {key: n for key, (_, n) in SHOWN.items()}
    return tuple(
        (names.get(key, key), _number(value, decimals.get(key, 3)))
        for key, value in run.known.items()
    )


def _rows(participants: tuple[Participant, ...], *, analysed: bool) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for who in participants:
        for run in who.runs or (Run("", "waiting"),):
            name = who.participant_id + (f" {run.name}" if len(who.runs) > 1 else "")
            state = _STATES[run.state]
            if run.included is not None and run.state == "done":
                state = ("analysed" if analysed else "good enough") if run.included else "left out"
            numbers = [_number(run.known.get(key), n) for key, (_, n) in SHOWN.items()]
            rows.append((Link(name, who.page), who.group or "-", state, *numbers, run.remarks))
    return rows


def _number(value: Any, decimals: int) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return fixed(float(value), decimals) or "-"
    return "-" if value is None else str(value)


def _table1(findings: Findings, links: list[Link]) -> Part:
    frame = findings.table("table1")
    columns = list(map(str, frame))
    groups = [name.removeprefix("summary_") for name in columns if name.startswith("summary_")]
    if frame.empty:
        return Text("There is no Table 1 in this folder.", "missing")
    people = findings.table("participants")
    column = findings.settings.get("group", "group")
    sizes = people[column].astype(str).value_counts() if column in people else {}
    heads = [f"{name}\n(n = {sizes[name]})" if name in sizes else name for name in groups]
    rows = []
    choices: dict[str, list[str]] = {}
    for row in rows_of(frame):
        cells = [_text(row[f"summary_{name}"]) for name in groups]
        p = float(row["p"]) if "p" in row else float("nan")
        rows.append(
            (f"{findings.label(row['variable'])}, {row['shows']}", *cells, p_text(p) or "-")
        )
        if choice := _text(row.get("choice"), ""):
            choices.setdefault(choice, []).append(str(row["variable"]))
    notes = [
        f"{', '.join(map(findings.in_words, names))}: {choice}."
        for choice, names in choices.items()
    ]
    notes += [
        f"{findings.in_words(row['variable'])}: no value for {row['missing']}."
        for row in rows_of(frame)
        if _text(row.get("missing"), "") and not _whole_group(row, groups)
    ]
    return Table(
        "Table 1. Demographic and clinical characteristics",
        ("variable", *heads, "p"),
        tuple(rows),
        tuple(notes),
        tuple(links),
    )


def _whole_group(row: Mapping[Any, Any], groups: list[str]) -> bool:
    """Tell whether those without a value are just a group that was never asked."""
    n_missing = len(re.findall(r"\S+", str(row.get("missing", ""))))
    return n_missing > 5 and any(row.get(f"n_{name}") == 0 for name in groups)


def _text(value: Any, missing: str = "-") -> str:
    return missing if value is None or pd.isna(value) else str(value)
