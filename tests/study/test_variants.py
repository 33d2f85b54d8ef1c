"""Variants: the finding under other settings, such as the global signal left in."""

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from commissure.files.bids_names import of_variant
from commissure.report.files import write_report
from commissure.study.run import run_study
from tests.study.studies import (
    N_VOLUMES,
    SPACE,
    TR,
    Inline,
    begin_derivatives,
    domain,
    save_series,
    series_of,
    study_of,
    write_derivatives,
    write_participants,
)

N = 6
SECTION = "Does it depend on how the scans were cleaned?"


def write_fmriprep(folder):
    """Write runs whose global signal is strong, with their confounds, as fMRIPrep leaves them."""
    begin_derivatives(folder)
    for i in range(1, N + 1):
        rng = np.random.default_rng(1000 + i)
        shared = rng.standard_normal(N_VOLUMES)
        func = folder / f"sub-{i:02d}" / "func"
        stem = f"sub-{i:02d}_task-rest"
        image = func / f"{stem}_space-{SPACE}_desc-preproc_bold.nii.gz"
        save_series(1000 + 10 * (series_of(i) + shared), image)
        image.with_name(image.name.replace(".nii.gz", ".json")).write_text(
            json.dumps({"RepetitionTime": TR})
        )
        names = [f"{kind}_{axis}" for kind in ("trans", "rot") for axis in "xyz"]
        table = pd.DataFrame(rng.normal(0, 0.0005, (N_VOLUMES, 6)), columns=names)
        table["white_matter"], table["csf"] = rng.standard_normal((2, N_VOLUMES))
        table["global_signal"] = shared
        table.to_csv(func / f"{stem}_desc-confounds_timeseries.tsv", sep="\t", index=False)
    write_participants(folder, N)
    return folder


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    root = tmp_path_factory.mktemp("global")
    folder = write_fmriprep(root / "in")
    outs = {}
    for name, global_signal in (("regressed", True), ("left_in", False)):
        out = root / name
        changes = {
            "preprocessing": {
                "n_trim": 0,
                "fwhm": 0.0,
                "high": 0.24,
                "global_signal": global_signal,
            },
            "cfh": {"noise_floor": 0},
            "group": {"rois": ["putamen=sphere:-30,-2,10,20"]},
        }
        outcome = run_study(study_of(folder, out, changes), "all", Inline())
        assert not outcome.failed
        assert not outcome.group_problems
        outs[name] = out
    return outs


def maps(out):
    return sorted(out.glob("sub-*/func/*_stat-cfh_desc-clean_boldmap.nii.gz"))


def test_the_second_map_is_that_of_a_study_without_the_regression(both):
    for one, other in zip(maps(both["regressed"]), maps(both["left_in"]), strict=True):
        path = of_variant(one, "noGSR")
        second = nib.load(path).get_fdata()
        np.testing.assert_array_equal(second, nib.load(other).get_fdata())
        assert np.nanmax(np.abs(second - nib.load(one).get_fdata())) > 0.1
        about = json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text())
        (source,) = about["Sources"]
        assert (both["regressed"] / source.removeprefix("bids::")).is_file()
    assert not list(both["left_in"].rglob("*NoGSR*"))


def test_its_contrast_is_that_of_least_squares(both):
    group = both["regressed"] / "group"
    people = pd.read_csv(group / "participants.tsv", sep="\t")
    table = pd.read_csv(group / "variant_effects.tsv", sep="\t").set_index("region")
    assert set(table["variant"]) == {"noGSR"}
    for name, column in (("regressed", ""), ("left_in", "_variant")):
        means = [np.nanmean(domain().sample(nib.load(path))) for path in maps(both[name])]
        fitted = smf.ols("cfh ~ C(group) + age", people.assign(cfh=means)).fit()
        assert table.loc["whole map", f"t{column}"] == pytest.approx(
            fitted.tvalues.iloc[1], rel=1e-4
        )
        mean = table.loc["whole map", f"mean{column}"]
        assert mean == pytest.approx(np.mean(means), rel=1e-4)
    assert (table["df"] == N - 3).all()
    assert len(table) == 2
    (t_map,) = group.glob("*_stat-t_desc-noGSR_statmap.nii.gz")
    (other,) = (both["left_in"] / "group").glob("contrast-*_stat-t_statmap.nii.gz")
    np.testing.assert_allclose(
        nib.load(t_map).get_fdata(), nib.load(other).get_fdata(), rtol=1e-4, atol=1e-4
    )


