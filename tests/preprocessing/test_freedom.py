"""Effective degrees of freedom: the variance of Fisher's z of independent series."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from commissure.preprocessing import (
    cleaning_operator,
    effective_degrees_of_freedom,
    friston24,
    nominal_degrees_of_freedom,
)

N, TR = 220, 2.0


def noise(kind: str | float, n_series: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Series of N volumes, cut out of longer ones."""
    white = rng.normal(size=(n_series, 4 * N))
    if isinstance(kind, float):
        return lfilter([1], [1, -kind], white, axis=1)[:, -N:]
    if kind == "white":
        return white[:, :N]
    spectrum = np.fft.rfft(white)[:, 1:] / np.sqrt(np.arange(1, 2 * N + 1))
    return np.fft.irfft(np.pad(spectrum, ((0, 0), (1, 0))), 4 * N)[:, N : 2 * N]


def operator(censored: float, padding: str, simultaneous: bool) -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    motion = np.cumsum(rng.normal(0, 0.02, size=(N, 6)), axis=0)
    return cleaning_operator(
        np.column_stack([friston24(motion), rng.normal(size=(N, 3))]),
        tr=TR,
        low=0.01,
        high=0.1,
        padding=padding,  # type: ignore[arg-type]
        simultaneous=simultaneous,
        kept=rng.random(N) >= censored,
    )


@pytest.mark.parametrize("kind", ["white", 0.3, 0.6, "1/f"])
@pytest.mark.parametrize("censored", [0, 0.2])
@pytest.mark.parametrize(("padding", "simultaneous"), [("dft", True), ("dpabi", False)])
def test_they_are_those_of_the_variance_of_z(
    kind: str | float, censored: float, padding: str, simultaneous: bool
) -> None:
    """Var z = 1 / (n - 3) of n white values, which have n - 1 degrees of freedom: 1 / (df - 2)."""
    clean = operator(censored, padding, simultaneous)
    rng = np.random.default_rng(1)
    x, y = (noise(kind, 10_000, rng) @ clean.T for _ in range(2))
    r = (x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    expected = 1 / np.arctanh(r).var() + 2
    found = effective_degrees_of_freedom(noise(kind, 2000, rng) @ clean.T, clean)
    assert found == pytest.approx(expected, rel=0.05)


def test_of_white_noise_they_are_the_nominal_ones() -> None:
    clean = operator(0.2, "dft", simultaneous=True)
    series = np.random.default_rng(2).normal(size=(2000, N)) @ clean.T
    nominal = nominal_degrees_of_freedom(clean)
    assert effective_degrees_of_freedom(series, clean) == pytest.approx(nominal, rel=0.01)


def test_of_series_that_were_filtered_before() -> None:
    """Regression alone, on series of a band that the operator does not know."""
    band = cleaning_operator(np.empty((N, 0)), tr=TR, low=0.01, high=0.1, trend=False)
    clean = cleaning_operator(np.empty((N, 0)), tr=TR, low=None, high=None)
    series = np.random.default_rng(3).normal(size=(2000, N)) @ band.T @ clean.T
    assert effective_degrees_of_freedom(series, clean) == pytest.approx(80, rel=0.05)


@pytest.mark.parametrize("kind", ["white", 0.6])
def test_places_that_are_alike_do_not_make_them_fewer(kind: str | float) -> None:
    """Ten sources in all places: still as many degrees of freedom in time."""
    clean = operator(0, "dft", simultaneous=True)
    rng = np.random.default_rng(4)
    found = [
        effective_degrees_of_freedom(
            rng.normal(size=(500, 10)) @ noise(kind, 10, rng) @ clean.T, clean
        )
        for _ in range(20)
    ]
    expected = effective_degrees_of_freedom(noise(kind, 2000, rng) @ clean.T, clean)
    assert np.mean(found) == pytest.approx(expected, rel=0.05)


def test_places_that_do_not_count_and_that_do_not_vary_change_nothing() -> None:
    clean = operator(0, "dft", simultaneous=True)
    rng = np.random.default_rng(5)
    series = noise(0.6, 300, rng) @ clean.T
    found = effective_degrees_of_freedom(series, clean)
    more = np.vstack([series, np.zeros((5, len(clean))), np.full((5, len(clean)), np.nan)])
    assert effective_degrees_of_freedom(more, clean) == found
    more = np.vstack([series, noise("white", 300, rng) @ clean.T])
    assert effective_degrees_of_freedom(more, clean, np.arange(600) < 300) == found
    assert effective_degrees_of_freedom(1e-30 * series, clean) == pytest.approx(found)
    assert effective_degrees_of_freedom(series[:0], clean) == 0
    nominal = nominal_degrees_of_freedom(clean)
    for one in series[:20]:
        assert 3 < effective_degrees_of_freedom(one[None], clean) <= nominal


def test_where_one_is_left_there_is_one() -> None:
    rng = np.random.default_rng(3)
    one = rng.normal(size=(1, 40))
    operator = one.T @ one / (one @ one.T)
    series = rng.normal(size=(30, 40)) @ operator.T
    assert effective_degrees_of_freedom(series, operator) == pytest.approx(1)
