"""Arrays too large for memory, in temporary files that are mapped into it."""

import os
import tempfile

import numpy as np
from numpy.typing import NDArray

from commissure.problems import InputError

# Smaller arrays are kept in memory.
_IN_MEMORY = 500_000_000


def store(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return an array to be filled, float64: in memory, or in a file where it is large.

    The file has no name, and goes with the array; it lies where temporary files do (``TMPDIR``).
    What is not read for a while leaves memory by itself where others need it.

    Parameters
    ----------
    shape : tuple of int

    Raises
    ------
    InputError
        If there is no room for it.
    """
    n_bytes = 8 * int(np.prod(shape))
    if n_bytes <= _IN_MEMORY:
        return np.empty(shape)
    with tempfile.TemporaryFile(prefix="commissure-") as file:
        try:
            # Else a disk that is full would be found out by a signal, on writing.
            os.posix_fallocate(file.fileno(), 0, n_bytes)
        except AttributeError:  # no such system
            pass
        except OSError as error:
            msg = (
                f"{tempfile.gettempdir()} has no room for maps of {n_bytes / 1e9:.1f} GB "
                f"({error.strerror}). Make room, or name a folder of a larger disk by TMPDIR."
            )
            raise InputError(msg) from error
        return np.asarray(np.memmap(file, np.float64, "w+", shape=shape))


def rows_of(values: NDArray[np.float64], rows: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return some rows of a matrix, in a `store`."""
    some = store((int(rows.sum()), values.shape[1]))
    for i, row in enumerate(np.flatnonzero(rows)):
        some[i] = values[row]
    return some