def test_motion_by_place_is_set_beside_the_distance_of_partners(both):
    out = both["regressed"]
    paths = sorted(out.rglob("*_stat-cfhpartner_*.nii.gz"))
    assert len(paths) == N
    images = [nib.load(path) for path in paths]
    partners = np.mean([image.get_fdata() for image in images], axis=0)
    motion = nib.load(out / "group" / "stat-motion_statmap.nii.gz").get_fdata()
    inside = motion != 0
    places = nib.affines.apply_affine(images[0].affine, np.argwhere(inside))
    distances = [np.linalg.norm(image.get_fdata()[inside] - places, axis=1) for image in images]
    assert np.isfinite(partners[inside]).all()
    expected = stats.spearmanr(motion[inside], np.mean(distances, axis=0)).statistic
    table = pd.read_csv(out / "group" / "motion_places.tsv", sep="\t").set_index("model")
    assert table.loc["none", "rho_with_distance"] == pytest.approx(expected, abs=1e-4)


def test_the_report_shows_both_where_there_are_both(both):
    said = {"regressed": "and with the global signal left in", "left_in": "none differs from"}
    for name, words in said.items():
        page = write_report(both[name]).read_text()
        assert SECTION in page
        assert words in page


def test_variants_are_matched_as_the_study_is(tmp_path):
    """All runs cleaned with as many volumes, and matched to the least; theirs are not alike."""
    folder, out = write_fmriprep(tmp_path / "in"), tmp_path / "out"
    own = {"n_trim": 0, "fwhm": 0.0, "high": 0.24, "best_volumes": N_VOLUMES - 6}
    match = {"match": "rarefied", "match_draws": 2, "noise_floor": 0}
    changes = {"preprocessing": own, "cfh": match, "quality": {"least_df": 2}}
    outcome = run_study(study_of(folder, out, changes), "all", Inline())
    assert not outcome.failed
    quality = pd.read_csv(out / "quality.tsv", sep="\t")
    assert set(quality["n_volumes"]) == {N_VOLUMES - 6}
    assert quality["included"].all()
    least = quality["effective_df"].min()
    for path, df in zip(maps(out), quality["effective_df"], strict=True):
        for one in (path, of_variant(path, "noGSR")):
            about = json.loads(one.with_name(one.name.replace(".nii.gz", ".json")).read_text())
            assert about["Settings"]["match_df"] == pytest.approx(least, rel=1e-4)
            if one == path:
                assert ("MatchedDimensions" in about["Places"]) <= (df > least)
        assert np.isfinite(domain().sample(nib.load(path))).any()


def test_runs_that_came_clean_have_no_second_map(tmp_path):
    folder = write_derivatives(tmp_path / "in")
    study = study_of(folder, tmp_path / "out", {"cfh": {"noise_floor": 0}})
    assert [variant.label for variant in study.settings.variants] == ["noGSR"]
    assert run_study(study, "all", Inline()).group is not None
    assert not list((tmp_path / "out").rglob("*NoGSR*"))
    assert not (tmp_path / "out" / "group" / "variant_effects.tsv").exists()


def test_any_setting_of_the_cleaning_may_vary(tmp_path):
    """A variant's maps are, to the bit, those of a study whose own settings are the variant's."""
    folder = write_fmriprep(tmp_path / "in")
    own = {"n_trim": 0, "fwhm": 0.0, "high": 0.24}
    changes = {"preprocessing": own, "cfh": {"noise_floor": 0}}
    smooth = {"noGSR": False, "wide": {"preprocessing": {"fwhm": 14.0, "censor_mm": 2.0}}}
    run_study(study_of(folder, tmp_path / "a", changes | {"variants": smooth}), "all", Inline())
    changes["preprocessing"] = own | {"fwhm": 14.0, "censor_mm": 2.0}
    changes["variants"] = {"noGSR": False}
    run_study(study_of(folder, tmp_path / "b", changes), "all", Inline())
    for path in maps(tmp_path / "b"):
        own_map = tmp_path / "a" / path.relative_to(tmp_path / "b")
        first, second = (nib.load(p).get_fdata() for p in (of_variant(own_map, "wide"), path))
        np.testing.assert_array_equal(first, second)
        assert np.nanmax(np.abs(first - nib.load(own_map).get_fdata())) > 0.01
    methods = (tmp_path / "a" / "group" / "methods.md").read_text()
    assert "mapped with fwhm = 14.0, censor\\_mm = 2.0" in methods
