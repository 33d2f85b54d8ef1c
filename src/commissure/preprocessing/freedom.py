"""What a filter keeps, and how many degrees of freedom are left."""

import numpy as np
from numpy.typing import NDArray

from commissure.preprocessing.filtering import Padding, bandpass
from commissure.threads import one_blas_thread


def band_projector(
    n_volumes: int,
    tr: float,
    low: float,
    high: float,
    padding: Padding = "dft",
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
        See `bandpass`: with ``dft`` it is an orthogonal projector, with ``dpabi`` it is none.

    Returns
    -------
    ndarray of shape (n_volumes, n_volumes)

    Raises
    ------
    InputError
        As `bandpass`.
    """
    # The filter is linear: what it makes of impulses is its matrix.
    return bandpass(np.eye(n_volumes), tr, low, high, padding).T


def effective_degrees_of_freedom(operator: NDArray[np.float64]) -> float:
    """Return tr(V)² / tr(V²), V = A Aᵀ, of what a linear operator A leaves of white noise.

    Parameters
    ----------
    operator : ndarray of shape (n_kept, n_volumes)

    Returns
    -------
    float
        Whatever the operator's scale; 0 if it leaves nothing.

    Notes
    -----
    For a projector it is the rank. Where the operator weighs its dimensions unequally it is
    smaller (Satterthwaite's approximation; Worsley KJ, Friston KJ (1995) NeuroImage 2:173-181).
    """
    largest = np.abs(operator).max(initial=0)
    if largest == 0:
        return 0.0
    scaled = operator / largest
    with one_blas_thread():
        covariance = scaled @ scaled.T
    return float(np.trace(covariance) ** 2 / np.sum(covariance**2))
