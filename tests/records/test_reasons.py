"""Each kind of reason walks from its rule to the table, the report and the methods section."""

import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

import commissure
from commissure.preprocessing.orientation import fits_when
from commissure.records.runs import (
    Measured,
    RegistrationCheck,
    RunKey,
    measured_from_json,
    measured_to_json,
)
from commissure.records.verdicts import (
    Kind,
    Reason,
    Verdict,
    verdicts_from_json,
    verdicts_to_json,
    words,
)
from commissure.report.contents import Participant, Run, Study
from commissure.report.methods.facts import Done
from commissure.report.methods.quality import quality_facts
from commissure.report.methods.text import methods_text
from commissure.report.page.html import render
from commissure.report.page.study import participant_page
from commissure.report.wording import summary
from commissure.settings.description import as_tables
from commissure.settings.judging import judge
from commissure.settings.quality import QualityRules
from commissure.settings.reading import read_settings
from commissure.study.verdict_files import quality_table

SRC = Path(commissure.__file__).parent
RUN = RunKey("sub-01", "2", "rest", None)
CHECK = RegistrationCheck("RAS", 8.0, 0.5, 7.0, 0.98, 1.2, 0.01, 0.7, 12.0, 0.8)
T1W = RegistrationCheck("RAS", 6.0, 0.4, 3.0, 1.0, 1.1, 0.0)
OVERLAPS = {"epi_t1w": 0.95, "epi_template": 0.96}
GOOD = Measured(RUN, 0.1, 0.2, 1.0, 1.0, 120, 50.0, 52.0, OVERLAPS, {"epi": CHECK, "t1w": T1W})


def checked(**changes):
    return replace(GOOD, checks={"epi": replace(CHECK, **changes), "t1w": T1W})


# Of each kind that is measured: a run, a rule that it breaks, the words of the table and of the
# report. Written by hand: what the program's own table of words says is not asked.
BROKEN: dict[Kind, tuple[Measured, str, str, str]] = {
    "mean_fd": (
        replace(GOOD, mean_fd_jenkinson=0.25),
        "mean_fd_mm",
        "mean FD (Jenkinson) 0.250 mm > 0.2",
        "head motion",
    ),
    "moved": (replace(GOOD, max_motion=3.25), "max_mm", "moved 3.2 mm > 3", "head motion"),
    "turned": (
        replace(GOOD, max_rotation=4.0),
        "max_degrees",
        "turned 4.0 degrees > 3",
        "head motion",
    ),
    "volumes": (
        replace(GOOD, n_volumes=99),
        "least_volumes",
        "99 volumes < 100",
        "too few volumes",
    ),
    "df": (
        replace(GOOD, effective_df=19.0),
        "least_df",
        "19.0 degrees of freedom < 20",
        "too few degrees of freedom",
    ),
    "header": (
        checked(axes="RPS", turn=176.0),
        "max_turn",
        f"the EPI {fits_when('RPS', 176.0)}",
        "a wrong header",
    ),
    "apart": (
        checked(apart=40.0),
        "max_apart",
        "registration put the EPI 40 mm > 25 from where a search by its content finds it",
        "a failed registration",
    ),
    "ambiguous": (
        checked(doubt=0.9),
        "doubtful_orientation",
        (
            "registration of the EPI: its content fits the template nearly as well another way "
            "round (0.90 >= 0.85) (noted)"
        ),
        "",
    ),
    "stretched": (
        checked(stretch=9.3),
        "max_stretch",
        "registration stretched 9.30-fold the brain in the EPI (> 1.5)",
        "a failed registration",
    ),
    "warped": (
        checked(warped=0.3),
        "max_warped",
        "registration folded or squeezed 30% of the brain in the EPI (> 0.2)",
        "a failed registration",
    ),
    "border": (
        checked(border=0.99),
        "max_border",
        (
            "the border of the T1w's white matter hardly shows in the EPI where registration put "
            "it (0.99 > 0.98; 1: not at all): look at the outlines; is it the same person?"
        ),
        "a failed registration",
    ),
    "mirrored": (
        checked(sides=-8.25),
        "sure_sides",
        (
            "left and right are exchanged in the EPI or in the T1w: each fits the other's "
            "mirror image better (by 8.2 standard errors > 3). Find out which is wrong and "
            "convert it anew"
        ),
        "left and right exchanged",
    ),
    "sides": (
        checked(sides=1.5),
        "sure_sides",
        (
            "whether left and right are the same in EPI and T1w cannot be told (1.5 standard "
            "errors < 3): is it the same person? (noted)"
        ),
        "",
    ),
    "coverage": (
        checked(coverage=0.66),
        "least_coverage",
        "the EPI covers 66% of the brain (< 70%)",
        "a brain that is cut off",
    ),
    "overlap": (
        replace(GOOD, overlaps={"epi_template": 0.5}),
        "least_overlap",
        "the EPI's brain and the template's overlap by 0.50 < 0.8",
        "a failed registration",
    ),
}
WITHOUT_T1W = (
    replace(GOOD, overlaps={"epi_template": 0.96}, checks={"epi": CHECK}),
    (
        "there is no T1w: the EPI was put straight in the template, with errors of about 5 mm, and "
        "whether left and right are exchanged in it nothing tells (noted)"
    ),
    "",
)
GIVEN: dict[Kind, tuple[Reason, str, str]] = {
    "left_out": (
        Reason("left_out", said="moved; {away}"),
        "left out: moved; {away}",
        "a reason given by name",
    ),
    "match": (
        Reason("match", 36.24, 39.5),
        "36.24 degrees of freedom < 39.5, to which runs are matched",
        "too few degrees of freedom to be matched",
    ),
    "failed": (
        Reason("failed", said="The header is wrong."),
        "failed: The header is wrong.",
        "processing that failed",
    ),
    "undone": (
        Reason("undone"),
        "not done: run the participant stage.",
        "processing that is not complete",
    ),
}


