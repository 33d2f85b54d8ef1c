"""People and scores: demographics, values in regions, partial correlations."""

from commissure.clinical.partial_correlations import (
    PartialCorrelations,
    Residuals,
    partial_correlations,
)
from commissure.clinical.roi_values import mask_roi, roi_values, sphere_roi
from commissure.clinical.table1 import GroupTest, Row, Table1, table1

__all__ = [
    "GroupTest",
    "PartialCorrelations",
    "Residuals",
    "Row",
    "Table1",
    "mask_roi",
    "partial_correlations",
    "roi_values",
    "sphere_roi",
    "table1",
]
