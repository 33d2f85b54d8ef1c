"""Nuisance regression, against DPABI and least squares; aCompCor, against planted signals."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from commissure.preprocessing import acompcor, band_projector, friston24, regress_nuisance
from commissure.problems import InputError

DATA = Path(__file__).parents[1] / "data" / "regression"


def read(name: str) -> NDArray[np.float64]:
    path = DATA / f"{name}.txt"
    return np.loadtxt(path, delimiter="," if "," in path.read_text()[:200] else None)


def test_dpabi() -> None:
    regressors = np.column_stack([friston24(read("reg_rp")), read("reg_nuis")])
    left = regress_nuisance(read("reg_Y").T, regressors)
    assert np.abs(left.T - read("reg_resid")).max() < 1e-9
    filtered = left @ band_projector(190, 2, 0.01, 0.1, "dpabi").T
    assert np.abs(filtered.T - read("reg_resid_filtered")).max() < 1e-9


@pytest.mark.parametrize("trend", [True, False])
def test_least_squares_with_collinear_constant_and_huge_columns(trend: bool) -> None:
    rng = np.random.default_rng(0)
    series = rng.normal(100, 5, size=(30, 80))
    regressors = rng.normal(size=(80, 4)) * [1, 1e6, 1e-6, 1] + [0, 1e6, 0, 1e3]
    unfit = np.column_stack(
        [regressors, regressors[:, 0] - 3 * regressors[:, 3], np.full(80, 0.1), np.zeros(80)]
    )
    varying = [np.arange(80.0)[:, None]] * trend + [regressors]
    design = np.column_stack([c - c.mean(axis=0) for c in varying])
    design = np.column_stack([np.ones(80), design / design.std(axis=0)])
    expected = series.T - design @ np.linalg.lstsq(design, series.T, rcond=None)[0]
    assert np.allclose(regress_nuisance(series, unfit, trend=trend), expected.T, atol=1e-9)


def test_precision_threads_and_blocks_change_nothing() -> None:
    rng = np.random.default_rng(0)
    series = rng.normal(1000, 10, size=(9000, 40)).astype(np.float32)
    regressors = rng.normal(size=(40, 5))
    one = regress_nuisance(series, regressors, n_threads=1)
    assert one.dtype == np.float32
    assert np.array_equal(one, regress_nuisance(series, regressors, n_threads=3))
    assert np.allclose(one, regress_nuisance(series.astype(np.float64), regressors), atol=1e-4)


def test_nothing_is_left_of_what_the_model_explains() -> None:
    regressors = np.random.default_rng(0).normal(size=(50, 2))
    series = np.stack([np.full(50, 1234.5), 3 - 0.2 * np.arange(50), 7 + regressors[:, 1]])
    assert not regress_nuisance(series, regressors).any()
    assert not regress_nuisance(series.astype(np.float32)[:1], regressors).any()


def test_unfit_regressors_are_refused() -> None:
    series = np.random.default_rng(0).normal(size=(3, 20))
    with pytest.raises(InputError, match="column 1 "):
        regress_nuisance(series, np.column_stack([np.arange(20), [np.nan, *range(19)]]))
    with pytest.raises(InputError, match="same volumes"):
        regress_nuisance(series, np.zeros((19, 2)))
    with pytest.raises(InputError, match="leave nothing of 20 volumes"):
        regress_nuisance(series, np.random.default_rng(1).normal(size=(20, 18)))


def test_acompcor_finds_planted_signals() -> None:
    rng = np.random.default_rng(0)
    t = np.arange(200.0)
    planted = np.stack([np.sin(t / 3), np.sign(np.sin(t / 11))])
    series = rng.normal(size=(500, 2)) @ planted * 5 + rng.normal(size=(500, 200)) + 900 + 0.3 * t
    series[7] = 4
    found = acompcor(series, 2)
    assert np.allclose(found.T @ found, np.eye(2), atol=1e-10)
    both = regress_nuisance(planted, np.empty((200, 0)))
    assert np.abs(regress_nuisance(both, found)).max() < 0.1
    scaled = regress_nuisance(np.delete(series, 7, axis=0), np.empty((200, 0)))
    scaled /= scaled.std(axis=1, keepdims=True)
    vectors = np.linalg.svd(scaled, full_matrices=False)[2][:2]
    assert np.allclose(np.abs((vectors * found.T).sum(axis=1)), 1, atol=1e-10)
    assert (np.take_along_axis(found, np.abs(found).argmax(axis=0)[None], axis=0) > 0).all()


def test_acompcor_needs_enough_series() -> None:
    with pytest.raises(InputError, match="2 series that vary"):
        acompcor(np.random.default_rng(0).normal(size=(2, 50)), 5)
