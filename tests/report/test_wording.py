"""The sentences at the top have the study's numbers in them."""

import pandas as pd
import pytest

from commissure.measures import CFH
from commissure.records.verdicts import Reason, in_short
from commissure.report.contents import Findings, Participant, Run, Study
from commissure.report.wording import chance, direction, summary
from commissure.report.words import listed
from tests.report.asked import asked_record

RECORD = {
    "Scans": 57,
    "Permutations": 5000,
    "Settings": {
        "contrast": "group[patient] - group[control]",
        "group": "group",
        "criterion": "size",
        "alpha": 0.05,
        "clinical": ["JRS_total"],
    },
    "Asked": asked_record("group[patient] - group[control]"),
    "Measure": CFH.record,
}
CLUSTERS = pd.DataFrame(
    {
        "cluster": ["1", "1a", "2"],
        "direction": ["positive", "positive", "positive"],
        "peak_t": [5.14, 4.0, 4.98],
        "x": [-30.0, -27, -42],
        "y": [-2.0, 0, 0],
        "z": [10.0, 8, 54],
        "voxels": [53, None, 27],
        "p_corr_size": [0.0042, None, 0.031],
        "peak_label": [
            "Left Putamen (80 %)",
            "Left Putamen (70 %)",
            "Left Precentral Gyrus (61 %)",
        ],
        "significant": [True, False, True],
    }
)


MOVED = (Reason("mean_fd", 0.3, 0.2), Reason("df", 1, 2, excludes=False))


def people(n, out=()):
    return tuple(
        Participant(
            f"sub-{i:02d}",
            f"sub-{i:02d}.html",
            None,
            (Run("", "done", i not in out, MOVED * (i in out)),),
        )
        for i in range(n)
    )


def findings(clusters=CLUSTERS, **tables):
    groups = pd.DataFrame(
        {"participant_id": range(57), "group": ["patient"] * 29 + ["control"] * 28}
    )
    return Findings(RECORD, {"clusters": clusters, "participants": groups, **tables})


def test_who_took_part():
    who, _, _ = summary(Study("x", people(60, out=(3, 4, 5)), findings()))
    assert who == (
        "60 participants took part and 57 were compared (29 patient and 28 control); 3 were left "
        "out (3 for head motion)."
    )


def test_groups_are_told_in_the_words_of_the_participants_table():
    about = findings()
    record = about.record | {
        "ScansOfGroups": {"control": 28, "patient": 29},
        "Meanings": {"patient": "blepharospasm", "control": "Control"},
    }
    who, _, _ = summary(Study("x", people(57), Findings(record, about.tables)))
    assert "(29 patient (blepharospasm) and 28 control)" in who


def test_what_was_found():
    _, what, _ = summary(Study("x", people(60), findings()))
    assert what == (
        "CFH was higher in patient than in control in 2 regions: Left Putamen (peak t = 5.14, 53 "
        "voxels, corrected p = 0.004) and Left Precentral Gyrus (peak t = 4.98, 27 voxels, "
        "corrected p = 0.031) (5,000 permutations)."
    )


def test_regions_in_both_directions_are_told_apart():
    both = CLUSTERS.assign(direction=["positive", "positive", "negative"])
    _, what, _ = summary(Study("x", people(2), findings(both)))
    assert "higher in patient than in control in 1 region: Left Putamen" in what
    assert "lower in patient than in control in 1 region: Left Precentral" in what


def test_nothing_found():
    nothing = CLUSTERS.assign(significant=False, p_corr_size=[0.3, None, 0.12])
    _, what, _ = summary(Study("x", people(60), findings(nothing)))
    assert what == (
        "No region differed significantly between patient and control (5,000 permutations, "
        "cluster-corrected p ≤ 0.05); the strongest cluster had 27 voxels, corrected p = 0.12."
    )


def test_no_cluster_at_all():
    _, what, _ = summary(Study("x", people(60), findings(CLUSTERS[:0])))
    assert what.endswith("cluster-corrected p ≤ 0.05).")


