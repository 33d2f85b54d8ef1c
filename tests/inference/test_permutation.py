import subprocess
import sys
from itertools import product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy import stats

from commissure.inference import permutation_test
from commissure.inference.glm import Model
from commissure.inference.pvalues import counted_p, pareto_p
from commissure.inference.tfce import tfce
from commissure.problems import InputError
from commissure.space import Domain
from tests.inference import brute_force
from tests.inference.brute_force import (
    PlainDesign,
    as_matrices,
    box_domain,
    distinct,
    orders,
    smooth_maps,
)

GROUP = Path(__file__).parents[1] / "data/group"
NULLS = ("max_t", "max_cluster_size", "max_cluster_mass", "max_tfce")


def in_any_order(null):
    return null[np.lexsort(null.T.round(6))]


def same_arrays(a, b):
    for name, value in vars(a).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, getattr(b, name), err_msg=name)


def check_against(result, permuted, domain, connectivity=18):
    """Compare every null distribution and p-value with those of brute-force maps."""
    threshold = result.threshold
    is_f = result.n_rows > 1
    expected = {
        "max_t": np.column_stack([permuted.max(axis=1), -permuted.min(axis=1)]),
        "max_cluster_size": [],
        "max_cluster_mass": [],
        "max_tfce": [],
    }
    graph = domain.neighbours(connectivity)
    for values in permuted:
        sizes, masses = brute_force.largest_clusters(values, threshold, domain, connectivity)
        expected["max_cluster_size"].append(sizes)
        expected["max_cluster_mass"].append(masses)
        enhanced = tfce(values, graph)
        expected["max_tfce"].append([max(enhanced.max(), 0), max(-enhanced.min(), 0)])
    n_sides = 1 if is_f else 2
    for name in NULLS:
        null = np.array(expected[name], float)[:, :n_sides]
        found = getattr(result, name)
        np.testing.assert_allclose(found[0], null[0], rtol=1e-9, err_msg=name)
        np.testing.assert_allclose(in_any_order(found), in_any_order(null), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(result.t, permuted[0], rtol=1e-9, atol=1e-9)
    near, both_directions = 1 - 1e-9, 1
    if result.tail == "two-sided" or is_f:
        extreme = np.abs(permuted) >= near * np.abs(permuted[0])
        largest = np.abs(permuted).max(axis=1)[:, None] >= near * np.abs(permuted[0])
    else:
        sign = np.sign(permuted[0])
        extreme = sign * permuted >= near * np.abs(permuted[0])
        both = np.column_stack([permuted.max(axis=1), -permuted.min(axis=1)])
        largest = both[:, (sign < 0).astype(int)] >= near * np.abs(permuted[0])
        np.testing.assert_allclose(result.p_one_sided, extreme.mean(axis=0), rtol=1e-12)
        both_directions = 2
    p = np.minimum(both_directions * extreme.mean(axis=0), 1)
    np.testing.assert_allclose(result.p_uncorrected, p, rtol=1e-12)
    np.testing.assert_allclose(result.p_fwe, largest.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(result.p_fdr, stats.false_discovery_control(p), rtol=1e-12)


DESIGNS = {
    "two groups": (["group", "one"], [[1, 0]], None),
    "two groups, age": (["group", "one", "age"], [[1, 0, 0]], None),
    "group means": (["group", "other", "age"], [[1, -1, 0]], None),
    "a slope": (["one", "age"], [[0, 1]], None),
    "three groups, F": (["one", "b", "c"], [[0, 1, 0], [0, 0, 1]], None),
    "pairs": (["visit", "s0", "s1", "s2"], [[1, 0, 0, 0]], "pairs"),
    "visits, age": (["visit", "one", "age"], [[1, 0, 0]], "pairs"),
}


@pytest.mark.parametrize("tail", ["two-sided", "one-sided-each"])
@pytest.mark.parametrize("method", ["freedman-lane", "draper-stoneman"])
@pytest.mark.parametrize("name", DESIGNS)
def test_exhaustive_tests_equal_full_enumeration(rng, name, method, tail):
    columns, weights, blocks = DESIGNS[name]
    group = np.array([1.0, 1, 1, 0, 0, 0])
    visit = np.array([1.0, 0, 1, 0, 1, 0])
    pairs = np.array([0, 0, 1, 1, 2, 2])
    known = {
        "group": group, "other": 1 - group, "one": np.ones(6), "visit": visit,
        "age": np.array([31.0, 45, 28, 60, 33, 51]),
        "b": np.array([0.0, 0, 1, 1, 0, 0]), "c": np.array([0.0, 0, 0, 0, 1, 1]),
        **{f"s{i}": (pairs == i).astype(float) for i in range(3)},
    }  # fmt: skip
    matrix = np.column_stack([known[c] for c in columns])
    weights = np.array(weights, float)
    blocks = pairs if blocks else None
    domain = box_domain((5, 4, 3))
    maps = smooth_maps(rng, 6, domain)
    result = permutation_test(
        maps, PlainDesign(matrix, blocks), weights, domain, method=method, tail=tail,
        cluster_forming_p=0.2,
    )  # fmt: skip
    assert result.exhaustive
    assert not result.sign_flips
    relabellings = as_matrices(orders(6, blocks))
    # Independent of Model: bases of the null space by scipy, tested part by the pseudo-inverse.
    nuisance = matrix @ np.linalg.svd(weights)[2][len(weights) :].T
    tested = matrix @ np.linalg.pinv(weights)
    if method == "freedman-lane":
        relabellings = distinct([p.T for p in relabellings], matrix)
        permuted = brute_force.freedman_lane(
            maps, matrix, weights, nuisance, [p.T for p in relabellings]
        )
    else:
        relabellings = distinct(relabellings, tested)
        permuted = brute_force.draper_stoneman(maps, tested, nuisance, relabellings)
    assert result.n_permutations == len(relabellings)
    check_against(result, permuted, domain)


@pytest.mark.parametrize("method", ["freedman-lane", "draper-stoneman"])
@pytest.mark.parametrize(
    ("n_columns", "n_rows"), [(1, 1), (2, 1), (2, 2), (3, 2)], ids=["mean", "age", "F", "F, age"]
)
def test_exhaustive_sign_flips_equal_full_enumeration(rng, method, n_columns, n_rows):
    columns = [np.ones(6), [1.0, -2, 0.5, 1, 3, -1], [31.0, 45, 28, 60, 33, 51]]
    matrix = np.column_stack(columns)[:, :n_columns]
    weights = np.eye(n_rows, n_columns)
    domain = box_domain((5, 4, 3))
    maps = smooth_maps(rng, 6, domain) + 0.1
    result = permutation_test(
        maps, PlainDesign(matrix), weights, domain, method=method, cluster_forming_p=0.2
    )
    assert result.sign_flips
    flips = [np.diag(signs) for signs in product((1.0, -1.0), repeat=6)]
    assert result.n_permutations == len(flips)
    nuisance = matrix[:, n_rows:]
    if method == "freedman-lane":
        permuted = brute_force.freedman_lane(maps, matrix, weights, nuisance, flips)
    else:
        permuted = brute_force.draper_stoneman(maps, matrix[:, :n_rows], nuisance, flips)
    check_against(result, permuted, domain)


def test_given_orders_and_signs_are_used(rng):
    matrix = np.column_stack([np.repeat([1.0, 0], 5), np.ones(10), rng.random(10)])
    domain = box_domain()
    maps = smooth_maps(rng, 10, domain)
    given = np.array([np.arange(10), *(rng.permutation(10) for _ in range(40))])
    weights = np.array([[1.0, 0, 0]])
    design = PlainDesign(matrix)
    result = permutation_test(maps, design, weights, domain, labellings=given)
    # Scan i takes row order[i] of the design: the residuals are moved the other way.
    moved = [np.eye(10)[order].T for order in given]
    permuted = brute_force.freedman_lane(maps, matrix, weights, matrix[:, 1:], moved)
    np.testing.assert_allclose(result.max_t[:, 0], permuted.max(axis=1), rtol=1e-9)
    flips = np.array([np.ones(10, int), *(rng.choice([-1, 1], (40, 10)))])
    result = permutation_test(maps, design, weights, domain, labellings=flips)
    permuted = brute_force.freedman_lane(
        maps, matrix, weights, matrix[:, 1:], [np.diag(f) for f in flips]
    )
    np.testing.assert_allclose(result.max_t[:, 1], -permuted.min(axis=1), rtol=1e-9)


def snpm_study():
    table = np.genfromtxt(GROUP / "participants.tsv", names=True, dtype=None, encoding="utf-8")
    domain = Domain.from_mask(nib.load(GROUP / "small_mask.nii.gz"))
    maps = domain.sample(nib.load(GROUP / "small_group4d.nii.gz")).T
    covariates = [table[c] for c in ("age", "sex", "education", "SDS", "SAS")]
    first = table["group"] == 1
    return maps, domain, first, covariates, np.load(GROUP / "snpm_small.npz")


@pytest.mark.parametrize("coding", ["means", "treatment"])
def test_draper_stoneman_equals_snpm13_for_every_labelling(coding):
    maps, domain, first, covariates, snpm = snpm_study()
    other = ~first if coding == "means" else np.ones(len(first))
    design = PlainDesign(np.column_stack([first, other, *covariates]).astype(float))
    weights = np.array([1.0, -1 if coding == "means" else 0, 0, 0, 0, 0, 0])
    result = permutation_test(
        maps, design, weights, domain, method="draper-stoneman", statistics=("size",),
        labellings=snpm["first_group"],
    )  # fmt: skip
    assert result.df == snpm["df"]
    assert result.threshold == pytest.approx(float(snpm["cluster_forming_t"]), abs=1e-6)
    np.testing.assert_allclose(result.max_t, snpm["max_t"], rtol=0, atol=1e-10)
    np.testing.assert_array_equal(result.max_cluster_size, snpm["max_cluster"])
    t_map = domain.sample(nib.Nifti1Image(snpm["t_map"], domain.template.affine))
    np.testing.assert_allclose(result.t, t_map, rtol=0, atol=1e-10)


@pytest.mark.parametrize("method", ["freedman-lane", "draper-stoneman"])
def test_float32_gives_the_same_but_for_rounding(method):
    maps, domain, first, covariates, _ = snpm_study()
    design = PlainDesign(np.column_stack([first, np.ones(len(first)), *covariates]).astype(float))
    precise, fast = (
        permutation_test(
            maps, design, "column0", domain, 100, method=method, dtype=dtype, seed=1
        )
        for dtype in (np.float64, np.float32)
    )  # fmt: skip
    np.testing.assert_array_equal(fast.t, precise.t)
    for name in ("max_t", "max_cluster_mass", "max_tfce"):
        np.testing.assert_allclose(
            getattr(fast, name), getattr(precise, name), rtol=1e-4, atol=1e-3
        )
    assert [c.p_size for c in fast.clusters] == [c.p_size for c in precise.clusters]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", ["freedman-lane", "draper-stoneman"])
def test_threads_and_memory_change_no_bit(rng, method, dtype):
    domain = box_domain((10, 9, 8))
    matrix = np.column_stack([np.repeat([1.0, 0], 10), np.ones(20), rng.random((20, 3))])
    maps = smooth_maps(rng, 20, domain)

    def run(**how):
        return permutation_test(
            maps, PlainDesign(matrix), "column0", domain, 333, method=method, dtype=dtype, **how
        )

    alone = run(n_threads=1)
    for how in ({"n_threads": 2}, {"n_threads": 5}, {"n_threads": 5, "max_memory": 2_500_000}):
        same_arrays(run(**how), alone)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", ["freedman-lane", "draper-stoneman"])
def test_a_relabelling_has_the_same_bits_in_any_batch(rng, method, dtype):
    domain = box_domain((10, 9, 8))
    group = np.repeat([True, False], 10)
    matrix = np.column_stack([group, np.ones(20), rng.random((20, 3))]).astype(float)
    maps = smooth_maps(rng, 20, domain)
    orders = np.array([np.arange(20), *(rng.permutation(20) for _ in range(299))])
    given = group[orders] if method == "draper-stoneman" else orders

    def run(labellings):
        return permutation_test(
            maps, PlainDesign(matrix), "column0", domain, method=method, dtype=dtype,
            labellings=labellings,
        )  # fmt: skip

    expected = run(given)
    for which in (slice(2), slice(47), slice(130), slice(299)):
        part = run(given[which])
        for name in NULLS:
            np.testing.assert_array_equal(getattr(part, name), getattr(expected, name)[which])


def test_constant_places_take_no_part(rng):
    domain = box_domain()
    maps = smooth_maps(rng, 12, domain)
    maps[:, 5] = 4.25
    matrix = np.column_stack([np.repeat([1.0, 0], 6), np.ones(12)])
    result = permutation_test(maps, PlainDesign(matrix), "column0", domain, 100)
    assert result.constant.sum() == 1
    assert (result.t[5], result.p_uncorrected[5], result.p_fwe[5], result.p_fdr[5]) == (0, 1, 1, 1)
    assert result.p_tfce[5] == 1
    others = np.delete(np.arange(domain.n_places), 5)
    np.testing.assert_allclose(
        result.p_fdr[others], stats.false_discovery_control(result.p_uncorrected[others])
    )


def test_statistics_not_asked_for_are_none(rng):
    domain = box_domain()
    maps = smooth_maps(rng, 12, domain)
    matrix = np.column_stack([np.repeat([1.0, 0], 6), np.ones(12)])
    result = permutation_test(
        maps,
        PlainDesign(matrix),
        "column0",
        domain,
        50,
        statistics=("mass",),
        cluster_forming_p=0.2,
    )
    assert result.max_cluster_size is None
    assert result.max_tfce is None
    assert result.tfce is None
    assert result.clusters
    assert all(c.p_size is None and 0 < c.p_mass <= 1 for c in result.clusters)


def test_progress_counts_every_relabelling(rng):
    domain = box_domain()
    matrix = np.column_stack([np.repeat([1.0, 0], 6), np.ones(12)])
    done = []
    permutation_test(
        smooth_maps(rng, 12, domain), PlainDesign(matrix), "column0", domain, 100,
        progress=done.append,
    )  # fmt: skip
    assert sum(done) == 100


def test_all_problems_are_said_at_once(rng):
    domain = box_domain()
    matrix = np.column_stack([np.repeat([1.0, 0], 6), np.ones(12)])
    maps = smooth_maps(rng, 12, domain)
    maps[3, :7] = np.nan
    with pytest.raises(InputError) as raised:
        permutation_test(
            maps, PlainDesign(matrix), "column0", domain, 1, cluster_forming_p=0.9,
            method="manly", tail="both", statistics=("extent",), dtype=np.int16,
        )  # fmt: skip
    assert len(raised.value.problems) == 7
    assert "scan 3 (7)" in raised.value.problems[0]
    with pytest.raises(InputError, match=r"must be \(12, 120\)"):
        permutation_test(maps[:, :8], PlainDesign(matrix), "column0", domain)
    with pytest.raises(InputError, match="max_memory"):
        permutation_test(
            np.nan_to_num(maps), PlainDesign(matrix), "column0", domain, max_memory=1000
        )


@pytest.mark.slow
def test_a_pareto_tail_from_few_relabellings_agrees_with_a_long_run():
    maps, domain, first, covariates, _ = snpm_study()
    design = PlainDesign(np.column_stack([first, np.ones(len(first)), *covariates]).astype(float))
    long = permutation_test(
        maps, design, "column0", domain, 50_000, method="draper-stoneman", statistics=()
    )
    null = long.max_t.max(axis=1)
    small = (long.p_fwe > 2e-3) & (long.p_fwe < 0.05)
    assert small.sum() >= 5
    size, truth = np.abs(long.t[small]), long.p_fwe[small]
    fitted, counted = [], []
    for start in range(1, 49_000, 999):
        few = np.append(null[0], null[start : start + 999])
        counted.append(counted_p(few, size))
        p, is_fitted = pareto_p(few, size, counted[-1])
        assert is_fitted.all()
        fitted.append(p)
    assert np.abs(np.median(np.array(fitted) / truth, axis=0) - 1).max() < 0.1
    error = [np.square(np.log(np.array(p) / truth)).mean() for p in (fitted, counted)]
    assert error[0] < 1.2 * error[1]


def test_small_p_come_from_the_tail_only_if_asked_for(rng):
    domain = box_domain()
    maps = smooth_maps(rng, 30, domain)
    maps[:15, :40] += 0.5
    design = PlainDesign(np.column_stack([np.repeat([1.0, 0], 15), np.ones(30)]))
    counted, fitted = (
        permutation_test(maps, design, "column0", domain, 400, pareto_tail=tail)
        for tail in (False, True)
    )
    assert not counted.p_fwe_fitted.any()
    assert fitted.p_fwe_fitted.any()
    assert fitted.p_tfce_fitted.any()
    assert fitted.p_fwe.min() < counted.p_fwe.min() == 1 / 400
    where = fitted.p_fwe_fitted
    np.testing.assert_array_equal(fitted.p_fwe[~where], counted.p_fwe[~where])
    np.testing.assert_array_equal(where, where & (counted.p_fwe < 0.1))


_MEASURE = """
import resource, sys
import numpy as np
from commissure.inference import permutation_test
from tests.inference.brute_force import PlainDesign, box_domain
n_scans, n_permutations, limit = map(int, sys.argv[1:])
rng = np.random.default_rng(0)
def run(domain, n_scans, n_permutations, **how):
    maps = rng.standard_normal((n_scans, domain.n_places))
    group = np.arange(n_scans) % 2.0
    matrix = np.column_stack([group, np.ones(n_scans), rng.random((n_scans, 5))])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    permutation_test(maps, PlainDesign(matrix), "column0", domain, n_permutations, **how)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
run(box_domain((4, 4, 4)), 20, 40)  # compiles
print(run(box_domain((40, 30, 20)), n_scans, n_permutations, max_memory=limit, n_threads=8))
"""


@pytest.mark.slow
def test_memory_stays_within_its_bound():
    limit = 150 * 2**20
    finished = subprocess.run(
        [sys.executable, "-c", _MEASURE, "200", "300", str(limit)],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert int(finished.stdout) < limit


def test_the_model_is_that_of_the_named_contrast(rng):
    design = PlainDesign(np.column_stack([np.repeat([1.0, 0], 6), np.ones(12), rng.random(12)]))
    by_name, by_weight = Model.of(design, "column0,column2"), Model.of(design, np.eye(3)[[0, 2]])
    assert by_name.n_rows == 2
    np.testing.assert_allclose(by_name.tested, by_weight.tested)
