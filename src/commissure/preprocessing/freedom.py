"""What a filter keeps, and how many degrees of freedom are left."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from commissure.problems import InputError


def band_projector(
    n_volumes: int,
    tr: float,
    low: float,
    high: float,
    padding: Literal["dft", "dpabi"] = "dft",
) -> NDArray[np.float64]:
    """Return the matrix of the rectangular band-pass filter.

    Parameters
    ----------
    n_volumes : int
    tr : float
        In s.
    low, high : float
        Ends of the pass band, in Hz.
    padding : {"dft", "dpabi"}
        ``dft``: the discrete Fourier transform of the series itself, an orthogonal projector.
        ``dpabi``: the mean is taken out and the series zero-padded to the next power of two, as
        DPABI's ``y_IdealFilter``; truncated afterwards, it is no projector.

    Returns
    -------
    ndarray of shape (n_volumes, n_volumes)

    Raises
    ------
    InputError
        If no frequency of the series lies in the pass band.
    """
    length = n_volumes if padding == "dft" else 1 << (n_volumes - 1).bit_length()
    # 0.1 Hz * 200 volumes * 2 s is bin 40, whatever its last bit says.
    first = max(int(np.ceil(low * length * tr - 1e-9)), 0)
    last = min(int(np.floor(high * length * tr + 1e-9)), length // 2)
    if first > last:
        msg = (
            f"No frequency of {n_volumes} volumes at TR {tr:g} s lies in the pass band "
            f"{low:g}-{high:g} Hz. Widen the band (frequencies are in Hz, the TR is in s)."
        )
        raise InputError(msg)
    demeaned = np.eye(n_volumes) - 1 / n_volumes
    spectrum = np.fft.rfft(demeaned, length, axis=0)
    spectrum[:first] = 0
    spectrum[last + 1 :] = 0
    operator: NDArray[np.float64] = np.fft.irfft(spectrum, length, axis=0)[:n_volumes]
    return operator


def effective_degrees_of_freedom(operator: NDArray[np.float64]) -> float:
    """Return tr(V)² / tr(V²), V = A Aᵀ, of what a linear operator A leaves of white noise.

    Parameters
    ----------
    operator : ndarray of shape (n_kept, n_volumes)

    Notes
    -----
    For a projector it is the rank. Where the operator weighs its dimensions unequally it is
    smaller (Satterthwaite's approximation; Worsley KJ, Friston KJ (1995) NeuroImage 2:173-181).
    """
    with threadpool_limits(limits=1, user_api="blas"):
        covariance = operator @ operator.T
    return float(np.trace(covariance) ** 2 / np.sum(covariance**2))
