"""The compiler, and where compiled code is kept if it may not be kept beside its source."""

import os
import re
import tempfile

# Numba's own threads are not used here, but with a number of them that cannot be it is not even
# imported.
if not re.fullmatch(r"\s*0*[1-9]\d*\s*", os.environ.get("NUMBA_NUM_THREADS", "1")):
    del os.environ["NUMBA_NUM_THREADS"]

import numba


def ensure_place() -> None:
    """Keep compiled code in a temporary folder if there is no other place for it.

    Numba keeps it beside the source, else in the user's home. In a container, or as a user without
    a home, neither may be written to, and numba would refuse to define the functions at all.
    """
    try:
        numba.njit(cache=True)(ensure_place)
    except RuntimeError:
        folder = tempfile.TemporaryDirectory(prefix="commissure-")
        _kept_until_exit.append(folder)
        numba.config.CACHE_DIR = folder.name


_kept_until_exit: list[tempfile.TemporaryDirectory[str]] = []

ensure_place()  # before the first function is compiled
njit = numba.njit
