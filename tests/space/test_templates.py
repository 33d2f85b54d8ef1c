import numpy as np
import pytest
from nibabel.affines import apply_affine
from nilearn.datasets import load_mni152_gm_template

from commissure.problems import InputError
from commissure.space.templates import RESOLUTIONS_MM, analysis_grid, load_template


def test_grid_at_3_mm_is_dpabis():
    shape, affine = analysis_grid(3)
    assert shape == (61, 73, 61)
    np.testing.assert_array_equal(apply_affine(affine, (0, 0, 0)), (-90, -126, -72))
    np.testing.assert_array_equal(apply_affine(affine, (60, 72, 60)), (90, 90, 108))


@pytest.mark.parametrize("resolution", RESOLUTIONS_MM)
def test_grid_mirrors_onto_itself(resolution):
    shape, affine = analysis_grid(resolution)
    x = apply_affine(affine, np.array([(i, 0, 0) for i in range(shape[0])]))[:, 0]
    np.testing.assert_array_equal(x, -x[::-1])
    assert 0 in x


@pytest.mark.parametrize("resolution", RESOLUTIONS_MM)
def test_template_is_symmetric_to_the_last_bit_and_read_only(resolution):
    template = load_template(resolution)
    for values in (template.t1w, template.brain, template.grey, template.white, template.csf):
        assert values.shape == analysis_grid(resolution)[0]
        np.testing.assert_array_equal(values, values[::-1])
        assert not values.flags.writeable


def test_tissues_fill_the_brain():
    template = load_template(1)
    total = template.grey + template.white + template.csf
    np.testing.assert_allclose(total[template.brain], 1, atol=1e-6)
    assert template.csf.min() >= 0
    assert not template.csf[~template.brain].any()


@pytest.mark.parametrize("resolution", [2, 3])
def test_coarse_values_are_means_over_the_voxel(resolution):
    fine = load_mni152_gm_template(resolution=1)
    values = fine.get_fdata()
    to_fine = np.linalg.inv(fine.affine)
    _, affine = analysis_grid(resolution)
    grey = load_template(resolution).grey
    # Sub-voxel centres, fine enough that each lies within one 1 mm voxel.
    offsets = (np.arange(6 * resolution) + 0.5) / 6 - resolution / 2
    cube = np.stack(np.meshgrid(offsets, offsets, offsets), axis=-1).reshape(-1, 3)
    rng = np.random.default_rng(0)
    inside = np.argwhere(grey > 0.1)
    for voxel in inside[rng.choice(len(inside), 20, replace=False)]:
        near = np.rint(apply_affine(to_fine, apply_affine(affine, voxel) + cube)).astype(int)
        assert grey[tuple(voxel)] == pytest.approx(values[tuple(near.T)].mean(), abs=1e-5)


def test_other_resolutions_are_refused():
    with pytest.raises(InputError, match="1, 2, 3, 4, 6 or 8 mm; it is 5"):
        load_template(5)
