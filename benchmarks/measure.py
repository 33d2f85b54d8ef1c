"""Time and peak memory of a call, for comparisons within one process."""

import ctypes
import gc
import os
import platform
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
from scipy import stats

DOCS = Path(__file__).parent.parent / "docs" / "benchmarks"


class Measurement(NamedTuple):
    seconds: float
    megabytes: float
    result: Any


def measure(call: Callable[[], Any], repeats: int = 3) -> Measurement:
    """Run a call; return its best time, the most memory it took on top, and its result."""
    best, peak, result = np.inf, 0.0, None
    process = psutil.Process(os.getpid())
    for _ in range(repeats):
        result = None
        _give_back_memory()
        before = process.memory_info().rss
        seen = [before]
        stop = threading.Event()

        def watch(seen: list[int] = seen, stop: threading.Event = stop) -> None:
            while not stop.wait(0.002):
                seen.append(process.memory_info().rss)

        watcher = threading.Thread(target=watch)
        watcher.start()
        start = time.perf_counter()
        try:
            result = call()
            best = min(best, time.perf_counter() - start)
        finally:
            stop.set()
            watcher.join()
        peak = max(peak, (max(seen) - before) / 1e6)
    return Measurement(best, peak, result)


def _give_back_memory() -> None:
    """Return freed memory to the system: reused, it would not be seen as taken."""
    gc.collect()
    if platform.system() == "Linux":
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def exact_rates(n: int, alpha: float) -> tuple[float, float]:
    """Return between which rates of false findings 95 % of exact tests lie, of n studies each."""
    low, high = stats.binom.interval(0.95, n, alpha)
    return float(low) / n, float(high) / n


def machine() -> str:
    """Describe the machine in a sentence."""
    cpu = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc").exists() else []:
        if line.startswith("model name"):
            cpu = line.split(":")[1].strip()
            break
    return (
        f"{cpu}, {os.cpu_count()} cores, Python {platform.python_version()}, NumPy {np.__version__}"
    )


def table(header: list[str], rows: list[list[str]]) -> str:
    """Write a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
