"""Arrays in files are those in memory, and no room for them is said before they are written."""

import errno
import os

import numpy as np
import pytest

from commissure.files import stores
from commissure.files.stores import rows_of, store
from commissure.problems import InputError


@pytest.mark.parametrize("n_bytes", [0, 10**9])
def test_what_is_filled_in_is_there(monkeypatch, tmp_path, n_bytes):
    monkeypatch.setattr(stores, "_IN_MEMORY", n_bytes)
    monkeypatch.setattr(stores.tempfile, "tempdir", str(tmp_path))
    values = np.random.default_rng(0).standard_normal((5, 1000))
    kept = store(values.shape)
    kept[:] = values
    assert type(kept) is np.ndarray
    np.testing.assert_array_equal(kept, values)
    which = np.array([True, False, True, True, False])
    np.testing.assert_array_equal(rows_of(kept, which), values[which])
    assert not list(tmp_path.iterdir())


def test_no_room_is_said(monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(stores, "_IN_MEMORY", 0)
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(InputError, match=r"no room for maps of 0\.0 GB .*TMPDIR"):
        store((2, 3))
