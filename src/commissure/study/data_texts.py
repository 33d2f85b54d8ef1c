"""Texts that are data: what outputs are, presets, captions."""

from functools import cache
from importlib import resources


@cache
def read_data(name: str) -> str:
    """Return the text of a file of ``commissure/study/data``."""
    return resources.files("commissure.study").joinpath("data", name).read_text("utf-8")
