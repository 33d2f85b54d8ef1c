"""How scans are acquired."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from commissure.problems import InputError


@dataclass(frozen=True)
class Acquisition:
    """How the scans of a study are acquired; by default as in the reference study.

    Attributes
    ----------
    n_volumes : int
    tr : float
        Seconds.
    matrix : tuple of int
        Voxels of a volume along x, y and the slices.
    voxel_size : tuple of float
        mm.
    t1w_voxel_size : float
        mm, isotropic.
    tsnr : float
        Grey matter's signal over the standard deviation of the scanner's noise, which is white.
        With the brain's own changes it is about 100.
    """

    n_volumes: int = 230
    tr: float = 2.0
    matrix: tuple[int, int, int] = (64, 64, 35)
    voxel_size: tuple[float, float, float] = (3.75, 3.75, 4.0)
    t1w_voxel_size: float = 1.0
    tsnr: float = 150.0

    def __post_init__(self) -> None:
        problems = [
            f"{name} must be greater than 0; it is {value}."
            for name, value in asdict(self).items()
            if not np.all(np.array(value) > 0)
        ]
        if self.n_volumes < 2:
            problems.append(f"n_volumes must be 2 or more; it is {self.n_volumes}.")
        if problems:
            raise InputError(problems)

    @property
    def slice_times(self) -> NDArray[np.float64]:
        """Start of each slice (s), shape (n_slices,): every second slice, then the others."""
        n_slices = self.matrix[2]
        order = np.concatenate([np.arange(0, n_slices, 2), np.arange(1, n_slices, 2)])
        # Rounded as sidecars are, so what is written is what was done.
        return np.round(np.argsort(order) * self.tr / n_slices, 4)
