"""What motion, degrees of freedom, noise floor or coverage may explain is not called a finding."""

import re
from dataclasses import replace

import pandas as pd
import pytest

from commissure.records.asked import asked_in
from commissure.records.rivals import Rival, rivals_to_json
from commissure.report.contents import Findings, Study
from commissure.report.page.parts import Figure
from commissure.report.page.study import study_page
from commissure.report.rivals import called, caption_with, caution, what_to_do
from commissure.report.sections.checks import motion_section
from commissure.report.wording import summary
from tests.report.asked import asked_record
from tests.report.test_wording import RECORD, findings, people

ASKED = asked_in(RECORD)
MEANS = {"patient": 0.31, "control": 0.125}
MOTION = Rival("mean_fd", "beyond", "g", 1.214, 0.0031, 0.25, MEANS, 0, 57)
DF = Rival("effective_df", "beyond", "g", -0.7, 0.02, 0.25, {"patient": 41.2, "control": 50.0})
UNKNOWN = Rival("mean_fd", "unknown", "g", None, None, 0.25, {}, 57, 57)


def with_rivals(*rivals, **more):
    found = findings(**more)
    table = found.table("participants")
    table["participant_id"] = [f"sub-{i:02d}" for i in table["participant_id"]]
    found.tables["clusters"] = found.table("clusters").assign(mm3=100.0)
    return Findings({**found.record, "Rivals": rivals_to_json(rivals)}, found.tables)


@pytest.mark.parametrize(
    ("contrast", "rivals", "label"),
    [
        ("group[patient] - group[control]", [MOTION], "a difference that head motion may explain"),
        (
            "group[patient] - group[control]",
            [MOTION, DF],
            "a difference that head motion and degrees of freedom may explain",
        ),
        ("age", [MOTION], "a relation that head motion may explain"),
        ("group[a] - group[b], age", [DF], "an effect that degrees of freedom may explain"),
        ("age", [UNKNOWN], "a relation that head motion (which is not known) may explain"),
        ("age", [replace(MOTION, state="modelled"), replace(DF, state="matched")], ""),
        ("age", [replace(DF, state="unknown")], ""),
        ("age", [], ""),
    ],
)
def test_what_a_significant_cluster_is_called(contrast, rivals, label):
    assert called(rivals, asked_in({"Asked": asked_record(contrast)})) == label


LIMIT = "limit |g| > 0.25 with p < 0.05"


@pytest.mark.parametrize(
    ("rival", "numbers"),
    [
        (MOTION, f"head motion (mean FD 0.310 and 0.125 mm; g = 1.21, p = 0.003; {LIMIT})"),
        (
            replace(MOTION, value=0.5, p=0.04, means={"patient": 0.2, "control": 0.15}, limit=0.3),
            (
                "head motion (mean FD 0.200 and 0.150 mm; g = 0.50, p = 0.040; limit |g| > 0.3 "
                "with p < 0.05)"
            ),
        ),
        (
            DF,
            (
                "degrees of freedom (effective degrees of freedom 41.2 and 50.0; g = -0.70, p = "
                f"0.020; {LIMIT})"
            ),
        ),
        (
            replace(DF, kind="coverage"),
            f"coverage (places that a scan lacks 41.2 and 50.0 %; g = -0.70, p = 0.020; {LIMIT})",
        ),
        (
            replace(DF, kind="noise_floor", means={"patient": 0.41, "control": 0.5}, p=0.0001),
            f"the noise floor (noise floor 0.410 and 0.500; g = -0.70, p < 0.001; {LIMIT})",
        ),
    ],
)
def test_why_a_difference_is_no_finding(rival, numbers):
    why = f"patient and control differ in {numbers}, and nothing was done about it"
    label = called([rival], ASKED)
    assert caution([rival], ASKED) == f"No finding by itself, but {label}: {why}."


@pytest.mark.parametrize(
    ("rival", "said"),
    [
        (UNKNOWN, "head motion is not known"),
        (replace(UNKNOWN, n_unknown=3), "head motion is not known of 3 of 57 scans"),
        (replace(UNKNOWN, n_unknown=1, n=1), "head motion is not known"),
    ],
)
def test_motion_that_is_not_known_is_as_loud(rival, said):
    label = "a difference that head motion (which is not known) may explain"
    assert caution([rival], ASKED) == f"No finding by itself, but {label}: {said}."


