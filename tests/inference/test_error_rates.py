"""Rates of errors in data without any effect: no p is below alpha more often than it says."""

import numpy as np
import pytest
from scipy import stats

from commissure.inference import Apart, permutation_test
from tests.inference.brute_force import PlainDesign

ALPHA = 0.05


def null_results(n_studies, n_scans, n_places, spread=1.0, **how):
    matrix = np.column_stack([np.arange(n_scans) % 2, np.ones(n_scans)])
    rng = np.random.default_rng(1)
    for _ in range(n_studies):
        maps = rng.standard_normal((n_scans, n_places))
        maps[1::2] *= spread
        yield permutation_test(
            maps, PlainDesign(matrix), "column0", Apart(n_places), statistics=(), n_threads=1,
            **how,
        )  # fmt: skip


def at_most(rate, n):
    """More would happen once in 10,000 runs."""
    return stats.binom.isf(1e-4, n, rate)


@pytest.mark.parametrize("tail", ["two-sided", "one-sided-each"])
def test_uncorrected_p_and_q_have_their_rate_over_both_directions(tail):
    n_studies, n_places = 150, 40
    results = list(null_results(n_studies, 12, n_places, tail=tail, n_permutations=400))
    n_below = sum(int((r.p_uncorrected <= ALPHA).sum()) for r in results)
    assert n_below / (n_studies * n_places) > 0.8 * ALPHA
    assert n_below <= at_most(ALPHA, n_studies * n_places)
    # Without any effect every discovery is false.
    assert sum(bool((r.p_fdr <= ALPHA).any()) for r in results) <= at_most(ALPHA, n_studies)
    if tail == "one-sided-each":
        n_each = sum(int((r.p_one_sided <= ALPHA).sum()) for r in results)
        assert n_each > 1.6 * ALPHA * n_studies * n_places  # as SnPM's, which is why both are given


@pytest.mark.parametrize("flip_signs", [False, True])
def test_what_groups_of_other_spread_do_to_p(flip_signs):
    """Of a place p keeps its rate where each group has a variance of its own; of the largest not.

    The largest of many v is of their tails, which differ between the groups where scans are
    exchanged: that is why signs are flipped.
    """
    n_studies, n_scans, n_places = 150, 20, 40
    how = {"variance_groups": np.arange(n_scans) % 2, "flip_signs": flip_signs}
    results = list(null_results(n_studies, n_scans, n_places, 3.0, n_permutations=200, **how))
    n_below = sum(int((r.p_uncorrected <= ALPHA).sum()) for r in results)
    assert 0.8 * ALPHA < n_below / (n_studies * n_places) < 1.3 * ALPHA
    n_found = sum(bool((r.p_fwe <= ALPHA).any()) for r in results)
    if flip_signs:
        assert n_found <= at_most(ALPHA, n_studies)
    else:
        assert n_found > stats.binom.isf(0.05, n_studies, ALPHA)
