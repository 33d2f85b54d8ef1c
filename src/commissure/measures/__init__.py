"""Clean time series to interhemispheric maps."""

from commissure.measures.above_floor import CFH_ABOVE, AboveFloor, above_floor
from commissure.measures.autonomy import AUTONOMY, AutonomyIndex, autonomy_index
from commissure.measures.cfh import CFHResult, cfh, usable_places
from commissure.measures.cfh_measure import CFH
from commissure.measures.cross_validated import CrossValidatedCFH, cross_validated_cfh
from commissure.measures.foreign import FOREIGN
from commissure.measures.heterotopic import HETEROTOPIC, Heterotopic, heterotopic
from commissure.measures.lateralisation import (
    INTEGRATION,
    SEGREGATION,
    Lateralisation,
    integration,
    segregation,
)
from commissure.measures.measure import Measure
from commissure.measures.noise_floor import NoiseFloor, noise_floor
from commissure.measures.random_halves import CFHCV
from commissure.measures.sides import LARGEST_R
from commissure.measures.vmhc import VMHC, VMHCResult, vmhc

# All that maps may be of: those that commissure makes, and those that it only compares.
MEASURES: tuple[Measure, ...] = (
    CFH,
    VMHC,
    AUTONOMY,
    SEGREGATION,
    INTEGRATION,
    HETEROTOPIC,
    CFHCV,
    CFH_ABOVE,
    *FOREIGN,
)

__all__ = [
    "AUTONOMY",
    "CFH",
    "CFHCV",
    "CFH_ABOVE",
    "HETEROTOPIC",
    "INTEGRATION",
    "LARGEST_R",
    "MEASURES",
    "SEGREGATION",
    "VMHC",
    "AboveFloor",
    "AutonomyIndex",
    "CFHResult",
    "CrossValidatedCFH",
    "Heterotopic",
    "Lateralisation",
    "Measure",
    "NoiseFloor",
    "VMHCResult",
    "above_floor",
    "autonomy_index",
    "cfh",
    "cross_validated_cfh",
    "heterotopic",
    "integration",
    "noise_floor",
    "segregation",
    "usable_places",
    "vmhc",
]
