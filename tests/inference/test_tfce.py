import numpy as np
import pytest
from scipy import sparse

from commissure.inference.largest_tfce import largest_tfce
from commissure.inference.tfce import tfce
from tests.inference.brute_force import box_domain, smooth_maps


def integral(values, graph, step):
    """Return TFCE by the midpoint rule, at every place by its clusters at every height."""
    enhanced = np.zeros(len(values))
    for sign in (1, -1):
        for height in np.arange(step / 2, (sign * values).max(), step):
            above = np.flatnonzero(sign * values > height)
            labels = sparse.csgraph.connected_components(graph[above][:, above], directed=False)[1]
            extent = np.bincount(labels)[labels]
            enhanced[above] += sign * np.sqrt(extent) * height**2 * step
    return enhanced


@pytest.mark.parametrize("connectivity", [6, 18, 26])
def test_it_equals_the_integral_at_fine_steps(rng, connectivity):
    domain = box_domain((8, 7, 6))
    graph = domain.neighbours(connectivity)
    values = 5 * smooth_maps(rng, 1, domain)[0]
    exact = tfce(values, graph)
    expected = integral(values, graph, 5e-4)
    # The rule's last step is up to half a step off, which matters only near zero.
    sizeable = np.abs(values) > 0.5
    assert sizeable.sum() > 100
    np.testing.assert_allclose(exact[sizeable], expected[sizeable], rtol=0.005)
    np.testing.assert_allclose(exact, expected, rtol=0.005, atol=0.005)


def test_one_place_and_equal_places_have_closed_forms():
    graph = box_domain((4, 3, 2)).neighbours(6)
    single = np.zeros(24)
    single[3] = -2.0
    enhanced = tfce(single, graph)
    assert enhanced[3] == pytest.approx(-8 / 3)
    assert np.count_nonzero(enhanced) == 1
    np.testing.assert_allclose(tfce(np.full(24, 3.0), graph), np.sqrt(24) * 9)


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_order_of_magnitude_and_ties_do_not_matter(rng, scale):
    domain = box_domain()
    graph = domain.neighbours(18)
    values = rng.integers(-3, 4, domain.n_places) + rng.choice([0, 1e-9], domain.n_places)
    expected = tfce(values, graph) * scale**3
    np.testing.assert_allclose(tfce(values * scale, graph), expected, rtol=1e-9)


@pytest.mark.parametrize("connectivity", [6, 18, 26])
@pytest.mark.parametrize("shift", [0, 2, -9])
@pytest.mark.parametrize("digits", [0, 1, 9])
def test_the_largest_is_that_of_the_map(rng, connectivity, shift, digits):
    """With ties (few digits), and with few places or none of one sign."""
    domain = box_domain((12, 11, 10))
    graph = domain.neighbours(connectivity)
    largest = np.empty(2)
    for values in np.round(4 * smooth_maps(rng, 10, domain) + shift, digits):
        largest_tfce(
            values, graph.indptr.astype(np.uint32), graph.indices.astype(np.uint32), largest
        )
        enhanced = tfce(values, graph)
        expected = [max(enhanced.max(), 0), max(-enhanced.min(), 0)]
        np.testing.assert_allclose(largest, expected, rtol=1e-10)
