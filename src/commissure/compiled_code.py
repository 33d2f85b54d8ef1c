"""The compiler, and where compiled code is kept if it may not be kept beside its source."""

import tempfile

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
