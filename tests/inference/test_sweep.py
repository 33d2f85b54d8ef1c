import pickle

import numpy as np
import pytest

from commissure.inference import Null, permutation_test
from tests.inference.brute_force import PlainDesign, box_domain, smooth_maps

N = 24
GROUP = np.repeat([1.0, 0], N // 2)
DESIGNS = {
    "two groups": ([GROUP, "one", "age", "sex"], [[1, 0, 0, 0]], None),
    "F": (["one", np.arange(N) % 3 == 1, np.arange(N) % 3 == 2, "age"], np.eye(4)[1:3], None),
    "signs": (["one", "age"], [[1, 0]], None),
    "blocks": ([np.arange(N) % 2, "one", "age"], [[1, 0, 0]], np.arange(N) // 4),
}


def in_parts(n_parts, seen):
    """Make the null in parts, each from a pickled copy, in another order than theirs."""

    def null_by(sweep, progress):
        seen.append(sweep)
        parts = sweep.parts(n_parts)
        copies = [pickle.dumps(sweep) for _ in parts]
        made = {
            i: pickle.loads(copies[i]).null(  # noqa: S301
                parts[i], n_threads=1 + i % 2, progress=progress
            )
            for i in reversed(range(len(parts)))
        }
        return Null.joined([made[i] for i in range(len(parts))])

    return null_by


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", ["freedman-lane", "draper-stoneman"])
@pytest.mark.parametrize("name", DESIGNS)
def test_joined_parts_have_the_bits_of_the_whole(rng, name, method, dtype):
    columns, weights, blocks = DESIGNS[name]
    known = {"one": np.ones(N), "age": rng.random(N), "sex": np.arange(N) % 2}
    matrix = np.column_stack([known[c] if isinstance(c, str) else c for c in columns]).astype(float)
    domain = box_domain((9, 8, 7))
    maps = smooth_maps(rng, N, domain)

    def run(**how):
        return permutation_test(
            maps, PlainDesign(matrix, blocks), np.array(weights, float), domain, 500, method=method,
            dtype=dtype, cluster_forming_p=0.05, tail="one-sided-each", **how,
        )  # fmt: skip

    whole = run()
    assert whole.sign_flips == (name == "signs")
    assert len(np.unique(whole.max_cluster_size)) > 10
    for n_parts in (1, 2, 3, 100):
        seen, done = [], []
        joined = run(null_by=in_parts(n_parts, seen), progress=done.append)
        assert sum(done) == 500
        assert len(seen[0].parts(n_parts)) <= n_parts
        assert (len(seen[0].parts(n_parts)) > 1) == (n_parts > 1)
        for field, value in vars(whole).items():
            if isinstance(value, np.ndarray):
                np.testing.assert_array_equal(getattr(joined, field), value, err_msg=field)
        assert [c.p_mass for c in joined.clusters] == [c.p_mass for c in whole.clusters]


def test_parts_cover_every_relabelling_once_and_begin_where_a_product_begins(rng):
    domain, seen = box_domain(), []
    maps = smooth_maps(rng, N, domain)
    design = PlainDesign(np.column_stack([GROUP, np.ones(N)]))
    permutation_test(maps, design, "column0", domain, 1000, null_by=in_parts(1, seen))
    sweep = seen[0]
    for n_parts in range(1, 12):
        covered = np.concatenate([np.arange(1000)[part] for part in sweep.parts(n_parts)])
        np.testing.assert_array_equal(covered, np.arange(1000))
    with pytest.raises(ValueError, match="begins at a multiple"):
        sweep.null(slice(1, 500))
