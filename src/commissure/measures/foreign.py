"""Measures whose maps others make, and commissure compares."""

from commissure.measures.measure import Measure

FOREIGN = (
    Measure("reho", "ReHo", "regional homogeneity", references=("zang2004",)),
    Measure("alff", "ALFF", "amplitude of low-frequency fluctuations", references=("zang2007",)),
    Measure(
        "falff",
        "fALFF",
        "fractional amplitude of low-frequency fluctuations",
        references=("zou2008",),
    ),
    Measure("dc", "DC", "degree centrality", references=("zuo2012",)),
)
