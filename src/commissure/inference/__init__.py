"""Group inference: maps and a design to p-values."""

from commissure.inference.permutation import Cluster, PermutationResult, permutation_test

__all__ = ["Cluster", "PermutationResult", "permutation_test"]
