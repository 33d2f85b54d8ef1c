"""The table of clusters, against counting voxel by voxel."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import ndimage

from commissure.inference.tables import cluster_table, find_peaks
from commissure.space.atlas import Atlas
from commissure.space.domain import Domain


@dataclass
class Cluster:
    sign: int
    places: np.ndarray


def domain_of(shape=(13, 14, 12), step=3.0, seed=0):
    rng = np.random.default_rng(seed)
    affine = np.diag([step, step, step, 1])
    affine[:3, 3] = -18, -20, -16
    inside = (rng.random(shape) < 0.9).astype(np.uint8)
    return Domain.from_mask(nib.Nifti1Image(inside, affine))


def smooth_map(domain, seed=1, sigma=1.0):
    noise = np.random.default_rng(seed).normal(size=domain.grid.shape)
    smooth = ndimage.gaussian_filter(noise, sigma)
    return (smooth / smooth.std())[tuple(domain.voxels.T)] * 2


def clusters_of(values, domain, threshold):
    """Return clusters by scipy, largest first."""
    found = []
    for sign in (1, -1):
        image = np.zeros(domain.grid.shape, bool)
        image[tuple(domain.voxels.T)] = sign * values > threshold
        labels, n = ndimage.label(image, ndimage.generate_binary_structure(3, 2))
        at = labels[tuple(domain.voxels.T)]
        found += [Cluster(sign, np.flatnonzero(at == k)) for k in range(1, n + 1)]
    return sorted(found, key=lambda c: -len(c.places))


def brute_force_peaks(heights, places, domain, n_peaks, apart):
    """Return peaks by looking at every pair of places."""
    position = dict(zip(places, domain.coordinates[places], strict=True))
    maxima = []
    for p in places:
        apart_by = np.abs(domain.coordinates[places] - position[p]) / domain.grid.affine[0, 0]
        touching = (apart_by.max(axis=1) < 1.5) & ((apart_by > 0.5).sum(axis=1) <= 2)
        if heights[places[touching]].max() <= heights[p]:
            maxima.append(p)
    kept = []
    for p in sorted(maxima, key=lambda p: (-heights[p], p)):
        if len(kept) < n_peaks and all(
            np.linalg.norm(position[p] - position[q]) >= apart - 1e-9 for q in kept
        ):
            kept.append(p)
    return kept


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rounded", [False, True])
def test_peaks_are_those_of_brute_force(seed, rounded):
    domain = domain_of(seed=seed)
    values = smooth_map(domain, seed)
    if rounded:  # plateaus and ties
        values = np.round(values)
    graph = domain.neighbours(18)
    n_found = 0
    for cluster in clusters_of(values, domain, 1.0)[:6]:
        heights = cluster.sign * values
        shuffled = np.random.default_rng(seed).permutation(cluster.places)
        for n_peaks, apart in ((3, 8.0), (10, 9.0), (10, 0.0)):
            expected = brute_force_peaks(heights, cluster.places, domain, n_peaks, apart)
            for places in (cluster.places, shuffled):
                assert (
                    find_peaks(heights, places, domain.coordinates, graph, n_peaks, apart)
                    == expected
                )
            n_found += len(expected)
    assert n_found > 20


def test_the_table_says_what_voxels_say():
    domain = domain_of()
    values = smooth_map(domain)
    clusters = clusters_of(values, domain, 1.5)[:8]
    p = {
        "p_corr_size": np.linspace(0.001, 1, len(clusters)),
        "p_corr_mass": np.linspace(0.002, 1, len(clusters)),
    }
    table = cluster_table(values, clusters, domain, p_corr=p)
    assert {c.sign for c in clusters} == {1, -1}
    heads = table[table.cluster.str.isdigit()].reset_index(drop=True)
    assert list(heads.cluster) == [str(i + 1) for i in range(len(clusters))]
    for i, cluster in enumerate(clusters):
        image = domain.to_image(values).get_fdata()
        of_cluster = np.zeros(domain.n_places)
        of_cluster[cluster.places] = 1
        inside = domain.to_image(of_cluster).get_fdata() > 0
        inside_values = np.where(inside, cluster.sign * image, -np.inf)
        voxel = np.unravel_index(inside_values.argmax(), image.shape)
        row = heads.loc[i]
        assert row.peak_t == image[voxel]
        assert_allclose(
            row[["x", "y", "z"]].astype(float),
            nib.affines.apply_affine(domain.template.affine, voxel),
        )
        assert row.voxels == inside.sum()
        assert row.mm3 == pytest.approx(inside.sum() * 27)
        assert row.direction == ("positive" if cluster.sign > 0 else "negative")
        assert (row.p_corr_size, row.p_corr_mass) == (p["p_corr_size"][i], p["p_corr_mass"][i])
    assert any("circular" in note for note in table.attrs["notes"])


def test_sub_peaks_follow_their_cluster_and_have_no_size():
    domain = domain_of()
    values = smooth_map(domain)
    clusters = clusters_of(values, domain, 0.5)[:3]
    table = cluster_table(values, clusters, domain, p_corr={"p_corr_size": [0.1, 0.2, 0.3]})
    assert list(table.cluster[:4]) == ["1", "1a", "1b", "2"]
    sub = table[table.cluster.str.endswith(("a", "b"))]
    assert sub[["voxels", "mm3", "p_corr_size"]].isna().all().all()
    for _, rows in table.groupby(table.cluster.str[0]):
        assert rows.peak_t.abs().is_monotonic_decreasing
        xyz = rows[["x", "y", "z"]].to_numpy()
        apart = np.linalg.norm(xyz[:, None] - xyz, axis=-1)
        assert (apart[~np.eye(len(xyz), dtype=bool)] >= 8 - 1e-9).all()


def test_labels_of_peak_and_extent():
    domain = domain_of()
    values = smooth_map(domain)
    left = (np.indices((20, 20, 20))[0] < 10).astype(np.int16)
    affine = np.diag([3.0, 3, 3, 1])
    affine[:3, 3] = -30
    atlas = Atlas.from_image(
        nib.Nifti1Image(np.where(left, 1, 2).astype(np.int16), affine),
        pd.DataFrame({"index": [1, 2], "name": ["Left half", "Right half"]}),
        name="halves",
        note="Licence of the halves.",
    )
    clusters = clusters_of(values, domain, 0.5)[:4]
    table = cluster_table(values, clusters, domain, atlas=atlas)
    assert table.attrs["notes"][-1] == "Licence of the halves."
    # The voxels' border lies at x = -1.5 mm.
    expected = np.where(table.x < -1.5, "Left half", "Right half")
    assert list(table.peak_label) == list(expected)
    heads = table[table.cluster.str.isdigit()]
    for cluster, text in zip(clusters, heads.extent_labels, strict=True):
        share = (domain.coordinates[cluster.places, 0] < -1.5).mean()
        expected = {"Left half": share, "Right half": 1 - share}
        assert set(text.split("; ")) == {
            f"{100 * part:.0f} % {name}" for name, part in expected.items() if part >= 0.05
        }


def test_no_clusters_make_an_empty_table_with_all_columns():
    domain = domain_of()
    table = cluster_table(np.zeros(domain.n_places), [], domain, p_corr={"p_corr_size": []})
    assert len(table) == 0
    assert list(table) == [
        "cluster",
        "direction",
        "peak_t",
        "x",
        "y",
        "z",
        "voxels",
        "mm3",
        "p_corr_size",
    ]


def test_f_has_no_direction():
    domain = domain_of()
    values = np.abs(smooth_map(domain))
    clusters = [c for c in clusters_of(values, domain, 2.0) if c.sign > 0]
    table = cluster_table(values, clusters, domain, statistic="F")
    assert "direction" not in table
    assert table.peak_F.max() == values.max()
