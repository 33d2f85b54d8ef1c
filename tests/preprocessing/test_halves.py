"""The halves of a run: what is in them, and that neither knows of the other."""

import numpy as np
import pytest

from commissure.preprocessing import (
    apply_operator,
    cleaning_operator,
    half_operators,
    halves,
    nominal_degrees_of_freedom,
)
from commissure.problems import InputError

N, TR = 220, 2.0
BAND = {"tr": TR, "low": 0.01, "high": 0.1}


@pytest.mark.parametrize("n_volumes", [20, 21, 220])
@pytest.mark.parametrize("tr", [0.72, 1.5, 2.0])
@pytest.mark.parametrize("gap", [0.0, 0.5, 2.0, 3.6, 5.0])
def test_halves_are_equal_ends_and_no_longer_than_the_gap_allows(n_volumes, tr, gap):
    first, second = (np.arange(n_volumes)[half] for half in halves(n_volumes, tr, gap))
    assert len(first) == len(second)
    assert first[0] == 0
    assert second[-1] == n_volumes - 1
    assert second[0] > first[-1]
    assert (second[0] - first[-1]) * tr >= gap - 1e-9
    # One volume more in each would be too many, or there is none.
    assert len(first) == n_volumes // 2 or (second[0] - first[-1] - 2) * tr < gap - 1e-9


@pytest.fixture
def regressors():
    return np.random.default_rng(0).normal(size=(N, 6)).cumsum(axis=0)


@pytest.mark.parametrize("simultaneous", [True, False])
@pytest.mark.parametrize("padding", ["dft", "dpabi"])
def test_each_half_is_cleaned_as_a_run_of_its_own(regressors, simultaneous, padding):
    rng = np.random.default_rng(1)
    series = rng.normal(100, 3, size=(10, N))
    kept = rng.random(N) > 0.1
    options = {**BAND, "simultaneous": simultaneous, "padding": padding}
    operators = half_operators(regressors, gap=10, kept=kept, **options)
    for half, operator in zip(halves(N, TR, 10), operators, strict=True):
        alone = cleaning_operator(regressors[half], kept=kept[half], **options)
        np.testing.assert_allclose(
            apply_operator(series, operator), apply_operator(series[:, half], alone), atol=1e-9
        )
        assert nominal_degrees_of_freedom(operator) == pytest.approx(
            nominal_degrees_of_freedom(alone)
        )


def test_nothing_outside_a_half_matters(regressors):
    series = np.random.default_rng(1).normal(size=(10, N))
    first, second = half_operators(regressors, gap=20, **BAND)
    one, other = halves(N, TR, 20)
    before = apply_operator(series, first), apply_operator(series, second)
    changed = regressors.copy()
    changed[other] *= 7
    again, _ = half_operators(changed, gap=20, **BAND)
    np.testing.assert_array_equal(again, first)
    series[:, one.stop : other.start] = 1e6
    np.testing.assert_array_equal(apply_operator(series, first), before[0])
    np.testing.assert_array_equal(apply_operator(series, second), before[1])


@pytest.mark.parametrize(
    ("gap", "message"),
    [(-1, "0 s or more"), (np.nan, "0 s or more"), (436, "leaves 1 of"), (1e9, "leaves 0 of")],
)
def test_gaps_that_cannot_be_are_refused(regressors, gap, message):
    with pytest.raises(InputError, match=message):
        half_operators(regressors, gap=gap, **BAND)


def test_both_halves_tell_their_problems():
    with pytest.raises(InputError) as caught:
        half_operators(np.random.default_rng(0).normal(size=(N, 60)), **BAND)
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "In the first half of the run",
        "In the second half of the run",
    ]
