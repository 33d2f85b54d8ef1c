"""The page of a study, and the page of each participant."""

from collections.abc import Mapping, Sequence

from commissure.records.rivals import rivals_in
from commissure.records.verdicts import in_words
from commissure.render.viewer import Viewer
from commissure.report.contents import Findings, Participant, Run, Study
from commissure.report.page.html import Page
from commissure.report.page.parts import Figure, Link, Part, Section, Table, Text, section
from commissure.report.rivals import findings_caution, what_to_do
from commissure.report.sections.checks import (
    chance_section,
    freedom_section,
    methods_section,
    motion_section,
    provenance_section,
    variants_section,
)
from commissure.report.sections.coverage import coverage_section
from commissure.report.sections.findings import (
    clinical_section,
    differences_section,
    effects_section,
    means_section,
)
from commissure.report.sections.partners import partners_section
from commissure.report.sections.people import left_out_section, measured_rows, participants_section
from commissure.report.sections.regions import regions_verdict
from commissure.report.sections.rivals import rivals_section
from commissure.report.sections.secondary import secondary_section
from commissure.report.sections.told import told_section
from commissure.report.wording import named, summary
from commissure.report.words import count, listed

_MADE_BEFORE = "These maps were made before, by another program, and were taken as they are."


def study_page(
    study: Study,
    figures: Mapping[str, Figure],
    links: Mapping[str, Link],
    viewer: Viewer | None,
) -> Page:
    """Return the page of a study.

    Parameters
    ----------
    study : Study
    figures : mapping of str to Figure
        ``means, figure1, glass, surface, scatter, null, motion, freedom`` and ``effect ...`` for
        each region; those that there are.
    links : mapping of str to Link
        The files that there are, by name.
    viewer : Viewer or None
    """
    who, found, how_sure = summary(study)
    regions = regions_verdict(study.findings) if study.findings else ""
    changed = f" · last step finished {study.changed}" if study.changed else ""
    return Page(
        title=f"{f'{study.measure.name} study' if study.measure.name else 'Study'} {study.name}",
        subtitle=f"{_subtitle(study)}{changed}",
        lead=(who, f"{found} {regions}".rstrip(), how_sure),
        tiles=_tiles(study),
        notices=_notices(study),
        sections=_sections(study, figures, links, viewer),
    )


def _sections(
    study: Study,
    figures: Mapping[str, Figure],
    links: Mapping[str, Link],
    viewer: Viewer | None,
) -> tuple[Section, ...]:
    """Return the sections that there are, in order."""
    return tuple(
        filter(
            None,
            (
                participants_section(study, links),
                left_out_section(study),
                told_section(study),
                coverage_section(study),
                means_section(study, figures),
                differences_section(study, figures, links, viewer),
                effects_section(study, figures, links),
                partners_section(study, figures, links),
                clinical_section(study, figures, links),
                chance_section(study, figures),
                rivals_section(study),
                motion_section(study, figures, links),
                secondary_section(study, links),
                variants_section(study),
                freedom_section(study, figures),
                methods_section(study, links),
                provenance_section(study, links),
            ),
        )
    )


def _subtitle(study: Study) -> str:
    """Return what the measure is."""
    measure = study.measure
    if measure.is_ours and study.made_here:
        return measure.meaning
    return f"{measure.name}: {measure.long_name}. {_MADE_BEFORE}" if measure.name else _MADE_BEFORE


def participant_page(
    participant: Participant,
    figures: Mapping[str, Sequence[Figure]],
    problems: Sequence[str] = (),
    beside: Sequence[Link] = (),
) -> Page:
    """Return the page of a participant.

    Parameters
    ----------
    participant : Participant
    figures : mapping of str to sequence of Figure
        By the name of the run they are of; "" for those of the anatomy.
    problems : sequence of str
        What could not be read.
    beside : sequence of Link
        To the pages of those before and after.
    """
    sections = [
        _run_section(run, figures.get(run.name, ()), participant) for run in participant.runs
    ]
    names = {run.name for run in participant.runs}
    anatomy = [f for name, shown in figures.items() if name not in names for f in shown]
    none = "There is none." if participant.state == "done" else "Not done yet."
    parts: list[Part | None] = [*anatomy] or [Text(none, "missing")]
    sections.append(section("anatomy", "Anatomy", parts))
    return Page(
        title=participant.participant_id,
        subtitle="Checks of one participant: was the scan good, did every step work?",
        lead=(_participant_in_words(participant),),
        tiles=(),
        notices=tuple(Text(problem, "warning") for problem in problems),
        sections=tuple(sections),
        back=Link("the study", "report.html"),
        beside=tuple(beside),
    )


