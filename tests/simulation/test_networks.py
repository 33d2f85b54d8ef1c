"""The covariance of the sources is the one that is asked for."""

import numpy as np
import pytest

from commissure.simulation.networks import (
    N_PAIRS,
    REGIONS,
    load_networks,
    region_network,
)


@pytest.fixture(scope="module")
def networks():
    return load_networks()


def covariance(networks, coupling):
    loadings = networks.loadings(coupling)
    return loadings @ loadings.T


def test_a_place_carries_sources_by_their_distance(networks):
    points = np.random.default_rng(0).uniform(-60, 60, (3, 50))
    expected = np.zeros((50, networks.n_sources))
    for i, point in enumerate(points.T):
        for k in range(networks.n_sources):
            distance = np.linalg.norm(point - networks.centres[k])
            expected[i, k] = -(distance**2) / (2 * networks.widths[k] ** 2)
        expected[i] = np.exp(expected[i] - expected[i].max())
        expected[i] /= np.sqrt((expected[i] ** 2).sum())
    expected *= networks.amplitudes
    np.testing.assert_allclose(networks.weights(points), expected, rtol=1e-3, atol=1e-5)


def test_pairs_correlate_by_their_coupling_unless_they_are_unilateral(networks):
    coupling = np.random.default_rng(1).uniform(0, 0.95, len(networks.mean_z))
    r = covariance(networks, coupling)
    np.testing.assert_allclose(np.diag(r), 1)
    homotopic = r[range(N_PAIRS), range(N_PAIRS, 2 * N_PAIRS)]
    unilateral = ~networks.directions[:N_PAIRS].any(axis=1)
    assert unilateral.sum() == N_PAIRS // 10
    np.testing.assert_allclose(homotopic[~unilateral], coupling[:N_PAIRS][~unilateral])
    np.testing.assert_array_equal(homotopic[unilateral], 0)
    others = r[:N_PAIRS, N_PAIRS : 2 * N_PAIRS][~np.eye(N_PAIRS, dtype=bool)]
    assert 0.1 < np.abs(others).max() < 0.9


def test_a_region_follows_the_place_it_serves_and_that_its_anchor_more(networks):
    coupling = np.tanh(networks.mean_z)
    r = covariance(networks, coupling)
    for number, region in enumerate(REGIONS):
        own, served, anchor = 2 * N_PAIRS + 3 * number + np.arange(3)
        assert r[own, served] == pytest.approx(coupling[region_network(region)])
        assert r[anchor, served] > r[own, served] + 0.2
        rest = np.delete(r[own], [own, served, anchor])
        np.testing.assert_array_equal(rest, 0)
    loose = load_networks(anchored=False)
    r = covariance(loose, np.tanh(loose.mean_z))
    assert r[2 * N_PAIRS + 2, 2 * N_PAIRS + 1] < r[2 * N_PAIRS, 2 * N_PAIRS + 1]
    points = np.zeros((3, 1))
    np.testing.assert_array_equal(loose.weights(points), networks.weights(points))


def test_sides_differ_a_little(networks):
    left, right = networks.centres[:N_PAIRS], networks.centres[N_PAIRS : 2 * N_PAIRS]
    assert (left[:, 0] < 0).all()
    displaced = np.linalg.norm(right - left * (-1, 1, 1), axis=1)
    assert 2 < np.median(displaced) < 8
    unlike = networks.amplitudes[:N_PAIRS] != networks.amplitudes[N_PAIRS : 2 * N_PAIRS]
    assert unlike.sum() == N_PAIRS // 5
