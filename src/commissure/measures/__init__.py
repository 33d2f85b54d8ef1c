"""Clean time series to interhemispheric maps."""

from commissure.measures.cfh import CFHResult, cfh, usable_places
from commissure.measures.cfh_measure import CFH
from commissure.measures.cross_validated import CrossValidatedCFH, cross_validated_cfh
from commissure.measures.foreign import FOREIGN
from commissure.measures.measure import Measure
from commissure.measures.noise_floor import NoiseFloor, noise_floor
from commissure.measures.sides import LARGEST_R
from commissure.measures.vmhc import VMHC, VMHCResult, vmhc

# All that maps may be of: those that commissure makes, and those that it only compares.
MEASURES: tuple[Measure, ...] = (CFH, VMHC, *FOREIGN)

__all__ = [
    "CFH",
    "LARGEST_R",
    "MEASURES",
    "VMHC",
    "CFHResult",
    "CrossValidatedCFH",
    "Measure",
    "NoiseFloor",
    "VMHCResult",
    "cfh",
    "cross_validated_cfh",
    "noise_floor",
    "usable_places",
    "vmhc",
]
