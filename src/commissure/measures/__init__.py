"""Clean time series to interhemispheric maps."""

from commissure.measures.cfh import CFHResult, cfh, usable_places
from commissure.measures.cross_validated import CrossValidatedCFH, cross_validated_cfh
from commissure.measures.noise_floor import NoiseFloor, noise_floor
from commissure.measures.sides import LARGEST_R

__all__ = [
    "LARGEST_R",
    "CFHResult",
    "CrossValidatedCFH",
    "NoiseFloor",
    "cfh",
    "cross_validated_cfh",
    "noise_floor",
    "usable_places",
]
