"""Preprocessed runs from files to clean series."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from commissure.inputs import read_scans
from commissure.inputs.confounds import FRISTON24
from commissure.inputs.confounds_tables import MOTION
from commissure.preprocessing import bandpass, friston24
from commissure.preprocessing.recipe import Recipe
from commissure.problems import InputError
from commissure.space.templates import analysis_grid, load_template
from commissure.study.participant.preprocessed import clean_scan
from tests.inputs.images import image

N, TRIM = 50, 4
RECIPE = Recipe(n_trim=TRIM, fwhm=0.0, padding="dpabi", simultaneous=False)


@pytest.fixture(scope="module")
def series():
    """Noise in the brain of the template, on the 4 mm grid."""
    brain = load_template(4).brain
    bold = np.zeros((*brain.shape, N), np.float32)
    bold[brain] = np.random.default_rng(0).normal(100, 2, (brain.sum(), N))
    return bold


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(1)
    columns = {name: np.cumsum(rng.normal(0, 0.01, N)) for name in MOTION}
    signals = {name: rng.normal(size=N) for name in ("csf", "white_matter", "global_signal")}
    flags = {f"non_steady_state_outlier{k:02d}": np.eye(N)[k] for k in range(2)}
    return pd.DataFrame(columns | signals | flags)


def write(root, series, table, space="MNI152NLin6Asym", flip_mask=True):
    stem = root / "sub-01/func/sub-01_task-rest"
    affine = analysis_grid(4)[1]
    image(root / f"{stem}_space-{space}_desc-preproc_bold.nii.gz", data=series, affine=affine)
    mask, mask_affine = (series[..., -1] > 0).astype(np.uint8), affine.copy()
    if flip_mask:
        mask_affine[0] *= -1
        mask = mask[::-1]
    image(root / f"{stem}_space-{space}_desc-brain_mask.nii.gz", data=mask, affine=mask_affine)
    table.to_csv(f"{stem}_desc-confounds_timeseries.tsv", sep="\t", index=False)
    return read_scans(root, n_trim=TRIM)[0]


def by_hand(series, columns):
    series = series[:, TRIM:].astype(float)
    design = np.column_stack([np.ones(N - TRIM), np.arange(N - TRIM), columns])
    left = series - (design @ np.linalg.lstsq(design, series.T, rcond=None)[0]).T
    return bandpass(left, 2.0, 0.01, 0.1, "dpabi")


def test_a_run_of_fmriprep_by_hand(tmp_path, series, table):
    scan = write(tmp_path, series, table)
    clean = clean_scan(scan, RECIPE)
    brain = load_template(4).brain
    np.testing.assert_array_equal(clean.mask, brain)
    kept = table.iloc[TRIM:]
    names = ["csf", "global_signal", "white_matter"]
    columns = np.column_stack([friston24(kept[list(MOTION)].to_numpy()), kept[names]])
    np.testing.assert_allclose(clean.series, by_hand(series[brain], columns), atol=1e-4)
    assert {*FRISTON24, *names, "framewise_displacement_jenkinson"} <= set(clean.confounds)
    assert clean.kept.all()
    without = clean_scan(scan, replace(RECIPE, global_signal=False))
    columns = np.delete(columns, 25, axis=1)
    np.testing.assert_allclose(without.series, by_hand(series[brain], columns), atol=1e-4)


def test_flagged_volumes_are_dropped_though_the_recipe_drops_fewer(tmp_path, series, table):
    scan = write(tmp_path, series, table)
    clean = clean_scan(scan, replace(RECIPE, n_trim=0))
    assert (clean.series.shape[1], clean.kept.all()) == (N - 2, True)


def test_priors_are_read_in_the_symmetric_space_only(tmp_path, series, table):
    recipe = replace(RECIPE, signals_from="priors")
    asymmetric = clean_scan(write(tmp_path / "a", series, table), recipe)
    np.testing.assert_array_equal(asymmetric.confounds["csf"], table["csf"][TRIM:])
    scan = write(tmp_path / "s", series, table, "MNI152NLin2009aSym")
    symmetric = clean_scan(scan, recipe)
    template = load_template(4)
    where = (template.csf > 0.7) & template.brain
    np.testing.assert_allclose(
        symmetric.confounds["csf"], series[where][:, TRIM:].mean(0, dtype=float), rtol=1e-6
    )
    more = clean_scan(scan, recipe, options={"wm_csf": "power2"})
    np.testing.assert_array_equal(more.confounds["csf_power2"], table["csf"][TRIM:] ** 2)


def test_a_regressed_stage_of_dpabi_is_only_filtered(tmp_path, series):
    image(tmp_path / "FunImgARWSDC/Sub_001/x.nii", data=series, affine=analysis_grid(4)[1])
    folder = tmp_path / "RealignParameter/Sub_001"
    folder.mkdir(parents=True)
    np.savetxt(folder / "rp_x.txt", np.zeros((N, 6)))
    (scan,) = read_scans(tmp_path)
    clean = clean_scan(scan, replace(RECIPE, fwhm=8.0))
    brain = load_template(4).brain
    before = series[brain].astype(float)
    trend = np.vander(np.arange(N), 2)
    before -= (trend @ np.linalg.lstsq(trend, before.T, rcond=None)[0]).T
    np.testing.assert_allclose(clean.series, bandpass(before, 2.0, 0.01, 0.1, "dpabi"), atol=1e-4)


def test_values_missing_outside_the_field_of_view_are_left_out(tmp_path, series, table):
    holes = series.copy()
    hole = np.argwhere(load_template(4).brain)[500]
    holes[tuple(hole)] = np.nan
    clean = clean_scan(write(tmp_path, holes, table), RECIPE)
    assert not clean.mask[tuple(hole)]
    assert clean.mask.sum() == load_template(4).brain.sum() - 1
    assert np.isfinite(clean.series).all()


def test_damaged_data_are_told(tmp_path, series, table):
    scan = write(tmp_path, series, table)
    whole = scan.bold.read_bytes()
    scan.bold.write_bytes(whole[:-500])
    with pytest.raises(InputError, match="damaged or cut short"):
        clean_scan(scan, RECIPE)
    scan.bold.write_bytes(whole)
    img = nib.load(scan.mask)
    image(scan.mask, data=np.zeros(img.shape, np.uint8), affine=img.affine)
    with pytest.raises(InputError, match="is empty"):
        clean_scan(scan, RECIPE)
