"""The noise floor: explicit surrogates, Monte Carlo of uncoupled data, and a real run."""

from itertools import permutations
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy import linalg, stats

from commissure import Domain, cfh
from commissure.measures import noise_floor
from commissure.measures.surrogates import nearest_rotation, phase_randomised
from commissure.preprocessing import apply_operator, cleaning_operator
from commissure.problems import InputError
from tests.conftest import ball_image
from tests.measures.brute_force import correlations, other_side

KINDS = ["rotation", "phase"]
EXAMPLE = Path(__file__).parents[2] / "examples/rapidtidetest/sub-RAPIDTIDETEST"


def random_space(n_volumes, n_dimensions, seed=0):
    """Return an orthonormal basis of a space of series without a mean."""
    vectors = np.random.default_rng(seed).standard_normal((n_volumes, n_dimensions))
    return linalg.orth(vectors - vectors.mean(axis=0))


def spectra(series):
    return np.abs(np.fft.rfft(series, axis=1))


@pytest.mark.parametrize("n_volumes", [40, 41])
def test_phase_randomisation_keeps_spectra_and_correlations(n_volumes):
    rng = np.random.default_rng(0)
    series = rng.standard_normal((7, n_volumes)) + 3
    surrogate = phase_randomised(series.T, rng).T
    np.testing.assert_allclose(spectra(surrogate), spectra(series), atol=1e-12)
    for lag in range(n_volumes):
        np.testing.assert_allclose(
            surrogate @ np.roll(surrogate, lag, axis=1).T,
            series @ np.roll(series, lag, axis=1).T,
            atol=1e-10,
        )


@pytest.mark.parametrize("n_volumes", [20, 21])
def test_phase_randomisation_uncouples(n_volumes):
    # Of a series and its surrogates, r has mean 0 and as much variance as the spectrum says: half
    # the sum of squared shares of power, of the highest frequency of an even length the whole.
    rng = np.random.default_rng(1)
    series = rng.standard_normal((1, n_volumes))
    series -= series.mean()
    series /= np.linalg.norm(series)
    r = np.array([(series @ phase_randomised(series.T, rng)).item() for _ in range(4000)])
    share = 2 * spectra(series)[0] ** 2 / n_volumes
    expected = np.sum(share**2) / 2
    if n_volumes % 2 == 0:
        share[-1] /= 2
        expected = np.sum(share[:-1] ** 2) / 2 + share[-1] ** 2
    assert abs(r.mean()) < 4 * np.sqrt(expected / 4000)
    assert r.var() == pytest.approx(expected, rel=0.1)


def test_nearest_rotation_is_the_best_of_all():
    rng = np.random.default_rng(0)
    x, m = rng.standard_normal((30, 6)), rng.standard_normal((6, 6))

    def likeness(rotation):
        return np.sum((x @ rotation @ x.T) * (x @ m @ x.T))

    best = nearest_rotation(m, x.T @ x)
    np.testing.assert_allclose(best @ best.T, np.eye(6), atol=1e-12)
    others = stats.ortho_group(6, seed=1).rvs(300)
    near = [best @ linalg.expm(0.01 * (a - a.T)) for a in rng.standard_normal((100, 6, 6))]
    assert max(map(likeness, [*others, *near])) < likeness(best)
    np.testing.assert_allclose(
        nearest_rotation(m), linalg.orthogonal_procrustes(np.eye(6), m)[0], atol=1e-12
    )


