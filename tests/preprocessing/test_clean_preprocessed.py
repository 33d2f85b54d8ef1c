"""The second half of the recipe alone, against each step done by other means."""

from dataclasses import replace

import numpy as np
import pytest
from nibabel import Nifti1Image
from nilearn.image import smooth_img
from scipy.ndimage import map_coordinates

from commissure.preprocessing import bandpass, motion_matrices
from commissure.preprocessing.clean_preprocessed import (
    VariantRegressors,
    clean_preprocessed,
    template_on,
)
from commissure.preprocessing.recipe import Recipe
from commissure.problems import InputError
from commissure.space.templates import analysis_grid, load_template

N, TR = 60, 2.0
AFFINE = np.array([[-4.0, 0, 0, 40], [0, 4, 0, -60], [0, 0, 4, -30], [0, 0, 0, 1]])
SHAPE = (20, 22, 18)
RECIPE = Recipe(padding="dpabi", simultaneous=False)


@pytest.fixture
def run():
    rng = np.random.default_rng(0)
    bold = rng.normal(100, 3, (*SHAPE, N)).astype(np.float32)
    mask = np.zeros(SHAPE, bool)
    mask[3:-3, 3:-3, 3:-3] = True
    regressors = {f"r{k}": rng.normal(size=N) for k in range(5)}
    fd = np.abs(rng.normal(0, 0.1, N))
    motion = motion_matrices(rng.normal(0, 0.01, (N, 6)))
    return {
        "bold": bold,
        "affine": AFFINE,
        "tr": TR,
        "mask": mask,
        "regressors": regressors,
        "confounds": {"framewise_displacement": fd},
        "motion": motion,
    }


def regressed(series, columns):
    """Residuals by least squares on a constant, a trend and the columns."""
    design = np.column_stack([np.ones(N), np.arange(N), *columns])
    return series - (design @ np.linalg.lstsq(design, series.T, rcond=None)[0]).T


def test_smoothing_regression_and_filter_one_after_the_other(run):
    clean = clean_preprocessed(**run, recipe=RECIPE)
    smoothed = smooth_img(Nifti1Image(run["bold"], AFFINE), 4.0).get_fdata()[run["mask"]]
    np.testing.assert_allclose(clean.before, smoothed, atol=1e-3)
    stepwise = bandpass(
        regressed(clean.before.astype(float), run["regressors"].values()), TR, 0.01, 0.1, "dpabi"
    )
    np.testing.assert_allclose(clean.series, stepwise, atol=1e-4)
    assert clean.kept.all()
    assert set(clean.confounds) == {"framewise_displacement", *run["regressors"], "dvars"}
    image = run["bold"][run["mask"]].astype(float)
    np.testing.assert_allclose(clean.tsnr, image.mean(1) / image.std(1), rtol=1e-5)


def test_variants_are_what_their_recipes_alone_would_make(run):
    shared = np.random.default_rng(1).normal(size=N)
    both = run | {"regressors": run["regressors"] | {"global_signal": shared}}
    others = {"fwhm": replace(RECIPE, fwhm=9.0), "high": replace(RECIPE, high=0.08)}
    variants = {"left": VariantRegressors(RECIPE, run["regressors"])}
    variants |= {name: VariantRegressors(of, both["regressors"]) for name, of in others.items()}
    clean = clean_preprocessed(**both, recipe=RECIPE, variants=variants)
    alone = {"left": clean_preprocessed(**run, recipe=RECIPE)}
    alone |= {name: clean_preprocessed(**both, recipe=of) for name, of in others.items()}
    own = clean_preprocessed(**both, recipe=RECIPE)
    np.testing.assert_array_equal(clean.series, own.series)
    np.testing.assert_array_equal(clean.before, own.before)
    for name, made in clean.variants.items():
        np.testing.assert_array_equal(made.series, alone[name].series)
        assert made.effective_df == alone[name].effective_df
        assert np.abs(made.series - clean.series).max() > 0.1
    assert own.variants == {}


def test_what_is_done_is_not_done_again(run):
    clean = clean_preprocessed(**run, recipe=RECIPE, done={"smoothing", "filter"})
    image = run["bold"][run["mask"]].astype(float)
    np.testing.assert_array_equal(clean.before, run["bold"][run["mask"]])
    np.testing.assert_allclose(
        clean.series, regressed(image, run["regressors"].values()), atol=1e-4
    )
    assert clean.nominal_df == pytest.approx(N - 2 - 5)
    assert clean.effective_df == pytest.approx(N - 2 - 5, rel=0.03)
    none = clean_preprocessed(**run, recipe=replace(RECIPE, fwhm=0.0), done={"filter"})
    np.testing.assert_array_equal(none.series, clean.series)


def test_as_many_volumes_are_kept_of_every_run_those_that_moved_least(run):
    displacement = run["confounds"]["framewise_displacement"]
    only = np.arange(N) % 7 != 0
    recipe = replace(RECIPE, best_volumes=40)
    for kept in (None, only):
        clean = clean_preprocessed(**run, recipe=recipe, kept=kept)
        may = range(N) if kept is None else np.flatnonzero(kept)
        expected = sorted(sorted(may, key=lambda i: (displacement[i], i))[:40])
        np.testing.assert_array_equal(np.flatnonzero(clean.kept), expected)
        assert clean.series.shape[1] == 40
    # A run that has no more keeps what it has.
    few = np.arange(N) < 38
    assert clean_preprocessed(**run, recipe=recipe, kept=few).kept.sum() == 38


