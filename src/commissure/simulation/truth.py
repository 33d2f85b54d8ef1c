"""What CFH would be with endless data, computed from the generating model."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from commissure.simulation.forward import Forward
from commissure.threads import map_threads

# Left places whose correlations with the right are made at a time.
_ROWS = 1024


@dataclass(frozen=True, eq=False)
class TrueCFH:
    """CFH with endless data.

    Attributes
    ----------
    r : ndarray of shape (n_places,)
        The largest population correlation with the other hemisphere; NaN at the midline.
    partner : ndarray of int, shape (n_places,)
        Place of the partner; -1 at the midline.
    """

    r: NDArray[np.float64]
    partner: NDArray[np.intp]

    @property
    def z(self) -> NDArray[np.float64]:
        """Fisher z of r, shape (n_places,)."""
        return np.arctanh(self.r)


def true_cfh(
    forward: Forward, coupling: NDArray[np.float64], *, n_threads: int | None = None
) -> TrueCFH:
    """Return the CFH of a person, or of a group's mean, with endless data.

    Parameters
    ----------
    forward : Forward
    coupling : ndarray of shape (n_networks,)
        Correlations (not Fisher z).
    n_threads : int, optional
        All cores by default. The result does not depend on it.

    Notes
    -----
    With source covariance C (the global signal regressed out) and weights w, two places on
    different sides correlate by w_i' C w_j / sqrt((w_i' C w_i + s) (w_j' C w_j + s)), where s is
    the variance of the noise. That noise is taken to be independent between the sides: at
    12 mm, the smallest distance between them, it correlates by less than 0.06.
    """
    seen = standardised(forward, coupling)
    left, right = forward.domain.left, forward.domain.right
    r = np.full(len(seen), np.nan)
    partner = np.full(len(seen), -1, np.intp)
    columns = np.ascontiguousarray(seen[right].T, np.float32)

    def block(start: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
        product = seen[left[start : start + _ROWS]].astype(np.float32) @ columns
        best = product.argmax(axis=0)
        return product.argmax(axis=1), start + best, product[best, np.arange(len(right))]

    blocks = map_threads(block, range(0, len(left), _ROWS), n_threads)
    partner[left] = right[np.concatenate([rows for rows, _, _ in blocks])]
    of_blocks = np.stack([values for _, _, values in blocks]).argmax(axis=0)
    best = np.stack([places for _, places, _ in blocks])[of_blocks, np.arange(len(right))]
    partner[right] = left[best]
    has = partner >= 0
    r[has] = np.einsum("ij,ij->i", seen[has], seen[partner[has]])
    return TrueCFH(r, partner)


def standardised(forward: Forward, coupling: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return vectors whose products are the correlations of places on different sides.

    Returns
    -------
    ndarray of shape (n_places, n_latents)
        Their squared lengths are the shares of the variance that are no noise.
    """
    signal = forward.weights @ forward.loadings(coupling)
    variance = (signal**2).sum(axis=1) + forward.noise_variance
    seen: NDArray[np.float64] = signal / np.sqrt(variance)[:, None]
    return seen


def regional_z(forward: Forward, coupling: NDArray[np.float64], places: NDArray[np.intp]) -> float:
    """Return the mean true CFH (Fisher z) of some places of the left hemisphere."""
    few = replace(forward, weights=forward.weights[np.concatenate([places, forward.domain.right])])
    here, there = np.split(standardised(few, coupling), [len(places)])
    r = (here @ there.T).max(axis=1)
    return float(np.arctanh(r).mean())


def between_sd(
    forward: Forward,
    mean_z: NDArray[np.float64],
    sd: float,
    truth: TrueCFH,
    places: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Return the standard deviation of true CFH (Fisher z) between people, at some places.

    Parameters
    ----------
    forward : Forward
    mean_z : ndarray of shape (n_networks,)
        Fisher z of the mean coupling.
    sd : float
        Of it, independent in each network.
    truth : TrueCFH
        At the mean.
    places : ndarray of int, shape (n,)

    Returns
    -------
    ndarray of shape (n,)

    Notes
    -----
    To first order: the maximum changes as the correlation with the partner does.
    """
    pairs = np.concatenate([places, truth.partner[places]])
    few = replace(forward, weights=forward.weights[pairs])

    def z(mean: NDArray[np.float64]) -> NDArray[np.float64]:
        here, there = np.split(standardised(few, np.tanh(mean)), 2)
        return np.asarray(np.arctanh(np.einsum("ij,ij->i", here, there)))

    variance = np.zeros(len(places))
    for network in range(len(mean_z)):
        step = np.zeros(len(mean_z))
        step[network] = sd
        variance += ((z(mean_z + step) - z((mean_z - step).clip(0))) / 2) ** 2
    return np.asarray(np.sqrt(variance))
