"""How heads of a group move, and what that adds to their series."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from commissure.preprocessing import framewise_displacement_jenkinson
from commissure.simulation.acquisition import Acquisition
from commissure.simulation.clean import N_TRIM
from commissure.simulation.motion import motion_matrices
from commissure.space import Domain

# Of the sphere that framewise displacement is measured on.
SHAPE, AFFINE = (64, 64, 36), np.diag([3.75, 3.75, 4.0, 1.0])
N_VOLUMES = Acquisition().n_volumes - N_TRIM
MIDDLE = (AFFINE @ np.append(np.array(SHAPE) / 2 - 1, 1))[:3]
_VOLUMES_PER_JUMP = 60
# Of people as they are: most of the displacement is jitter (breathing), some of it jumps.
_JITTER, _JUMP = 0.035, 0.4
# Waves along each axis that the local part of an artefact is made of: the finest is 60 mm long.
_N_WAVES = 4
# How many volumes an artefact lasts, beyond which nothing is left of it.
_LONGEST = 5


@dataclass(frozen=True)
class Movement:
    """How people move, and what that does to their series.

    Attributes
    ----------
    median_fd_mm : float
        Median over people of the mean framewise displacement (Jenkinson) of a run.
    spread : float
        Standard deviation of its logarithm.
    artefact : float
        Standard deviation of what a displacement of 1 mm adds to a volume, in units of neural
        activity.
    shared : float
        How much of the artefact's variance is the same everywhere but for a gain that changes
        smoothly over the brain. The rest are smooth patterns, new in each volume, in which near
        places go together more than far ones.
    lasting : float
        How much of an artefact is there in the next volume still.

    Notes
    -----
    That artefacts are shared by all grey matter, that near places go together by them more than
    far ones, and that they last for seconds: Power JD, et al. (2012) NeuroImage 59:2142-2154,
    (2014) 84:320-341; Satterthwaite TD, et al. (2013) NeuroImage 64:240-256.
    """

    median_fd_mm: float = 0.1
    spread: float = 0.5
    artefact: float = 3.0
    shared: float = 0.5
    lasting: float = 0.5


def draw_motion(
    rng: np.random.Generator, movement: Movement, more: float = 1.0
) -> NDArray[np.float64]:
    """Draw how a head moves, shape (n_volumes, 4, 4).

    Parameters
    ----------
    rng : numpy.random.Generator
    movement : Movement
    more : float
        What the mean framewise displacement is multiplied with. Who moves more also jumps more
        often.
    """
    severity = more * np.exp(rng.normal(0, movement.spread))
    asked = movement.median_fd_mm * severity
    state = rng.bit_generator.state

    def moved(size: float) -> NDArray[np.float64]:
        rng.bit_generator.state = state
        # As many jumps whatever the size.
        per_jump = _VOLUMES_PER_JUMP * size / severity
        return motion_matrices(
            rng,
            N_VOLUMES,
            MIDDLE,
            severity=size,
            jitter=_JITTER,
            jump=_JUMP,
            volumes_per_jump=per_jump,
        )

    found = framewise_displacement_jenkinson(moved(1.0), AFFINE, SHAPE).mean()
    # Displacement is proportional to the size but for the curvature of small rotations.
    return moved(float(asked / found))


def draw_artefact(
    rng: np.random.Generator, movement: Movement, waves: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Draw what a displacement of 1 mm adds to each volume, shape (n_places, n_volumes).

    Parameters
    ----------
    rng : numpy.random.Generator
    movement : Movement
    waves : ndarray of shape (n_places, n_patterns)
        See `smooth_patterns`.
    """

    def normal(*shape: int) -> NDArray[np.float32]:
        return rng.standard_normal(shape, np.float32)

    gain = 1 + np.float32(0.3) * waves @ normal(waves.shape[1])
    local = waves @ normal(waves.shape[1], N_VOLUMES)
    common = np.outer(gain, normal(N_VOLUMES))
    parts = np.sqrt([movement.shared, 1 - movement.shared]).astype(np.float32)
    artefact: NDArray[np.float32] = parts[0] * common + parts[1] * local
    return artefact * np.float32(movement.artefact)


def lasting(artefact: NDArray[np.float32], movement: Movement) -> NDArray[np.float32]:
    """Add to each volume what is left of the artefacts of those before it.

    Parameters
    ----------
    artefact : ndarray of shape (n_places, n_volumes)
    movement : Movement
    """
    total = artefact.copy()
    for volumes in range(1, min(_LONGEST, artefact.shape[1])):
        total[:, volumes:] += np.float32(movement.lasting**volumes) * artefact[:, :-volumes]
    return total


def smooth_patterns(domain: Domain) -> NDArray[np.float32]:
    """Return waves over the brain, shape (n_places, n_patterns).

    Their sum with independent normal weights has the variance 1 at the average place; the
    finer a wave, the less it weighs. None is the same everywhere.
    """
    low, high = domain.coordinates.min(axis=0), domain.coordinates.max(axis=0)
    along = (domain.coordinates - low) / (high - low)
    orders = np.array(np.unravel_index(np.arange(1, _N_WAVES**3), (_N_WAVES,) * 3))
    waves = np.cos(np.pi * along[:, :, None] * orders).prod(axis=1) / (1 + (orders**2).sum(axis=0))
    unit: NDArray[np.float64] = waves / np.sqrt((waves**2).sum(axis=1).mean())
    return unit.astype(np.float32)
