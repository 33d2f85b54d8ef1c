"""What many tests need: small grids, brains, and scans on disk."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from commissure import Domain

DATA = Path(__file__).parent / "data"


def ball_image(shape: tuple[int, int, int] = (11, 10, 9), step: float = 3.0) -> Any:
    """Return a mask: an ellipsoid on a grid centred at x = 0."""
    centre = (np.array(shape) - 1) / 2
    distance = np.linalg.norm(
        (np.indices(shape).reshape(3, -1).T - centre) / (centre + 0.3), axis=1
    ).reshape(shape)
    affine = np.diag([step, step, step, 1.0])
    affine[:3, 3] = -step * centre
    return nib.Nifti1Image((distance < 1).astype(np.uint8), affine)


def store_otherwise(img: Any, axes: tuple[int, int, int], flips: tuple[int, int, int]) -> Any:
    """Return the same image with its axes permuted and flipped, array and affine."""
    orientation = np.array([[axes.index(i), flips[i]] for i in range(3)], dtype=float)
    return img.as_reoriented(orientation)


@pytest.fixture
def domain() -> Domain:
    return Domain.from_mask(ball_image())


@pytest.fixture
def write_scan(tmp_path: Path, domain: Domain) -> Callable[..., Path]:
    """Write series at the places of `domain` as a scan, with TR 2 s."""

    def write(series: NDArray[Any], name: str = "sub-01_space-MNI152NLin6Asym_bold") -> Path:
        img = domain.to_image(series)
        img.header.set_zooms((*img.header.get_zooms()[:3], 2.0))
        img.header.set_xyzt_units("mm", "sec")
        path = tmp_path / f"{name}.nii.gz"
        nib.save(img, path)
        return path

    return write
