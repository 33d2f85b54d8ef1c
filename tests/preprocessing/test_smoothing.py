"""Smoothing, against SPM12, scipy, and kernels made by numerical integration."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.ndimage import gaussian_filter

from commissure.preprocessing import smooth
from commissure.problems import InputError

DATA = Path(__file__).parents[1] / "data" / "smooth"
SD_PER_FWHM = 1 / np.sqrt(8 * np.log(2))


def test_spm() -> None:
    ours = smooth(nib.load(DATA / "smooth_in.nii.gz").get_fdata(), [3, 3, 3], 4, "spm")
    spm = nib.load(DATA / "smooth_out_fwhm4.nii.gz").get_fdata()
    assert np.abs(ours - spm).max() < 1e-6


@pytest.mark.parametrize(("fwhm", "sizes"), [(4, (3, 3, 3)), (6, (2, 3.5, 4)), (8, (3, 2, 2))])
def test_gaussian_is_scipys(fwhm: float, sizes: tuple[float, ...]) -> None:
    data = np.random.default_rng(0).normal(size=(20, 17, 12, 3))
    sds = fwhm * SD_PER_FWHM / np.array(sizes)
    scipys = np.stack(
        [gaussian_filter(data[..., t], sds, mode="constant") for t in range(3)], axis=-1
    )
    assert np.allclose(smooth(data, sizes, fwhm), scipys, atol=1e-6)


def test_spm_kernel_is_the_convolution_it_is_said_to_be() -> None:
    """The response to a point, anisotropic voxels, against integrals of Gaussian times triangle."""
    point = np.zeros((15, 31, 15))
    point[7, 15, 7] = 1
    line = smooth(point, [4, 2, 4], 5, "spm").sum(axis=(0, 2))
    sd = 5 * SD_PER_FWHM / 2

    def weight(x: float) -> float:
        def integrand(u: float) -> float:
            return np.exp(-0.5 * ((x - u) / sd) ** 2) * (1 - abs(u))

        return quad(integrand, -1, 1, points=[0])[0]

    expected = np.array([weight(x) for x in range(-15, 16)])
    assert np.allclose(line, expected / expected.sum(), atol=1e-6)


def test_threads_and_volumes_change_nothing() -> None:
    data = np.random.default_rng(0).normal(size=(11, 12, 13, 7)).astype(np.float32)
    one = smooth(data, [3, 3, 3], 4, n_threads=1)
    assert np.array_equal(one, smooth(data, [3, 3, 3], 4, n_threads=3))
    assert np.array_equal(one[..., 4], smooth(data[..., 4], [3, 3, 3], 4))
    assert np.array_equal(smooth(data, [3, 3, 3], 0), data)


def test_unfit_choices_are_refused() -> None:
    with pytest.raises(InputError, match="fwhm"):
        smooth(np.zeros((3, 3, 3)), [3, 3, 3], -1)
    with pytest.raises(InputError, match="kernel"):
        smooth(np.zeros((3, 3, 3)), [3, 3, 3], 4, "box")  # type: ignore[arg-type]
