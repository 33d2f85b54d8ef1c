"""One module per kind of input folder, all giving the same `Scan`."""

from commissure.study.inputs.bids import read_bids
from commissure.study.inputs.confounds import Confounds, read_confounds, strategy_problems
from commissure.study.inputs.dpabi import read_dpabi
from commissure.study.inputs.dpabi_results import read_dpabi_maps
from commissure.study.inputs.fmriprep import read_fmriprep
from commissure.study.inputs.participants import find_participants
from commissure.study.inputs.reading import InputKind, read_scans, recognise
from commissure.study.inputs.scan import Scan, check_image
from commissure.study.inputs.selection import Selection
from commissure.study.inputs.spaces import symmetric_template_problem
from commissure.study.inputs.table import read_scan_table

__all__ = [
    "Confounds",
    "InputKind",
    "Scan",
    "Selection",
    "check_image",
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
