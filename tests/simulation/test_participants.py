"""Simulated people are like those of the reference study's Table 1."""

import numpy as np
import pytest

from commissure.simulation.participants import COLUMNS, NOT_APPLICABLE, simulate_participants


@pytest.fixture(scope="module")
def people():
    return simulate_participants(np.random.default_rng(0), 2000, 2000)


@pytest.mark.parametrize(
    ("group", "column", "mean", "sd"),
    [
        ("patient", "age", 51.07, 6.46),
        ("patient", "education", 9.40, 3.62),
        ("patient", "SDS", 44.97, 6.45),
        ("patient", "SAS", 43.33, 6.73),
        ("patient", "illness_duration", 12.33, 4.9),
        ("control", "age", 49.93, 5.99),
        ("control", "education", 9.97, 3.96),
        ("control", "SDS", 38.40, 5.26),
        ("control", "SAS", 36.67, 5.44),
    ],
)
def test_moments_of_table_1(people, group, column, mean, sd):
    values = [person[column] for person in people if person["group"] == group]
    # Four standard errors, and what rounding and the scales' ends do.
    assert np.mean(values) == pytest.approx(mean, abs=4 * sd / np.sqrt(2000) + 0.1)
    assert np.std(values) == pytest.approx(sd, rel=0.08)


def test_rating_scale_of_table_1(people):
    scores = {
        name: np.array([p[f"JRS_{name}"] for p in people if p["group"] == "patient"])
        for name in ("severity", "frequency", "total")
    }
    np.testing.assert_array_equal(scores["total"], scores["severity"] + scores["frequency"])
    assert {name: np.median(values) for name, values in scores.items()} == {
        "severity": 1,
        "frequency": 2,
        "total": 3,
    }
    assert (scores["total"].min(), scores["total"].max()) == (2, 6)


def test_only_patients_have_an_illness(people):
    for person in people:
        scores = {person[n] for n in COLUMNS if n.startswith("JRS") or n == "illness_duration"}
        assert (scores == {NOT_APPLICABLE}) == (person["group"] == "control")


def test_the_groups_have_the_studys_share_of_men():
    people = simulate_participants(np.random.default_rng(1), 30, 30)
    for group in ("patient", "control"):
        assert sum(p["sex"] == "M" for p in people if p["group"] == group) == 12
    ids = [p["participant_id"] for p in people]
    assert ids == sorted(set(ids))
    assert ids[0] == "sub-01"
    assert ids[-1] == "sub-60"
