"""Slice timing, against series whose value at every moment is known."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from commissure.preprocessing import correct_slice_timing, middle_slice_time
from commissure.preprocessing.slice_timing import shift_operator
from commissure.problems import InputError

DATA = Path(__file__).parents[1] / "data" / "slice_timing"
TR = 2.0


def interleaved(n_slices: int) -> NDArray[np.float64]:
    order = [*range(0, n_slices, 2), *range(1, n_slices, 2)]
    times = np.empty(n_slices)
    times[order] = np.arange(n_slices) * TR / n_slices
    return times


def sampled(times: NDArray[np.float64], n_volumes: int) -> NDArray[np.float64]:
    """Return a drifting, slowly varying signal, (1, 2, n_slices, n_volumes), at slice times."""
    t = np.arange(n_volumes) * TR + times[:, None]
    wave = 1000 + 0.3 * t + 5 * np.sin(2 * np.pi * 0.043 * t + 1) + 3 * np.cos(2 * np.pi * 0.11 * t)
    return np.stack([wave, -wave])[None]


def test_nearer_to_the_truth_than_spm() -> None:
    data = nib.load(DATA / "st_in.nii.gz").get_fdata()
    truth = nib.load(DATA / "st_truth_refslice.nii.gz").get_fdata()
    error = correct_slice_timing(data, interleaved(35), TR) - truth
    assert np.sqrt(np.mean(error**2)) < 0.2  # SPM12: 0.342
    assert np.sqrt(np.mean(error[..., 5:-5] ** 2)) < 0.006  # SPM12: 0.064


def test_multiband_and_any_reference_time() -> None:
    times = np.tile(np.array([0.0, 0.8, 1.6, 0.4, 1.2]), 3)
    data = sampled(times, 150)
    for reference in (0.0, 0.8, 1.0):
        truth = sampled(np.full(15, reference), 150)
        error = correct_slice_timing(data, times, TR, reference) - truth
        assert np.abs(error[..., 20:-20]).max() < 0.02
        assert np.abs(data - truth)[..., 20:-20].max() > 1


def test_a_line_stays_a_line_to_its_ends() -> None:
    n = 40
    shifted = shift_operator(n, 0.37) @ (7 + 0.5 * np.arange(n))
    assert np.allclose(shifted, 7 + 0.5 * (np.arange(n) + 0.37), atol=1e-10)
    assert np.allclose(shift_operator(n, 0.0), np.eye(n), atol=1e-12)


def test_slices_along_another_axis_and_threads_change_nothing() -> None:
    times = interleaved(9)
    data = np.random.default_rng(0).normal(size=(4, 5, 9, 30)).astype(np.float32)
    plain = correct_slice_timing(data, times, TR, n_threads=1)
    assert np.array_equal(plain, correct_slice_timing(data, times, TR, n_threads=3))
    other = correct_slice_timing(np.moveaxis(data, 2, 0), times, TR, slice_axis=0)
    assert np.allclose(np.moveaxis(other, 0, 2), plain, atol=1e-5)
    at_reference = times == middle_slice_time(times)
    assert np.allclose(plain[:, :, at_reference], data[:, :, at_reference], atol=1e-5)


def test_the_reference_is_the_middle_slice_in_order_of_acquisition() -> None:
    assert middle_slice_time(interleaved(35)) == pytest.approx(17 * TR / 35)
    assert middle_slice_time([0, 0.5, 0, 0.5]) == 0
    assert middle_slice_time([1.0, 0, 0.5] * 4) == 0.5


@pytest.mark.parametrize(
    ("times", "tr", "message"),
    [
        ([0, 1, 2], 2.0, "not including, the TR"),
        ([0, 500, 1000], 2.0, "in seconds"),
        ([0, 1], 2.0, "3 slices"),
        ([0, 0.5, np.nan], 2.0, "in seconds"),
        ([0, 0, 0], 0.0, "positive"),
    ],
)
def test_unfit_times_are_refused(times: list[float], tr: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        correct_slice_timing(np.zeros((2, 2, 3, 10)), times, tr)
