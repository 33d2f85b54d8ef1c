"""Rotations of time that uncouple two sets of series and leave each as it is in itself."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft


def phase_randomised(vectors: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Add a random phase to each frequency, the same one for all the vectors.

    Parameters
    ----------
    vectors : ndarray of shape (n_volumes, k)
    rng : numpy Generator

    Returns
    -------
    ndarray of shape (n_volumes, k)
        The mean is left as it is. All dot products of the vectors, at any circular lag, are kept:
        it is a rotation.

    References
    ----------
    Prichard D, Theiler J (1994) Physical Review Letters 73:951-954.
    """
    n_volumes = len(vectors)
    factors = np.exp(2j * np.pi * rng.random(n_volumes // 2 + 1))
    factors[0] = 1
    if n_volumes % 2 == 0:
        # The highest frequency has a sign for a phase.
        factors[-1] = np.sign(factors[-1].real)
    spectrum = fft.rfft(vectors, axis=0) * factors[:, None]
    return np.asarray(fft.irfft(spectrum, n_volumes, axis=0))


def nearest_rotation(
    matrix: NDArray[np.float64], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return the orthogonal matrix that is most like another matrix.

    Parameters
    ----------
    matrix : ndarray of shape (k, k)
        M.
    weights : ndarray of shape (k, k), optional
        Sum of y yᵀ over series y of length k, C; by default the identity.

    Returns
    -------
    ndarray of shape (k, k)
        The orthogonal O that maximises the sum, over all pairs of series x and y, of the products
        (x · O y)(x · M y), which is tr(Oᵀ C M C).

    References
    ----------
    Schönemann PH (1966) A generalized solution of the orthogonal Procrustes problem. Psychometrika
    31:1-10.
    """
    if weights is not None:
        matrix = weights @ matrix @ weights
    left, _, right = np.linalg.svd(matrix)
    return np.asarray(left @ right)
