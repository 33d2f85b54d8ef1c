"""Is an effect really on one side? Maps less their mirror images, as secondary comparison."""

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from scipy import ndimage, stats

from commissure import Domain
from commissure.clinical import table1
from commissure.inference import design_matrix, permutation_test
from commissure.inputs.people import Participants
from commissure.problems import InputError
from commissure.settings.group import GroupSettings
from commissure.simulation import Effects, simulate_maps
from commissure.study.group.coverage import coverage_of
from commissure.study.group.findings import Inputs
from commissure.study.group.laterality import compared_sides, less_mirror
from commissure.study.group.maps import GroupMaps
from commissure.study.group.statistics import _relabelled
from commissure.study.run import run_study
from tests.study.studies import Inline, study_of, write_derivatives

CONTRAST = "group[patient] - group[control]"


def inputs_of(maps, domain, n_patients):
    n = len(maps)
    ids = [f"sub-{i:03d}" for i in range(n)]
    table = pd.DataFrame({"participant_id": ids})
    table["group"] = np.where(np.arange(n) < n_patients, "patient", "control")
    design = design_matrix("group", table, group="group")
    coverage, _ = coverage_of(maps, ids, domain)
    kept = GroupMaps(maps, domain, coverage, ("sub-1_stat-cfh_boldmap.nii.gz",) * n)
    summary = table1(table, "group", [])
    contrast = design.contrast(CONTRAST)
    return Inputs(Participants(table, ()), design, contrast, kept, None, {}, summary, None)


def compared(maps, domain, n_patients, regions=None, n_permutations=200, **more):
    """Compare sides by the settings of `recommended`."""
    settings = GroupSettings("group", CONTRAST, laterality="symmetric", **more)
    inputs = inputs_of(maps, domain, n_patients)

    def test(values, of, _what, spreads):
        return permutation_test(
            values,
            inputs.design,
            inputs.contrast,
            of,
            n_permutations=n_permutations,
            statistics=(),
            n_threads=1,
            **_relabelled(spreads, settings),
        )

    return compared_sides(inputs, settings, regions or {}, test)


