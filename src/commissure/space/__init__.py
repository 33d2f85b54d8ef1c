"""Where the numbers live: domains of places, templates, atlases."""

from commissure.space.atlas import Atlas, harvard_oxford
from commissure.space.domain import LEFT, NEITHER, RIGHT, Domain
from commissure.space.grid import check_same_grid

__all__ = [
    "LEFT",
    "NEITHER",
    "RIGHT",
    "Atlas",
    "Domain",
    "check_same_grid",
    "harvard_oxford",
]