def test_volumes_left_out_take_no_part(run):
    recipe = replace(RECIPE, censor_mm=0.15)
    kept = np.ones(N, bool)
    kept[[3, 40]] = False
    clean = clean_preprocessed(**run, recipe=recipe, kept=kept)
    moved = run["confounds"]["framewise_displacement"] > 0.15
    np.testing.assert_array_equal(clean.kept, kept & ~moved)
    assert clean.series.shape == (run["mask"].sum(), clean.kept.sum())
    changed = run["bold"].copy()
    changed[..., ~clean.kept] += 50
    again = clean_preprocessed(**run | {"bold": changed}, recipe=recipe, kept=kept)
    np.testing.assert_array_equal(clean.series, again.series)


def test_without_a_filter_censored_volumes_are_cut_out(run):
    kept = np.ones(N, bool)
    kept[[0, 7]] = False
    recipe = replace(RECIPE, fwhm=0.0)
    clean = clean_preprocessed(**run, recipe=recipe, kept=kept, done={"filter"})
    columns = [column[kept] for column in run["regressors"].values()]
    design = np.column_stack([np.ones(N - 2), np.flatnonzero(kept), *columns])
    series = run["bold"][run["mask"]][:, kept].astype(float)
    left = series - (design @ np.linalg.lstsq(design, series.T, rcond=None)[0]).T
    np.testing.assert_allclose(clean.series, left, atol=1e-4)


def test_without_a_mask_where_series_vary_and_never_where_they_are_not_finite(run):
    bold = run["bold"].copy()
    bold[0] = 7
    bold[1, 1, 1, 5] = np.nan
    clean = clean_preprocessed(**run | {"bold": bold, "mask": None}, recipe=RECIPE)
    expected = np.ones(SHAPE, bool)
    expected[0] = expected[1, 1, 1] = False
    np.testing.assert_array_equal(clean.mask, expected)
    assert np.isfinite(clean.series).all()


def test_threads_change_nothing(run):
    one, two = (clean_preprocessed(**run, recipe=RECIPE, n_threads=n).series for n in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_signals_where_the_priors_are_high(run):
    shape, affine = analysis_grid(4)
    template = load_template(4)
    rng = np.random.default_rng(1)
    waves = rng.normal(size=(3, N))
    bold = np.full((*shape, N), 100.0)
    for tissue, wave in zip(
        (template.white > 0.9, template.csf > 0.7, template.brain), waves, strict=True
    ):
        bold[tissue] += wave
    moving = {"bold": bold, "affine": affine, "mask": template.brain}
    names = ("white_matter", "csf", "global_signal")
    recipe = replace(RECIPE, fwhm=0.0)
    clean = clean_preprocessed(**run | moving, recipe=recipe, template=template, signals=names)
    for name, where in zip(
        names, (template.white > 0.9, template.csf > 0.7, template.brain), strict=True
    ):
        expected = bold[where & template.brain].mean(axis=0)
        np.testing.assert_allclose(clean.confounds[name], expected, rtol=1e-6)
    assert np.abs(clean.series).max() < 1e-3
    grey = np.stack([template.grey, template.white, template.csf])[:, template.brain].argmax(0)
    np.testing.assert_array_equal(clean.tissue, grey)
    with pytest.raises(InputError, match="without a template"):
        clean_preprocessed(**run | moving, recipe=recipe, signals=names)
    edge = {"mask": template.brain & (template.white < 0.5)}
    with pytest.raises(InputError, match="white_matter has fewer"):
        clean_preprocessed(
            **run | moving | edge, recipe=recipe, template=template, signals=("white_matter",)
        )


def test_the_template_on_other_grids():
    shape, affine = analysis_grid(3)
    assert template_on(shape, affine) is load_template(3)
    flip = np.diag([-1.0, 1, 1, 1])
    flip[0, 3] = shape[0] - 1
    flipped = template_on(shape, affine @ flip)
    np.testing.assert_allclose(flipped.white, load_template(3).white[::-1], atol=1e-4)
    other = template_on((30, 40, 30), np.diag([4.2, 4.2, 4.2, 1.0]))
    at = (np.array([2, 10, 8]) * 4.2 - analysis_grid(4)[1][:3, 3]) / 4
    expected = map_coordinates(load_template(4).grey, at[:, None], order=1)[0]
    assert other.grey[2, 10, 8] == pytest.approx(expected, abs=1e-4)


def test_parts_that_do_not_fit(run):
    with pytest.raises(InputError, match="60 volumes, and its confounds have 59, 60 rows"):
        clean_preprocessed(
            **run | {"confounds": {"framewise_displacement": np.zeros(59)}}, recipe=RECIPE
        )
    with pytest.raises(InputError, match="Only 0 voxels"):
        clean_preprocessed(**run | {"mask": np.zeros(SHAPE, bool)}, recipe=RECIPE)
