"""v and G beside SciPy's Welch tests, and their permutations beside a fit for each."""

import numpy as np
import pytest
from scipy import stats

from commissure.inference import permutation_test, smallest_p
from commissure.inference.glm import Model, fit
from commissure.inference.variance_groups import VarianceGroups
from commissure.problems import InputError
from tests.inference.brute_force import PlainDesign, box_domain, orders, smooth_maps


def dummies(codes):
    return (np.asarray(codes)[:, None] == np.unique(codes)).astype(float)


def slow_v(matrix, maps, weights, codes):
    """Return v or G by definition (Winkler 2014, equations 5-7) and Welch's degrees of freedom."""
    inverse = np.linalg.pinv(matrix)
    forming = np.eye(len(matrix)) - matrix @ inverse
    n_rows = len(weights)
    found = []
    for y in maps.T:
        residual = forming @ y
        w = np.empty(len(y))
        for group in np.unique(codes):
            of = codes == group
            w[of] = np.diag(forming)[of].sum() / (residual[of] ** 2).sum()
        estimate = weights @ inverse @ y
        spread = weights @ np.linalg.inv(matrix.T @ np.diag(w) @ matrix) @ weights.T
        uneven = sum(
            (1 - w[codes == g].sum() / w.sum()) ** 2 / np.diag(forming)[codes == g].sum()
            for g in np.unique(codes)
        )
        nu = n_rows * (n_rows + 2) / (3 * uneven)
        if n_rows == 1:
            found.append((estimate[0] / np.sqrt(spread[0, 0]), nu))
            continue
        correction = 1 + 2 * (n_rows - 1) / (n_rows * (n_rows + 2)) * uneven
        found.append((estimate @ np.linalg.solve(spread, estimate) / n_rows / correction, nu))
    return np.array(found).T


def observed(matrix, maps, weights, codes):
    """Return v or G and Welch's degrees of freedom, and what is made of them."""
    model = Model.of(PlainDesign(matrix), np.atleast_2d(weights))
    groups = VarianceGroups.of(model, codes)
    raw = [
        fit(maps, model, 1, lambda residuals, which=which: groups.raw(residuals)[which])[0]
        for which in (0, 1)
    ]
    return *raw, fit(maps, model, 1, groups.statistic)[0], model.df


def p_equivalent(value, nu, df, n_rows):
    """Return the t or F of df with the same Bartlett-corrected likelihood ratio."""
    squared = value**2 if n_rows == 1 else n_rows * value
    ratio = (nu + n_rows / 2 - 1) * np.log(1 + squared / nu)
    same = df * (np.exp(ratio / (df + n_rows / 2 - 1)) - 1)
    return np.sign(value) * np.sqrt(same) if n_rows == 1 else same / n_rows


def test_two_groups_without_covariates_are_welchs_t():
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1], [7, 12])
    maps = rng.standard_normal((19, 40)) * np.where(codes == 0, 3, 1)[:, None] + 5
    expected = stats.ttest_ind(maps[codes == 0], maps[codes == 1], equal_var=False)
    v, nu, t, df = observed(dummies(codes), maps, [1, -1], codes)
    np.testing.assert_allclose(v, expected.statistic, rtol=1e-12)
    np.testing.assert_allclose(nu, expected.df, rtol=1e-12)
    # The p of the equivalent t is that of Welch's test, nearly.
    np.testing.assert_allclose(2 * stats.t.sf(np.abs(t), df), expected.pvalue, rtol=0.05)


def test_more_groups_without_covariates_are_welchs_anova():
    rng = np.random.default_rng(1)
    codes = np.repeat([0, 1, 2, 3], [5, 9, 6, 14])
    maps = rng.standard_normal((34, 30)) * np.array([3, 1, 2, 0.5])[codes][:, None]
    weights = np.eye(4)[:3] - np.eye(4)[3]
    expected = stats.f_oneway(*[maps[codes == g] for g in range(4)], equal_var=False)
    g, _, f, df = observed(dummies(codes), maps, weights, codes)
    np.testing.assert_allclose(g, expected.statistic, rtol=1e-11)
    np.testing.assert_allclose(stats.f.sf(f, 3, df), expected.pvalue, rtol=0.05)


