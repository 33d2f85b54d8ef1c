"""Clean time series to interhemispheric maps."""

from commissure.measures.cfh import LARGEST_R, CFHResult, cfh, usable_places

__all__ = ["LARGEST_R", "CFHResult", "cfh", "usable_places"]
