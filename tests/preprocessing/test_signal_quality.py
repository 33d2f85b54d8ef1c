"""DVARS and temporal SNR, against the definitions and planted values."""

import numpy as np

from commissure.preprocessing import dvars, temporal_snr


def test_dvars_by_hand() -> None:
    series = np.array([[1, 4, 4], [0, 4, 2]], dtype=np.float32)
    assert np.allclose(dvars(series), [0, np.sqrt((9 + 16) / 2), np.sqrt(2)])


def test_dvars_of_white_noise_is_sqrt_two_sd() -> None:
    noise = np.random.default_rng(0).normal(5, 3, size=(20_000, 4))
    assert np.allclose(dvars(noise)[1:], 3 * np.sqrt(2), rtol=0.02)


def test_temporal_snr() -> None:
    rng = np.random.default_rng(0)
    volumes = rng.normal(50, 2, size=(3, 4, 5, 4000)).astype(np.float32)
    volumes[0, 0, 0] = 7
    ratio = temporal_snr(volumes)
    assert ratio.shape == (3, 4, 5)
    assert ratio[0, 0, 0] == 0
    assert np.allclose(np.delete(ratio.ravel(), 0), 25, rtol=0.05)
