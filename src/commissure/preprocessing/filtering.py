"""Band-pass filtering in the frequency domain."""

import math
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from commissure.problems import InputError

Padding = Literal["dft", "dpabi"]


def pass_band(
    n_volumes: int, tr: float, low: float, high: float, padding: Padding = "dft"
) -> tuple[int, slice]:
    """Return the length of the transform and which of its bins are kept.

    Parameters
    ----------
    n_volumes : int
    tr : float
        Repetition time in seconds.
    low, high : float
        Edges of the band in Hz, both included.
    padding : {"dft", "dpabi"}
        See `bandpass`.

    Returns
    -------
    length : int
    bins : slice
        Of the real transform, bin 0 being the mean.

    Raises
    ------
    InputError
        If the band is empty, holds none of the frequencies of a scan of this length, or reaches
        beyond half of the sampling rate.
    """
    problems = []
    if padding not in get_args(Padding):
        problems.append(f'padding must be "dft" or "dpabi"; it is {padding!r}.')
    if not (math.isfinite(tr) and tr > 0):
        problems.append(f"The repetition time must be a number of seconds above 0; it is {tr}.")
    elif not (math.isfinite(low) and math.isfinite(high) and 0 <= low < high):
        problems.append(
            "The band must run from a lower frequency (0 Hz or more) to a higher one; it is "
            f"{low:g} to {high:g} Hz."
        )
    elif high > 0.5 / tr:
        problems.append(
            f"The band's upper edge, {high:g} Hz, is above the highest frequency that a TR of "
            f"{tr:g} s can show, {0.5 / tr:g} Hz (Nyquist). Lower it, or check the TR."
        )
    if problems:
        raise InputError(problems)
    length = n_volumes if padding == "dft" else 1 << max(n_volumes - 1, 0).bit_length()
    # An edge that falls on a bin belongs to the band, whatever the last bit of the product is.
    first = max(math.ceil(low * length * tr - 1e-9), 1)
    last = min(math.floor(high * length * tr + 1e-9), length // 2)
    if last < first:
        msg = (
            f"No frequency of a scan of {n_volumes} volumes at a TR of {tr:g} s lies between "
            f"{low:g} and {high:g} Hz. Widen the band."
        )
        raise InputError(msg)
    return length, slice(first, last + 1)


def bandpass(
    series: NDArray[Any], tr: float, low: float, high: float, padding: Padding = "dft"
) -> NDArray[Any]:
    """Keep the frequencies of a band, rectangularly, and remove the mean.

    Parameters
    ----------
    series : ndarray of shape (n_places, n_volumes) or (n_volumes,)
    tr : float
        Repetition time in seconds.
    low, high : float
        Edges of the band in Hz, both included.
    padding : {"dft", "dpabi"}
        Transform the series as they are: what is kept is an orthogonal projection. Or fill them up
        with zeros to the next power of two and cut the result to their length, as DPABI does.

    Returns
    -------
    ndarray of the shape of `series`
        float32 for float32, otherwise float64. Constant series become exactly 0, series with a
        value that is not finite become NaN.

    Raises
    ------
    InputError
        See `pass_band`.

    Notes
    -----
    ``padding="dpabi"`` reproduces ``y_IdealFilter`` of DPABI (Yan et al. 2016, doi
    10.1007/s12021-016-9299-4): no taper, no detrending. The mean is left out even if the band
    begins at 0 Hz.
    """
    length, bins = pass_band(series.shape[-1], tr, low, high, padding)
    precision = np.float32 if series.dtype == np.float32 else np.float64
    finite = np.isfinite(series).all(axis=-1, keepdims=True)
    # Of a constant series the mean may differ by a rounding error, which is no signal.
    varies = (series != series[..., :1]).any(axis=-1, keepdims=True)
    kept = np.where(finite & varies, series, 0)
    spectrum = fft.rfft(kept - kept.mean(axis=-1, keepdims=True, dtype=np.float64), n=length)
    spectrum[..., : bins.start] = 0
    spectrum[..., bins.stop :] = 0
    filtered = fft.irfft(spectrum, n=length, axis=-1)[..., : series.shape[-1]]
    return np.where(finite, filtered, np.nan).astype(precision)
