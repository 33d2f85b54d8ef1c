"""Clean series handed from the step that made them to those that map them, in memory.

Else each of them would read, check and decompress what was written a moment ago.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from commissure.files.images import load_image, sample_file
from commissure.preprocessing.recipe import CleanBold
from commissure.space import Domain


class Handed:
    """Clean series of a run, the main ones ("") and those of variants by their labels.

    Parameters
    ----------
    verify : callable
        Raises if files are not those that were written; for series that are read.
    """

    def __init__(self, verify: Callable[[Iterable[Path]], None]) -> None:
        self._verify = verify
        self._of: dict[str, tuple[NDArray[np.bool_], NDArray[np.float32]]] = {}

    def take(self, clean: CleanBold) -> None:
        """Keep the series of a run that was written, but those that a reader would not take."""
        made = {"": clean.series} | {label: one.series for label, one in clean.variants.items()}
        for label, values in made.items():
            series = np.asarray(values, np.float32)
            if np.isfinite(series).all() and series.any(axis=0).all():
                self._of[label] = clean.mask, series

    def check(self, paths: Mapping[str, Path]) -> None:
        """Raise if series that are about to be read are not those that were written."""
        self._verify([path for label, path in paths.items() if label not in self._of])

    def sample(self, path: Path, domain: Domain, label: str = "") -> NDArray[np.float64]:
        """Return series at the places of a domain, from memory or the file that they are in."""
        if label not in self._of:
            return sample_file(path, domain)
        mask, series = self._of[label]
        header: Any = load_image(path)
        data = np.zeros((*mask.shape, series.shape[1]), np.float32)
        data[mask] = series
        return domain.sample(nib.Nifti1Image(data, header.affine, header.header))

    def clear(self) -> None:
        """Forget them."""
        self._of.clear()
