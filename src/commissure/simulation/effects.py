"""What is true of a study's groups, in the settings' own words."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from commissure.problems import InputError
from commissure.simulation.networks import REGIONS, Networks, region_network

# SD between people of the Fisher z of every network's coupling. With it, a run of 50 degrees of
# freedom has a reliability of about 0.75, that of homotopic connectivity.
BETWEEN_SD = 0.25
# At which 30 patients and 30 controls give peaks of t 5 to 6, little more than the reference study,
# and each region is found in four studies of five or more (docs/benchmarks/sensitivity.md).
REFERENCE_EFFECT, REFERENCE_N = 2.4, 30
MEAN_AGE, SCORES = 50.0, ("illness_duration", "JRS_severity", "JRS_frequency")


@dataclass(frozen=True)
class Effects:
    """What is true of a study's groups.

    Attributes
    ----------
    effect : float
        How much higher the coupling of each of the `REGIONS` is in patients, in standard
        deviations between people (of its Fisher z).
    left_only : bool
        Whether the places that serve the regions have a stronger partner elsewhere on the left,
        so that their own CFH does not change with that of the regions.
    score_r : mapping of str to float
        For scores of patients (illness_duration, JRS_severity, JRS_frequency), the correlation
        with how much the coupling of the left putamen departs from its group's mean.
    age_gap : float
        How many years patients are older.
    age_slope : float
        How much the coupling of every network changes in ten years, in standard deviations.
    """

    effect: float = 0.8
    left_only: bool = True
    score_r: Mapping[str, float] = field(default_factory=dict)
    age_gap: float = 0.0
    age_slope: float = 0.0

    def __post_init__(self) -> None:
        problems = [
            f"{name} must be a number from {-most:g} to {most:g}; it is {value}."
            for name, value, most in (
                ("effect", self.effect, 4),
                ("age_gap", self.age_gap, 20),
                ("age_slope", self.age_slope, 2),
            )
            if not abs(value) <= most
        ]
        for name, r in self.score_r.items():
            if name not in SCORES:
                problems.append(f"score_r may name {', '.join(SCORES)}; {name!r} is none of them.")
            elif not abs(r) <= 1:
                problems.append(f"The r of {name} must be between -1 and 1; it is {r}.")
        if problems:
            raise InputError(problems)

    def mean_z(self, networks: Networks, group: str) -> NDArray[np.float64]:
        """Return Fisher z of the networks' mean coupling in a group, at the age of `MEAN_AGE`."""
        z = networks.mean_z.copy()
        if group == "patient":
            z[[region_network(region) for region in REGIONS]] += self.effect * BETWEEN_SD
        return z

    def coupling(
        self, networks: Networks, group: str, age: float, deviation: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return a person's coupling (r).

        Parameters
        ----------
        networks : Networks
        group : {"patient", "control"}
        age : float
        deviation : ndarray of shape (n_networks,)
            From the group's mean, in standard deviations.
        """
        deviation = deviation + self.age_slope * (age - MEAN_AGE) / 10
        z = self.mean_z(networks, group) + BETWEEN_SD * deviation
        coupling: NDArray[np.float64] = np.tanh(z).clip(0)
        return coupling
