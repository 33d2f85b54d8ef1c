"""Slice timing: every slice's series, as if acquired at the same moment of the TR."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from commissure.problems import InputError
from commissure.threads import map_threads

# Volumes added at each end against wrap-around. More changes nothing that can be measured.
_PADDING = 16


def correct_slice_timing(
    data: NDArray[Any],
    slice_times: ArrayLike,
    tr: float,
    reference_time: float | None = None,
    *,
    slice_axis: int = 2,
    n_threads: int | None = None,
) -> NDArray[np.float32]:
    """Shift each slice's series to the time of one slice.

    Parameters
    ----------
    data : ndarray of shape (x, y, z, n_volumes)
    slice_times : array_like of shape (n_slices,)
        Acquisition time of each slice in the TR, in s, in the order the slices are stored along
        `slice_axis`. Slices acquired together (multiband) have the same time.
    tr : float
        Repetition time, in s.
    reference_time : float, optional
        The moment to shift to, in s; by default that of `middle_slice_time`.
    slice_axis : {0, 1, 2}
    n_threads : int, optional
        All cores by default. The result does not depend on it.

    Returns
    -------
    ndarray of float32, shape of `data`

    Raises
    ------
    InputError
        If the times do not fit the data or the TR.

    Notes
    -----
    A phase shift of the Fourier transform [1]_ takes the series as periodic. Before it the linear
    trend is taken out (and afterwards put back, shifted too), and the series is continued at
    both ends by its point reflection, which fades into the trend: so there is no jump between the
    last volume and the first. All of this is linear in the series, hence one matrix for each
    distinct time.

    References
    ----------
    .. [1] Sladky R, et al. (2011) Slice-timing effects and their correction in functional MRI.
       NeuroImage 58:588-594.
    """
    times = np.asarray(slice_times, dtype=np.float64)
    _check(times, tr, data.shape, slice_axis)
    if reference_time is None:
        reference_time = middle_slice_time(times)
    n_volumes = data.shape[3]
    distinct, which = np.unique(times, return_inverse=True)
    shifts = (reference_time - distinct) / tr
    operators = map_threads(
        lambda shift: shift_operator(n_volumes, shift).astype(np.float32), shifts, n_threads
    )
    out = np.empty(data.shape, dtype=np.float32)
    slices_in, slices_out = np.moveaxis(data, slice_axis, 0), np.moveaxis(out, slice_axis, 0)

    def one(index: int) -> None:
        slices_out[index] = slices_in[index].astype(np.float32) @ operators[which[index]].T

    map_threads(one, range(len(times)), n_threads)
    return out


def middle_slice_time(slice_times: ArrayLike) -> float:
    """Return the time of the slice that is the middle one in the order of acquisition.

    Of an even number of distinct times it is the earlier of the middle two; slices acquired
    together count once.
    """
    distinct = np.unique(np.asarray(slice_times, dtype=np.float64))
    return float(distinct[(len(distinct) - 1) // 2])


def shift_operator(n_volumes: int, shift: float) -> NDArray[np.float64]:
    """Return the matrix that reads series of `n_volumes` `shift` volumes later."""
    t = np.arange(n_volumes) - (n_volumes - 1) / 2
    fit = np.linalg.pinv(np.column_stack([np.ones(n_volumes), t]))
    residual = np.eye(n_volumes) - np.column_stack([np.ones(n_volumes), t]) @ fit
    shifted_trend = np.column_stack([np.ones(n_volumes), t + shift]) @ fit

    pad = min(_PADDING, n_volumes - 1)
    fade = np.cos(np.linspace(0, np.pi / 2, pad + 1)[1:, None]) ** 2
    before = (2 * residual[0] - residual[1 : pad + 1]) * fade
    after = (2 * residual[-1] - residual[-2 : -pad - 2 : -1]) * fade
    padded = np.concatenate([before[::-1], residual, after])

    frequencies = np.fft.rfftfreq(len(padded))
    spectrum = np.fft.rfft(padded, axis=0) * np.exp(2j * np.pi * frequencies * shift)[:, None]
    moved = np.fft.irfft(spectrum, len(padded), axis=0)[pad : pad + n_volumes]
    operator: NDArray[np.float64] = moved + shifted_trend
    return operator


def _check(times: NDArray[np.float64], tr: float, shape: tuple[int, ...], slice_axis: int) -> None:
    problems = []
    if len(shape) != 4 or shape[3] < 3:
        problems.append(
            f"data has shape {shape}; slice timing needs a series of 3 volumes or more."
        )
    elif times.shape != (shape[slice_axis],):
        problems.append(
            f"slice_times has shape {times.shape}, but the data have {shape[slice_axis]} slices "
            f"along axis {slice_axis}. Give one time for each slice."
        )
    if not tr > 0:
        problems.append(f"tr must be a positive number of seconds; it is {tr}.")
    elif not (np.isfinite(times).all() and (times >= 0).all() and (times < tr).all()):
        problems.append(
            f"slice_times must be from 0 up to, but not including, the TR of {tr:g} s; they are "
            f"{times.min():g} to {times.max():g}. Give both in seconds."
        )
    if problems:
        raise InputError(problems)
