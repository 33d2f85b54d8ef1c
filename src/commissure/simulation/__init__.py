"""Studies whose truth is known: in memory, or as BIDS folders."""

from commissure.simulation.acquisition import Acquisition
from commissure.simulation.effects import BETWEEN_SD, REFERENCE_EFFECT, REFERENCE_N, Effects
from commissure.simulation.forward import Forward, forward_model
from commissure.simulation.group_truth import STATED_DIFFERENCE, GroupTruth
from commissure.simulation.maps import MapStudy, simulate_maps
from commissure.simulation.networks import REGIONS
from commissure.simulation.power import sample_size, simulate_power
from commissure.simulation.raw import Truth, read_truth
from commissure.simulation.study import simulate_study
from commissure.simulation.truth import TrueCFH, true_cfh

__all__ = [
    "BETWEEN_SD",
    "REFERENCE_EFFECT",
    "REFERENCE_N",
    "REGIONS",
    "STATED_DIFFERENCE",
    "Acquisition",
    "Effects",
    "Forward",
    "GroupTruth",
    "MapStudy",
    "TrueCFH",
    "Truth",
    "forward_model",
    "read_truth",
    "sample_size",
    "simulate_maps",
    "simulate_power",
    "simulate_study",
    "true_cfh",
]
