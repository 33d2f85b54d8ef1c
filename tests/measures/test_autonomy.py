"""The autonomy index against counts in the full matrix, and against the authors' program."""

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commissure import Domain
from commissure.measures import autonomy_index
from commissure.measures.above import sums_above
from commissure.measures.kernel import columns_of_tile, pack
from commissure.measures.register_tile import ROWS
from commissure.problems import InputError
from tests.conftest import DATA
from tests.measures.brute_force import correlations
from tests.measures.test_cfh import two_columns
from tests.measures.test_vmhc import odd_domain, odd_series


def shares(r, side, threshold, weighted):
    """Return of each place the share of own and other places above the threshold."""
    above = np.where(r > threshold, r if weighted else 1.0, 0.0)
    usable = np.isfinite(np.diag(r))
    own, other = np.full((2, len(r)), np.nan)
    for mine in (-1, 1):
        here, there = (np.flatnonzero(usable & (side == s)) for s in (mine, -mine))
        own[here] = above[np.ix_(here, here)].sum(axis=1) / len(here)
        other[here] = above[np.ix_(here, there)].sum(axis=1) / len(there)
    return own, other


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("midline_mm", [0, 6.0])
def test_equals_the_full_matrix(midline_mm, weighted):
    domain = odd_domain(midline_mm)
    series = odd_series(domain)
    found = autonomy_index(series, domain, weighted=weighted, dtype="float64")
    own, other = shares(correlations(series), domain.hemisphere, 0.25, weighted)
    np.testing.assert_allclose(found.own, own, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.other, other, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.index, own - other, rtol=0, atol=1e-12)
    assert (found.constant.sum(), found.nonfinite.sum()) == (3, 4)
    assert np.nanmax(other) > 0.1
    single = autonomy_index(series, domain, weighted=weighted)
    np.testing.assert_allclose(single.index, own - other, rtol=0, atol=1e-6)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_equals_the_program_of_the_authors(number):
    domain = Domain.from_mask(nib.load(DATA / "cfh" / "mask.nii.gz"), 6.0)
    series = domain.sample(nib.load(DATA / "cfh" / f"sub0{number}_func.nii.gz"))
    theirs = domain.sample(nib.load(DATA / "cfh" / f"sub0{number}_AI.nii.gz"))
    for dtype in ("float32", "float64"):
        found = autonomy_index(series, domain, compat=True, dtype=dtype)
        np.testing.assert_allclose(found.index, theirs, rtol=0, atol=1e-6)
    own = autonomy_index(series, domain)
    assert np.isnan(own.index[domain.hemisphere == 0]).all()
    assert np.nanmax(np.abs(own.index - theirs)) > 1e-3


@settings(max_examples=40, deadline=None)
@given(
    n_left=st.integers(1, 60),
    n_right=st.integers(1, 60),
    n_volumes=st.integers(4, 40),
    threshold=st.sampled_from([0.0, 0.25, 0.6]),
    n_threads=st.sampled_from([1, 3]),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_sizes_equal_the_full_matrix(n_left, n_right, n_volumes, threshold, n_threads, seed):
    rng = np.random.default_rng(seed)
    domain = two_columns(n_left, n_right)
    series = rng.standard_normal((n_left + n_right, n_volumes)) + rng.standard_normal(n_volumes)
    found = autonomy_index(
        series, domain, threshold=threshold, dtype="float64", n_threads=n_threads
    )
    own, other = shares(correlations(series), domain.hemisphere, threshold, weighted=False)
    np.testing.assert_allclose(found.own, own, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.other, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("within", [False, True])
def test_many_blocks_are_the_same_on_any_number_of_threads(within):
    rng = np.random.default_rng(0)
    u = rng.standard_normal((2100, 90)) + rng.standard_normal(90)
    u = (u / np.linalg.norm(u, axis=1, keepdims=True)).astype(np.float32)
    rows, columns = pack(u, ROWS), pack(u, columns_of_tile(u.dtype))
    n = len(u)
    told = [
        sums_above(rows, columns, n, n, 0.5, weighted=True, within=within, n_threads=k)
        for k in (1, 4)
    ]
    for one, other in zip(*told, strict=True):
        np.testing.assert_array_equal(one, other)
    r = u.astype(float) @ u.T.astype(float)
    if within:
        np.fill_diagonal(r, 0)
    expected = np.where(r > 0.5, r, 0).sum(axis=1)
    found = told[0][0] + told[0][1] if within else told[0][0]
    # A correlation at the threshold, to single precision, may be on either side of it.
    clear = (np.abs(r - 0.5) > 1e-6).all(axis=1)
    assert clear.mean() > 0.95
    np.testing.assert_allclose(found[clear], expected[clear], rtol=3e-6)


@pytest.mark.parametrize("threshold", [-0.1, 1, np.nan])
def test_a_threshold_that_none_can_be_is_refused(threshold, domain):
    series = np.random.default_rng(0).standard_normal((domain.n_places, 20))
    with pytest.raises(InputError, match="threshold must be 0 or more and less than 1"):
        autonomy_index(series, domain, threshold=threshold)
