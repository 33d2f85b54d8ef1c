"""Limits of registrations that are believed."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le


@dataclass(frozen=True)
class RegistrationRules:
    """Limits of where an image may be put in the template.

    Attributes
    ----------
    max_turn : float
        Of the angle between a header's axes and the head, degrees, as the image's content shows it:
        nobody lies turned by more, so the header must be wrong.
    doubtful_orientation : float
        If the content fits the template this nearly as well another way round (1: just as well), it
        does not tell which is right, and the run is noted.
    max_apart : float
        Of the mean distance, mm, between where an image was put and where a search that knows
        nothing of its header puts it.
    max_stretch, doubtful_stretch : float
        Of the factor by which the affine part of a registration lengthens or shortens the brain.
    max_warped, doubtful_warped : float
        Of the share of the brain that a warp folds or makes 5 times larger or smaller.
    max_border, doubtful_border : float
        Of how badly the border of the T1w's white matter shows in the EPI (1: not at all) where
        registration put it. What is doubtful excludes a run where `sure_sides` is not reached.
    sure_sides : float
        Standard errors by which the T1w must fit the EPI better than its mirror image does. If the
        mirror image fits better by as much, left and right are exchanged in one of the two images;
        between, a run is noted.
    least_coverage, doubtful_coverage : float
        Of the template's brain in the EPI's field of view; of runs that others brought to template
        space, of its grey matter where they have data.
    least_overlap : float
        Dice overlap of brain masks, below which a registration must have failed. A weak check: the
        outline is what a warp fits, whichever way round the brain lies.
    doubtful_overlap : float
        Below it the run is included, but noted: simulated participants have 0.96 with their own
        T1w and 0.90 with another person's.
    """

    max_turn: Annotated[float, Ge(0), Le(180)] = 60.0
    doubtful_orientation: Annotated[float, Ge(0), Le(1)] = 0.85
    max_apart: Annotated[float, Ge(0), Le(1000)] = 25.0
    max_stretch: Annotated[float, Ge(1), Le(100)] = 1.5
    doubtful_stretch: Annotated[float, Ge(1), Le(100)] = 1.3
    max_warped: Annotated[float, Ge(0), Le(1)] = 0.2
    doubtful_warped: Annotated[float, Ge(0), Le(1)] = 0.07
    max_border: Annotated[float, Ge(0), Le(2)] = 0.98
    doubtful_border: Annotated[float, Ge(0), Le(2)] = 0.94
    sure_sides: Annotated[float, Ge(0), Le(100)] = 3.0
    least_coverage: Annotated[float, Ge(0), Le(1)] = 0.7
    doubtful_coverage: Annotated[float, Ge(0), Le(1)] = 0.9
    least_overlap: Annotated[float, Ge(0), Le(1)] = 0.8
    doubtful_overlap: Annotated[float, Ge(0), Le(1)] = 0.92
