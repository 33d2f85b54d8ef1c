"""Where the sources of neural activity are, and how they go together.

The signal of grey matter at a place is a mix of sources (`Networks.weights`). Each source is what
it shares with others plus something of its own, and how much it shares is the `coupling` of its
network (`Networks.loadings`). So the covariance of any two places is known, for any coupling.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from nilearn.datasets import load_mni152_gm_template
from numpy.typing import NDArray

# The brain is the same in every study: only people and noise differ. So are its constants, which
# make clean runs look like a real one (docs/benchmarks/realism.md).
_LAYOUT_SEED = 2025
N_PAIRS = 80
_WIDTH_MM, _WIDTH_SPREAD = 7.0, (0.8, 1.25)
_DISPLACEMENT_MM = 3.0
_AMPLITUDE_SPREAD = 0.6  # SD of the logarithm
# Fisher z of the homotopic correlation, spread evenly over the networks.
_HOMOTOPIC_Z = (0.5, 2.5)
# Systems of networks that go together, and how much of what a source shares it shares with them.
_N_SYSTEMS, _SYSTEM_SHARE = 4, 0.7
_SHARE_UNILATERAL, _SHARE_ASYMMETRIC, _WEAKER_SIDE = 0.1, 0.2, 0.5
# How wide activity is that no other place shares but neighbours (standard deviation).
LOCAL_SD_MM = 3.4


@dataclass(frozen=True)
class Region:
    """A left-hand place whose coupling can differ between groups.

    Its activity follows that of a `served` place of the right hemisphere, which in turn follows
    its own homotope, the `anchor` at (-x, y, z), more than the region (if it is anchored).
    """

    name: str
    centre: tuple[float, float, float]
    served: tuple[float, float, float]
    # Where the source lies, so that the true difference, seen through the grey matter, has its
    # peak at the centre.
    source: tuple[float, float, float]


REGIONS = (
    Region("left putamen", (-30, -2, 10), (36, 22, 2), (-31, -2, 11)),
    Region("left precentral gyrus", (-42, 0, 54), (28, -56, -28), (-42, -1, 54)),
)
_REGION_WIDTH_MM, _REGION_AMPLITUDE = 3.5, 4.0
_SERVED_WIDTH_MM, _SERVED_AMPLITUDE = 7.0, 2.5
# Fisher z of the correlation with the served place: of a region, of an anchor, and of an anchor
# that is none.
_REGION_Z, _ANCHOR_Z, _NO_ANCHOR_Z = 0.8, 2.6, 0.2


@dataclass(frozen=True, eq=False)
class Networks:
    """Sources of activity, and the networks they belong to.

    Attributes
    ----------
    centres : ndarray of shape (n_sources, 3)
        Template mm.
    widths, amplitudes : ndarray of shape (n_sources,)
        Standard deviation of the Gaussian each source is seen through (mm); that of its signal.
    network : ndarray of int, shape (n_sources,)
        Whose coupling acts on the source.
    power : ndarray of int, shape (n_sources,)
        What a source shares is this power of its network's coupling: 1 for both sides of a pair
        (so that they correlate by the coupling itself), 2 for a source that follows another one
        which has 0, and nothing of its own.
    directions : ndarray of shape (n_sources, n_shared)
        What a source shares, of length 1; 0 for unilateral sources.
    mean_z : ndarray of shape (n_networks,)
        Fisher z of the networks' coupling in healthy people.
    """

    centres: NDArray[np.float64]
    widths: NDArray[np.float64]
    amplitudes: NDArray[np.float64]
    network: NDArray[np.intp]
    power: NDArray[np.intp]
    directions: NDArray[np.float64]
    mean_z: NDArray[np.float64]

    @property
    def n_sources(self) -> int:
        """Number of sources."""
        return len(self.centres)

    def weights(self, points: NDArray[Any]) -> NDArray[np.float32]:
        """Return how much of each source grey matter at a place carries.

        Parameters
        ----------
        points : ndarray of shape (3, n)
            Template mm.

        Returns
        -------
        ndarray of shape (n, n_sources)
            Gaussian in the distance from the source's centre, made to have squares that sum to
            1, times the source's amplitude.
        """
        exponent = np.empty((points.shape[1], self.n_sources), np.float32)
        for source, (centre, width) in enumerate(zip(self.centres, self.widths, strict=True)):
            squared = ((points - centre[:, None]) ** 2).sum(axis=0)
            exponent[:, source] = -squared / (2 * width**2)
        # Taken from the nearest one, so that far from all no weight underflows.
        exponent -= exponent.max(axis=1, keepdims=True)
        weights = np.exp(exponent, out=exponent)
        weights /= np.linalg.norm(weights, axis=1, keepdims=True)
        weights *= self.amplitudes.astype(np.float32)
        return weights

    def loadings(self, coupling: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how sources are made of independent latents of unit variance.

        Parameters
        ----------
        coupling : ndarray of shape (n_networks,)
            In [0, 1].

        Returns
        -------
        ndarray of shape (n_sources, n_shared + n_sources)
            Rows have length 1. The covariance of the sources is it times its transpose.
        """
        shared = np.sqrt(coupling[self.network] ** self.power)
        shared = shared[:, None] * self.directions
        own = np.sqrt(1 - (shared**2).sum(axis=1).clip(max=1))
        return np.hstack([shared, np.diag(own)])


