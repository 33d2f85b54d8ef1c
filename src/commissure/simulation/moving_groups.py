"""Groups whose heads move unlike: what is left of that when they are compared."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

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
from commissure.simulation.clean import pass_band_waves
from commissure.simulation.effects import Effects
from commissure.simulation.forward import Forward, forward_model
from commissure.simulation.maps import participants_table
from commissure.simulation.movement import (
    AFFINE,
    MIDDLE,
    N_VOLUMES,
    SHAPE,
    Movement,
    draw_artefact,
    draw_motion,
    lasting,
    smooth_patterns,
)
from commissure.simulation.people import Person, draw_people
from commissure.space import Domain


@dataclass(frozen=True, eq=False)
class Moved:
    """How a head moves in a run.

    Attributes
    ----------
    more : float
        How many times as much as the person would as a control.
    motion : ndarray of shape (n_volumes, 4, 4)
    displacement : ndarray of shape (n_volumes,)
        Framewise (Jenkinson), mm.
    measured : Measured
        What the program measures of it.
    """

    more: float
    motion: NDArray[np.float64]
    displacement: NDArray[np.float64]
    measured: Measured


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
    _moved: dict[tuple[int, float], Moved] = field(default_factory=dict)
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
        scans = {
            number: self.scan(number, ratio, recipe)
            for number in range(len(self.people))
            # Series of those who move too much need not be made.
            if not rules or _included(self.moved(number, ratio).measured)
        }
        kept = {
            number: scan
            for number, scan in scans.items()
            if scan.z is not None and (scan.included or not rules)
        }
        of = [scan.measured for scan in kept.values()]
        measured: dict[str, Any] = {
            "mean_fd": [one.mean_fd_jenkinson for one in of],
            "nominal_df": [one.nominal_df for one in of],
            "effective_df": [one.effective_df for one in of],
        }
        sides = self.forward.domain.hemisphere != 0
        return MovingStudy(
            np.array([scan.z for scan in kept.values()])[:, sides],
            participants_table([self.people[number] for number in kept]).assign(**measured),
            self.forward.domain.restrict(sides),
        )

    def moved(self, number: int, ratio: float) -> Moved:
        """Return how a person moves; see `study`."""
        person = self.people[number]
        more = ratio if person.row["group"] == "patient" else 1.0
        if (number, more) not in self._moved:
            motion = draw_motion(np.random.default_rng(_seed(person, 0)), self.movement, more)
            displacement = framewise_displacement_jenkinson(motion, AFFINE, SHAPE)
            shift, angle = max_motion(motion, MIDDLE)
            measured = Measured(
                RunKey(str(person.row["participant_id"]), None, "rest", None),
                mean_fd_jenkinson=float(displacement.mean()),
                max_motion=shift,
                max_rotation=angle,
            )
            self._moved[number, more] = Moved(more, motion, displacement, measured)
        return self._moved[number, more]

    def scan(self, number: int, ratio: float, recipe: Recipe) -> MovingScan:
        """Return a person's scan; see `study`."""
        moved = self.moved(number, ratio)
        key = number, moved.more, recipe
        if key not in self._scans:
            self._scans[key] = self._made(number, moved, recipe)
        return self._scans[key]

    def _made(self, number: int, moved: Moved, recipe: Recipe) -> MovingScan:
        if number not in self._drawn:
            person = self.people[number]
            rng = np.random.default_rng(_seed(person, 1))
            self._drawn[number] = (
                _still(person, self.forward, self.n_threads),
                draw_artefact(rng, self.movement, self.waves),
            )
        still, artefact = self._drawn[number]
        series = still + lasting(artefact * moved.displacement.astype(np.float32), self.movement)
        columns = [*friston24(motion_parameters(moved.motion)).T, series.mean(axis=0)]
        regressors = {str(number): values for number, values in enumerate(columns)}
        power = framewise_displacement_power(motion_parameters(moved.motion, MIDDLE))
        try:
            kept, operator = recipe_operator(recipe, regressors, power, Acquisition().tr)
        except InputError:
            return MovingScan(None, moved.measured, included=False)
        grey = np.zeros(len(series), np.int8)
        clean = clean_series(series, kept, operator, grey, self.n_threads)
        measured = replace(
            moved.measured,
            n_volumes=int(kept.sum()),
            nominal_df=clean.nominal_df,
            effective_df=clean.effective_df,
        )
        found = cfh(clean.series, self.forward.domain, n_threads=self.n_threads)
        return MovingScan(found.z.astype(np.float32), measured, _included(measured))


def _included(measured: Measured) -> bool:
    return judge(measured, QualityRules()).included


def _seed(person: Person, number: int) -> np.random.SeedSequence:
    """Return a seed of a person's own for what is not the scan's noise."""
    key = (*person.seed.spawn_key, 100 + number)
    return np.random.SeedSequence(person.seed.entropy, spawn_key=key)


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


def _still(person: Person, forward: Forward, n_threads: int | None) -> NDArray[np.float32]:
    """Draw series of activity in the pass band and white noise, of a head that does not move."""
    rng = np.random.default_rng(person.seed)
    waves = pass_band_waves(N_VOLUMES, Acquisition().tr)
    loadings = forward.networks.loadings(person.coupling)
    sources = loadings @ rng.standard_normal((loadings.shape[1], len(waves))) @ waves
    series: NDArray[np.float32] = forward.weights @ sources.astype(np.float32)
    series += forward.draw_noise(rng, N_VOLUMES, n_threads)
    return series
