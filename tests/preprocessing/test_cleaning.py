"""Filter, regression and censoring as operators: DPABI, direct computation, planted signals."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from commissure.preprocessing import (
    apply_operator,
    band_projector,
    cleaning_operator,
    friston24,
    kept_volumes,
    nominal_degrees_of_freedom,
    regress_nuisance,
)
from commissure.preprocessing.censoring import interpolation_operator
from commissure.problems import InputError

DATA = Path(__file__).parents[1] / "data" / "filter_regress"
N, TR = 220, 2.0
BAND = {"tr": TR, "low": 0.01, "high": 0.1}


@pytest.fixture
def regressors() -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    motion = np.cumsum(rng.normal(0, 0.02, size=(N, 6)), axis=0)
    return np.column_stack([friston24(motion), rng.normal(size=(N, 3))])


def ranked(operator: NDArray[np.float64]) -> int:
    return int((np.linalg.svd(operator, compute_uv=False) > 1e-10).sum())


@pytest.mark.parametrize("n", [128, 190])
@pytest.mark.parametrize("tr", [0.8, 2])
def test_dpabis_filter(n: int, tr: float) -> None:
    before, after = (np.loadtxt(DATA / f"ideal_n{n}_TR{tr}_{x}.txt") for x in ("in", "out"))
    assert np.abs(band_projector(n, tr, 0.01, 0.1, "dpabi") @ before - after).max() < 1e-10


def test_dft_keeps_waves_of_the_band_and_nothing_else() -> None:
    operator = band_projector(200, 2, 0.01, 0.1)
    t = np.arange(200)
    for k in range(101):
        wave = np.cos(2 * np.pi * k * t / 200 + 0.3)
        # 0.01 and 0.1 Hz are bins 4 and 40, whose frequencies belong to the band.
        assert np.allclose(operator @ wave, wave if 4 <= k <= 40 else 0, atol=1e-12)


def test_degrees_of_freedom_of_the_filters() -> None:
    dft, dpabi = (band_projector(N, TR, 0.01, 0.1, padding) for padding in ("dft", "dpabi"))
    assert ranked(dft) == 80
    assert nominal_degrees_of_freedom(dft) == pytest.approx(80)
    assert ranked(dpabi) == 92
    assert nominal_degrees_of_freedom(dpabi) == pytest.approx(79, abs=0.2)


def test_nominal_degrees_of_freedom_are_those_of_the_variance(
    regressors: NDArray[np.float64],
) -> None:
    """The sum of squares of filtered white noise is near a chi-square of that many degrees."""
    operator = cleaning_operator(regressors, **BAND, padding="dpabi", simultaneous=False)
    noise = np.random.default_rng(1).normal(size=(20_000, N))
    squares = ((noise @ operator.T) ** 2).sum(axis=1)
    expected = 2 * squares.mean() ** 2 / squares.var()
    assert nominal_degrees_of_freedom(operator) == pytest.approx(expected, rel=0.04)
    assert ranked(operator) == 92


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_nominal_degrees_of_freedom_do_not_depend_on_the_scale(scale: float) -> None:
    assert nominal_degrees_of_freedom(scale * np.eye(7)) == pytest.approx(7)


@pytest.mark.parametrize("shape", [(5, 9), (0, 9)])
def test_nothing_left_has_no_degree_of_freedom(shape: tuple[int, int]) -> None:
    assert nominal_degrees_of_freedom(np.zeros(shape)) == 0


def test_sequential_is_regression_then_filter(regressors: NDArray[np.float64]) -> None:
    series = np.random.default_rng(2).normal(100, 3, size=(20, N))
    for padding in ("dft", "dpabi"):
        operator = cleaning_operator(regressors, **BAND, padding=padding, simultaneous=False)
        stepwise = (
            regress_nuisance(series, regressors) @ band_projector(N, TR, 0.01, 0.1, padding).T
        )
        assert np.allclose(apply_operator(series, operator), stepwise, atol=1e-10)


def test_simultaneous_is_one_regression_on_nuisance_and_stop_band(
    regressors: NDArray[np.float64],
) -> None:
    series = np.random.default_rng(2).normal(100, 3, size=(20, N))
    t = np.arange(N)
    stop = [
        f(2 * np.pi * k * t / N) for k in range(111) if not 5 <= k <= 44 for f in (np.cos, np.sin)
    ]
    scaled = (regressors - regressors.mean(axis=0)) / regressors.std(axis=0)
    design = np.column_stack([*stop, t - t.mean(), scaled])
    expected = series.T - design @ np.linalg.lstsq(design, series.T, rcond=1e-10)[0]
    operator = cleaning_operator(regressors, **BAND)
    assert np.allclose(apply_operator(series, operator), expected.T, atol=1e-9)
    assert ranked(operator) == 80 - 28
    assert nominal_degrees_of_freedom(operator) == pytest.approx(52)


@pytest.mark.parametrize("padding", ["dft", "dpabi"])
@pytest.mark.parametrize("censored", [False, True])
def test_simultaneous_leaves_no_trace_of_the_regressors(
    regressors: NDArray[np.float64], padding: str, censored: bool
) -> None:
    kept = np.random.default_rng(3).random(N) > 0.2 * censored
    operator = cleaning_operator(regressors, **BAND, padding=padding, kept=kept)  # type: ignore[arg-type]
    nuisance = np.column_stack([np.ones(N), np.arange(N), regressors]).T
    scale = np.abs(nuisance).max(axis=1, keepdims=True)
    assert np.abs(nuisance / scale @ operator.T).max() < 1e-9


@pytest.mark.parametrize("simultaneous", [True, False])
def test_censored_volumes_do_not_matter(
    regressors: NDArray[np.float64], simultaneous: bool
) -> None:
    rng = np.random.default_rng(4)
    kept = kept_volumes(rng.exponential(0.1, N), 0.25)
    assert 5 < (~kept).sum() < 40
    series = rng.normal(size=(20, N))
    operator = cleaning_operator(regressors, **BAND, simultaneous=simultaneous, kept=kept)
    whole = apply_operator(series, operator)
    series[:, ~kept] = 1e6
    assert np.array_equal(apply_operator(series, operator), whole)
    assert whole.shape == (20, kept.sum())
    full = cleaning_operator(regressors, **BAND, simultaneous=simultaneous)
    assert nominal_degrees_of_freedom(operator) < nominal_degrees_of_freedom(full)
    everything = cleaning_operator(
        regressors, **BAND, simultaneous=simultaneous, kept=np.ones(N, dtype=bool)
    )
    assert np.array_equal(everything, full)


def test_interpolation_before_the_filter_recovers_more_than_lines_do() -> None:
    rng = np.random.default_rng(5)
    projector = band_projector(N, TR, 0.01, 0.1)
    truth = rng.normal(size=(200, N)) @ projector
    truth /= truth.std()
    noisy = truth + 0.5 * rng.normal(size=truth.shape)
    kept = np.ones(N, dtype=bool)
    for start in rng.integers(0, N, 15):
        kept[start : start + 3] = False
    t = np.arange(N)

    def error(filled: NDArray[np.float64]) -> float:
        return float(np.sqrt(np.mean(((filled @ projector - truth)[:, kept]) ** 2)))

    ours = error(noisy[:, kept] @ interpolation_operator(kept, projector).T)
    lines = error(np.stack([np.interp(t, t[kept], row[kept]) for row in noisy]))
    zeros = error(np.where(kept, noisy, 0))
    assert ours < min(lines, zeros)
    assert ours < 1.3 * error(noisy)


def test_kept_volumes_stay_as_they_are() -> None:
    kept = np.random.default_rng(6).random(60) > 0.3
    operator = interpolation_operator(kept, band_projector(60, TR, 0.01, 0.1))
    assert np.array_equal(operator[kept], np.eye(kept.sum()))


def test_unfit_choices_are_refused(regressors: NDArray[np.float64]) -> None:
    with pytest.raises(InputError, match="Widen the band"):
        cleaning_operator(regressors, tr=2, low=0.0101, high=0.0102)
    with pytest.raises(InputError, match="keeps 2 of 220"):
        cleaning_operator(regressors, **BAND, kept=np.arange(N) < 2)
    with pytest.raises(InputError, match=r"of 25 volumes\. Leave regressors out"):
        cleaning_operator(regressors, **BAND, kept=np.arange(N) < 25)
    with pytest.raises(InputError, match="80 regressors leave nothing"):
        cleaning_operator(np.random.default_rng(0).normal(size=(N, 80)), **BAND)
    with pytest.raises(InputError, match="threshold"):
        kept_volumes(np.zeros(5), 0)
