"""Studies in memory: clean series on the analysis grid, and their CFH maps."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from commissure.measures import cfh
from commissure.simulation.effects import Effects
from commissure.simulation.forward import Forward, forward_model
from commissure.simulation.participants import NOT_APPLICABLE
from commissure.simulation.people import Person, draw_people
from commissure.space import Domain

# What 220 volumes at 2 s keep of 0.01-0.1 Hz after the recommended regression.
DEGREES_OF_FREEDOM = 52


@dataclass(frozen=True, eq=False)
class MapStudy:
    """A study's CFH maps, and who they are of.

    Attributes
    ----------
    maps : ndarray of shape (n_scans, n_places), float32
        CFH, Fisher z; the places at the midline are left out.
    participants : DataFrame
        As participants.tsv, in the order of the maps; missing where a score does not apply.
    domain : Domain
    people : list of Person
    forward : Forward
        Of all places, the midline included.
    """

    maps: NDArray[np.float32]
    participants: pd.DataFrame
    domain: Domain
    people: list[Person]
    forward: Forward


def draw_series(
    rng: np.random.Generator,
    forward: Forward,
    coupling: NDArray[np.float64],
    n_samples: int,
    n_threads: int | None = None,
) -> NDArray[np.float32]:
    """Draw independent samples of clean series, as coefficients in a basis of the pass band.

    Parameters
    ----------
    rng : numpy.random.Generator
    forward : Forward
    coupling : ndarray of shape (n_networks,)
    n_samples : int
        Dimensions of the space that the clean series span: their degrees of freedom.

    Returns
    -------
    ndarray of shape (n_places, n_samples), float32
        Multiplied with an orthonormal basis, shape (n_samples, n_volumes), it is a course in
        time. No correlation changes by that.
    """
    loadings = forward.loadings(coupling)
    sources = loadings @ rng.standard_normal((loadings.shape[1], n_samples))
    series = forward.weights @ sources.astype(np.float32)
    series += forward.draw_noise(rng, n_samples, n_threads)
    return series


def simulate_maps(
    seed: int,
    n_patients: int,
    n_controls: int,
    effects: Effects | None = None,
    *,
    resolution_mm: int = 3,
    degrees_of_freedom: int = DEGREES_OF_FREEDOM,
    n_threads: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> MapStudy:
    """Simulate a study from people to CFH maps, without files.

    Parameters
    ----------
    seed, n_patients, n_controls : int
    effects : Effects, optional
    resolution_mm : {2, 3, 4, 6, 8}
        Of the analysis grid.
    degrees_of_freedom : int
        Of the clean series of every scan.
    n_threads : int, optional
        All cores by default. The result does not depend on it.
    progress : callable, optional
        Called with the share of the work that is done.
    """
    effects = effects or Effects()
    _, people = draw_people(seed, n_patients, n_controls, effects)
    forward = forward_model(resolution_mm, anchored=effects.left_only)
    maps = []
    for number, person in enumerate(people, 1):
        rng = np.random.default_rng(person.seed)
        # One more than the degrees of freedom: `cfh` takes the mean away.
        series = draw_series(rng, forward, person.coupling, degrees_of_freedom + 1, n_threads)
        maps.append(cfh(series, forward.domain, n_threads=n_threads).z)
        if progress:
            progress(number / len(people))
    sides = forward.domain.hemisphere != 0
    return MapStudy(
        np.stack(maps)[:, sides],
        participants_table(people),
        forward.domain.restrict(sides),
        people,
        forward,
    )


def participants_table(people: list[Person]) -> pd.DataFrame:
    """Return the rows of participants.tsv with missing values where a score does not apply."""
    rows: list[dict[str, Any]] = [person.row for person in people]
    return pd.DataFrame(rows).replace(NOT_APPLICABLE, np.nan).infer_objects()