@cache
def load_networks(*, anchored: bool = True) -> Networks:
    """Return the simulated brain: pairs of homotopic sources, and what serves the `REGIONS`.

    Parameters
    ----------
    anchored : bool
        Whether the places that serve the regions have a stronger partner elsewhere on the left.
        If not, they are the regions' partners, and the regions theirs.

    Returns
    -------
    Networks
        The left sources of all pairs, the right ones, then for each region its own source, the
        served and the anchor; networks in the same order (pairs, then region and anchor).
    """
    rng = np.random.default_rng(_LAYOUT_SEED)
    left = _spread_centres()
    right = left * (-1, 1, 1) + rng.normal(0, _DISPLACEMENT_MM, left.shape)
    widths = _WIDTH_MM * rng.uniform(*_WIDTH_SPREAD, 2 * N_PAIRS)
    amplitudes = np.tile(np.exp(rng.normal(0, _AMPLITUDE_SPREAD, N_PAIRS)), 2)
    weaker = rng.permutation(N_PAIRS)[: round(_SHARE_ASYMMETRIC * N_PAIRS)]
    weaker += N_PAIRS * rng.integers(2, size=len(weaker))
    amplitudes[weaker] *= _WEAKER_SIDE
    systems = rng.normal(size=(N_PAIRS, _N_SYSTEMS))
    systems /= np.linalg.norm(systems, axis=1, keepdims=True)
    systems *= np.sqrt(_SYSTEM_SHARE)
    hubs = np.sqrt(1 - _SYSTEM_SHARE) * np.eye(N_PAIRS)
    pairs = np.hstack([hubs, np.zeros((N_PAIRS, len(REGIONS))), systems])
    pairs[rng.permutation(N_PAIRS)[: round(_SHARE_UNILATERAL * N_PAIRS)]] = 0
    mean_z = rng.permutation(np.linspace(*_HOMOTOPIC_Z, N_PAIRS))

    n = len(REGIONS)
    own_hub = np.zeros((n, pairs.shape[1]))
    own_hub[range(n), N_PAIRS + np.arange(n)] = 1
    served = np.array([region.served for region in REGIONS], float)
    triples = np.stack([[r.source for r in REGIONS], served, served * (-1, 1, 1)], axis=1)
    first = N_PAIRS + 2 * np.arange(n)
    anchor_z = _ANCHOR_Z if anchored else _NO_ANCHOR_Z
    return Networks(
        np.vstack([left, right, triples.reshape(-1, 3)]),
        np.append(widths, np.tile([_REGION_WIDTH_MM, _SERVED_WIDTH_MM, _SERVED_WIDTH_MM], n)),
        np.append(
            amplitudes, np.tile([_REGION_AMPLITUDE, _SERVED_AMPLITUDE, _SERVED_AMPLITUDE], n)
        ),
        np.concatenate([np.tile(np.arange(N_PAIRS), 2), (first[:, None] + (0, 0, 1)).reshape(-1)]),
        np.append(np.ones(2 * N_PAIRS, np.intp), np.tile([2, 0, 2], n)),
        np.vstack([pairs, pairs, np.repeat(own_hub, 3, axis=0)]),
        np.append(mean_z, np.tile([_REGION_Z, anchor_z], n)),
    )


def region_network(region: Region) -> int:
    """Return the network whose coupling is that of a region with the place it serves."""
    return N_PAIRS + 2 * REGIONS.index(region)


def _spread_centres() -> NDArray[np.float64]:
    """Spread centres over the left grey matter: each is the place farthest from those before."""
    img = load_mni152_gm_template(resolution=4)
    voxels = np.argwhere(img.get_fdata() > 0.5)
    places = voxels @ img.affine[:3, :3].T + img.affine[:3, 3]
    places = places[places[:, 0] < -_WIDTH_MM]
    centres = [places[0]]
    distance = np.full(len(places), np.inf)
    while len(centres) < N_PAIRS:
        distance = np.minimum(distance, ((places - centres[-1]) ** 2).sum(axis=1))
        centres.append(places[np.argmax(distance)])
    return np.array(centres)
