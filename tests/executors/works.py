"""What the executors are given to do."""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np

from commissure.problems import InputError


def square(number, report, n_threads):
    report("squaring", 0.5)
    return number**2


def tell(kind, report, n_threads):
    """Go well or wrong, in the way that is asked for."""
    if kind == "problems":
        raise InputError(["a.nii is damaged. Copy it again.", "b.nii too."])
    if kind == "defect":
        return {}["nothing"]
    if kind == "segfault":
        return ctypes.string_at(0)
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "exit":
        sys.stderr.write("this was the last of it\n")
        sys.stderr.flush()
        os._exit(7)
    if kind == "lambda":
        return lambda: None
    if kind == "print":
        print("not for the channel", flush=True)  # noqa: T201
    if kind == "log":
        logging.getLogger("commissure.somewhere").info("look at %s", "this")
        logging.getLogger("commissure.somewhere").debug("not at this")
        warnings.warn("look at that", RuntimeWarning, stacklevel=1)
    return kind


def surroundings(_, report, n_threads):
    from threadpoolctl import threadpool_info

    blas = {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}
    return os.getpid(), n_threads, blas, os.environ["OMP_NUM_THREADS"]


def sums(seed, report, n_threads):
    """Return what depends on the order of sums: products and factors of matrices."""
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((300, 300))
    return np.linalg.svd(a @ a.T, compute_uv=False), np.linalg.solve(a, rng.random(300))


def meet(argument, report, n_threads):
    """Wait until so many processes have been at work; return this one."""
    folder, n = argument
    (Path(folder) / str(os.getpid())).touch()
    deadline = time.monotonic() + 120
    while len(list(Path(folder).iterdir())) < n:
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.01)
    return os.getpid()


def stay(folder, report, n_threads):
    """Work on and on, with a program that does too; tell who they are."""
    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    made = Path(folder) / f"{os.getpid()}.part"
    made.write_text(str(program.pid))
    made.rename(made.with_suffix(".pids"))
    report("staying", 0.5)
    try:
        time.sleep(600)
    finally:
        (Path(folder) / f"{os.getpid()}.cleaned").touch()


def deaf(folder, report, n_threads):
    """Stay, whoever asks to end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return stay(folder, report, n_threads)


def sums_the_second_time(argument, report, n_threads):
    """Wait to be killed at the first attempt; do what `sums` does at the second."""
    folder, seed = argument
    attempts = Path(folder) / f"{seed}.attempts"
    with attempts.open("a") as file:
        file.write(f"{os.getppid()} {os.getpid()}\n")
    if seed == 0 and len(attempts.read_text().splitlines()) == 1:
        report("waiting", 0.5)
        time.sleep(600)
    return sums(seed, report, n_threads)


def kill_parent(_, report, n_threads):
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(600)
