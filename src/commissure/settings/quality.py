"""Limits of runs that are included."""

from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Ge, Le

from commissure.settings.registration import RegistrationRules


@dataclass(frozen=True)
class QualityRules(RegistrationRules):
    """Limits of a run that is included.

    Attributes
    ----------
    exclude_motion : bool
        Whether motion beyond the limits excludes (``recommended``) or is only noted (``liu2025``).
    mean_fd_mm : float
        Of the mean framewise displacement (Jenkinson's; censoring looks at Power's).
    max_mm, max_degrees : float
        Of the largest shift of the centre of the head, and rotation, from the first volume.
    least_volumes : int
        After trimming and censoring.
    least_df : float
        Effective degrees of freedom.
    exclude : dict of str to str
        Who is left out by name, with the reason: ``{"sub-07": "withdrew"}``, or a run of somebody:
        ``{"sub-07_ses-2_run-1": "fell asleep"}``.
    """

    exclude_motion: bool = True
    mean_fd_mm: Annotated[float, Ge(0), Le(100)] = 0.2
    max_mm: Annotated[float, Ge(0), Le(100)] = 3.0
    max_degrees: Annotated[float, Ge(0), Le(180)] = 3.0
    least_volumes: Annotated[int, Ge(1), Le(100_000)] = 100
    least_df: Annotated[float, Ge(0), Le(100_000)] = 20.0
    exclude: dict[str, str] = field(default_factory=dict)
