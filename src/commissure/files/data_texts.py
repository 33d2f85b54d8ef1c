"""Texts that are data: what outputs are, presets, captions."""

from functools import cache
from importlib import resources


@cache
def read_data(room: str, name: str) -> str:
    """Return the text of a file of ``commissure/<room>/data``."""
    return resources.files(f"commissure.{room}").joinpath("data", name).read_text("utf-8")
