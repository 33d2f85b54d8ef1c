import numpy as np
import pytest

from commissure.executors import LocalExecutor, Outcome
from commissure.executors.permutation_batches import null_by
from commissure.inference import permutation_test
from commissure.problems import InputError
from tests.inference.brute_force import PlainDesign, box_domain, smooth_maps

DESIGN = PlainDesign(
    np.column_stack([np.repeat([1.0, 0], 12), np.ones(24), np.linspace(20, 60, 24) ** 2])
)


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def test_batches_have_the_bits_of_threads(rng, tmp_path):
    domain = box_domain((10, 9, 8))
    maps = smooth_maps(rng, 24, domain)

    def run(**how):
        return permutation_test(
            maps, DESIGN, "column0", domain, 1000, cluster_forming_p=0.05, dtype=np.float32, **how
        )

    done = []
    with LocalExecutor(2) as executor:
        batches = run(null_by=null_by(executor, tmp_path / "work"), progress=done.append)
    threads = run()
    assert sum(done) == 1000
    assert len(done) > 3
    for name, value in vars(threads).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(getattr(batches, name), value, err_msg=name)
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize(
    ("outcome", "raised"),
    [
        (Outcome("a", problems=("the disk is full.",)), InputError),
        (Outcome("a", error="Traceback"), RuntimeError),
    ],
)
def test_a_batch_that_fails_is_raised_and_nothing_stays_behind(rng, tmp_path, outcome, raised):
    class Failing:
        def run(self, *_):
            yield outcome

    domain = box_domain()
    with pytest.raises(raised, match=r"the disk is full|a failed: Traceback"):
        permutation_test(
            smooth_maps(rng, 24, domain), DESIGN, "column0", domain, 100,
            null_by=null_by(Failing(), tmp_path),
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []
