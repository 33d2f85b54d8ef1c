"""The study in words: the three sentences at the top, and what contrasts and regions are called."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from commissure.report.contents import Findings, Study, rows_of
from commissure.report.formatting import fixed, p_equals

_DIFFERENCE = re.compile(r"\s*(\w+)\[([^\]]+)\]\s*-\s*\1\[([^\]]+)\]\s*")
_MOST_NAMED = 3
# Shorter than the reasons of quality.tsv, whose numbers are in the table of who is left out.
_REASONS = {
    "mean FD": "head motion",
    "moved": "head motion",
    "turned": "head motion",
    "volumes <": "too few volumes",
    "degrees of freedom": "too few degrees of freedom",
    "overlap": "a failed registration",
    "failed": "processing that failed",
}


def summary(study: Study) -> tuple[str, str, str]:
    """Return the study in three sentences: who, what was found, what to make of it."""
    return _who(study), _what(study), _how_sure(study)


def direction(findings: Findings, sign: str) -> str:
    """Return what "positive" or "negative" means, such as "higher in patient than in control"."""
    contrast = str(findings.settings.get("contrast", ""))
    match = _DIFFERENCE.fullmatch(contrast)
    if match:
        _, first, second = match.groups()
        more = "higher" if sign == "positive" else "lower"
        return f"{more} in {first} than in {second}"
    return f"{sign} for {contrast}"


def sides(findings: Findings, sign: str) -> str:
    """Return `direction` as a table has it, such as "patient > control"."""
    match = _DIFFERENCE.fullmatch(str(findings.settings.get("contrast", "")))
    if match:
        _, first, second = match.groups()
        return f"{first} {'>' if sign == 'positive' else '<'} {second}"
    return sign


def region_name(region: str, findings: Findings) -> str:
    """Return "cluster 1 (Left Putamen)"; the region itself where there is no label."""
    label = cluster_label(region.removeprefix("cluster "), findings)
    return f"{region} ({label})" if label else region


def cluster_label(number: str, findings: Findings) -> str:
    """Return what a cluster lies in, without the share; empty if no atlas says it."""
    table = findings.clusters
    if "peak_label" not in table:
        return ""
    labels = table.loc[table["cluster"].astype(str) == number, "peak_label"].dropna()
    return re.sub(r"\s*\(\d+ %\)", "", str(labels.iloc[0])) if len(labels) else ""


def count(n: int, one: str, many: str = "") -> str:
    """Return "1 run", "2 runs"."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def listed(words: Sequence[str]) -> str:
    """Return "a, b and c"."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def short_reasons(reasons: str) -> list[str]:
    """Return why a run is left out, in a few words each; what is only noted does not count."""
    parts = [part for part in reasons.split("; ") if part and not part.endswith("(noted)")]
    named = [
        next((short for key, short in _REASONS.items() if key in part), part) for part in parts
    ]
    return list(dict.fromkeys(named))


def _who(study: Study) -> str:
    n = len(study.participants)
    busy = len(study.in_state("waiting")) + len(study.in_state("started"))
    failed = study.in_state("failed")
    if study.findings is None and busy:
        done = len(study.in_state("done"))
        return (
            f"{done} of {count(n, 'participant')} {'is' if done == 1 else 'are'} finished, "
            f"{len(failed)} failed and {busy} {'is' if busy == 1 else 'are'} still to be done."
        )
    out = [who for who in study.participants if who.included is False or who.state == "failed"]
    if study.findings is None:
        compared = f"Of {count(n, 'participant')}, {n - len(out)} can be compared"
    else:
        groups = _group_sizes(study.findings)
        of = f" ({groups})" if groups else ""
        scans = study.findings.record.get("Scans", 0)
        compared = f"{count(n, 'participant')} took part and {scans:,} were compared{of}"
        if "session_id" in study.findings.table("participants"):
            compared = f"{count(n, 'participant')} took part and {scans:,} scans were compared{of}"
    if not out:
        return f"{compared}; nobody was left out."
    why = Counter(
        reason
        for who in out
        for reason in dict.fromkeys(
            reason
            for run in who.runs
            for reason in ([_REASONS["failed"]] if run.failures else short_reasons(run.reasons))
        )
    )
    reasons = listed([f"{n_of} for {reason}" for reason, n_of in why.most_common()])
    left = "1 was" if len(out) == 1 else f"{len(out)} were"
    return f"{compared}; {left} left out{f' ({reasons})' if reasons else ''}."


def _group_sizes(findings: Findings) -> str:
    table = findings.table("participants")
    column = findings.settings.get("group", "group")
    if column not in table:
        return ""
    return listed([f"{n} {name}" for name, n in table[column].value_counts().items()])


def _what(study: Study) -> str:
    findings = study.findings
    if findings is None:
        if study.group_failures:
            return f"The groups could not be compared: {study.group_failures[0]}"
        return "The groups have not been compared yet, so there are no findings."
    settings = findings.settings
    alpha, statistic = settings.get("alpha", 0.05), settings.get("cluster_statistic", "size")
    found = findings.significant
    test = f"{findings.record.get('Permutations', 0):,} permutations"
    p_column = f"p_corr_{statistic}"
    if found.empty:
        tail = ""
        if len(findings.clusters) and p_column in findings.clusters:
            best = findings.clusters.sort_values(p_column).iloc[0]
            p = p_equals(best[p_column], "corrected p")
            tail = f"; the strongest cluster had {count(int(best['voxels']), 'voxel')}, {p}"
        return f"No region differed significantly ({test}, cluster-corrected p < {alpha:g}){tail}."
    parts = []
    rows, contrast = rows_of(found), settings.get("contrast")
    for sign in dict.fromkeys(row.get("direction", "") for row in rows):
        names = [
            _cluster_in_words(row, findings, p_column)
            for row in rows
            if row.get("direction", "") == sign
        ]
        more = len(names) - _MOST_NAMED
        shown = names[:_MOST_NAMED] + ([f"{count(more, 'more region')}"] if more > 0 else [])
        what = direction(findings, str(sign)) if sign else f"related to {contrast}"
        parts.append(f"{what} in {count(len(names), 'region')}: {listed(shown)}")
    return f"CFH was {'; and '.join(parts)} ({test})."


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
        return "If nothing runs now, start the same command again: it goes on where it stopped."
    motion = motion_verdict(findings)
    scores = correlations_verdict(findings)
    sentence = "; ".join(part for part in (motion, scores) if part)
    if not sentence:
        return "Head motion is not known and no clinical score was asked for."
    return sentence[0].upper() + sentence[1:] + "."


def chance(findings: Findings) -> str:
    """Return what the null distribution shows, by how scans were relabelled."""
    record, settings = findings.record, findings.settings
    blocks = settings.get("blocks")
    within = f", within each {blocks} only" if blocks else ""
    relabelled = (
        f"the signs of maps were flipped at random{within}"
        if record.get("SignFlips")
        else f"it was shuffled which map belongs to whom{within}"
    )
    alpha = float(settings.get("alpha", 0.05))
    how = "of most mass " if settings.get("cluster_statistic") == "mass" else ""
    each = settings.get("tail") == "one-sided-each" and findings.statistic == "t"
    said = (
        f"The grey bars count how large the largest cluster {how}was each time when {relabelled}. "
        "A cluster to the right of the dashed line is larger than the largest of all but "
        f"{100 * alpha:g} of 100 studies without any effect"
    )
    if each:
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
        shown = [row for row in rows_of(effects) if row["region"] != "mean CFH"]
        changes = listed(
            [
                f"from {fixed(row['t_without'])} to {fixed(row['t_with'])}"
                for row in shown[:_MOST_NAMED]
            ]
        )
        of = "the region's mean" if len(shown) == 1 else "the regions' means"
        return f"allowing for head motion changes the t of {of} {changes}"
    if {"region", "group", "r", "p"} <= set(correlations):
        for row in rows_of(correlations):
            if (row["region"], row["group"]) == ("mean CFH", "all") and pd.notna(row["r"]):
                r = f"r = {fixed(row['r'])} ({p_equals(row['p'])})"
                return f"mean CFH and head motion correlate with {r}"
    return ""


def correlations_verdict(findings: Findings) -> str:
    """Return what became of the clinical scores, as a clause."""
    table = findings.table("partial_correlations")
    asked = findings.settings.get("clinical") or []
    if "p" not in table or table["p"].isna().all():
        if not asked:
            return ""
        return "no region was found whose values could be correlated with the clinical scores"
    tested = table.dropna(subset=["p"])
    strongest = tested.sort_values("p").iloc[0]
    significant = tested[tested["q"] < 0.05]
    numbers = (
        f"r = {fixed(strongest['r'])}, {p_equals(strongest['p'])}, {p_equals(strongest['q'], 'q')}"
    )
    pair = f"{strongest['score']} with {region_name(str(strongest['roi']), findings)}"
    total = count(len(tested), "partial correlation")
    if len(significant):
        verb = "is" if len(significant) == 1 else "are"
        return (
            f"{len(significant)} of {total} with clinical scores {verb} "
            f"significant at a false discovery rate of 0.05 (strongest: {pair}, {numbers})"
        )
    return (
        f"none of {total} with clinical scores is significant at a false discovery rate of 0.05 "
        f"(strongest: {pair}, {numbers})"
    )
