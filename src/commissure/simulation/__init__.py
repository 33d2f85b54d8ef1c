"""Studies whose truth is known, as BIDS folders."""

from commissure.simulation.study import Acquisition, Truth, read_truth, simulate_study

__all__ = ["Acquisition", "Truth", "read_truth", "simulate_study"]
