"""How many threads do the work, and work spread over them."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache
from typing import Any, TypeVar

import scipy.linalg  # noqa: F401  its BLAS and numpy's are loaded, for `_blas` to find
from threadpoolctl import ThreadpoolController

from commissure.problems import InputError

T = TypeVar("T")
R = TypeVar("R")


def available_threads() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def resolve_threads(n_threads: int | None) -> int:
    """Return `n_threads`, or all the cores this process may use where it is None.

    Raises
    ------
    InputError
        If it is less than 1.
    """
    if n_threads is None:
        return available_threads()
    if n_threads < 1:
        msg = f"n_threads must be 1 or more, or None for all cores; it is {n_threads}."
        raise InputError(msg)
    return n_threads


def one_blas_thread() -> AbstractContextManager[Any]:
    """Keep BLAS to one thread: from now on, or to the end of the ``with`` this is the context of.

    For work that is spread over threads or processes of its own.
    """
    limited: AbstractContextManager[Any] = _blas().limit(limits=1)
    return limited


@cache
def _blas() -> ThreadpoolController:
    # To find the libraries takes milliseconds: a third of the time of small studies.
    return ThreadpoolController().select(user_api="blas")


def map_threads(
    function: Callable[[T], R], items: Iterable[T], n_threads: int | None = None
) -> list[R]:
    """Apply `function` to each item on `n_threads` threads, one BLAS thread in each.

    The results come in the order of the items. As long as the items do not depend on
    `n_threads`, neither do the results: BLAS itself may sum in another order on more threads.
    """
    with one_blas_thread(), ThreadPoolExecutor(resolve_threads(n_threads)) as pool:
        return list(pool.map(function, items))