def odd_domain(shape=(11, 9, 8), seed=0, share=0.7):
    """Voxels of 8 mm with holes, halves that differ and the midline."""
    mask = np.random.default_rng(seed).random(shape) < share
    affine = nib.affines.from_matvec(np.diag([8.0, 8, 8]), [-8.0 * (shape[0] // 2), -30, -30])
    return Domain.from_mask(nib.Nifti1Image(mask.astype(np.uint8), affine))


def test_each_place_less_the_one_at_its_mirror_position():
    domain = odd_domain()
    maps = np.random.default_rng(1).standard_normal((3, domain.n_places))
    less, has = less_mirror(maps, domain)
    at = {tuple(mm): place for place, mm in enumerate(domain.coordinates)}
    expected = np.full(domain.n_places, -1)
    for (x, y, z), place in at.items():
        if abs(x) > 3:
            expected[place] = at.get((-x, y, z), -1)
    np.testing.assert_array_equal(has, expected >= 0)
    np.testing.assert_array_equal(less[:, has], maps[:, has] - maps[:, expected[has]])
    assert 0 < has.sum() < (np.abs(domain.coordinates[:, 0]) > 3).sum()
    assert not less[:, ~has].any()


def test_its_t_is_that_of_the_differences_and_a_region_is_compared_with_its_own_mirror_image():
    domain = odd_domain()
    maps = np.random.default_rng(1).standard_normal((12, domain.n_places))
    x = domain.coordinates[:, 0]
    # On the right, with a few places beyond the midline.
    region = np.flatnonzero((x > -10) & (domain.coordinates[:, 1] > 0))
    found = compared(maps, domain, 6, {"region": region}, variance_groups="none")
    less, has = less_mirror(maps, domain)
    left = has & (x < -3)
    np.testing.assert_array_equal(found.domain.coordinates, domain.coordinates[left])
    expected = stats.ttest_ind(less[:6, left], less[6:, left]).statistic
    np.testing.assert_allclose(found.result.t, expected, rtol=1e-9)
    row = found.regions.set_index("region").loc["region"]
    own = region[has[region] & (x[region] > 3)]
    assert row["voxels"] == len(own) > 0
    means = less[:, own].mean(axis=1)
    assert row["t"] == pytest.approx(stats.ttest_ind(means[:6], means[6:]).statistic)
    assert row["mean"] == pytest.approx(means.mean())


@pytest.fixture(scope="module")
def without_effect():
    return simulate_maps(2, 15, 15, Effects(0.0), resolution_mm=8)


@pytest.mark.parametrize("lateral", [True, False])
def test_a_lateral_effect_is_told_from_a_bilateral_one(without_effect, lateral):
    """The same effect in CFH maps: at places of the left, or at their mirror places as well."""
    domain, maps = without_effect.domain, without_effect.maps.astype(float)
    x, y, z = domain.coordinates.T
    away = np.abs(x) if not lateral else -x
    affected = (np.abs(away - 28) < 10) & (np.abs(y) < 12) & (np.abs(z - 8) < 12)
    maps[:15, affected] += 2 * maps.std(axis=0).mean()
    putamen = np.flatnonzero(affected & (x < 0))
    assert stats.ttest_ind(maps[:15, putamen].mean(1), maps[15:, putamen].mean(1)).statistic > 4
    found = compared(maps, domain, 15, {"putamen": putamen})
    p = found.regions.set_index("region").loc["putamen", "p"]
    assert (p <= 0.01) == lateral
    assert (found.result.p_fwe.min() <= 0.05) == lateral


def null_maps(rng, domain, shared, n_patients, n):
    """Draw smooth maps whose halves share a part of what varies, as much as each group has."""
    maps = np.empty((n, domain.n_places))
    for scan in range(n):
        volume = ndimage.gaussian_filter(rng.standard_normal(domain.grid.shape), 1)
        both = ndimage.gaussian_filter(rng.standard_normal(domain.grid.shape), 1)
        share = shared[int(scan >= n_patients)]
        volume = np.sqrt(1 - share) * volume + np.sqrt(share / 2) * (both + both[::-1])
        maps[scan] = volume[tuple(domain.voxels.T)]
    return maps


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shared", "n_patients", "n"),
    [((0.5, 0.5), 12, 24), ((0.8, 0.2), 12, 24), ((0.2, 0.8), 8, 24)],
)
def test_without_a_lateral_effect_it_finds_one_in_one_study_of_twenty(shared, n_patients, n):
    """1,000 studies; groups may differ in how alike their halves are, which is no laterality."""
    rng, domain = np.random.default_rng(5), odd_domain((11, 6, 6), share=0.9)
    found = [
        compared(
            null_maps(rng, domain, shared, n_patients, n), domain, n_patients, n_permutations=100
        ).result.p_fwe.min()
        <= 0.05
        for _ in range(1000)
    ]
    print(f"{shared} {n_patients}: {np.mean(found):.3f}")  # noqa: T201
    low, high = stats.binom.ppf([0.001, 0.999], 1000, 0.05) / 1000
    assert low <= np.mean(found) <= high


def test_a_study_tells_it_as_secondary(tmp_path):
    rois = ["left=sphere:-30,-2,10,20"]
    changes = {"cfh": {"noise_floor": 0}, "group": {"laterality": "symmetric", "rois": rois}}
    folder = write_derivatives(tmp_path / "in")
    assert run_study(study_of(folder, tmp_path / "out", changes), "all", Inline()).group is not None
    group = tmp_path / "out" / "group"
    table = pd.read_csv(group / "secondary_regions.tsv", sep="\t")
    assert set(table["measure"]) == {"CFH less its mirror image"}
    assert list(table["region"]) == ["whole map", "left"]
    (path,) = group.glob("*_stat-t_measure-cfhlaterality_statmap.nii.gz")
    img = nib.load(path)
    x = nib.affines.apply_affine(img.affine, np.argwhere(img.get_fdata() != 0))[:, 0]
    assert (x < 0).all()
    assert (
        json.loads((group / "stats.json").read_text())["Secondary"][0]["Label"] == "cfhlaterality"
    )
    assert "the laterality of CFH" in (group / "methods.md").read_text()


def test_a_space_without_counterparts_is_refused_before_anything_is_computed(tmp_path):
    folder = write_derivatives(tmp_path / "in")
    for path in sorted(folder.rglob("*space-MNI152NLin2009aSym*")):
        path.rename(path.with_name(path.name.replace("2009aSym", "6Asym")))
    changes = {"cfh": {"noise_floor": 0}, "group": {"laterality": "symmetric"}}
    with pytest.raises(InputError, match=r"laterality compares .* MNI152NLin6Asym. Give"):
        run_study(study_of(folder, tmp_path / "out", changes), "all", Inline())
    assert not (tmp_path / "out").exists()
