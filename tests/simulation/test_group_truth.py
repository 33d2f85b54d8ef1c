"""The truth map is what CFH comes to with more and more data."""

from dataclasses import replace

import numpy as np
import pytest

from commissure import cfh
from commissure.problems import InputError
from commissure.simulation import (
    BETWEEN_SD,
    REGIONS,
    STATED_DIFFERENCE,
    Effects,
    GroupTruth,
    forward_model,
    true_cfh,
)
from commissure.simulation.maps import draw_series
from commissure.simulation.people import draw_people
from commissure.simulation.truth import between_sd, regional_z, standardised


@pytest.fixture(scope="module")
def forward():
    return forward_model(8)


@pytest.fixture(scope="module")
def healthy(forward):
    return np.tanh(Effects().mean_z(forward.networks, "control"))


def test_truth_is_the_largest_population_correlation(forward, healthy):
    loadings = forward.networks.loadings(healthy)
    covariance = loadings @ loadings.T
    # Regressing the global signal out of jointly normal sources leaves the conditional covariance.
    of_mean = covariance @ forward.mean_weights
    covariance -= np.outer(of_mean, of_mean) / (forward.mean_weights @ of_mean)
    weights = forward.weights.astype(np.float64)
    joint = weights @ covariance @ weights.T
    sd = np.sqrt(np.diag(joint) + forward.noise_variance)
    r = joint / np.outer(sd, sd)
    truth = true_cfh(forward, healthy, n_threads=1)
    left, right = forward.domain.left, forward.domain.right
    np.testing.assert_allclose(truth.r[left], r[np.ix_(left, right)].max(axis=1), atol=1e-6)
    np.testing.assert_allclose(truth.r[right], r[np.ix_(left, right)].max(axis=0), atol=1e-6)
    both = np.concatenate([left, right])
    np.testing.assert_allclose(r[both, truth.partner[both]], truth.r[both], atol=1e-6)
    midline = np.setdiff1d(np.arange(len(r)), both)
    assert np.isnan(truth.r[midline]).all()
    assert (truth.partner[midline] == -1).all()


def test_cfh_of_longer_and_longer_series_comes_to_the_truth(forward, healthy):
    truth = true_cfh(forward, healthy)
    sides = np.concatenate([forward.domain.left, forward.domain.right])
    errors = []
    for n_samples in (300, 2400):
        series = draw_series(np.random.default_rng(1), forward, healthy, n_samples)
        error = cfh(series, forward.domain).r[sides] - truth.r[sides]
        errors.append(np.sqrt(np.mean(error**2)))
        # Four standard errors of the largest of thousands.
        assert np.abs(error).max() < 4.5 / np.sqrt(n_samples) + 0.02
    assert errors[1] < 0.5 * errors[0]
    assert errors[1] < 0.03


def test_noise_has_its_variance_everywhere_and_hardly_reaches_the_other_side(forward):
    noise = forward.draw_noise(np.random.default_rng(0), 1000)
    np.testing.assert_allclose(noise.var(axis=1).mean(), forward.noise_variance, rtol=0.01)
    assert np.abs(noise.var(axis=1) / forward.noise_variance - 1).max() < 0.25
    fine = forward_model(6)
    for kind in fine.noises:
        first = len(kind.operators[0]) // 2
        columns = kind.operators[0][:, [first - 1, first + 1]]  # 12 mm apart
        unit = columns / np.linalg.norm(columns, axis=0)
        assert kind.variance / fine.noise_variance * unit[:, 0] @ unit[:, 1] < 0.06


def test_a_difference_of_the_left_only_is_one(forward):
    truth = GroupTruth.of(forward, Effects(2.0))
    domain = forward.domain
    assert np.abs(truth.difference[domain.right]).max() < 0.01
    large = np.flatnonzero(truth.difference > STATED_DIFFERENCE)
    distance = np.array([np.linalg.norm(domain.coordinates - r.centre, axis=1) for r in REGIONS])
    assert (distance[:, large].min(axis=0) < 16).all()
    assert ((distance[:, large] < 10).sum(axis=1) > 2).all()
    for number in range(len(REGIONS)):
        told = truth.of_region(number)
        assert np.linalg.norm(np.subtract(told["peak_mm"], told["centre_mm"])) < 8
        assert told["peak_difference_z"] > 0.2
        assert abs(told["served_difference_z"]) < 0.01
        # What serves the region has its best partner elsewhere.
        partner = np.array(told["partner_of_served_mm"])
        assert np.linalg.norm(partner - told["centre_mm"]) > 20


