"""Groups that move unlike move as they should, and nothing else about them differs."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from commissure.preprocessing import framewise_displacement_jenkinson
from commissure.preprocessing.recipe import Recipe
from commissure.settings.quality import QualityRules
from commissure.simulation.forward import forward_model
from commissure.simulation.movement import (
    AFFINE,
    SHAPE,
    Movement,
    draw_artefact,
    draw_motion,
    lasting,
    smooth_patterns,
)
from commissure.simulation.moving_groups import moving_groups
from commissure.threads import one_blas_thread

RECIPE = Recipe()


def mean_fd(motion):
    return framewise_displacement_jenkinson(motion, AFFINE, SHAPE).mean()


def test_displacement_is_log_normal_over_people_and_multiplied_by_the_ratio():
    movement = Movement(median_fd_mm=0.12, spread=0.4)
    found = [mean_fd(draw_motion(np.random.default_rng(seed), movement)) for seed in range(150)]
    logs = np.log(found)
    assert np.exp(np.median(logs)) == pytest.approx(0.12, rel=0.12)
    assert logs.std() == pytest.approx(0.4, rel=0.2)
    more = [mean_fd(draw_motion(np.random.default_rng(s), movement, 1.5)) for s in range(10)]
    np.testing.assert_allclose(more, 1.5 * np.array(found[:10]), rtol=0.01)


def test_patterns_are_smooth_of_unit_variance_and_nowhere_the_same():
    domain = forward_model(8).domain
    waves = smooth_patterns(domain).astype(np.float64)
    np.testing.assert_allclose((waves**2).sum(axis=1).mean(), 1, rtol=1e-5)
    assert (waves.std(axis=0) > 0.01).all()
    unit = waves / np.linalg.norm(waves, axis=1, keepdims=True)
    r = unit @ unit.T
    distance = np.linalg.norm(domain.coordinates[:, None] - domain.coordinates, axis=2)
    near, far = r[(distance > 0) & (distance < 15)], r[distance > 80]
    assert near.mean() > 0.8
    assert abs(far.mean()) < 0.3


def test_artefacts_have_their_variance_and_last():
    movement = Movement(artefact=2.0, shared=0.3, lasting=0.5)
    waves = smooth_patterns(forward_model(8).domain)
    drawn = [draw_artefact(np.random.default_rng(seed), movement, waves) for seed in range(20)]
    # Of the gain, too, whose standard deviation is 0.3.
    expected = 4 * (0.3 * (1 + 0.3**2) + 0.7)
    assert np.mean(np.square(drawn)) == pytest.approx(expected, rel=0.1)
    hit = np.zeros((3, 9), np.float32)
    hit[1, 2] = 8
    np.testing.assert_array_equal(lasting(hit, movement)[1], [0, 0, 8, 4, 2, 1, 0.5, 0, 0])
    assert not lasting(hit, movement)[[0, 2]].any()


def test_the_rules_of_quality_leave_out_who_moves_too_much():
    groups = moving_groups(1, n_patients=8, n_controls=8)
    study = groups.study(1.5, RECIPE, rules=True)
    everybody = groups.study(1.5, RECIPE, rules=False)
    rules, expected = QualityRules(), []
    middle = (AFFINE @ np.append(np.array(SHAPE) / 2 - 1, 1))[:3]
    for number, person in enumerate(groups.people):
        seed = np.random.SeedSequence(person.seed.entropy, spawn_key=(*person.seed.spawn_key, 100))
        more = 1.5 if number < 8 else 1.0
        motion = draw_motion(np.random.default_rng(seed), groups.movement, more)
        shifts = motion[:, :3, :3] @ middle + motion[:, :3, 3] - middle
        turns = Rotation.from_matrix(motion[:, :3, :3]).as_euler("xyz", degrees=True)
        within = np.abs(shifts).max() <= rules.max_mm and np.abs(turns).max() <= rules.max_degrees
        expected.append(bool(mean_fd(motion) <= rules.mean_fd_mm and within))
        assert groups.scan(number, 1.5, RECIPE).measured.mean_fd_jenkinson == pytest.approx(
            mean_fd(motion)
        )
    ids = everybody.table["participant_id"]
    assert len(ids) == 16
    assert 0 < sum(expected) < 16
    assert list(study.table["participant_id"]) == list(ids[expected])
    np.testing.assert_array_equal(study.maps, everybody.maps[expected])


def test_only_patients_change_with_the_ratio():
    groups = moving_groups(2, n_patients=3, n_controls=3)
    alike, unlike = (groups.study(ratio, RECIPE, rules=False) for ratio in (1.0, 2.0))
    np.testing.assert_array_equal(alike.maps[3:], unlike.maps[3:])
    assert not np.array_equal(alike.maps[:3], unlike.maps[:3])
    np.testing.assert_allclose(
        unlike.table["mean_fd"][:3], 2 * alike.table["mean_fd"][:3], rtol=0.01
    )
    again = moving_groups(2, n_patients=3, n_controls=3, n_threads=1)
    np.testing.assert_array_equal(again.study(2.0, RECIPE, rules=False).maps, unlike.maps)


def test_censoring_costs_who_moves_degrees_of_freedom_or_all_of_the_run():
    groups = moving_groups(3, Movement(median_fd_mm=0.15), n_patients=6, n_controls=6)
    censored = Recipe(censor_mm=0.3)
    study = groups.study(2.0, censored, rules=False)
    patient = (study.table["group"] == "patient").to_numpy()
    df = study.table["nominal_df"].to_numpy()
    assert df[patient].mean() < df[~patient].mean() - 1
    lost = [groups.scan(n, 2.0, Recipe(censor_mm=0.05)) for n in range(6)]
    assert any(scan.z is None for scan in lost)
    assert not any(scan.included for scan in lost if scan.z is None)


@pytest.mark.slow
def test_artefacts_make_cfh_go_with_motion():
    def qc_cfh(artefact):
        groups = moving_groups(4, Movement(artefact=artefact), n_patients=0, n_controls=40)
        with one_blas_thread():
            study = groups.study(1.0, RECIPE, rules=False)
        fd = study.table["mean_fd"].to_numpy()
        return np.median([abs(np.corrcoef(fd, z)[0, 1]) for z in study.maps.T])

    # Without artefacts as for 40 people by chance: 0.675 / sqrt(38).
    assert qc_cfh(0.0) == pytest.approx(0.11, abs=0.04)
    assert qc_cfh(3.0) > 0.2