def case(kind):
    if kind in GIVEN:
        reason, sentence, short = GIVEN[kind]
        return Verdict(GOOD, (reason,)), sentence, short
    if kind == "no_t1w":
        measured, sentence, short = WITHOUT_T1W
    else:
        measured, _, sentence, short = BROKEN[kind]
    return judge(measured, QualityRules()), sentence, short


def test_a_good_run_has_no_reasons():
    assert judge(GOOD, QualityRules()) == Verdict(GOOD)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_reason_walks_from_its_rule_to_every_text(kind):
    verdict, sentence, short = case(kind)
    assert [reason.kind for reason in verdict.reasons] == [kind]
    (verdict,) = verdicts_from_json(verdicts_to_json([verdict]))
    assert verdict.included is (short == "")
    (row,) = quality_table([verdict]).to_dict("records")
    assert (row["included"], row["reasons"]) == (short == "", sentence)
    run = Run(RUN.label, "done", verdict.included, verdict.reasons, verdict.measured)
    who = Participant("sub-01", "sub-01.html", None, (run,))
    page = render(participant_page(who, {}))
    for special, written in (("<", "&lt;"), (">", "&gt;"), ("'", "&#39;")):
        sentence = sentence.replace(special, written)
    assert sentence in page
    assert short in page
    said = summary(Study("s", (who,)))[0]
    assert f"(1 for {short})" in said if short else "nobody was left out" in said
    rules = as_tables(read_settings("recommended"))["quality"]
    quality = quality_facts([verdict], rules)
    group = words()["groups"][verdict.reasons[0].group]
    text = methods_text(Done({}, quality=quality)).text
    assert f"excluded (for {group})" in text if short else "None of the 1 participant" in text


@pytest.mark.parametrize("kind", BROKEN)
def test_a_rule_that_is_changed_lets_the_run_pass(kind):
    measured, rule, _, _ = BROKEN[kind]
    wide = 1.0 if rule == "doubtful_orientation" else 0 if rule.startswith("least") else 1000
    wide = 0 if kind == "sides" else wide
    doubtful = {
        "max_stretch": {"doubtful_stretch": 1000},
        "max_warped": {"doubtful_warped": 1000},
        "max_border": {"doubtful_border": 1000},
        "least_coverage": {"doubtful_coverage": 0},
        "least_overlap": {"doubtful_overlap": 0},
    }
    rules = replace(QualityRules(), **{rule: wide}, **doubtful.get(rule, {}))
    assert kind not in [reason.kind for reason in judge(measured, rules).reasons]


def test_what_was_measured_comes_back_as_it_was():
    bare = Measured(RunKey("sub-02"))
    for measured in (GOOD, bare, *(measured for measured, *_ in BROKEN.values())):
        assert measured_from_json(measured_to_json(measured)) == measured
    unknown = measured_to_json(replace(bare, mean_fd_power=float("nan")))
    assert measured_from_json(unknown) == bare
    for nothing in ({}, None, {"of": {}}, {"of": {"participant_id": "a"}, "max_motion": "far"}):
        with pytest.raises(ValueError, match="validation error"):
            measured_from_json(nothing)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_reason_has_at_most_five_places_in_the_program(kind):
    """Rule, judging, record, table of words, report; and its English is in one only.

    A rule's option on the command line (cli/) is not on the reason's way.
    """
    texts = {
        path.relative_to(SRC).as_posix(): path.read_text("utf-8")
        for path in SRC.rglob("*")
        if path.suffix in (".py", ".json", ".j2") and "cli" not in path.relative_to(SRC).parts
    }
    fixed = max(re.split(r"\{.*?\}", words()["kinds"][kind]["sentence"]), key=len)
    if len(fixed) > 15:
        assert [name for name, text in texts.items() if fixed in text] == [
            "records/data/reasons.json"
        ]
    makes = {
        name
        for name, text in texts.items()
        if name.startswith("study/") and "Reason(" in text and f'"{kind}"' in text
    }
    rule = {name for name, text in texts.items() if kind in BROKEN and BROKEN[kind][1] in text}
    assert len(makes | rule | {"records/verdicts.py", "records/data/reasons.json"}) <= 5


def test_every_kind_has_words():
    assert set(words()["kinds"]) == set(get_args(Kind))
    assert {about["group"] for about in words()["kinds"].values()} == set(words()["groups"])