def test_r_is_symmetric_so_partners_that_have_no_better_one_change_too(forward):
    forward = forward_model(8, anchored=False)
    truth = GroupTruth.of(forward, Effects(2.0, left_only=False))
    for number in range(len(REGIONS)):
        told = truth.of_region(number)
        assert told["served_difference_z"] > 0.2
        partner = np.array(told["partner_of_served_mm"])
        assert np.linalg.norm(partner - told["centre_mm"]) < 10
    peaks = [truth.difference[side].max() for side in (forward.domain.left, forward.domain.right)]
    assert peaks[0] == pytest.approx(peaks[1])


def test_without_an_effect_the_groups_are_the_same(forward):
    truth = GroupTruth.of(forward, Effects(0.0))
    sides = forward.domain.hemisphere != 0
    np.testing.assert_array_equal(truth.difference[sides], 0)
    np.testing.assert_array_equal(truth.standardized, 0)


@pytest.mark.parametrize("resolution_mm", [3, 4])
@pytest.mark.slow
def test_true_peaks_are_where_they_were_planted(resolution_mm):
    truth = GroupTruth.of(forward_model(resolution_mm), Effects(2.0))
    for number in range(len(REGIONS)):
        told = truth.of_region(number)
        assert np.linalg.norm(np.subtract(told["peak_mm"], told["centre_mm"])) < 4
        assert told["peak_difference_sd"] == pytest.approx(1.8, abs=0.2)
    assert np.abs(truth.difference[truth.forward.domain.right]).max() < 0.01


@pytest.mark.slow
def test_spread_between_people_is_that_of_people(forward, healthy):
    mean_z = Effects().mean_z(forward.networks, "control")
    truth = true_cfh(forward, healthy)
    strong = forward.domain.left[np.argsort(-truth.r[forward.domain.left])[::40]][:20]
    expected = between_sd(forward, mean_z, BETWEEN_SD, truth, strong)
    rng = np.random.default_rng(0)
    people = []
    for _ in range(300):
        z = mean_z + BETWEEN_SD * rng.normal(size=len(mean_z))
        seen = standardised(forward, np.tanh(z).clip(0))
        people.append(np.arctanh((seen[strong] @ seen[forward.domain.right].T).max(axis=1)))
    np.testing.assert_allclose(np.std(people, axis=0), expected, rtol=0.25)


@pytest.mark.slow
def test_scores_go_with_the_true_cfh_of_the_region(forward):
    effects = Effects(1.0, score_r={"illness_duration": 0.6, "JRS_severity": -0.5})
    _, people = draw_people(3, 250, 1, effects)
    core = GroupTruth.of(forward, effects).core(0)
    region = [regional_z(forward, person.coupling, core) for person in people[:250]]
    scores = {
        name: [float(person.row[name]) for person in people[:250]]
        for name in ("illness_duration", "JRS_severity", "JRS_frequency", "age")
    }
    r = {name: np.corrcoef(region, values)[0, 1] for name, values in scores.items()}
    assert r["illness_duration"] == pytest.approx(0.6, abs=0.12)
    # Three levels hold less than a number of months.
    assert -0.6 < r["JRS_severity"] < -0.2
    assert abs(r["JRS_frequency"]) < 0.2
    assert abs(r["age"]) < 0.2
    total = [p.row["JRS_severity"] + p.row["JRS_frequency"] for p in people[:250]]
    assert total == [p.row["JRS_total"] for p in people[:250]]


def test_age_acts_on_the_coupling_of_all_and_differs_between_the_groups(forward):
    effects = Effects(0.0, age_gap=8, age_slope=-1.0)
    _, people = draw_people(5, 300, 300, effects)
    age = np.array([person.row["age"] for person in people])
    assert age[:300].mean() - age[300:].mean() == pytest.approx(8 + 51.07 - 49.93, abs=1.5)
    z = np.arctanh(np.stack([person.coupling for person in people]))
    typical = z[:, np.argsort(Effects().mean_z(forward.networks, "control"))[20:]]
    slopes = np.polyfit(age, typical, 1)[0]
    assert np.median(slopes) == pytest.approx(-BETWEEN_SD / 10, rel=0.1)


def test_a_persons_brain_does_not_depend_on_the_others():
    _, few = draw_people(7, 2, 0)
    _, many = draw_people(7, 2, 5)
    for a, b in zip(few, many, strict=False):
        np.testing.assert_array_equal(a.coupling, b.coupling)


def test_impossible_effects_are_refused():
    with pytest.raises(InputError, match=r"effect must be.*\n.*age_slope.*\n.*'SAS' is none") as e:
        Effects(99, age_slope=np.nan, score_r={"SAS": 0.1, "illness_duration": 2})
    assert len(e.value.problems) == 4
    with pytest.raises(InputError):
        replace(Effects(), effect=np.inf)
