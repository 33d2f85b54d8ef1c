"""What else than an effect may explain a contrast, in words: what is then called no finding."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from commissure.files.data_texts import read_data
from commissure.records.asked import Asked
from commissure.records.rivals import RIVAL_LIMITS, Rival, rivals_in
from commissure.render.numbers import fixed, p_equals
from commissure.report.contents import Findings
from commissure.report.words import capital, count, listed


def called(rivals: Iterable[Rival], asked: Asked) -> str:
    """Return what a significant cluster is called; empty where it may be called a finding.

    Such as "a difference that head motion may explain".
    """
    names = [_name(rival) for rival in rivals if rival.may_explain]
    return f"{_what(asked)} that {listed(names)} may explain" if names else ""


def caution(rivals: Sequence[Rival], asked: Asked) -> str:
    """Return in a sentence or two why significant clusters are no findings; empty if they are."""
    label = called(rivals, asked)
    if not label:
        return ""
    why = [clause(rival, asked) for rival in rivals if rival.may_explain]
    return f"No finding by itself, but {label}: {'; '.join(why)}."


def what_to_do(rivals: Iterable[Rival]) -> str:
    """Return how a contrast is freed of what may explain it, as sentences."""
    return " ".join(
        rival_words(rival)["learn" if rival.state == "unknown" else "mend"]
        for rival in rivals
        if rival.may_explain
    )


def rivals_verdict(findings: Findings) -> str:
    """Return what goes with the contrast beyond the limits, and what was done; may be empty."""
    shown = (r for r in rivals_in(findings.record) if r.may_explain or r.is_beyond)
    return "; ".join(clause(rival, findings.asked) for rival in shown)


def findings_caution(findings: Findings) -> str:
    """Return `caution` of what is significant; empty where nothing is, or nothing is suspected."""
    tested = findings.table("region_tests")
    regions = tested["significant"].any() if "significant" in tested else False
    if findings.significant.empty and not regions:
        return ""
    return caution(rivals_in(findings.record), findings.asked)


def clause(rival: Rival, asked: Asked) -> str:
    """Return what is known of one, with its numbers and what was done about it."""
    words = rival_words(rival)
    if rival.state == "unknown":
        of = f" of {rival.n_unknown} of {count(rival.n, 'scan')}"
        return f"{words['name']} is not known{of if rival.n_unknown < rival.n else ''}"
    done = {
        "beyond": ", and nothing was done about it",
        "modelled": ", which is in the model",
        "matched": ", to which the runs were matched",
    }.get(rival.state, "")
    numbers = f"({numbers_of(rival)}){done}"
    if asked.kind == "difference":
        return f"{listed(asked.levels)} differ in {words['name']} {numbers}"
    with_what = asked.factor if asked.kind == "slope" else f"“{asked.text}”"
    return f"{words['name']} {_verb(rival)} with {with_what} {numbers}"


def numbers_of(rival: Rival) -> str:
    """Return means, effect, p and limits, such as "mean FD 0.310 and 0.120 mm; g = 1.21, ..."."""
    words = rival_words(rival)
    means = listed([mean_of(rival, level) for level in rival.means])
    unit = words["unit"] if means else ""
    told = " ".join(filter(None, (words["quantity"], means, unit)))
    if rival.value is None:
        return told
    p = "" if rival.p is None else f", {p_equals(rival.p)}"
    return f"{told}; {rival.effect} = {fixed(rival.value)}{p}; {limit_of(rival)}"


def mean_of(rival: Rival, level: str) -> str:
    """Return the mean of a group; empty where it is not known."""
    if level not in rival.means:
        return ""
    return fixed(rival.means[level], int(rival_words(rival)["decimals"]))


def limit_of(rival: Rival) -> str:
    """Return beyond what it counts: "limit |g| > 0.25 with p < 0.05"."""
    return f"limit |{rival.effect}| > {rival.limit:g} with p < {RIVAL_LIMITS.p:g}"


@cache
def _words() -> Mapping[str, Mapping[str, str]]:
    return dict(json.loads(read_data("report", "rivals.json")))


def rival_words(rival: Rival) -> Mapping[str, str]:
    """Return what a kind is called, its quantity, unit and decimals, and what to do about it."""
    return _words()[rival.kind]


def _what(asked: Asked) -> str:
    return {"difference": "a difference", "slope": "a relation"}.get(asked.kind, "an effect")


def _name(rival: Rival) -> str:
    name = rival_words(rival)["name"]
    return f"{name} (which is not known)" if rival.state == "unknown" else name


def _verb(rival: Rival) -> str:
    return "go" if rival.kind == "effective_df" else "goes"


def caption_with(caption: str, findings: Findings) -> str:
    """Return a figure's caption that says so where what it shows is no finding by itself."""
    label = findings_caution(findings) and called(rivals_in(findings.record), findings.asked)
    if not label:
        return caption
    end = "" if not caption or caption.endswith((".", ":")) else "."
    return f"{caption}{end} {capital(label)}.".strip()
