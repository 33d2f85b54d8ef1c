"""Maps and a design to p-values: designs, permutation tests, effect sizes, cluster tables."""

from commissure.inference.apart import Apart
from commissure.inference.criterion import Criterion, cluster_p, judged, smallest_of
from commissure.inference.design import Design
from commissure.inference.effects import (
    SELECTED_PEAK_NOTE,
    ContrastEffect,
    LeaveOneOut,
    contrast_effect,
    hedges_correction,
    hedges_g,
    hedges_g_interval,
    leave_one_out,
    pooled_t,
)
from commissure.inference.formula_design import design_matrix, match_maps
from commissure.inference.least_p import smallest_p
from commissure.inference.permutation import option_problems, permutation_test
from commissure.inference.result import Cluster, PermutationResult
from commissure.inference.sweep import Null, NullMaker, Sweep
from commissure.inference.tables import cluster_table

__all__ = [
    "SELECTED_PEAK_NOTE",
    "Apart",
    "Cluster",
    "ContrastEffect",
    "Criterion",
    "Design",
    "LeaveOneOut",
    "Null",
    "NullMaker",
    "PermutationResult",
    "Sweep",
    "cluster_p",
    "cluster_table",
    "contrast_effect",
    "design_matrix",
    "hedges_correction",
    "hedges_g",
    "hedges_g_interval",
    "judged",
    "leave_one_out",
    "match_maps",
    "option_problems",
    "permutation_test",
    "pooled_t",
    "smallest_of",
    "smallest_p",
]