@pytest.mark.parametrize("weights", [[[1, -1, 0, 0, 0]], [[0, 0, 0, 1, 0]],
                                     [[1, -1, 0, 0, 0], [0, 1, -1, 0, 0]]])  # fmt: skip
def test_with_covariates_it_is_the_definition(weights):
    rng = np.random.default_rng(2)
    codes = np.repeat([0, 1, 2], [6, 11, 8])
    matrix = np.hstack([dummies(codes), rng.standard_normal((25, 2))])
    maps = 10 + rng.standard_normal((25, 20)) * np.array([3, 1, 2])[codes][:, None]
    weights = np.array(weights, float)
    expected, nu = slow_v(matrix, maps, weights, codes)
    v, own_nu, t, df = observed(matrix, maps, weights, codes)
    np.testing.assert_allclose(v, expected, rtol=1e-10)
    np.testing.assert_allclose(own_nu, nu, rtol=1e-10)
    np.testing.assert_allclose(t, p_equivalent(v, nu, df, len(weights)), rtol=1e-10)


def test_one_group_is_t():
    rng = np.random.default_rng(3)
    matrix = np.column_stack([np.ones(14), rng.standard_normal((14, 2))])
    domain = box_domain()
    maps = smooth_maps(rng, 14, domain)
    options = {"n_permutations": 99, "seed": 4, "statistics": ("size", "mass")}
    plain = permutation_test(maps, PlainDesign(matrix), [0, 1, 0], domain, **options)
    grouped = permutation_test(
        maps, PlainDesign(matrix), [0, 1, 0], domain, variance_groups=np.zeros(14), **options
    )
    np.testing.assert_allclose(grouped.t, plain.t, rtol=1e-10)
    np.testing.assert_allclose(grouped.max_t, plain.max_t, rtol=1e-9)
    np.testing.assert_array_equal(grouped.max_cluster_size, plain.max_cluster_size)
    np.testing.assert_array_equal(grouped.p_uncorrected, plain.p_uncorrected)


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_permuted_maps_are_those_of_a_fit_for_each(rows, dtype):
    rng = np.random.default_rng(5)
    codes = np.array([0, 0, 0, 1, 1, 1, 1, 0])
    matrix = np.column_stack([dummies(codes), rng.standard_normal(8)])
    domain = box_domain((4, 3, 3))
    maps = smooth_maps(rng, 8, domain) * np.where(codes == 0, 2, 1)[:, None] + 3
    weights = np.array([[1, -1, 0], [0, 0, 1]], float)[:rows]
    chosen = np.stack(list(orders(8, None)))[:: 8 * 7 * 6 * 5]
    result = permutation_test(
        maps, PlainDesign(matrix), weights, domain, labellings=chosen, variance_groups=codes,
        statistics=("size",), dtype=dtype,
    )  # fmt: skip
    nuisance = matrix[:, 2:] if rows == 2 else np.column_stack([np.ones(8), matrix[:, 2]])
    if rows == 2:
        nuisance = np.ones((8, 1))
    fitted = nuisance @ np.linalg.lstsq(nuisance, maps, rcond=None)[0]
    for order, largest in zip(chosen, result.max_t, strict=True):
        # Scan i takes the design's row order[i]: the data of scan i stand at row order[i].
        moved = np.empty_like(maps)
        moved[order] = maps - fitted
        v = p_equivalent(*slow_v(matrix, moved, weights, codes), 5, rows)
        expected = [v.max(), -v.min()][: len(largest)]
        np.testing.assert_allclose(largest, expected, rtol=1e-9 if dtype == "float64" else 2e-3)


def test_signs_are_flipped_with_variance_groups():
    rng = np.random.default_rng(6)
    codes = np.repeat([0, 1], [4, 5])
    domain = box_domain((4, 3, 3))
    maps = smooth_maps(rng, 9, domain) * np.where(codes == 0, 3, 1)[:, None]
    result = permutation_test(
        maps, PlainDesign(np.ones((9, 1))), [1], domain, n_permutations=512, variance_groups=codes,
        statistics=(),
    )  # fmt: skip
    assert result.sign_flips
    assert result.exhaustive
    signs = np.array(np.meshgrid(*[[1, -1]] * 9, indexing="ij")).reshape(9, -1).T
    one = np.ones((1, 1))
    expected = [
        p_equivalent(*slow_v(np.ones((9, 1)), maps * s[:, None], one, codes), 8, 1).max()
        for s in signs
    ]
    np.testing.assert_allclose(np.sort(result.max_t[:, 0]), np.sort(expected), rtol=1e-9)


