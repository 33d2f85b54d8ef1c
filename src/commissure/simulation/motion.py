"""How a head moves during a run."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from commissure.simulation.warp import rigid


def motion_matrices(
    rng: np.random.Generator,
    n_volumes: int,
    centre: NDArray[np.float64],
    *,
    drift: float = 0.6,
    jitter: float = 0.03,
    jump: float = 0.4,
    volumes_per_jump: int = 80,
) -> NDArray[np.float64]:
    """Draw the movement of a head: slow drift, jitter, and a jump now and then.

    Parameters
    ----------
    rng : numpy.random.Generator
    n_volumes : int
    centre : ndarray of shape (3,)
        What the head turns about, mm.
    drift, jitter, jump : float
        Standard deviations, in mm and degrees alike: of the way drifted in the whole run, of the
        jitter of each volume, of the size of a jump (after which the head stays).
    volumes_per_jump : int
        One jump is made in so many volumes, at random.

    Returns
    -------
    ndarray of shape (n_volumes, 4, 4)
        Where a point of the head at volume 0 (scanner mm) is at each volume; the first is the
        identity. Within a volume the head is still.
    """
    walk = np.cumsum(rng.normal(0, drift / np.sqrt(n_volumes), (n_volumes, 6)), axis=0)
    parameters = ndimage.gaussian_filter1d(walk, 5, axis=0, mode="nearest")
    parameters += rng.normal(0, jitter, (n_volumes, 6))
    for volume in rng.choice(n_volumes, n_volumes // volumes_per_jump, replace=False):
        parameters[volume:] += rng.normal(0, jump, 6)
    parameters -= parameters[0]
    return np.stack([rigid(p[3:], p[:3], centre) for p in parameters])
