import math
import os

import pytest

from commissure.executors.memory import _group_limits, memory_limit, preprocessing_bytes
from commissure.space.templates import analysis_grid


def test_the_limit_is_at_most_the_machine():
    limit = memory_limit()
    assert 10**8 < limit <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/job/step\n", {"job/memory.max": "4000", "job/step/memory.max": "max"}, [4000]),
        ("0::/\n", {"memory.max": "500"}, [500]),
        (
            "4:cpu:/job\n9:memory:/job\n",
            {"memory/job/memory.limit_in_bytes": "3000", "cpu/job/memory.limit_in_bytes": "1"},
            [3000],
        ),
        ("0::/gone\n", {}, []),
    ],
)
def test_limits_of_control_groups_are_found(tmp_path, own, files, expected):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "own").write_text(own)
    assert list(_group_limits(tmp_path / "own", tmp_path)) == expected
    assert list(_group_limits(tmp_path / "missing", tmp_path)) == []


@pytest.mark.parametrize(
    ("shape", "n_volumes", "measured"), [((48, 48, 30), 120, 1.115e9), ((64, 64, 35), 220, 1.708e9)]
)
def test_preprocessing_is_not_given_less_memory_than_it_was_seen_to_take(
    shape, n_volumes, measured
):
    grid = math.prod(analysis_grid(3)[0])
    assert preprocessing_bytes(math.prod(shape), grid, n_volumes) >= measured