def test_how_sure_one_can_be():
    motion = pd.DataFrame(
        {"region": ["whole map", "cluster 1"], "t_without": [1.0, 5.04], "t_with": [1.1, 4.71]}
    )
    scores = pd.DataFrame(
        {
            "roi": ["cluster 1", "cluster 2"],
            "score": ["JRS_total", "JRS_total"],
            "r": [0.31, 0.1],
            "p": [0.13, 0.6],
            "q": [0.26, 0.6],
        }
    )
    tables = {"motion_effects": motion, "partial_correlations": scores}
    _, _, sure = summary(Study("x", people(60), findings(**tables)))
    assert sure == (
        "Allowing for head motion changes the t of the region's mean from 5.04 to 4.71; none of 2 "
        "partial correlations with clinical scores is significant at a false discovery rate of "
        "0.05 (strongest: JRS_total with cluster 1 (Left Putamen), r = 0.31, p = 0.13, q = 0.26)."
    )
    tables["partial_correlations"] = scores.assign(q=[0.01, 0.6])
    _, _, sure = summary(Study("x", people(60), findings(**tables)))
    assert "1 of 2 partial correlations with clinical scores is significant" in sure


def test_a_study_that_goes_on():
    waiting = [Participant(f"sub-{i}", "", None, (Run("", "waiting"),)) for i in range(3)]
    failed = Participant("sub-x", "", None, (Run("", "failed", failures=("broken",)),))
    who, what, _ = summary(Study("x", (*people(1), failed, *waiting)))
    assert who == (
        "1 of 5 participants is finished, 1 failed and 3 are still to be done (sub-0, sub-1 and "
        "sub-2)."
    )
    assert "group stage has not been run yet" in what


def test_why_the_groups_could_not_be_compared():
    study = Study("x", people(3), group_failures=("Nobody is included.",))
    assert summary(study)[1] == "The group stage could not be done: Nobody is included."


@pytest.mark.parametrize(
    ("contrast", "meaning"),
    [
        ("group[a b] - group[c]", "lower in a b than in c"),
        ("age", "lower with higher age"),
        ("mean", "below 0"),
        ("group[a] - sex[F]", "negative for group[a] - sex[F]"),
    ],
)
def test_directions(contrast, meaning):
    record = {"Settings": {"contrast": contrast}, "Asked": asked_record(contrast)}
    assert direction(Findings(record, {}), "negative") == meaning


def test_lists_and_reasons():
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    kinds = ("moved", "mean_fd", "volumes")
    assert in_short(map(Reason, kinds)) == ["head motion", "too few volumes"]
    assert in_short([Reason("mean_fd", 0.3, 0.2, excludes=False)]) == []
    # What people said is no kind of reason, whatever words are in it.
    assert in_short([Reason("left_out", said="moved abroad")]) == ["a reason given by name"]


@pytest.mark.parametrize(
    ("settings", "record", "said", "never"),
    [
        (
            {"alpha": 0.05},
            {},
            ["all but 5 of 100 studies", "which map belongs to whom"],
            "direction",
        ),
        ({"alpha": 0.01}, {}, ["all but 1 of 100 studies"], "95"),
        ({"alpha": 0.001}, {}, ["all but 0.1 of 100 studies"], "95"),
        (
            {"alpha": 0.01, "tail": "one-sided-each"},
            {},
            ["all but 1 of 100 studies", "in its direction", "up to 2 of 100"],
            "95",
        ),
        ({"blocks": "site"}, {"SignFlips": True}, ["signs of maps", "within each site"], "whom"),
        ({"criterion": "mass"}, {}, ["the largest cluster of most mass"], "group"),
    ],
)
def test_what_chance_makes_is_told_by_alpha_tail_and_relabelling(settings, record, said, never):
    text = chance(Findings({"Settings": settings, **record}, {}))
    assert all(part in text for part in said), text
    assert never not in text
