"""How many threads do the work, and work spread over them."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits

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


def map_threads(
    function: Callable[[T], R], items: Iterable[T], n_threads: int | None = None
) -> list[R]:
    """Apply `function` to each item on `n_threads` threads, one BLAS thread in each.

    The results come in the order of the items. As long as the items do not depend on
    `n_threads`, neither do the results: BLAS itself may sum in another order on more threads.
    """
    with (
        threadpool_limits(limits=1, user_api="blas"),
        ThreadPoolExecutor(resolve_threads(n_threads)) as pool,
    ):
        return list(pool.map(function, items))
