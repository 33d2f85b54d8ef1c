"""One module per kind of input folder, all giving the same `Scan`."""

from commissure.inputs.alike import check_alike
from commissure.inputs.bids import read_bids
from commissure.inputs.confounds import Confounds, read_confounds, strategy_problems
from commissure.inputs.dpabi import read_dpabi
from commissure.inputs.dpabi_results import read_dpabi_maps
from commissure.inputs.fmriprep import read_fmriprep
from commissure.inputs.participants import find_participants
from commissure.inputs.reading import InputKind, read_scans, recognise
from commissure.inputs.scan import Scan
from commissure.inputs.selection import Selection
from commissure.inputs.spaces import symmetric_template_problem
from commissure.inputs.table import read_scan_table

__all__ = [
    "Confounds",
    "InputKind",
    "Scan",
    "Selection",
    "check_alike",
    "find_participants",
    "read_bids",
    "read_confounds",
    "read_dpabi",
    "read_dpabi_maps",
    "read_fmriprep",
    "read_scan_table",
    "read_scans",
    "recognise",
    "strategy_problems",
    "symmetric_template_problem",
]
