"""How a head moves during a run."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

_SHARE_OF_BAD_MOVERS, _BAD = 0.1, 3.0


def draw_severity(rng: np.random.Generator) -> float:
    """Draw how much a person moves: most people about 1, one in ten three times as much."""
    usual = np.exp(rng.normal(0, 0.3))
    return float(usual * (_BAD if rng.random() < _SHARE_OF_BAD_MOVERS else 1))


def motion_matrices(
    rng: np.random.Generator,
    n_volumes: int,
    centre: NDArray[np.float64],
    *,
    severity: float = 1.0,
    drift: float = 0.5,
    jitter: float = 0.015,
    jump: float = 0.25,
    volumes_per_jump: float = 60,
) -> NDArray[np.float64]:
    """Draw the movement of a head: slow drift, jitter, and a jump now and then.

    Parameters
    ----------
    rng : numpy.random.Generator
    n_volumes : int
    centre : ndarray of shape (3,)
        What the head turns about, mm.
    severity : float
        What all of the following are multiplied with; jumps come as much more often.
    drift, jitter, jump : float
        Standard deviations, in mm and degrees alike: of the way drifted in the whole run, of the
        jitter of each volume, of the size of a jump. After half of the jumps the head stays, after
        the others it comes back with the next volume.
    volumes_per_jump : float
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
    n_jumps = min(round(severity * n_volumes / volumes_per_jump), n_volumes)
    for number, volume in enumerate(rng.choice(n_volumes, n_jumps, replace=False)):
        last = volume + 1 if number % 2 else n_volumes
        parameters[volume:last] += rng.normal(0, jump, 6)
    parameters = severity * (parameters - parameters[0])
    turns = Rotation.from_euler("xyz", parameters[:, 3:], degrees=True).as_matrix()
    matrices = np.tile(np.eye(4), (n_volumes, 1, 1))
    matrices[:, :3, :3] = turns
    for matrix, turn, shift in zip(matrices, turns, parameters[:, :3], strict=True):
        matrix[:3, 3] = centre - turn @ centre + shift
    return matrices
