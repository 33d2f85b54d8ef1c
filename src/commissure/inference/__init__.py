"""Maps and a design to p-values: designs, contrasts, effect sizes, cluster tables."""

from commissure.inference.design import Design, design_matrix, match_maps

__all__ = ["Design", "design_matrix", "match_maps"]
