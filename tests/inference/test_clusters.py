import numpy as np
import pytest

from commissure.inference.clusters import find_clusters, largest_clusters
from tests.inference import brute_force
from tests.inference.brute_force import box_domain, smooth_maps


@pytest.mark.parametrize("connectivity", [6, 18, 26])
@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.3, 9.0])
def test_clusters_equal_scipy_ndimage(rng, connectivity, threshold):
    domain = box_domain((9, 8, 7))
    graph = domain.neighbours(connectivity)
    positions = np.full(domain.n_places, -1, np.int32)
    for values in smooth_maps(rng, 20, domain):
        sizes, masses = brute_force.largest_clusters(values, threshold, domain, connectivity)
        hits = np.flatnonzero(np.abs(values) > threshold).astype(np.int32)
        found_sizes, found_masses = np.empty(2, np.int64), np.empty(2)
        largest_clusters(
            hits, values[hits], threshold, graph.indptr, graph.indices, positions,
            found_sizes, found_masses,
        )  # fmt: skip
        np.testing.assert_array_equal(found_sizes, sizes)
        np.testing.assert_allclose(found_masses, masses, rtol=1e-10)
        assert (positions == -1).all()
        clusters = find_clusters(values, threshold, graph)
        for side, sign in enumerate((1, -1)):
            of_sign = [c for c in clusters if c.sign == sign]
            assert max((c.size for c in of_sign), default=0) == sizes[side]
            assert max((c.mass for c in of_sign), default=0) == pytest.approx(masses[side])
        members = np.concatenate([c.places for c in clusters] or [np.empty(0, int)])
        np.testing.assert_array_equal(np.sort(members), hits)


def test_a_cluster_knows_its_peak():
    domain = box_domain((3, 2, 2))
    values = np.zeros(12)
    values[[0, 1, 4]] = -3.5, -5.0, -4.0
    values[11] = 3.25
    first, second = find_clusters(values, 3.0, domain.neighbours(6))
    assert (first.sign, first.size, first.peak, first.peak_value) == (-1, 3, 1, -5.0)
    assert first.mass == pytest.approx(0.5 + 2 + 1)
    assert (second.sign, second.size, second.peak, second.mass) == (1, 1, 11, 0.25)
