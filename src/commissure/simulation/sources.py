"""Signals with a known course at every moment."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

NEURAL_BAND_HZ = (0.01, 0.1)
_N_WAVES = 40


@dataclass(frozen=True, eq=False)
class Sources:
    """Signals of unit variance that are known at every time: sums of cosines.

    Attributes
    ----------
    frequency, amplitude, phase : ndarray of shape (n_sources, n_waves)
        Hz, and rad at time 0.
    """

    frequency: NDArray[np.float64]
    amplitude: NDArray[np.float64]
    phase: NDArray[np.float64]

    @classmethod
    def random(
        cls, rng: np.random.Generator, n_sources: int, band: tuple[float, float] = NEURAL_BAND_HZ
    ) -> Self:
        """Draw independent sources in a frequency band (Hz)."""
        amplitude = rng.rayleigh(1, (n_sources, _N_WAVES))
        amplitude *= np.sqrt(2 / (amplitude**2).sum(axis=1, keepdims=True))
        return cls(
            rng.uniform(*band, (n_sources, _N_WAVES)),
            amplitude,
            rng.uniform(0, 2 * np.pi, (n_sources, _N_WAVES)),
        )

    def at(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Evaluate at times (s) of any shape; gives shape (..., n_sources)."""
        series = np.empty((*times.shape, len(self.phase)))
        waves = zip(self.frequency, self.amplitude, self.phase, strict=True)
        for source, (frequency, amplitude, phase) in enumerate(waves):
            angle = 2 * np.pi * times[..., None] * frequency + phase
            series[..., source] = np.cos(angle) @ amplitude
        return series
