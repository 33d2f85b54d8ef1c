"""Clean time series to interhemispheric maps."""

from commissure.measures.cfh import CFHResult, cfh, usable_places
from commissure.measures.sides import LARGEST_R

__all__ = ["LARGEST_R", "CFHResult", "cfh", "usable_places"]
