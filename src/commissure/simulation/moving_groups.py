"""Groups whose heads move unlike: what is left of that when they are compared."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from commissure.measures import cfh
from commissure.preprocessing import (
    framewise_displacement_jenkinson,
    framewise_displacement_power,
    friston24,
    max_motion,
    motion_parameters,
)
from commissure.preprocessing.recipe import Recipe, clean_series, recipe_operator
from commissure.problems import InputError
from commissure.records.runs import Measured, RunKey
from commissure.settings.judging import judge
from commissure.settings.quality import QualityRules
from commissure.simulation.acquisition import Acquisition
from commissure.simulation.clean import N_TRIM, pass_band_waves
from commissure.simulation.effects import Effects
from commissure.simulation.forward import Forward, forward_model
from commissure.simulation.maps import participants_table
from commissure.simulation.motion import motion_matrices
from commissure.simulation.people import Person, draw_people
from commissure.space import Domain

# Of the sphere that framewise displacement is measured on.
SHAPE, AFFINE = (64, 64, 36), np.diag([3.75, 3.75, 4.0, 1.0])
_N_VOLUMES = Acquisition().n_volumes - N_TRIM
_MIDDLE = (AFFINE @ np.append(np.array(SHAPE) / 2 - 1, 1))[:3]
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
    mean_fd_mm : float
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

    mean_fd_mm: float = 0.1
    spread: float = 0.5
    artefact: float = 3.0
    shared: float = 0.5
    lasting: float = 0.5


@dataclass(frozen=True, eq=False)
class MovingScan:
    """A scan's CFH, and what the program measures of the run.

    Attributes
    ----------
    z : ndarray of shape (n_places,), float32, or None
        None if so much of the run is censored that it cannot be cleaned.
    measured : Measured
    included : bool
        Whether the rules of quality include it.
    """

    z: NDArray[np.float32] | None
    measured: Measured
    included: bool


@dataclass(frozen=True, eq=False)
class MovingStudy:
    """The scans of a study that are compared.

    Attributes
    ----------
    maps : ndarray of shape (n_scans, n_places), float32
    table : DataFrame
        As participants.tsv, with ``mean_fd``, ``nominal_df`` and ``effective_df``.
    domain : Domain
        Without the places at the midline.
    """

    maps: NDArray[np.float32]
    table: pd.DataFrame
    domain: Domain


@dataclass(eq=False)
class MovingGroups:
    """People of two groups, whose runs can be had at any ratio of motion and by any recipe.

    Attributes
    ----------
    people : list of Person
    movement : Movement
    forward : Forward
    n_threads : int or None

    Notes
    -----
    A person's activity, noise and pattern of motion are the same at all ratios, and controls move
    as they do whatever patients do.
    """

    people: list[Person]
    movement: Movement
    forward: Forward
    n_threads: int | None = None
    _scans: dict[tuple[int, float, Recipe], MovingScan] = field(default_factory=dict)
    # Of a person: series of a head that does not move, and artefacts of 1 mm in every volume.
    _drawn: dict[int, tuple[NDArray[np.float32], NDArray[np.float32]]] = field(default_factory=dict)

    @cached_property
    def waves(self) -> NDArray[np.float32]:
        """What the local part of artefacts is made of; see `smooth_patterns`."""
        return smooth_patterns(self.forward.domain)

    def study(self, ratio: float, recipe: Recipe, *, rules: bool) -> MovingStudy:
        """Return the scans of a study.

        Parameters
        ----------
        ratio : float
            How many times as much patients move as controls.
        recipe : Recipe
            By which series are cleaned.
        rules : bool
            Whether scans beyond the limits of `QualityRules` are left out.
        """
        scans = [self.scan(number, ratio, recipe) for number in range(len(self.people))]
        kept = [
            number
            for number, scan in enumerate(scans)
            if scan.z is not None and (scan.included or not rules)
        ]
        columns = {"mean_fd": "mean_fd_jenkinson"} | {
            name: name for name in ("nominal_df", "effective_df")
        }
        measured = {
            column: [getattr(scans[n].measured, name) for n in kept]
            for column, name in columns.items()
        }
        sides = self.forward.domain.hemisphere != 0
        return MovingStudy(
            np.array([scans[n].z for n in kept])[:, sides],
            participants_table([self.people[n] for n in kept]).assign(**measured),
            self.forward.domain.restrict(sides),
        )

    def scan(self, number: int, ratio: float, recipe: Recipe) -> MovingScan:
        """Return a person's scan; see `study`."""
        person = self.people[number]
        key = number, ratio if person.row["group"] == "patient" else 1.0, recipe
        if key not in self._scans:
            self._scans[key] = self._made(*key)
        return self._scans[key]

    def _made(self, number: int, more: float, recipe: Recipe) -> MovingScan:
        person = self.people[number]
        of_motion, of_artefact = (
            np.random.SeedSequence(person.seed.entropy, spawn_key=(*person.seed.spawn_key, 100 + n))
            for n in range(2)
        )
        if number not in self._drawn:
            self._drawn[number] = (
                _still(person, self.forward, self.n_threads),
                draw_artefact(np.random.default_rng(of_artefact), self.movement, self.waves),
            )
        still, artefact = self._drawn[number]
        motion = draw_motion(np.random.default_rng(of_motion), self.movement, more)
        displacement = framewise_displacement_jenkinson(motion, AFFINE, SHAPE)
        series = still + lasting(artefact * displacement.astype(np.float32), self.movement)
        columns = [*friston24(motion_parameters(motion)).T, series.mean(axis=0)]
        regressors = {str(number): values for number, values in enumerate(columns)}
        power = framewise_displacement_power(motion_parameters(motion, _MIDDLE))
        shift, angle = max_motion(motion, _MIDDLE)
        measured = Measured(
            RunKey(str(person.row["participant_id"]), None, "rest", None),
            mean_fd_jenkinson=float(displacement.mean()),
            max_motion=shift,
            max_rotation=angle,
        )
        try:
            kept, operator = recipe_operator(recipe, regressors, power, Acquisition().tr)
        except InputError:
            return MovingScan(None, measured, included=False)
        grey = np.zeros(len(series), np.int8)
        clean = clean_series(series, kept, operator, grey, self.n_threads)
        measured = replace(
            measured,
            n_volumes=int(kept.sum()),
            nominal_df=clean.nominal_df,
            effective_df=clean.effective_df,
        )
        found = cfh(clean.series, self.forward.domain, n_threads=self.n_threads)
        included = judge(measured, QualityRules()).included
        return MovingScan(found.z.astype(np.float32), measured, included)


