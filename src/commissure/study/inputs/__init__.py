"""One module per kind of input folder, all giving the same `Scan`."""

from commissure.study.inputs.bids import read_bids
from commissure.study.inputs.scan import Scan, check_image
from commissure.study.inputs.selection import Selection

__all__ = ["Scan", "Selection", "check_image", "read_bids"]