def explicit_floor(series, domain, kind, n_surrogates, seed):
    """Make each surrogate in full and read the largest correlations off the whole matrix."""
    rng = np.random.default_rng(seed)
    unit = series - series.mean(axis=1, keepdims=True)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    sides = np.concatenate([domain.left, domain.right])
    n_volumes = series.shape[1]
    z = []
    for _ in range(n_surrogates):
        phases = 2 * np.pi * rng.random(n_volumes // 2 + 1)
        phases[0] = 0
        phases[-1] = np.where(np.cos(phases[-1]) > 0, 0, np.pi)  # of an even number of volumes
        rotation = np.fft.irfft(np.fft.rfft(np.eye(n_volumes)) * np.exp(1j * phases), n_volumes).T
        if kind == "rotation":
            space = linalg.orth(unit[sides].T, rcond=1e-8)
            inner = unit[sides] @ space
            moment = inner.T @ inner
            u, _, v = linalg.svd(moment @ space.T @ rotation @ space @ moment)
            rotation = space @ u @ v @ space.T
        surrogate = unit.copy()
        surrogate[domain.right] = unit[domain.right] @ rotation.T
        for side in (domain.left, domain.right):
            np.testing.assert_allclose(
                correlations(surrogate[side]), correlations(series[side]), atol=1e-10
            )
        r = np.where(other_side(domain), correlations(surrogate), np.nan)
        z.append(np.arctanh(np.nanmax(r[sides], axis=1)))
    mean, sd = (np.full(domain.n_places, np.nan) for _ in range(2))
    mean[sides], sd[sides] = np.mean(z, axis=0), np.std(z, axis=0, ddof=1)
    return mean, sd


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_dimensions", [12, 39])
def test_equals_surrogates_made_in_full(domain, kind, n_dimensions):
    space = random_space(40, n_dimensions)
    rng = np.random.default_rng(0)
    series = rng.standard_normal((domain.n_places, n_dimensions)) @ space.T + 100
    for dtype, tolerance in (("float32", 1e-5), ("float64", 1e-9)):
        floor = noise_floor(series, domain, n_surrogates=3, surrogates=kind, seed=5, dtype=dtype)
        mean, sd = explicit_floor(series, domain, kind, 3, 5)
        np.testing.assert_allclose(floor.mean_z, mean, atol=tolerance)
        np.testing.assert_allclose(floor.sd_z, sd, atol=tolerance)


def test_in_whole_frequencies_of_equal_power_the_rotation_is_the_phase_randomisation():
    # On either side the cosines and sines of bins 3 to 6 of 40.
    t = np.arange(40)
    waves = [f(2 * np.pi * k * t / 40) for k in range(3, 7) for f in (np.cos, np.sin)]
    affine = np.diag([5.0, 5, 5, 1])
    affine[0, 3] = -2.5
    domain = Domain.from_mask(nib.Nifti1Image(np.ones((2, 8, 1), np.uint8), affine), 0)
    series = np.array([*waves, *waves])
    one, other = (noise_floor(series, domain, surrogates=kind, dtype="float64") for kind in KINDS)
    np.testing.assert_allclose(one.mean_z, other.mean_z, atol=1e-9)


def largest_of_independent_data(domain, space, n_times, seed=100):
    """Return the mean over the places of CFH of independent Gaussian series, each time."""
    rng = np.random.default_rng(seed)
    return [
        np.nanmean(cfh(rng.standard_normal((domain.n_places, space.shape[1])) @ space.T, domain).z)
        for _ in range(n_times)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_white_series_have_the_floor_of_independent_data(domain, kind):
    space = random_space(61, 60)
    expected = largest_of_independent_data(domain, space, 30)
    series = np.random.default_rng(0).standard_normal((domain.n_places, 61))
    floor = noise_floor(series, domain, surrogates=kind, n_surrogates=20)
    assert np.nanmean(floor.mean_z) == pytest.approx(np.mean(expected), abs=0.015)


def test_only_rotations_know_that_regression_has_taken_dimensions(domain):
    space = random_space(61, 30)
    expected = np.mean(largest_of_independent_data(domain, space, 30))
    series = np.random.default_rng(0).standard_normal((domain.n_places, 30)) @ space.T
    rotation, phase = (
        np.nanmean(noise_floor(series, domain, surrogates=kind).mean_z) for kind in KINDS
    )
    assert rotation == pytest.approx(expected, abs=0.015)
    assert phase < expected - 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_planted_coupling_rises_above_the_floor(domain, kind):
    rng = np.random.default_rng(0)
    series = rng.standard_normal((domain.n_places, 80))
    coupled = np.concatenate([domain.left[:3], domain.right[-3:]])
    series[coupled] += 1.5 * rng.standard_normal(80)
    excess = noise_floor(series, domain, surrogates=kind).excess(cfh(series, domain).z)
    alone = np.setdiff1d(np.concatenate([domain.left, domain.right]), coupled)
    assert excess[coupled].min() > 0.25
    assert abs(excess[alone].mean()) < 0.02


@pytest.mark.parametrize("n_regressors", [0, 15])
@pytest.mark.parametrize("preset", [{}, {"simultaneous": False, "padding": "dpabi"}], ids=str)
def test_floor_of_a_real_run_is_the_cfh_of_sides_of_different_time(n_regressors, preset):
    """The left of one half and the right of the other, forwards or backwards, are not coupled."""
    domain = Domain.from_mask(nib.load(f"{EXAMPLE}_desc-brain_mask.nii.gz"))
    run = domain.sample(nib.load(f"{EXAMPLE}_task-rest_desc-tiny_bold.nii.gz"))
    halves = [run[:, :120], run[:, 140:]]
    drifts = np.random.default_rng(0).standard_normal((120, n_regressors)).cumsum(axis=0)
    operator = cleaning_operator(drifts, tr=1.5, low=0.01, high=0.1, **preset)

    def clean(left, right):
        mixed = left.copy()
        mixed[domain.right] = right[domain.right]
        return apply_operator(mixed, operator)

    def median_r(z):
        return np.tanh(np.nanmedian(z))

    times = [*halves, *(half[:, ::-1] for half in halves)]
    uncoupled = np.mean([median_r(cfh(clean(*pair), domain).z) for pair in permutations(times, 2)])
    coupled = [clean(half, half) for half in halves]
    floor = np.mean([median_r(noise_floor(series, domain).mean_z) for series in coupled])
    assert floor == pytest.approx(uncoupled, abs=0.05)
    assert np.mean([median_r(cfh(series, domain).z) for series in coupled]) > uncoupled + 0.09


def test_places_left_out_have_no_floor(domain):
    series = np.random.default_rng(0).standard_normal((domain.n_places, 30))
    series[domain.left[2]] = 4
    series[domain.right[1], 3] = np.nan
    floor = noise_floor(series, domain, n_surrogates=3)
    has = cfh(series, domain).partner >= 0
    np.testing.assert_array_equal(np.isfinite(floor.mean_z), has)
    np.testing.assert_array_equal(np.isfinite(floor.sd_z), has)


def test_what_is_left_out_does_not_matter(domain):
    series = np.random.default_rng(0).standard_normal((domain.n_places, 30))
    series[domain.left[2]], series[domain.hemisphere == 0] = 4, 7
    one = noise_floor(series, domain, n_surrogates=3)
    series[domain.left[2]], series[domain.hemisphere == 0] = np.nan, np.inf
    other = noise_floor(series, domain, n_surrogates=3)
    np.testing.assert_array_equal(one.mean_z, other.mean_z)


@pytest.mark.parametrize("kind", KINDS)
def test_threads_do_not_matter_and_the_seed_does(kind):
    domain = Domain.from_mask(ball_image((21, 20, 19)))
    series = np.random.default_rng(0).standard_normal((domain.n_places, 50))
    options = {"surrogates": kind, "n_surrogates": 2}
    one, many = (noise_floor(series, domain, n_threads=n, **options) for n in (1, 3))
    np.testing.assert_array_equal(one.mean_z, many.mean_z)
    np.testing.assert_array_equal(one.sd_z, many.sd_z)
    other = noise_floor(series, domain, seed=1, **options)
    assert np.nanmax(np.abs(other.mean_z - one.mean_z)) > 0.01


def test_the_first_surrogates_are_the_same_however_many(domain):
    series = np.random.default_rng(0).standard_normal((domain.n_places, 30))
    two, three = (noise_floor(series, domain, n_surrogates=n) for n in (2, 3))
    half = two.sd_z / np.sqrt(2)
    third = 3 * three.mean_z - 2 * two.mean_z
    values = np.stack([two.mean_z - half, two.mean_z + half, third])
    np.testing.assert_allclose(values.std(axis=0, ddof=1), three.sd_z, atol=1e-9)


def test_fewer_places_than_dimensions_fall_back_on_phases():
    domain = Domain.from_mask(ball_image((5, 2, 2)), midline_mm=0)
    series = np.random.default_rng(0).standard_normal((domain.n_places, 60))
    rotation, phase = (noise_floor(series, domain, surrogates=kind) for kind in KINDS)
    np.testing.assert_array_equal(rotation.mean_z, phase.mean_z)


@pytest.mark.parametrize(
    "options",
    [{"n_surrogates": 1}, {"surrogates": "none"}, {"seed": -1}, {"dtype": "int8"}],
    ids=str,
)
def test_wrong_options_are_refused(domain, options):
    series = np.random.default_rng(0).standard_normal((domain.n_places, 30))
    with pytest.raises(InputError, match=next(iter(options))):
        noise_floor(series, domain, **options)
