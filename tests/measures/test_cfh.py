import errno
import io

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commissure import Domain, cfh
from commissure.problems import InputError
from tests.conftest import DATA, ball_image, store_otherwise
from tests.measures.brute_force import check_against, correlations

TOLERANCE = {"float32": 1e-6, "float64": 1e-12}
DTYPES = sorted(TOLERANCE)


def smooth_series(domain, n_volumes, seed=0):
    """Return series with a few strong shared components, as brains have."""
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((domain.n_places, 5)) @ rng.standard_normal((5, n_volumes))
    return shared + rng.standard_normal((domain.n_places, n_volumes)) + 100


def band_limited(series, keep):
    spectrum = np.fft.rfft(series, axis=1)
    spectrum[:, keep:] = 0
    return np.fft.irfft(spectrum, series.shape[1], axis=1)


def two_columns(n_left, n_right):
    """Return a domain with so many places on either side."""
    mask = np.zeros((3, max(n_left, n_right), 1), np.uint8)
    mask[0, :n_left] = mask[2, :n_right] = 1
    affine = np.diag([5.0, 5, 5, 1])
    affine[0, 3] = -5
    return Domain.from_mask(nib.Nifti1Image(mask, affine))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("keep", [None, 12])
def test_equals_brute_force(domain, dtype, keep):
    series = smooth_series(domain, 60)
    if keep is not None:
        series = band_limited(series, keep)
    result = cfh(series, domain, dtype=dtype)
    assert result.r.dtype == dtype
    check_against(correlations(series), result.r, result.partner, domain, TOLERANCE[dtype])
    has = result.partner >= 0
    np.testing.assert_allclose(result.z[has], np.arctanh(result.r[has].astype(float)), rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_series_outside_the_common_band_is_not_lost(domain, dtype):
    # 1,000 series span 11 dimensions; two, not in the sample the basis is found from, are white.
    domain = Domain.from_mask(ball_image((21, 20, 19)))
    series = band_limited(smooth_series(domain, 24), 6)
    odd = [domain.left[1], domain.right[1]]
    series[odd] = np.random.default_rng(1).standard_normal(24)
    result = cfh(series, domain, dtype=dtype)
    check_against(correlations(series), result.r, result.partner, domain, TOLERANCE[dtype])
    assert result.partner[odd[0]] == odd[1]


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=60, deadline=None)
@given(
    n_left=st.integers(1, 30),
    n_right=st.integers(1, 30),
    n_volumes=st.integers(3, 12),
    seed=st.integers(0, 2**32 - 1),
    share_constant=st.sampled_from([0, 0.2]),
    share_nan=st.sampled_from([0, 0.2]),
    share_copied=st.sampled_from([0, 0.5]),
)
def test_any_input_equals_brute_force(
    dtype, n_left, n_right, n_volumes, seed, share_constant, share_nan, share_copied
):
    rng = np.random.default_rng(seed)
    domain = two_columns(n_left, n_right)
    series = rng.standard_normal((n_left + n_right, n_volumes)) * 3 + rng.normal(scale=50)
    copied = rng.random(len(series)) < share_copied
    series[copied] = series[rng.integers(0, len(series), copied.sum())]
    series[rng.random(len(series)) < share_constant] = 0.1
    series[rng.random(len(series)) < share_nan, rng.integers(n_volumes)] = np.nan
    series[0], series[-1] = rng.standard_normal((2, n_volumes))
    result = cfh(series, domain, dtype=dtype)
    check_against(correlations(series), result.r, result.partner, domain, TOLERANCE[dtype])


def blocks_of_a_task(rng, n_places):
    series = np.tile(rng.choice([-1.0, 1.0], 1200), (n_places, 1))
    return np.where(rng.random(series.shape) < 0.05, -series, series)


