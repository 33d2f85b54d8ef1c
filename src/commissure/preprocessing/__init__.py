"""Raw BOLD to clean BOLD: one module per step."""

from commissure.preprocessing.censoring import kept_volumes
from commissure.preprocessing.cleaning import cleaning_operator
from commissure.preprocessing.filtering import bandpass, pass_band
from commissure.preprocessing.freedom import (
    band_projector,
    effective_degrees_of_freedom,
    nominal_degrees_of_freedom,
)
from commissure.preprocessing.halves import half_operators, halves
from commissure.preprocessing.motion import (
    framewise_displacement_jenkinson,
    framewise_displacement_power,
    friston24,
    max_motion,
    motion_matrices,
    motion_parameters,
)
from commissure.preprocessing.nuisance import acompcor, apply_operator, regress_nuisance
from commissure.preprocessing.realignment import realign
from commissure.preprocessing.signal_quality import dvars, temporal_snr
from commissure.preprocessing.slice_timing import correct_slice_timing, middle_slice_time
from commissure.preprocessing.smoothing import smooth
from commissure.preprocessing.trim import trim_onsets, trim_volumes

__all__ = [
    "acompcor",
    "apply_operator",
    "band_projector",
    "bandpass",
    "cleaning_operator",
    "correct_slice_timing",
    "dvars",
    "effective_degrees_of_freedom",
    "framewise_displacement_jenkinson",
    "framewise_displacement_power",
    "friston24",
    "half_operators",
    "halves",
    "kept_volumes",
    "max_motion",
    "middle_slice_time",
    "motion_matrices",
    "motion_parameters",
    "nominal_degrees_of_freedom",
    "pass_band",
    "realign",
    "regress_nuisance",
    "smooth",
    "temporal_snr",
    "trim_onsets",
    "trim_volumes",
]
