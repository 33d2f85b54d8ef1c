"""People and scores: demographics, values in regions, partial correlations."""

from commissure.clinical.group_tests import GroupTest
from commissure.clinical.partial_correlations import (
    PartialCorrelations,
    Residuals,
    partial_correlations,
    why_not,
)
from commissure.clinical.roi_values import mask_roi, roi_values, sphere_roi
from commissure.clinical.table1 import Table1, Table1Row, table1

__all__ = [
    "GroupTest",
    "PartialCorrelations",
    "Residuals",
    "Table1",
    "Table1Row",
    "mask_roi",
    "partial_correlations",
    "roi_values",
    "sphere_roi",
    "table1",
    "why_not",
]