def _run_section(run: Run, figures: Sequence[Figure], participant: Participant) -> Section:
    single = len(participant.runs) == 1
    title = "Scan" if single else f"Scan {run.name}"
    parts: list[Part | None] = [Text(failure, "warning") for failure in run.failures]
    if run.reasons and run.state != "failed":
        if run.included is False:
            parts.append(Text(f"Left out: {in_words(run.reasons)}", "warning"))
        else:
            parts.append(Text(f"Noted: {in_words(run.reasons)}", "note"))
    rows = measured_rows(run)
    is_done = run.state == "done"
    yet = ": it was taken as it is" if is_done else " yet"
    parts.append(
        Table("What was measured", ("what", "value"), rows)
        if rows
        else Text(f"Nothing {'was' if is_done else 'has been'} measured here{yet}.", "missing")
    )
    parts += figures
    if not figures:
        parts.append(Text(f"There are no pictures{'' if is_done else ' yet'}.", "missing"))
    return section(f"scan-{run.name}" if run.name else "scan", title, parts)


def _participant_in_words(who: Participant) -> str:
    group = f" ({who.group})" if who.group else ""
    name = f"{who.participant_id}{group}"
    if who.state == "failed":
        return f"{name} could not be finished; below is what went wrong and what there is."
    if who.state != "done":
        return f"{name} is not finished yet."
    if who.included is None:
        return f"{name} is finished; whether the scan is good enough is decided at the end."
    if who.included:
        noted = any(run.reasons for run in who.runs)
        return f"{name} is good enough for the group stage{', with a remark' if noted else ''}."
    why = [reason for run in who.runs for reason in run.short]
    return f"{name} is left out of the group stage because of {listed(list(dict.fromkeys(why)))}."


def _tiles(study: Study) -> tuple[tuple[str, str], ...]:
    findings = study.findings
    n_people = len(study.participants)
    tiles = [(str(n_people), count(n_people, "participant").partition(" ")[2])]
    if findings is None:
        tiles += [
            (str(len(study.in_state("done"))), "finished"),
            (str(len(study.in_state("failed"))), "failed"),
        ]
        return (*tiles, (str(len(study.unfinished)), "to be done"))
    left_out = [w for w in study.participants if w.included is False or w.state == "failed"]
    n = len(findings.significant)
    return (
        *tiles,
        (f"{findings.record.get('Scans', 0):,}", "scans analysed"),
        (str(len(left_out)), "left out"),
        (str(n), f"significant {count(n, 'region').partition(' ')[2]}"),
        (f"{findings.record.get('Permutations', 0):,}", "relabellings"),
        (f"{findings.record.get('VoxelsAnalysed', 0):,}", "voxels analysed"),
    )


def _notices(study: Study) -> tuple[Text, ...]:
    notices = []
    if study.unfinished:
        notices.append(
            Text(
                f"This study is not finished: {count(len(study.unfinished), 'participant')} still "
                f"to be done ({named(study.unfinished)}). Reload the page for the newest state.",
                "note",
            )
        )
    if study.findings is not None and study.group_failures:
        notices.append(
            Text(
                "The group stage could not be done when it was last run, so the findings below are "
                "of a run before.",
                "warning",
            )
        )
    notices += [Text(problem, "warning") for problem in study.group_failures]
    if study.findings is not None:
        notices += _notices_of_findings(study, study.findings)
    notices += [Text(problem, "warning") for problem in study.problems]
    return tuple(notices)


def _notices_of_findings(study: Study, findings: Findings) -> list[Text]:
    """Return what keeps them from being findings, or those of the study as it is now."""
    notices = []
    if said := findings_caution(findings):
        mend = what_to_do(rivals_in(findings.record))
        notices.append(Text(f"{said} {mend}", "warning"))
    again = "Run the group stage again."
    if study.stale:
        notices.append(
            Text(
                f"The findings below were made with other settings: {'; '.join(study.stale)}. "
                f"{again}",
                "warning",
            )
        )
    analysed = set(findings.table("participants").get("participant_id", ()))
    included = {who.participant_id for who in study.participants if who.included}
    if analysed and included and analysed != included:
        changes = [
            f"{listed(sorted(names))} {what}"
            for names, what in (
                (included - analysed, "could be added"),
                (analysed - included, "would no longer be in it"),
            )
            if names
        ]
        notices.append(
            Text(
                f"The findings below are of {count(len(analysed), 'participant')}, and who is good "
                f"enough has changed since: {'; '.join(changes)}. {again}",
                "warning",
            )
        )
    if unequal := (findings.record.get("Spreads") or {}).get("Note"):
        notices.append(Text(unequal, "warning"))
    least, alpha = findings.record.get("LeastP"), findings.settings.get("alpha")
    if least and alpha and least > alpha:
        notices.append(
            Text(
                f"Nothing can be significant here, whatever the scans show: with "
                f"{findings.record['Permutations']} relabellings no corrected p is below "
                f"{least:.2g}.",
                "warning",
            )
        )
    return notices