HARD = {
    "long and much alike": lambda rng, n: rng.normal(size=1200) + rng.normal(0, 0.1, (n, 1200)),
    "two values": blocks_of_a_task,
    "drifts": lambda rng, n: np.cumsum(rng.normal(size=(n, 1200)), axis=1),
    "a few volumes are all": lambda rng, n: np.exp(6 * rng.normal(size=(n, 220))),
    "small on a huge mean": lambda rng, n: 1e7 + rng.normal(0, 0.01, (n, 220)),
    "scales far apart": lambda rng, n: (
        rng.normal(size=(n, 220)) * 10.0 ** rng.integers(-150, 150, (n, 1))
    ),
    "few dimensions": lambda rng, n: rng.normal(size=(n, 5)) @ rng.normal(size=(5, 220)),
    "three volumes": lambda rng, n: rng.normal(size=(n, 3)),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", HARD)
def test_hard_series_equal_brute_force(domain, dtype, kind):
    series = HARD[kind](np.random.default_rng(0), domain.n_places)
    result = cfh(series, domain, dtype=dtype)
    check_against(correlations(series), result.r, result.partner, domain, TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [1e-320, 1e-290, 1e290, 1.7e308])
def test_extreme_sizes_are_exact_or_left_out(domain, dtype, scale):
    series = np.random.default_rng(0).uniform(-1, 1, (domain.n_places, 30))
    extreme = [*domain.left[:4], *domain.right[:4]]
    series[extreme] *= scale
    result = cfh(series, domain, dtype=dtype)
    if scale in (1e-320, 1.7e308):
        told = result.constant if scale < 1 else result.nonfinite
        assert list(np.flatnonzero(told)) == sorted(extreme)
        series[extreme] = np.nan
    else:
        series[extreme] /= scale
    check_against(correlations(series), result.r, result.partner, domain, TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_copy_counts_as_duplicate_and_the_first_is_the_partner(domain, dtype):
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 4, domain.n_places)
    result = cfh((10 + rng.normal(size=(4, 1200)))[kinds], domain, dtype=dtype)
    for side, other in ((domain.left, domain.right), (domain.right, domain.left)):
        first = [other[np.flatnonzero(kinds[other] == kind)[0]] for kind in kinds[side]]
        np.testing.assert_array_equal(result.partner[side], first)
        assert result.duplicate[side].all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_group_partner_is_the_largest_sum_of_r(domain, dtype):
    scans = [smooth_series(domain, n, seed=n) for n in (30, 41, 30)]
    results = cfh(scans, domain, partner="group", dtype=dtype)
    matrices = [correlations(series) for series in scans]
    total = np.sum(matrices, axis=0)
    partner = results[0].partner
    has = np.flatnonzero(partner >= 0)
    sums = np.full(domain.n_places, np.nan)
    sums[has] = total[has, partner[has]]
    check_against(total, sums, partner, domain, 3 * TOLERANCE[dtype])
    for result, r in zip(results, matrices, strict=True):
        np.testing.assert_array_equal(result.partner, partner)
        np.testing.assert_allclose(
            result.r[has], r[has, partner[has]], atol=TOLERANCE[dtype], rtol=0
        )


def test_group_leaves_out_what_any_scan_lacks(domain):
    scans = [smooth_series(domain, 20, seed=n) for n in (1, 2)]
    scans[0][domain.left[0]] = 7
    scans[1][domain.right[3], 4] = np.inf
    for result in cfh(scans, domain, partner="group"):
        assert np.isnan(result.r[[domain.left[0], domain.right[3]]]).all()
        assert not np.isin(result.partner, [domain.left[0], domain.right[3]]).any()
        assert result.constant.sum() == 1
        assert result.nonfinite.sum() == 1


def test_group_on_disk_is_the_same(domain):
    scans = [smooth_series(domain, 20, seed=n) for n in (1, 2)]
    in_memory = cfh(scans, domain, partner="group")
    on_disk = cfh(scans, domain, partner="group", max_memory=1)
    for a, b in zip(in_memory, on_disk, strict=True):
        np.testing.assert_array_equal(a.r, b.r)


class FullDisk(io.FileIO):
    """A file on a disk that has room for holes only."""

    def write(self, data):
        if len(data) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_full_disk_is_an_error(domain, monkeypatch, tmp_path):
    # A map of a file with holes would end the process when they are filled.
    monkeypatch.setattr("tempfile.TemporaryFile", lambda: FullDisk(tmp_path / "spool", "w+"))
    with pytest.raises(OSError, match="No space left"):
        cfh([smooth_series(domain, 20)], domain, partner="group", max_memory=1)


def test_group_reproduces_the_authors_code():
    domain = Domain.from_mask(nib.load(DATA / "cfh/mask.nii.gz"), midline_mm=6)
    numbers = range(1, 5)
    scans = [domain.sample(nib.load(DATA / f"cfh/sub0{n}_func.nii.gz")) for n in numbers]
    for n, result in zip(numbers, cfh(scans, domain, partner="group"), strict=True):
        theirs = domain.sample(nib.load(DATA / f"cfh/zsub0{n}_CFH.nii.gz"))
        has = result.partner >= 0
        assert has.sum() == 2200
        np.testing.assert_allclose(result.z[has], theirs[has], atol=1e-6, rtol=0)
        np.testing.assert_array_equal(theirs[~has], 0)


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
@pytest.mark.parametrize("flips", [(-1, 1, 1), (1, -1, -1), (-1, -1, 1)])
def test_storage_does_not_matter(axes, flips):
    mask = ball_image()
    domain = Domain.from_mask(mask)
    scan = domain.to_image(smooth_series(domain, 15))
    other = Domain.from_mask(store_otherwise(mask, axes, flips))
    result = cfh(domain.sample(scan), domain)
    stored = cfh(other.sample(store_otherwise(scan, axes, flips)), other)
    np.testing.assert_array_equal(stored.r, result.r)
    np.testing.assert_array_equal(stored.partner, result.partner)
    back = domain.sample(other.to_image(stored.r))
    np.testing.assert_array_equal(back, result.r)


def test_threads_do_not_matter(domain):
    series = smooth_series(domain, 30)
    one, many = (cfh(series, domain, n_threads=n) for n in (1, 4))
    np.testing.assert_array_equal(one.r, many.r)
    np.testing.assert_array_equal(one.partner, many.partner)


def test_duplicates_are_clipped_and_counted(domain):
    series = smooth_series(domain, 30)
    series[domain.right[5]] = series[domain.left[2]]
    result = cfh(series, domain, dtype="float64")
    pair = [domain.left[2], domain.right[5]]
    np.testing.assert_array_equal(np.flatnonzero(result.duplicate), sorted(pair))
    np.testing.assert_array_equal(result.z[pair], np.arctanh(1 - 1e-7))


def test_shift_is_the_distance_from_the_mirror_position(domain):
    series = smooth_series(domain, 30)
    result = cfh(series, domain)
    shift = result.shift(domain)
    for place in (domain.left[3], domain.right[8]):
        x, y, z = domain.coordinates[place]
        expected = np.linalg.norm(domain.coordinates[result.partner[place]] - (-x, y, z))
        assert shift[place] == pytest.approx(expected)
    np.testing.assert_array_equal(np.isnan(shift), result.partner < 0)


def test_lists_of_scans_are_done_one_by_one(domain):
    scans = [smooth_series(domain, 20, seed=n) for n in (1, 2)]
    for result, series in zip(cfh(scans, domain), scans, strict=True):
        np.testing.assert_array_equal(result.r, cfh(series, domain).r)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s, d: s[:-1], "the domain has"),
        (lambda s, d: s[:, :2], "at least 3"),
        (lambda s, d: np.where(d.hemisphere[:, None] == 1, np.nan, s), "right hemisphere"),
        (lambda s, d: np.ones_like(s), "left hemisphere"),
    ],
)
def test_unusable_series_are_refused(domain, change, message):
    with pytest.raises(InputError, match=message):
        cfh(change(smooth_series(domain, 10), domain), domain)


@pytest.mark.parametrize(
    "options", [{"dtype": "int16"}, {"partner": "nobody"}, {"n_threads": 0}], ids=str
)
def test_unknown_options_are_refused(domain, options):
    with pytest.raises(InputError, match=str(next(iter(options)))):
        cfh(smooth_series(domain, 10), domain, **options)
