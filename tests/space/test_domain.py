from itertools import product

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from commissure import Domain
from commissure.problems import InputError
from commissure.space import LEFT, NEITHER, RIGHT
from tests.conftest import ball_image, store_otherwise

STORAGES = list(product([(0, 1, 2), (2, 0, 1), (1, 0, 2)], [(1, 1, 1), (-1, 1, 1), (-1, -1, -1)]))


def oblique(angle=0.2):
    """Return a rotated grid around the origin."""
    img = ball_image()
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    return nib.Nifti1Image(np.asarray(img.dataobj), turn @ img.affine)


@pytest.mark.parametrize("image", [ball_image(), oblique()], ids=["plumb", "oblique"])
@pytest.mark.parametrize(("axes", "flips"), STORAGES)
def test_places_do_not_depend_on_storage(image, axes, flips):
    domain = Domain.from_mask(image)
    other = Domain.from_mask(store_otherwise(image, axes, flips))
    np.testing.assert_array_equal(other.coordinates, domain.coordinates)
    np.testing.assert_array_equal(other.hemisphere, domain.hemisphere)
    np.testing.assert_array_equal(other.mirror, domain.mirror)
    difference = other.neighbours(18) != domain.neighbours(18)
    assert difference.nnz == 0


def test_places_are_in_canonical_order():
    domain = Domain.from_mask(store_otherwise(ball_image(), (2, 0, 1), (-1, 1, -1)))
    order = np.lexsort(domain.coordinates.T[::-1])
    np.testing.assert_array_equal(order, np.arange(domain.n_places))


@pytest.mark.parametrize("image", [ball_image(), oblique()], ids=["plumb", "oblique"])
def test_coordinates_and_sides_are_those_of_the_affine(image):
    domain = Domain.from_mask(image, midline_mm=3)
    inside = np.argwhere(np.asarray(image.dataobj) > 0)
    mm = nib.affines.apply_affine(image.affine, inside)
    np.testing.assert_allclose(domain.coordinates, mm, atol=1e-4)
    expected = np.select([mm[:, 0] < -3.0005, mm[:, 0] > 3.0005], [LEFT, RIGHT], NEITHER)
    np.testing.assert_array_equal(domain.hemisphere, expected)


def test_midline_band_includes_its_edge():
    counts = [
        (Domain.from_mask(ball_image(), midline_mm=mm).hemisphere == NEITHER).sum()
        for mm in (0, 2.9, 3, 6)
    ]
    x = Domain.from_mask(ball_image()).coordinates[:, 0]
    assert counts == [(x == 0).sum(), (x == 0).sum(), (abs(x) <= 3).sum(), (abs(x) <= 6).sum()]


@pytest.mark.parametrize("connectivity", [6, 18, 26])
def test_neighbours_equal_a_structuring_element(connectivity):
    image = ball_image()
    domain = Domain.from_mask(image)
    mask = np.asarray(image.dataobj) > 0
    element = ndimage.generate_binary_structure(3, {6: 1, 18: 2, 26: 3}[connectivity])
    graph = domain.neighbours(connectivity)
    for place in range(0, domain.n_places, 7):
        seed = np.zeros_like(mask)
        seed[tuple(domain.voxels[place])] = True
        around = ndimage.binary_dilation(seed, element) & mask & ~seed
        found = graph.indices[graph.indptr[place] : graph.indptr[place + 1]]
        np.testing.assert_array_equal(found, domain.index_of_voxel[around])


def test_mirror_is_the_place_across():
    domain = Domain.from_mask(ball_image())
    np.testing.assert_array_equal(
        domain.coordinates[domain.mirror], domain.coordinates * (-1, 1, 1)
    )


def test_mirror_is_minus_one_outside():
    image = ball_image()
    data = np.asarray(image.dataobj).copy()
    lost = tuple(np.argwhere(data)[0])
    data[lost] = 0
    domain = Domain.from_mask(nib.Nifti1Image(data, image.affine))
    lost_mm = nib.affines.apply_affine(image.affine, lost)
    across = np.flatnonzero((domain.coordinates == lost_mm * (-1, 1, 1)).all(axis=1))
    np.testing.assert_array_equal(np.flatnonzero(domain.mirror < 0), across)


@pytest.mark.parametrize("shape", [(), (4,)])
def test_sample_undoes_to_image(domain, shape):
    values = np.random.default_rng(0).standard_normal((domain.n_places, *shape))
    img = domain.to_image(values, fill=-1)
    assert img.shape[:3] == ball_image().shape
    np.testing.assert_array_equal(domain.sample(img), values)
    outside = np.asarray(ball_image().dataobj) == 0
    np.testing.assert_array_equal(np.asarray(img.dataobj)[outside], -1)


