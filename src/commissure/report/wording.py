"""The study in words: the three sentences at the top, and what contrasts and regions are called."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from commissure.files.tables import rows_of
from commissure.inference.grammar import read_formula
from commissure.records.asked import Asked
from commissure.records.rivals import rivals_in
from commissure.render.numbers import fixed, p_equals
from commissure.report.asked import found, not_found
from commissure.report.contents import Findings, Participant, Study
from commissure.report.criterion import criterion_words
from commissure.report.rivals import called, rivals_verdict
from commissure.report.words import capital, count, listed

_MOST_NAMED = 3
_MOST_NAMED_PEOPLE = 10
_LEAST_VALUES = 2
# Among the regions of tables: the mean of all of the map.
WHOLE_MAP = "whole map"


def summary(study: Study) -> tuple[str, str, str]:
    """Return the study in three sentences: who, what was found, what to make of it."""
    return _who(study), _what(study), _how_sure(study)


def direction(findings: Findings, sign: str) -> str:
    """Return what "positive" or "negative" means, such as "higher in patient than in control"."""
    return found(findings.asked, sign)


def sides(findings: Findings, sign: str) -> str:
    """Return `direction` as a table has it, such as "patient > control"."""
    return sides_of(findings.asked, sign)


def sides_of(asked: Asked, sign: str) -> str:
    """Return what "positive" or "negative" means as a table has it."""
    if asked.kind == "difference":
        first, second = asked.levels
        return f"{first} {'>' if sign == 'positive' else '<'} {second}"
    return found(asked, sign) if asked.kind in ("slope", "mean") else sign


def level_name(level: object) -> str:
    """Return a level of a factor as people write it: 1.0, as read beside an empty cell, is 1."""
    return f"{level:g}" if isinstance(level, float) else str(level)


def region_name(region: str, findings: Findings) -> str:
    """Return "cluster 1 (Left Putamen)"; the region itself where there is no label."""
    if region == WHOLE_MAP:
        return f"{findings.measure.mean}{' of the whole map' if findings.measure.name else ''}"
    label = cluster_label(region.removeprefix("cluster "), findings)
    return f"{region} ({label})" if label else region


def cluster_label(number: str, findings: Findings) -> str:
    """Return what a cluster lies in, without the share; empty if no atlas says it."""
    table = findings.clusters
    if "peak_label" not in table:
        return ""
    labels = table.loc[table["cluster"].astype(str) == number, "peak_label"].dropna()
    return re.sub(r"\s*\(\d+ %\)", "", str(labels.iloc[0])) if len(labels) else ""


def _who(study: Study) -> str:
    n = len(study.participants)
    busy = study.unfinished
    failed = study.in_state("failed")
    if study.findings is None and busy:
        done = len(study.in_state("done"))
        return (
            f"{done} of {count(n, 'participant')} {'is' if done == 1 else 'are'} finished, "
            f"{len(failed)} failed and {len(busy)} {'is' if len(busy) == 1 else 'are'} still to "
            f"be done ({named(busy)})."
        )
    out = [who for who in study.participants if who.included is False or who.state == "failed"]
    if study.findings is None:
        undecided = sum(who.included is None and who.state == "done" for who in study.participants)
        if undecided:
            return (
                f"{count(n - len(failed), 'participant')} of {n} are finished and {len(failed)} "
                "failed; whose scans are good enough is not decided yet."
            )
        taken = f"Of {count(n, 'participant')}, {n - len(out)} can enter the group stage"
    else:
        groups = _group_sizes(study.findings)
        of = f" ({groups})" if groups else ""
        n_scans = count(int(study.findings.record.get("Scans", 0)), "scan")
        if study.findings.dots == "participant":
            n_scans = n_scans.partition(" ")[0]
        verb = "compared" if study.findings.asked.kind == "difference" else "analysed"
        was = "was" if study.findings.record.get("Scans") == 1 else "were"
        taken = f"{count(n, 'participant')} took part and {n_scans} {was} {verb}{of}"
    if not out:
        return f"{taken}; nobody was left out."
    why = Counter(
        reason for who in out for reason in dict.fromkeys(r for run in who.runs for r in run.short)
    )
    reasons = listed([f"{n_of} for {reason}" for reason, n_of in why.most_common()])
    left = "1 was" if len(out) == 1 else f"{len(out)} were"
    return f"{taken}; {left} left out{f' ({reasons})' if reasons else ''}."


def named(people: Sequence[Participant]) -> str:
    """Return the names of some people, the first few of many."""
    names = [who.participant_id for who in people]
    more = len(names) - _MOST_NAMED_PEOPLE
    return listed(names[:_MOST_NAMED_PEOPLE] + ([f"{more} more"] if more > 0 else []))


def _group_sizes(findings: Findings) -> str:
    table = findings.table("participants")
    column = findings.settings.get("group", "group")
    if column not in table:
        return ""
    sizes = table[column].map(level_name).value_counts()
    order = [level for level in findings.groups if level in sizes.index]
    order += [str(level) for level in sizes.index if level not in order]
    return listed([f"{sizes[level]} {findings.meaning(level)}" for level in order])


def _what(study: Study) -> str:
    findings = study.findings
    if findings is None:
        if study.group_failures:
            return f"The group stage could not be done: {' '.join(study.group_failures)}"
        return "The group stage has not been run yet, so there are no findings."
    settings, asked, measure = findings.settings, findings.asked, findings.measure
    alpha, words = settings.get("alpha", 0.05), criterion_words(findings)
    clusters = findings.significant
    changes = "sign flip" if findings.record.get("SignFlips") else "permutation"
    test = count(int(findings.record.get("Permutations", 0)), changes)
    p_column = f"p_corr_{findings.criterion}"
    if clusters.empty:
        tail = ""
        if len(findings.clusters) and p_column in findings.clusters:
            best = findings.clusters.sort_values(p_column).iloc[0]
            p = p_equals(best[p_column], "corrected p")
            tail = f"; the strongest cluster had {count(int(best['voxels']), 'voxel')}, {p}"
        elif not words.is_of_clusters and "SmallestP" in findings.record:
            tail = f"; {p_equals(findings.record['SmallestP'], 'the smallest p')}"
        each = " in each direction" if is_tested_each_way(findings) else ""
        return f"{not_found(asked, measure.value)} ({test}, {words.p} ≤ {alpha:g}{each}){tail}."
    label = called(rivals_in(findings.record), asked)
    parts = []
    rows = rows_of(clusters)
    for sign in dict.fromkeys(row.get("direction", "") for row in rows):
        names = [
            _cluster_in_words(row, findings, p_column)
            for row in rows
            if row.get("direction", "") == sign
        ]
        more = len(names) - _MOST_NAMED
        shown = names[:_MOST_NAMED] + ([f"{count(more, 'more region')}"] if more > 0 else [])
        what = found(asked, str(sign) if sign else "")
        parts.append(f"{what} in {count(len(names), 'region')}: {listed(shown)}")
    said = f"{capital(measure.value)} was {'; and '.join(parts)} ({test})."
    return f"{capital(label)}: {said}" if label else said


def is_tested_each_way(findings: Findings) -> bool:
    """Tell whether each direction was tested for itself, at the whole of alpha."""
    return findings.statistic == "t" and findings.settings.get("tail") == "one-sided-each"


def _cluster_in_words(row: Mapping[str, Any], findings: Findings, p_column: str) -> str:
    name = cluster_label(str(row["cluster"]), findings) or (
        f"the region around {row['x']:.0f}, {row['y']:.0f}, {row['z']:.0f} mm"
    )
    peak = f"peak {findings.statistic} = {fixed(row[f'peak_{findings.statistic}'])}"
    size = count(int(row["voxels"]), "voxel")
    return f"{name} ({peak}, {size}, {p_equals(row[p_column], 'corrected p')})"


def _how_sure(study: Study) -> str:
    findings = study.findings
    if findings is None:
        return what_to_do(study)
    parts = (rivals_verdict(findings), motion_verdict(findings), correlations_verdict(findings))
    return f"{capital('; '.join(filter(None, parts)))}."


def what_to_do(study: Study) -> str:
    """Return how a study without findings goes on."""
    if study.unfinished:
        return (
            "If nothing runs now, start the participant stage again (commissure run ... "
            "participant, or all): it goes on where it stopped."
        )
    if study.group_failures:
        return (
            "Mend that and run the group stage again (commissure run ... group): what is done of "
            "the participants stays."
        )
    return "Run the group stage: commissure run ... group."


def chance(findings: Findings) -> str:
    """Return what the null distribution shows, by how scans were relabelled."""
    record, settings = findings.record, findings.settings
    blocks = settings.get("blocks")
    within = f", within each {blocks} only" if blocks else ""
    unequal = bool((record.get("Spreads") or {}).get("AllowedFor")) and not blocks
    relabelled = (
        "the signs of what the rest of the model leaves of the maps were flipped at random"
        if record.get("SignFlips") and unequal
        else f"the signs of maps were flipped at random{within}"
        if record.get("SignFlips")
        else f"it was shuffled which map belongs to whom{within}"
    )
    alpha = float(settings.get("alpha", 0.05))
    words = criterion_words(findings)
    said = (
        f"The grey bars count how large the {words.largest} was each time when {relabelled}. "
        f"A {words.what} to the right of the dashed line is larger than the largest of all but "
        f"{100 * alpha:g} of 100 studies without any effect"
    )
    if is_tested_each_way(findings):
        return (
            f"{said}, in its direction. Each direction is tested for itself: one or the other is "
            f"found by chance in up to {min(200 * alpha, 100):g} of 100."
        )
    return f"{said}."


def motion_verdict(findings: Findings) -> str:
    """Return whether motion explains the finding, as a clause."""
    effects = findings.table("motion_effects")
    correlations = findings.table("motion_correlations")
    if {"t_with", "t_without"} <= set(effects) and len(effects) > 1:
        shown = [row for row in rows_of(effects) if row["region"] != WHOLE_MAP]
        changes = listed(
            [
                f"from {fixed(row['t_without'])} to {fixed(row['t_with'])}"
                for row in shown[:_MOST_NAMED]
            ]
        )
        of = "the region's mean" if len(shown) == 1 else "the regions' means"
        if len(shown) > _MOST_NAMED:
            of = f"the means of {_MOST_NAMED} of {len(shown)} regions"
        return f"allowing for head motion changes the t of {of} {changes}"
    if {"region", "group", "r", "p"} <= set(correlations):
        for row in rows_of(correlations):
            if (row["region"], row["group"]) == (WHOLE_MAP, "all") and pd.notna(row["r"]):
                r = f"r = {fixed(row['r'])} ({p_equals(row['p'])})"
                return f"{findings.measure.mean} and head motion correlate with {r}"
    return why_no_motion(findings)


def why_no_motion(findings: Findings) -> str:
    """Return why nothing can be said of head motion, as a clause."""
    people = findings.table("participants")
    if "mean_fd" not in people or people["mean_fd"].isna().all():
        return "head motion is not known"
    unknown = int(people["mean_fd"].isna().sum())
    if unknown:
        return f"head motion is not known of {unknown} of {count(len(people), 'scan')}"
    if people["mean_fd"].nunique() < _LEAST_VALUES:
        return "head motion is the same in all"
    return "the scans are too few to relate them to head motion"


def correlations_verdict(findings: Findings) -> str:
    """Return what became of the clinical scores, as a clause."""
    table = findings.table("partial_correlations")
    if not findings.settings.get("clinical"):
        return "no clinical score was asked for"
    if "p" not in table or table["p"].isna().all():
        return why_no_correlation(findings)
    alpha = float(findings.settings.get("alpha", 0.05))
    tested = table.dropna(subset=["p"])
    strongest = tested.sort_values("p").iloc[0]
    n_significant = int((tested["q"] <= alpha).sum())
    numbers = (
        f"r = {fixed(strongest['r'])}, {p_equals(strongest['p'])}, {p_equals(strongest['q'], 'q')}"
    )
    pair = f"{strongest['score']} with {region_name(str(strongest['roi']), findings)}"
    total = count(len(tested), "partial correlation")
    rate = f"significant at a false discovery rate of {alpha:g}"
    if len(tested) == 1:
        verb = "is" if n_significant else "is not"
        return (
            f"the one partial correlation with a clinical score {verb} {rate} ({pair}, {numbers})"
        )
    of = f"{n_significant} of {total}" if n_significant else f"none of {total}"
    verb = "are" if n_significant > 1 else "is"
    return f"{of} with clinical scores {verb} {rate} (strongest: {pair}, {numbers})"


def held_constant(findings: Findings) -> list[str]:
    """Return the columns that partial correlations hold constant."""
    given = findings.settings.get("clinical_covariates")
    if given is not None:
        return list(given)
    formula, group = str(findings.settings.get("formula", "1")), findings.settings.get("group")
    return [name for name in read_formula(formula).names if name != group]


def why_no_correlation(findings: Findings) -> str:
    """Return why scores were asked for and none was correlated, as a clause."""
    if not [name for name in findings.table("roi_values") if name != "participant_id"]:
        return "no region was found or asked for, so no clinical score was correlated"
    notes = findings.table("partial_correlations").get("note", pd.Series(dtype=str))
    said = [str(note) for note in notes.dropna().unique() if note]
    said = said or [str(note).rstrip(".") for note in findings.record.get("NotCorrelated", [])]
    why = f" ({'; '.join(said)})" if said else ""
    return f"there are regions, but no clinical score could be correlated with them{why}"
