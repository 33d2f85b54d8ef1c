"""Raw BOLD to clean BOLD: one module per step."""

from commissure.preprocessing.filtering import bandpass, pass_band

__all__ = ["bandpass", "pass_band"]
