"""Neural activity with a known course at every moment, and where in the brain it is."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import numpy as np
from nilearn.datasets import load_mni152_gm_template
from numpy.typing import NDArray

NEURAL_BAND_HZ = (0.01, 0.1)
# Correlation of the left and right part of each network, spread evenly over the networks.
HOMOTOPIC_R = (0.3, 0.8)
N_NETWORKS = 30
WIDTH_MM = 10.0
_N_WAVES = 40


@dataclass(frozen=True, eq=False)
class Sources:
    """Signals of unit variance that are known at every time: sums of cosines.

    Attributes
    ----------
    frequency, amplitude, phase : ndarray of shape (n_sources, n_waves)
        Hz, and rad at time 0.
    """

    frequency: NDArray[np.float64]
    amplitude: NDArray[np.float64]
    phase: NDArray[np.float64]

    @classmethod
    def random(cls, rng: np.random.Generator, n_sources: int, band: tuple[float, float]) -> Self:
        """Draw independent sources in a frequency band (Hz)."""
        amplitude = rng.rayleigh(1, (n_sources, _N_WAVES))
        amplitude *= np.sqrt(2 / (amplitude**2).sum(axis=1, keepdims=True))
        return cls(
            rng.uniform(*band, (n_sources, _N_WAVES)),
            amplitude,
            rng.uniform(0, 2 * np.pi, (n_sources, _N_WAVES)),
        )

    @classmethod
    def bilateral(cls, rng: np.random.Generator, homotopic_r: NDArray[np.float64]) -> Self:
        """Draw for each correlation a left and a right source; all left come first."""
        n = len(homotopic_r)
        shared = cls.random(rng, n, NEURAL_BAND_HZ)
        own = cls.random(rng, 2 * n, NEURAL_BAND_HZ)
        r = np.tile(homotopic_r, 2)[:, None]
        return cls(
            np.hstack([np.tile(shared.frequency, (2, 1)), own.frequency]),
            np.hstack(
                [np.sqrt(r) * np.tile(shared.amplitude, (2, 1)), np.sqrt(1 - r) * own.amplitude]
            ),
            np.hstack([np.tile(shared.phase, (2, 1)), own.phase]),
        )

    def at(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Evaluate at times (s) of any shape; gives shape (..., n_sources)."""
        angle = 2 * np.pi * times[..., None, None] * self.frequency + self.phase
        series: NDArray[np.float64] = np.einsum("...kw,kw->...k", np.cos(angle), self.amplitude)
        return series


@cache
def network_centres() -> NDArray[np.float64]:
    """Return the middle of each network, left ones first, then their mirror images.

    Spread over the left hemisphere's grey matter: each is the place farthest from those before.

    Returns
    -------
    ndarray of shape (2 * N_NETWORKS, 3)
        Template mm.
    """
    img = load_mni152_gm_template(resolution=4)
    voxels = np.argwhere(img.get_fdata() > 0.5)
    places = voxels @ img.affine[:3, :3].T + img.affine[:3, 3]
    places = places[places[:, 0] < -WIDTH_MM]
    left = [places[np.argmin(((places - (-30, -2, 10)) ** 2).sum(axis=1))]]
    distance = np.full(len(places), np.inf)
    while len(left) < N_NETWORKS:
        distance = np.minimum(distance, ((places - left[-1]) ** 2).sum(axis=1))
        left.append(places[np.argmax(distance)])
    return np.vstack([left, np.array(left) * (-1, 1, 1)])


def network_weights(points: NDArray[Any]) -> NDArray[np.float64]:
    """Return how much of each source the grey matter at a place carries.

    Parameters
    ----------
    points : ndarray of shape (3, n)
        Template mm.

    Returns
    -------
    ndarray of shape (n, 2 * N_NETWORKS)
        Gaussian in the distance from the network's middle; the squares sum to 1, so activity has
        about unit variance everywhere.
    """
    squared = ((points.T[:, None, :] - network_centres()) ** 2).sum(axis=-1)
    # Taken from the nearest one, so that far from all no weight underflows.
    squared -= squared.min(axis=1, keepdims=True)
    weights: NDArray[np.float64] = np.exp(-squared / (2 * WIDTH_MM**2))
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    return weights
