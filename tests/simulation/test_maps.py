"""Studies in memory follow the generating model."""

import numpy as np
import pandas as pd
import pytest

from commissure.simulation import Effects, forward_model, simulate_maps
from commissure.simulation.maps import draw_series


def test_series_have_the_covariance_of_the_model():
    forward = forward_model(8)
    coupling = np.tanh(forward.networks.mean_z)
    series = draw_series(np.random.default_rng(2), forward, coupling, 4000)
    some = np.random.default_rng(0).choice(forward.domain.n_places, 60, replace=False)
    mixed = forward.weights[some] @ forward.loadings(coupling)
    expected = mixed @ mixed.T
    found = np.cov(series[some])
    apart = np.linalg.norm(
        forward.domain.coordinates[some][:, None] - forward.domain.coordinates[some], axis=2
    )
    sd = np.sqrt(np.diag(expected) + forward.noise_variance)
    far = apart > 30  # beyond the reach of the noise
    error = (found - expected) / np.outer(sd, sd)
    assert np.abs(error[far]).max() < 5 / np.sqrt(4000)
    own = np.diag(error) - forward.noise_variance / sd**2
    assert np.abs(own).max() < 5 * np.sqrt(2 / 4000)


def test_the_global_signal_is_regressed_out():
    forward = forward_model(8)
    loadings = forward.loadings(np.tanh(forward.networks.mean_z))
    np.testing.assert_allclose(forward.mean_weights @ loadings, 0, atol=1e-9)


def test_same_seed_same_maps_whatever_the_threads_and_the_others():
    a = simulate_maps(3, 2, 1, resolution_mm=8, n_threads=1)
    b = simulate_maps(3, 2, 2, resolution_mm=8, n_threads=2)
    np.testing.assert_array_equal(a.maps[:2], b.maps[:2])
    assert a.maps.shape == (3, a.domain.n_places)
    assert (a.domain.hemisphere != 0).all()
    assert a.participants["group"].tolist() == ["patient", "patient", "control"]
    assert pd.api.types.is_numeric_dtype(a.participants["JRS_total"])
    assert a.participants["JRS_total"].isna().tolist() == [False, False, True]
    other = simulate_maps(4, 2, 1, resolution_mm=8)
    assert np.abs(other.maps - a.maps).mean() > 0.01


def test_fewer_degrees_of_freedom_raise_the_maximum():
    few, many = (
        simulate_maps(1, 0, 1, resolution_mm=8, degrees_of_freedom=df).maps.mean()
        for df in (25, 100)
    )
    assert few > many + 0.1


@pytest.mark.slow
def test_maps_show_the_effect_in_the_regions_and_nowhere_else():
    study = simulate_maps(1, 40, 40, Effects(3.0), resolution_mm=8)
    difference = study.maps[:40].mean(axis=0) - study.maps[40:].mean(axis=0)
    standard_error = np.sqrt(study.maps[:40].var(axis=0) / 40 + study.maps[40:].var(axis=0) / 40)
    t = difference / standard_error
    strongest = study.domain.coordinates[np.argsort(-t)[:4]]
    for place in strongest:
        assert min(np.linalg.norm(place - c) for c in ((-30, -2, 10), (-42, 0, 54))) < 12
    assert t.min() > -4.5