def test_residuals_of_groups_that_differ_in_spread_are_flipped_not_exchanged():
    rng = np.random.default_rng(8)
    codes = np.repeat([0, 1], [4, 5])
    domain = box_domain((4, 3, 3))
    maps = smooth_maps(rng, 9, domain) * np.where(codes == 0, 3, 1)[:, None]
    design, weights = dummies(codes), np.array([[1.0, -1.0]])
    result = permutation_test(
        maps, PlainDesign(design), weights, domain, 512, variance_groups=codes, flip_signs=True,
        statistics=(),
    )  # fmt: skip
    assert result.sign_flips
    assert result.exhaustive
    left = maps - maps.mean(axis=0)
    signs = np.array(np.meshgrid(*[[1, -1]] * 9, indexing="ij")).reshape(9, -1).T
    expected = [
        p_equivalent(*slow_v(design, left * s[:, None], weights, codes), 7, 1).max() for s in signs
    ]
    np.testing.assert_allclose(np.sort(result.max_t[:, 0]), np.sort(expected), rtol=1e-9)
    least, n, exhaustive = smallest_p(
        PlainDesign(design), weights, 512, "freedman-lane", "two-sided", flip_signs=True
    )
    assert (least, n, exhaustive) == (2 / 512, 512, True)
    within = permutation_test(
        maps, PlainDesign(design, np.r_[0:4, 0:4, 4]), weights, domain, 50, variance_groups=codes,
        flip_signs=True,
    )  # fmt: skip
    assert not within.sign_flips


def test_the_null_has_the_same_bits_on_any_number_of_threads():
    rng = np.random.default_rng(7)
    codes = np.repeat([0, 1], [9, 15])
    matrix = np.column_stack([dummies(codes), rng.standard_normal((24, 3))])
    domain = box_domain((9, 8, 7))
    maps = smooth_maps(rng, 24, domain)
    found = [
        permutation_test(
            maps, PlainDesign(matrix), [1, -1, 0, 0, 0], domain, n_permutations=200, seed=1,
            variance_groups=codes, n_threads=n,
        )
        for n in (1, 3)
    ]  # fmt: skip
    np.testing.assert_array_equal(found[0].max_t, found[1].max_t)
    np.testing.assert_array_equal(found[0].max_tfce, found[1].max_tfce)
    assert found[0].n_variance_groups == 2


def test_what_cannot_be_is_refused():
    rng = np.random.default_rng(8)
    codes = np.repeat([0, 1], [2, 10])
    matrix, domain = dummies(codes), box_domain()
    maps = rng.standard_normal((12, domain.n_places))
    with pytest.raises(InputError, match="variance of 0 cannot be estimated"):
        permutation_test(maps, PlainDesign(matrix), [1, -1], domain, 50, variance_groups=codes)
    with pytest.raises(InputError, match="need the method freedman-lane"):
        permutation_test(
            maps, PlainDesign(matrix), [1, -1], domain, 50, method="draper-stoneman",
            variance_groups=codes,
        )  # fmt: skip
    with pytest.raises(InputError, match="one for each scan"):
        permutation_test(maps, PlainDesign(matrix), [1, -1], domain, 50, variance_groups=codes[1:])


@pytest.mark.slow
@pytest.mark.parametrize(("n", "spread"), [((15, 45), 1.5), ((15, 45), 2), ((30, 30), 2),
                                           ((45, 15), 2)])  # fmt: skip
def test_unequal_spread_does_not_make_findings(n, spread):
    domain = box_domain((8, 8, 8))
    codes = np.repeat([0, 1], n)
    hits = 0
    for study in range(400):
        rng = np.random.default_rng(study)
        maps = smooth_maps(rng, sum(n), domain) * np.where(codes == 0, spread, 1)[:, None]
        result = permutation_test(
            maps, PlainDesign(dummies(codes)), [1, -1], domain, 200, seed=study, statistics=(),
            variance_groups=codes, n_threads=1,
        )  # fmt: skip
        hits += result.p_fwe.min() <= 0.05
    low, high = stats.binom.interval(0.99, 400, 0.05)
    assert low <= hits <= high, hits