@pytest.mark.parametrize("r", [0.45, -0.2])
def test_why_a_relation_is_no_finding(r):
    asked = asked_in({"Asked": asked_record("age")})
    rival = replace(MOTION, effect="r", value=r, limit=0.12, means={})
    assert caution([rival], asked).endswith(
        f"head motion goes with age (mean FD; r = {r:.2f}, p = 0.003; limit |r| > 0.12 with "
        "p < 0.05), and nothing was done about it."
    )


@pytest.mark.parametrize(
    ("rival", "what"), [(MOTION, "leave out more who moved"), (UNKNOWN, "realignment")]
)
def test_it_is_said_what_to_do(rival, what):
    assert what in what_to_do([rival])
    assert what_to_do([replace(MOTION, state="modelled")]) == ""


@pytest.mark.parametrize("rival", [MOTION, UNKNOWN])
def test_the_first_screen_begins_with_it(rival):
    study = Study("x", people(60), with_rivals(rival))
    _, what, sure = summary(study)
    label = called([rival], ASKED)
    assert what.startswith(f"A{label[1:]}: CFH was higher in patient than in control in 2 regions")
    assert sure.startswith(("Patient and control differ in head motion", "Head motion is not know"))
    page = study_page(study, {}, {}, None)
    loud = [notice.text for notice in page.notices if notice.kind == "warning"]
    assert any(text.startswith(caution([rival], ASKED)) for text in loud)
    assert sum(label in repr(one) for one in page.sections) >= 1


@pytest.mark.parametrize("state", ["alike", "modelled", "matched"])
def test_else_it_is_a_finding(state):
    study = Study("x", people(60), with_rivals(replace(MOTION, state=state)))
    _, what, sure = summary(study)
    assert what.startswith("CFH was higher in patient")
    done = {"modelled": "which is in the model", "matched": "the runs were matched"}
    assert done.get(state, "") in sure
    assert not any(
        "No finding" in notice.text for notice in study_page(study, {}, {}, None).notices
    )


@pytest.mark.parametrize("significant", [True, False])
def test_captions_say_it_where_something_is_significant(significant):
    found = with_rivals(MOTION)
    found.tables["clusters"] = found.clusters.assign(significant=significant)
    caption = caption_with("A row for each cluster", found)
    more = ". A difference that head motion may explain." if significant else ""
    assert caption == f"A row for each cluster{more}"
    assert caption_with("x", with_rivals(replace(MOTION, state="modelled"))) == "x"


def test_a_table_has_all_of_them():
    study = Study("x", people(60), with_rivals(MOTION, replace(DF, state="unknown", value=None)))
    page = study_page(study, {}, {}, None)
    (shown,) = (one for one in page.sections if one.title == "What else may explain it?")
    (table,) = (part for part in shown.parts if hasattr(part, "rows"))
    assert table.rows[0] == (
        "mean FD (mm)", "0.310", "0.125", "g = 1.21", "0.003", "limit |g| > 0.25 with p < 0.05",
        "may explain it",
    )  # fmt: skip
    assert table.rows[1][-1] == "not known"
    assert re.search("head motion", repr(shown.parts))


@pytest.mark.parametrize(("share", "r"), [(0.051, -0.012), (0.4, 0.31)])
def test_the_share_of_places_that_go_with_motion_is_told(share, r):
    names = ("model", "median_r", "share_p_below_0.05")
    places = pd.DataFrame([("none", r, share), ("partial", r / 2, share / 2)], columns=names)
    tables = {"motion_places": places, "motion_correlations": pd.DataFrame()}
    shown = motion_section(
        Study("x", people(60), findings(**tables)), {"motion": Figure("", "", "", "")}, {}
    )
    table = next(part for part in shown.parts if "How many places" in getattr(part, "caption", ""))
    assert table.rows[0] == ("nothing", f"{r:.2f}", f"{100 * share:.1f} %")
    assert table.rows[1][::2] == ("all else in the model", f"{50 * share:.1f} %")


@pytest.mark.parametrize("rho", [-0.31, 0.08])
def test_how_motion_goes_with_the_distance_of_partners_is_told(rho):
    places = pd.DataFrame(
        {"model": ["none"], "median_r": 0.1, "share_p_below_0.05": 0.2, "rho_with_distance": rho}
    )
    tables = {"motion_places": places, "motion_correlations": pd.DataFrame()}
    shown = motion_section(
        Study("x", people(60), findings(**tables)), {"motion": Figure("", "", "", "")}, {}
    )
    table = next(part for part in shown.parts if "How many places" in getattr(part, "caption", ""))
    assert table.rows[0][-1] == f"{rho:.2f}"
