"""Regions and the means within them, against brute force."""

import nibabel as nib
import numpy as np
import pytest

from commissure import Domain
from commissure.clinical import mask_roi, roi_values, sphere_roi
from commissure.problems import InputError

AFFINE = np.array([[3.0, 0, 0, -15], [0, 3, 0, -12], [0, 0, 3, -9], [0, 0, 0, 1]])
SHAPE = (11, 9, 7)


def image(data, affine=AFFINE):
    img = nib.Nifti1Image(data.astype(np.float32), affine)
    img.set_sform(affine, 1)
    return img


@pytest.fixture(scope="module")
def domain():
    rng = np.random.default_rng(0)
    return Domain.from_mask(image(rng.random(SHAPE) < 0.8), name="grey matter")


def test_means(domain):
    maps = np.random.default_rng(1).normal(size=(5, domain.n_places))
    cluster = np.array([7, 3, 3, 50])
    label = np.arange(domain.n_places) % 4 == 0
    names = [f"sub-{i}" for i in range(5)]
    frame = roi_values(maps, {"cluster": cluster, "label": label}, names)
    assert frame.index.name == "participant_id"
    assert frame.index.tolist() == names
    for i in range(5):
        expected = (maps[i, 3] + maps[i, 7] + maps[i, 50]) / 3
        assert frame["cluster"].iloc[i] == pytest.approx(expected, rel=1e-14)
        expected = sum(maps[i, ::4]) / len(maps[i, ::4])
        assert frame["label"].iloc[i] == pytest.approx(expected, rel=1e-12)


def test_data_missing_elsewhere_does_not_matter(domain):
    maps = np.ones((2, domain.n_places))
    maps[1, 9] = np.nan
    assert roi_values(maps, {"roi": [1, 2]}, ["a", "b"])["roi"].tolist() == [1, 1]


def test_all_problems_are_told_together(domain):
    maps = np.ones((2, domain.n_places))
    maps[1, 9] = np.nan
    none = np.zeros(domain.n_places, bool)
    rois = {
        "gap": [8, 9], "none": none, "no index": np.array([], int), "far": [0, domain.n_places],
        "short": [True, False], "mm": [1.5], "negative": [-1, 2],
    }  # fmt: skip
    with pytest.raises(InputError) as error:
        roi_values(maps, rois, ["a", "b"])
    problems = error.value.problems
    assert len(problems) == len(rois)
    assert "gap has places without data in b" in problems[0]
    assert "none is empty" in problems[1]
    assert "no index is empty" in problems[2]
    assert f"places 0 to {domain.n_places}" in problems[3]
    assert "short has shape (2,)" in problems[4]
    assert "mm is of float64" in problems[5]
    assert "places -1 to 2" in problems[6]


def test_maps_and_names_must_agree(domain):
    with pytest.raises(InputError, match="3 participants need a row each"):
        roi_values(np.ones((2, 4)), {"roi": [0]}, ["a", "b", "c"])


@pytest.mark.parametrize(
    ("centre", "radius"), [((-6, 3, 0), 6), ((4.1, -2.2, 1), 5), ((0, 0, 0), 1)]
)
def test_sphere(domain, centre, radius):
    expected = [
        place
        for place, (x, y, z) in enumerate(domain.coordinates)
        if (x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2 <= radius**2 + 1e-9
    ]
    assert expected
    assert sphere_roi(domain, centre, radius).tolist() == expected


def test_a_sphere_outside_names_the_nearest_place(domain):
    nearest = domain.coordinates[np.linalg.norm(domain.coordinates - (90, 0, 0), axis=1).argmin()]
    with pytest.raises(InputError) as error:
        sphere_roi(domain, (90, 0, 0), 5)
    assert "No place of grey matter lies within 5 mm of (90, 0, 0)" in str(error.value)
    assert f"({nearest[0]:g}, {nearest[1]:g}, {nearest[2]:g})" in str(error.value)


@pytest.mark.parametrize(("centre", "radius"), [((1, 2), 3), ((1, 2, np.nan), 3), ((1, 2, 3), 0)])
def test_no_sphere(domain, centre, radius):
    with pytest.raises(InputError, match="A sphere needs x, y, z and a radius above 0"):
        sphere_roi(domain, centre, radius)


def test_mask_however_stored(domain):
    data = np.random.default_rng(2).random(SHAPE) < 0.1
    flipped = AFFINE @ np.array([[-1, 0, 0, 10], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    places = mask_roi(domain, image(data))
    expected = [p for p, voxel in enumerate(domain.voxels) if data[tuple(voxel)]]
    assert places.tolist() == expected
    np.testing.assert_array_equal(mask_roi(domain, image(data[::-1], flipped)), places)


def test_bad_masks(domain):
    empty = np.zeros(SHAPE)
    outside = np.zeros(SHAPE)
    outside[domain.index_of_voxel < 0] = 1
    labels = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    for data, message in (
        (empty, "the mask is empty"),
        (outside, "the mask does not overlap with grey matter"),
        (labels, "the mask is no mask"),
        (np.ones((4, 4, 4)), "is not on the grid of grey matter"),
    ):
        with pytest.raises(InputError, match=message):
            mask_roi(domain, image(data))