def test_images_keep_the_storage_of_the_mask():
    stored = store_otherwise(ball_image(), (2, 0, 1), (-1, 1, 1))
    stored.set_qform(stored.affine, 4)
    stored.set_sform(stored.affine, 4)
    img = Domain.from_mask(stored).to_image(np.ones(int(np.sum(stored.dataobj))))
    np.testing.assert_array_equal(img.affine, stored.affine)
    np.testing.assert_array_equal(np.asarray(img.dataobj), np.asarray(stored.dataobj))
    assert (img.header["sform_code"], img.header["qform_code"]) == (4, 4)


def test_restriction_keeps_order_and_neighbours(domain):
    keep = np.random.default_rng(0).random(domain.n_places) < 0.6
    part = domain.restrict(keep)
    np.testing.assert_array_equal(part.coordinates, domain.coordinates[keep])
    difference = part.neighbours(18) != domain.neighbours(18)[keep][:, keep]
    assert difference.nnz == 0
    values = np.arange(part.n_places) + 1.0
    np.testing.assert_array_equal(part.sample(part.to_image(values)), values)
    np.testing.assert_array_equal(domain.sample(part.to_image(values))[~keep], 0)


def test_wrong_number_of_values_is_refused(domain):
    with pytest.raises(ValueError, match="places"):
        domain.to_image(np.ones(3))


def test_another_grid_is_refused_naming_both(domain, tmp_path):
    nib.save(ball_image(step=4.0), tmp_path / "other.nii.gz")
    with pytest.raises(InputError, match=r"other\.nii\.gz is not on the grid of the mask: .* 4 x"):
        domain.sample(nib.load(tmp_path / "other.nii.gz"))


def flat(data):
    header = nib.Nifti1Header()
    header["sform_code"] = 1
    header["srow_y"], header["srow_z"] = (0, 2, 0, 0), (0, 0, 2, 0)
    return nib.Nifti1Image(data, None, header)


def changed(change):
    img = ball_image()
    img.header.set_data_dtype(np.float64)
    return change(img, np.asarray(img.dataobj).astype(float))


BAD_MASKS = {
    "empty": (lambda i, d: nib.Nifti1Image(d * 0, i.affine), "empty"),
    "one side": (lambda i, d: nib.Nifti1Image(d, i.affine + [[0, 0, 0, 99]] * 1), "left"),
    "not a mask": (lambda i, d: nib.Nifti1Image(d * np.indices(d.shape)[0], i.affine), "no mask"),
    "not finite": (lambda i, d: nib.Nifti1Image(np.where(d, np.nan, 0), i.affine), "finite"),
    "four-dimensional": (lambda i, d: nib.Nifti1Image(np.stack([d, d], -1), i.affine), "dimens"),
    "singular": (lambda i, d: flat(d), "no usable affine"),
    "not NIfTI": (lambda i, d: nib.MGHImage(d.astype(np.float32), i.affine), "NIfTI"),
}


@pytest.mark.parametrize(("change", "message"), BAD_MASKS.values(), ids=BAD_MASKS)
def test_bad_masks_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        Domain.from_mask(changed(change))


def test_probability_maps_need_a_threshold():
    img = ball_image()
    probability = nib.Nifti1Image(
        np.asarray(img.dataobj) * np.linspace(0, 1, img.shape[0])[:, None, None], img.affine
    )
    domain = Domain.from_mask(probability, threshold=0.2)
    assert domain.n_places == (np.asarray(probability.dataobj) > 0.2).sum()


def test_header_without_orientation_is_refused(tmp_path):
    img = ball_image()
    img.set_sform(None, code=0)
    img.set_qform(None, code=0)
    nib.save(img, tmp_path / "mask.nii")
    with pytest.raises(InputError, match=r"mask\.nii has neither an sform nor a qform"):
        Domain.from_mask(nib.load(tmp_path / "mask.nii"))


def test_header_that_contradicts_itself_is_refused():
    img = ball_image()
    img.set_qform(np.diag([-1, 1, 1, 1]) @ img.affine, code=1)
    with pytest.raises(InputError, match="disagree about which side is left"):
        Domain.from_mask(img)


@pytest.mark.parametrize("connectivity", [0, 8])
def test_unknown_connectivity_is_refused(domain, connectivity):
    with pytest.raises(InputError, match="6, 18 or 26"):
        domain.neighbours(connectivity)


@pytest.mark.parametrize("midline_mm", [-1, np.nan])
def test_impossible_midline_is_refused(midline_mm):
    with pytest.raises(InputError, match="midline_mm"):
        Domain.from_mask(ball_image(), midline_mm=midline_mm)
