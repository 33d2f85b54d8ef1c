"""What is true of the groups of a study."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from commissure.simulation.effects import BETWEEN_SD, Effects
from commissure.simulation.forward import Forward
from commissure.simulation.networks import REGIONS
from commissure.simulation.truth import TrueCFH, between_sd, true_cfh

# Smaller differences (Fisher z) are not what a study could find.
STATED_DIFFERENCE = 0.05
_REGION_REACH_MM, _CORE_MM = 15.0, 6.0


@dataclass(frozen=True, eq=False)
class GroupTruth:
    """What is true of the groups of a study.

    Attributes
    ----------
    forward : Forward
    effects : Effects
    control, patient : TrueCFH
        At the groups' mean coupling and `effects.MEAN_AGE`.
    standardized : ndarray of shape (n_places,)
        Their difference over the standard deviation between people; 0 where it is small.
    """

    forward: Forward
    effects: Effects
    control: TrueCFH
    patient: TrueCFH
    standardized: NDArray[np.float64]

    @classmethod
    def of(cls, forward: Forward, effects: Effects, n_threads: int | None = None) -> Self:
        """Compute what is true of the groups on the grid of a forward model."""
        mean_z = [effects.mean_z(forward.networks, group) for group in ("control", "patient")]
        control, patient = (true_cfh(forward, np.tanh(z), n_threads=n_threads) for z in mean_z)
        difference = patient.z - control.z
        large = np.flatnonzero(np.abs(difference) > STATED_DIFFERENCE)
        standardized = np.zeros(len(difference))
        if len(large):
            sd = between_sd(forward, mean_z[0], BETWEEN_SD, control, large)
            standardized[large] = difference[large] / sd
        return cls(forward, effects, control, patient, standardized)

    @property
    def difference(self) -> NDArray[np.float64]:
        """Patients minus controls, Fisher z, shape (n_places,); NaN at the midline."""
        return self.patient.z - self.control.z

    def core(self, number: int) -> NDArray[np.intp]:
        """Return the places within 6 mm of the centre of a region, on the left."""
        domain = self.forward.domain
        distance = np.linalg.norm(domain.coordinates - REGIONS[number].centre, axis=1)
        return np.flatnonzero((distance <= max(_CORE_MM, distance.min())) & (domain.hemisphere < 0))

    def of_region(self, number: int) -> dict[str, Any]:
        """Return what is true of one of the `REGIONS`."""
        region = REGIONS[number]
        places = self.forward.domain.coordinates
        distance, other = (
            np.linalg.norm(places - place, axis=1) for place in (region.centre, region.served)
        )
        near = np.flatnonzero(distance <= _REGION_REACH_MM)
        peak = near[np.argmax(np.abs(np.nan_to_num(self.difference[near])))]
        served = other.argmin()
        return {
            "name": region.name,
            "centre_mm": list(region.centre),
            "planted_sd": self.effects.effect,
            "peak_mm": places[peak].tolist(),
            "peak_r_control": float(self.control.r[peak]),
            "peak_r_patient": float(self.patient.r[peak]),
            "peak_difference_z": float(self.difference[peak]),
            "peak_difference_sd": float(self.standardized[peak]),
            "centre_difference_z": float(self.difference[distance.argmin()]),
            "n_places_beyond_stated_difference": int(
                (np.abs(self.difference[near]) > STATED_DIFFERENCE).sum()
            ),
            "served_mm": list(region.served),
            "served_difference_z": float(self.difference[served]),
            "partner_of_served_mm": places[self.control.partner[served]].tolist(),
        }