def moving_groups(
    seed: int,
    movement: Movement | None = None,
    *,
    n_patients: int = 30,
    n_controls: int = 30,
    effects: Effects | None = None,
    resolution_mm: int = 8,
    n_threads: int | None = None,
) -> MovingGroups:
    """Draw the people of a study whose groups may move unlike.

    Parameters
    ----------
    seed : int
    movement : Movement, optional
    n_patients, n_controls : int
    effects : Effects, optional
        By default groups do not differ in coupling.
    resolution_mm : {2, 3, 4, 6, 8}
    n_threads : int, optional
    """
    _, people = draw_people(seed, n_patients, n_controls, effects or Effects(0.0))
    return MovingGroups(people, movement or Movement(), forward_model(resolution_mm), n_threads)


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
    asked = movement.mean_fd_mm * severity
    state = rng.bit_generator.state

    def moved(size: float) -> NDArray[np.float64]:
        rng.bit_generator.state = state
        # As many jumps whatever the size.
        per_jump = _VOLUMES_PER_JUMP * size / severity
        return motion_matrices(
            rng,
            _N_VOLUMES,
            _MIDDLE,
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
    local = waves @ normal(waves.shape[1], _N_VOLUMES)
    common = np.outer(gain, normal(_N_VOLUMES))
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


def _still(person: Person, forward: Forward, n_threads: int | None) -> NDArray[np.float32]:
    """Draw series of activity in the pass band and white noise, of a head that does not move."""
    rng = np.random.default_rng(person.seed)
    waves = pass_band_waves(_N_VOLUMES, Acquisition().tr)
    loadings = forward.networks.loadings(person.coupling)
    sources = loadings @ rng.standard_normal((loadings.shape[1], len(waves))) @ waves
    series: NDArray[np.float32] = forward.weights @ sources.astype(np.float32)
    series += forward.draw_noise(rng, _N_VOLUMES, n_threads)
    return series
