"""Benchmarks run by hand only: that they still fit the library is seen here."""

import importlib
from pathlib import Path

import benchmarks
import pytest

NAMES = [path.stem for path in Path(benchmarks.__file__).parent.glob("*.py")]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "__init__"])
def test_a_benchmark_finds_all_that_it_imports(name):
    if name == "kernel":
        pytest.importorskip("faiss", reason="faiss, the kernel's peer, is not installed")
    module = importlib.import_module(f"benchmarks.{name}")
    assert module.__doc__


def test_the_steps_that_are_timed_are_there():
    from benchmarks.steps import STEPS

    missing = [
        name for places in STEPS.values() for at, name in places if not callable(getattr(at, name))
    ]
    assert not missing
