"""People with scores, and brains whose coupling is known."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commissure.problems import InputError
from commissure.simulation.effects import Effects
from commissure.simulation.networks import REGIONS, Networks, load_networks, region_network
from commissure.simulation.participants import simulate_participants


@dataclass(frozen=True, eq=False)
class Person:
    """A simulated participant.

    Attributes
    ----------
    row : dict
        Of participants.tsv.
    coupling : ndarray of shape (n_networks,)
        Correlations.
    seed : numpy.random.SeedSequence
        Of the person's scans.
    """

    row: dict[str, Any]
    coupling: NDArray[np.float64]
    seed: np.random.SeedSequence


def draw_people(
    seed: int, n_patients: int, n_controls: int, effects: Effects | None = None
) -> tuple[Networks, list[Person]]:
    """Draw the participants of a study, patients first, and return the brain they share.

    Raises
    ------
    InputError
        If a number is out of range.
    """
    effects = effects or Effects()
    problems = [
        f"{name} must be 0 or more; it is {value}."
        for name, value in (("n_patients", n_patients), ("n_controls", n_controls), ("seed", seed))
        if value < 0
    ]
    if not problems and n_patients + n_controls == 0:
        problems.append("There is nobody to simulate: n_patients and n_controls are both 0.")
    if problems:
        raise InputError(problems)
    networks = load_networks(anchored=effects.left_only)
    people_seed, *seeds = np.random.SeedSequence(seed).spawn(1 + n_patients + n_controls)
    own_seeds = [own.spawn(2) for own in seeds]
    # A person's brain is the same whoever else takes part.
    deviations = np.array(
        [np.random.default_rng(own).normal(size=len(networks.mean_z)) for own, _ in own_seeds]
    )
    of_scores = deviations[:n_patients, region_network(REGIONS[0])]
    rows = simulate_participants(
        np.random.default_rng(people_seed),
        n_patients,
        n_controls,
        age_gap=effects.age_gap,
        related={name: (r, of_scores) for name, r in effects.score_r.items()},
    )
    people = [
        Person(row, effects.coupling(networks, row["group"], row["age"], deviation), scan_seed)
        for row, deviation, (_, scan_seed) in zip(rows, deviations, own_seeds, strict=True)
    ]
    return networks, people
