"""Group inference: maps and a design to p-values."""

from commissure.inference.permutation import permutation_test
from commissure.inference.result import Cluster, PermutationResult

__all__ = ["Cluster", "PermutationResult", "permutation_test"]
