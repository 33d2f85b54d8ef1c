"""Values that are no neighbours: the same test as that of maps, with its rate of false findings."""

import numpy as np
import pytest
from scipy import stats

from commissure.inference import Apart, permutation_test
from tests.inference.brute_force import PlainDesign, box_domain, smooth_maps


def test_values_are_tested_as_places_are():
    rng = np.random.default_rng(0)
    domain = box_domain((4, 3, 2))
    maps = smooth_maps(rng, 14, domain)
    design = PlainDesign(np.column_stack([np.arange(14) < 6, np.arange(14) >= 6]).astype(float))
    contrast = np.array([[1.0, -1.0]])
    one, other = (
        permutation_test(maps, design, contrast, where, 200, statistics=())
        for where in (domain, Apart(domain.n_places))
    )
    for name in ("t", "effect", "p_uncorrected", "p_fwe", "max_t"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("unequal", [False, True])
def test_the_largest_of_several_values_has_its_rate(unequal):
    """Of 400 studies without an effect: fewer, or more, would happen once in 5,000 runs."""
    n_studies, codes = 400, np.repeat([0, 1], [8, 12])
    found = 0
    for seed in range(n_studies):
        rng = np.random.default_rng([seed, unequal])
        covariate = codes + rng.standard_normal(20)
        design = PlainDesign(np.column_stack([codes == 0, codes == 1, covariate]).astype(float))
        # Five values that go together, with heavy tails.
        values = rng.standard_t(4, (20, 5)) + rng.standard_normal((20, 1)) + covariate[:, None]
        result = permutation_test(
            values,
            design,
            np.array([[1.0, -1.0, 0.0]]),
            Apart(5),
            100,
            statistics=(),
            seed=seed,
            variance_groups=codes if unequal else None,
            n_threads=1,
        )
        # Of 100 relabellings 5 are 5 %.
        found += result.p_fwe.min() <= 0.05
    low, high = stats.binom.ppf([1e-4, 1 - 1e-4], n_studies, 0.05)
    assert low <= found <= high
