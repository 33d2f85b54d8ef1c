import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commissure.preprocessing import bandpass
from commissure.problems import InputError
from tests.conftest import DATA


@pytest.mark.parametrize("n_volumes", [128, 190])
@pytest.mark.parametrize("tr", ["0.8", "2"])
def test_dpabi_padding_equals_dpabi(n_volumes, tr):
    given_, filtered = (
        np.loadtxt(DATA / f"filter_regress/ideal_n{n_volumes}_TR{tr}_{which}.txt").T
        for which in ("in", "out")
    )
    found = bandpass(given_, float(tr), 0.01, 0.1, padding="dpabi")
    np.testing.assert_allclose(found, filtered, rtol=0, atol=1e-10)


@pytest.mark.parametrize("padding", ["dft", "dpabi"])
@pytest.mark.parametrize("n_volumes", [31, 64, 90])
def test_equals_sums_of_waves(padding, n_volumes):
    """The filter written as sums of cosines and sines."""
    tr, low, high = 1.5, 0.02, 0.13
    series = np.random.default_rng(0).standard_normal((3, n_volumes)) + 5
    length = n_volumes if padding == "dft" else 2 ** int(np.ceil(np.log2(n_volumes)))
    time = np.arange(length)
    padded = np.zeros((3, length))
    padded[:, :n_volumes] = series - series.mean(axis=1, keepdims=True)
    expected = np.zeros_like(padded)
    for k in range(1, length // 2 + 1):
        if low <= k / (length * tr) <= high:
            phase = 2 * np.pi * k * time / length
            for wave in (np.cos(phase), np.sin(phase)):
                if wave @ wave > 1e-9:
                    expected += np.outer(padded @ wave, wave) / (wave @ wave)
    found = bandpass(series, tr, low, high, padding)
    np.testing.assert_allclose(found, expected[:, :n_volumes], rtol=0, atol=1e-12)


@given(st.integers(20, 300), st.floats(0.5, 3))
def test_plain_filter_is_a_projection(n_volumes, tr):
    series = np.random.default_rng(n_volumes).standard_normal((2, n_volumes))
    low, high = 1 / (n_volumes * tr), 0.4 / tr
    once = bandpass(series, tr, low, high)
    np.testing.assert_allclose(bandpass(once, tr, low, high), once, atol=1e-12)
    np.testing.assert_allclose(np.sum(once * (series - once)), 0, atol=1e-9)


def test_reference_study_keeps_rank_80():
    # 220 volumes at TR 2 s, 0.01-0.1 Hz, where both edges fall on or near bins
    assert np.linalg.matrix_rank(bandpass(np.eye(220), 2.0, 0.01, 0.1)) == 80


def test_constant_and_nonfinite_series():
    series = np.random.default_rng(0).standard_normal((4, 50))
    series[1] = 0.1
    series[2, 7] = np.inf
    found = bandpass(series, 2.0, 0.01, 0.1)
    np.testing.assert_array_equal(found[1], 0)
    assert np.isnan(found[2]).all()
    good = bandpass(series[[0, 3]], 2.0, 0.01, 0.1)
    np.testing.assert_allclose(found[[0, 3]], good, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("given_", "expected"), [("f4", "f4"), ("f8", "f8"), ("i2", "f8")])
def test_precision(given_, expected):
    series = (np.random.default_rng(0).standard_normal((2, 40)) * 100).astype(given_)
    assert bandpass(series, 2.0, 0.01, 0.1).dtype == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((2.0, 0.01, 0.3), "Nyquist"),
        ((2.0, 0.1, 0.01), "from a lower frequency"),
        ((2.0, -0.1, 0.1), "from a lower frequency"),
        ((0.0, 0.01, 0.1), "above 0"),
        ((np.nan, 0.01, 0.1), "above 0"),
        ((2.0, 0.0101, 0.0102), "No frequency"),
        ((2.0, 0.01, 0.1, "zeros"), "padding"),
    ],
)
def test_impossible_bands_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        bandpass(np.zeros((1, 100)), *arguments)
