"""Leaving out the first volumes, against plain slicing."""

import numpy as np
import pytest

from commissure.preprocessing import trim_onsets, trim_volumes
from commissure.problems import InputError


def test_volumes_and_confound_rows_go_together() -> None:
    data = np.arange(2 * 3 * 4 * 7).reshape(2, 3, 4, 7)
    confounds = np.arange(7 * 2).reshape(7, 2)
    assert np.array_equal(trim_volumes(data, 3), data[..., 3:])
    assert np.array_equal(trim_volumes(confounds, 3, axis=0), confounds[3:])


def test_events_keep_their_place_relative_to_the_volumes() -> None:
    tr, n = 2.5, 4
    onsets = np.array([0.0, 9.0, 10.0, 31.25])
    kept_volume_times = np.arange(20)[n:] * tr
    moved = trim_onsets(onsets, n, tr)
    assert np.allclose(
        np.subtract.outer(onsets, kept_volume_times), np.subtract.outer(moved, np.arange(16) * tr)
    )


@pytest.mark.parametrize("n", [-1, 7, 8])
def test_an_impossible_number_is_named(n: int) -> None:
    with pytest.raises(InputError, match=f"first {n} volumes"):
        trim_volumes(np.zeros((2, 7)), n)
