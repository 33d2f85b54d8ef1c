"""Studies about the truth count what they say they count."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from commissure.cli import main
from commissure.clinical import partial_correlations
from commissure.problems import InputError
from commissure.simulation import REGIONS, Effects, GroupTruth, forward_model, simulate_maps
from commissure.simulation.comparison import compare_groups
from commissure.simulation.null_studies import found_anything, null_study
from commissure.simulation.power import sample_size, simulate_power
from commissure.simulation.score_studies import partial_correlation_power, score_study
from commissure.simulation.sensitivity import DILATION_MM, found_of, sensitivity_study


@pytest.fixture(scope="module")
def truth():
    return GroupTruth.of(forward_model(8), Effects(2.0))


def cluster(places, t, p, sign=1):
    places = np.array(places)
    peak = places[np.abs(t[places]).argmax()]
    return SimpleNamespace(places=places, sign=sign, p_size=p, peak=peak)


def test_what_is_found_is_held_against_the_truth(truth):
    study = simulate_maps(0, 2, 2, truth.effects, resolution_mm=8)
    places = study.domain.coordinates
    t = np.zeros(len(places))
    putamen, precentral = (
        np.argsort(np.linalg.norm(places - r.centre, axis=1))[:3] for r in REGIONS
    )
    far = np.flatnonzero(np.linalg.norm(places - (50, -60, 10), axis=1) < 10)[:3]
    t[putamen] = 4, 5, 3.9
    t[precentral] = 6
    t[far] = -9
    clusters = [
        cluster(putamen, t, 0.01),
        cluster(precentral, t, 0.2),
        cluster(far, t, 0.001, sign=-1),
        cluster(far, t, 0.06),
    ]
    found = found_of(study, SimpleNamespace(t=t, clusters=clusters, df=50), truth, 7)
    assert found.seed == 7
    assert [region.found for region in found.regions] == [True, False]
    assert [region.peak_t for region in found.regions] == [5, 6]
    expected = np.linalg.norm(places[putamen[1]] - REGIONS[0].centre)
    assert found.regions[0].distance_mm == pytest.approx(expected)
    assert np.isnan(found.regions[1].distance_mm)
    assert (found.n_significant, found.n_outside) == (2, 1)
    # g = t sqrt(1/2 + 1/2) J(50)
    assert found.regions[0].peak_g == pytest.approx(5 * (1 - 3 / (4 * 50 - 1)), rel=1e-3)


def test_significant_clusters_are_outside_beyond_the_reach_of_smoothing(truth):
    study = simulate_maps(0, 2, 2, truth.effects, resolution_mm=8)
    places = study.domain.coordinates
    difference = truth.difference[truth.forward.domain.hemisphere != 0]
    distance = np.array(
        [np.linalg.norm(places[np.abs(difference) > 0.05] - p, axis=1).min() for p in places]
    )
    t = np.ones(len(places))
    for limit, outside in ((distance <= DILATION_MM, 0), (distance > DILATION_MM, 1)):
        one = cluster([np.flatnonzero(limit)[0]], t, 0.01)
        found = found_of(study, SimpleNamespace(t=t, clusters=[one], df=50), truth, 0)
        assert found.n_outside == outside


@pytest.mark.parametrize(("r", "n", "k"), [(0.6, 30, 5), (0.3, 50, 2), (0.0, 30, 5)])
def test_power_of_a_partial_correlation(r, n, k):
    rng = np.random.default_rng(0)
    found = 0
    n_studies = 1500
    for _ in range(n_studies):
        covariates = rng.normal(size=(n, k))
        x = rng.normal(size=n)
        y = r * x + np.sqrt(1 - r**2) * rng.normal(size=n)
        basis = np.linalg.qr(np.column_stack([np.ones(n), covariates]))[0]
        x, y = (
            v - basis @ (basis.T @ v)
            for v in (x + covariates.sum(axis=1), y - covariates.sum(axis=1))
        )
        partial = x @ y / np.sqrt((x @ x) * (y @ y))
        t = partial * np.sqrt((n - 2 - k) / (1 - partial**2))
        found += 2 * stats.t.sf(abs(t), n - 2 - k) < 0.05
    standard_error = np.sqrt(0.25 / n_studies)
    expected = partial_correlation_power(r, n, k)
    assert found / n_studies == pytest.approx(expected, abs=4 * standard_error)


def test_scores_are_correlated_with_measured_regions():
    effects = Effects(2.0, score_r={"illness_duration": 0.9})
    truth = GroupTruth.of(forward_model(8), effects)
    found = score_study(1, truth, n_patients=40)
    assert set(found.table["roi"]) == {region.name for region in REGIONS}
    assert len(found.table) == 8
    row = found.table.set_index(["roi", "score"]).loc[("left putamen", "illness_duration")]
    assert row["p"] < 0.001
    assert row["df"] == 40 - 2 - 5
    assert all(0.4 < value < 1 for value in found.reliability.values())


def test_scores_are_correlated_as_by_whole_maps():
    truth = GroupTruth.of(forward_model(8), Effects(1.0))
    found = score_study(2, truth, n_patients=14)
    study = simulate_maps(2, 14, 0, truth.effects, resolution_mm=8)
    sides = np.cumsum(truth.forward.domain.hemisphere != 0) - 1
    values = np.column_stack([study.maps[:, sides[truth.core(i)]].mean(axis=1) for i in (0, 1)])
    people = study.participants
    covariates = people[["age", "education", "SDS", "SAS"]].assign(male=people["sex"] == "M")
    expected = partial_correlations(
        values,
        people[["illness_duration"]],
        covariates.astype(float),
        roi_names=["a", "b"],
        score_names=["illness_duration"],
        covariate_names=list(covariates),
        participants=list(people["participant_id"]),
    )
    mine = found.table[found.table["score"] == "illness_duration"]
    np.testing.assert_allclose(mine["r"], expected.table["r"], atol=1e-5)


def test_anything_significant_by_each_statistic():
    clusters = [SimpleNamespace(p_size=0.3, p_mass=0.04), SimpleNamespace(p_size=0.06, p_mass=0.5)]
    result = SimpleNamespace(clusters=clusters, p_tfce=np.array([0.9, 0.051]))
    assert found_anything(result) == {"size": False, "mass": True, "tfce": False}
    # A p that equals alpha counts.
    result = SimpleNamespace(clusters=clusters, p_tfce=np.array([0.9, 0.05]))
    assert found_anything(result)["tfce"]


def test_null_studies_without_motion_are_those_of_maps():
    found = null_study(3, n_patients=12, n_controls=12, n_permutations=30)
    study = simulate_maps(3, 12, 12, Effects(0.0), resolution_mm=8)
    expected = compare_groups(study, n_permutations=30, statistics=("size", "mass", "tfce"), seed=3)
    assert found.found == found_anything(expected)
    difference = study.maps[:12].mean() - study.maps[12:].mean()
    assert found.mean_z_difference == pytest.approx(difference, abs=1e-5)


def test_sample_size_is_interpolated_between_sizes():
    rows = [
        {"effect": effect, "n_per_group": n, "power": power}
        for effect, powers in ((1.0, (0.1, 0.3, 0.5)), (2.0, (0.5, 0.7, 0.9)), (4.0, (1, 1, 1)))
        for n, power in zip((20, 40, 60), powers, strict=True)
        for _region in range(2)
    ]
    assert sample_size(pd.DataFrame(rows)) == {1.0: None, 2.0: pytest.approx(50), 4.0: 20}


@pytest.mark.slow
def test_power_counts_studies(tmp_path):
    table = simulate_power([3.0], [12, 16], 2, resolution_mm=8, n_permutations=40, seed=5)
    assert table["n_studies"].tolist() == [2] * 4
    truth = GroupTruth.of(forward_model(8), Effects(3.0))
    found = np.array(
        [
            [r.found for r in sensitivity_study(
                seed, truth, n_patients=16, n_controls=16, n_permutations=40
            ).regions]
            for seed in (5, 6)
        ]
    )  # fmt: skip
    assert table["found"].tolist()[2:] == found.sum(axis=0).tolist()
    one = table.iloc[0]
    assert one["power"] == one["found"] / 2
    low, high = stats.beta.ppf([0.025, 0.975], [1, 2], [2, 1])
    if one["found"] == 1:
        assert (one["ci_low"], one["ci_high"]) == pytest.approx((low, high), abs=0.05)


def test_the_power_command_writes_what_is_needed(tmp_path, capsys):
    arguments = ["power", "--effect", "3", "--n", "12", "14", "--studies", "1", "--quiet"]
    more = ["--resolution-mm", "8", "--n-permutations", "30", "-o", str(tmp_path / "power")]
    assert main([*arguments, *more]) == 0
    names = sorted(path.name for path in (tmp_path / "power").iterdir())
    assert names == [".commissure.json", "power.json", "power.png", "power.tsv"]
    table = pd.read_csv(tmp_path / "power" / "power.tsv", sep="\t")
    assert table["n_per_group"].tolist() == [12, 12, 14, 14]
    assert main(["power", "--effect", "3", "--n", "3", *more]) == 2
    assert "10 people or more" in capsys.readouterr().err
    with pytest.raises(InputError, match="1 study or more"):
        simulate_power([1.0], [20], 0)
