"""VMHC against a flipped copy of the image, on odd domains."""

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from commissure import Domain
from commissure.measures import VMHC, vmhc
from commissure.problems import InputError
from tests.conftest import ball_image, store_otherwise
from tests.measures.brute_force import correlations


def odd_domain(midline_mm=3.0, step=3.0):
    """Return a domain of unequal halves with holes, on a grid with and beside x = 0."""
    img = ball_image((11, 10, 9), step)
    mask = np.asarray(img.dataobj).copy()
    mask[np.random.default_rng(5).random(mask.shape) < 0.15] = 0
    mask[:4, :3] = 0
    return Domain.from_mask(nib.Nifti1Image(mask, img.affine), midline_mm)


def odd_series(domain, n_volumes=40, seed=0):
    """Return series of which some are constant or not finite."""
    rng = np.random.default_rng(seed)
    series = rng.standard_normal((domain.n_places, 4)) @ rng.standard_normal((4, n_volumes))
    series += 50 + rng.standard_normal((domain.n_places, n_volumes))
    series[domain.left[:3]] = 7.0
    series[domain.right[5:9], 2] = np.nan
    return series


def of_flipped_image(domain, series):
    """Return r of each place with that of the image flipped in x (the grid is symmetric)."""
    index = np.full(domain.grid.shape, -1)
    index[tuple(domain.voxels.T)] = np.arange(domain.n_places)
    mirror = index[::-1][tuple(domain.voxels.T)]
    r = correlations(series)[np.arange(domain.n_places), mirror]
    r[(mirror < 0) | (np.abs(domain.coordinates[:, 0]) <= domain.midline_mm + 1e-3)] = np.nan
    return r


@pytest.mark.parametrize("midline_mm", [0, 3.0, 6.0])
def test_equals_the_flipped_image(midline_mm):
    domain = odd_domain(midline_mm)
    series = odd_series(domain)
    result = vmhc(series, domain)
    expected = of_flipped_image(domain, series)
    assert 0 < np.isnan(expected).sum() < domain.n_places
    np.testing.assert_allclose(result.r, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.tanh(result.z), expected, rtol=0, atol=1e-12)
    assert (result.constant.sum(), result.nonfinite.sum()) == (3, 4)
    np.testing.assert_array_equal(result.mirror >= 0, np.isfinite(expected))


def test_does_not_depend_on_storage_or_threads():
    img = ball_image()
    domain = Domain.from_mask(img)
    other = Domain.from_mask(store_otherwise(img, (2, 0, 1), (-1, 1, -1)))
    series = odd_series(domain)
    first = vmhc(series, domain, fwhm=5, n_threads=1)
    np.testing.assert_array_equal(first.z, vmhc(series, other, fwhm=5, n_threads=2).z)


def test_smoothing_is_that_of_each_volume():
    domain = odd_domain()
    series = odd_series(domain)
    usable = np.isfinite(series).all(axis=1) & (np.ptp(series, axis=1) > 0)
    volumes = np.zeros((*domain.grid.shape, series.shape[1]))
    volumes[tuple(domain.voxels[usable].T)] = series[usable] - series[usable].mean(
        axis=1, keepdims=True
    )
    sd = 6 / np.sqrt(8 * np.log(2)) / 3
    smooth = gaussian_filter(volumes, (sd, sd, sd, 0), mode="constant")[tuple(domain.voxels.T)]
    smooth[~usable] = np.nan
    found = vmhc(series, domain, fwhm=6)
    np.testing.assert_allclose(found.r, of_flipped_image(domain, smooth), rtol=0, atol=1e-12)
    raw = vmhc(series, domain)
    assert np.nanmean(np.abs(found.r - raw.r)) > 0.05


def test_a_grid_that_is_not_symmetric_is_told():
    img = ball_image()
    affine = img.affine.copy()
    affine[0, 3] += 0.75
    shifted = Domain.from_mask(nib.Nifti1Image(np.asarray(img.dataobj), affine))
    series = odd_series(shifted)
    (warning,) = VMHC.of_scan(series, shifted, VMHC.settings()).warnings
    assert "up to 1.5 mm beside" in warning
    result = vmhc(series, shifted)
    has = result.mirror >= 0
    offset = shifted.coordinates[result.mirror[has]] - shifted.coordinates[has] * (-1, 1, 1)
    assert np.abs(offset).max() <= 1.5 + 1e-3
    assert VMHC.of_scan(odd_series(odd_domain()), odd_domain(), VMHC.settings()).warnings == ()


def test_what_cannot_be_is_refused():
    domain = odd_domain()
    series = odd_series(domain)
    with pytest.raises(InputError, match="fwhm must be 0 mm or more"):
        vmhc(series, domain, fwhm=-1)
    series[domain.left] = np.nan
    with pytest.raises(InputError, match=r"No place of .* usable series at its mirror position"):
        vmhc(series, domain)
