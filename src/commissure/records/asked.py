"""What was asked of the maps: the contrast, as it was read once."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import TypeAdapter


@dataclass(frozen=True)
class Asked:
    """A contrast.

    Attributes
    ----------
    kind : {"difference", "slope", "mean", "F", "other"}
    text : str
        As it was written.
    factor : str
        Of a difference; the covariate of a slope.
    levels : tuple of str
        Of a difference: the two that are compared.
    n : tuple of int
        Scans of each of these.
    columns : tuple of str
        All that are named in it.
    weights : tuple of mapping of str to float
        Of each mean or slope, a mapping a row.
    """

    kind: Literal["difference", "slope", "mean", "F", "other"]
    text: str
    factor: str = ""
    levels: tuple[str, ...] = ()
    n: tuple[int, ...] = ()
    columns: tuple[str, ...] = ()
    weights: tuple[Mapping[str, float], ...] = ()


def in_order(levels: Iterable[str], factor: str, contrast: str) -> list[str]:
    """Return levels as a contrast names them, the others behind: the order of all tables."""
    written = {level: contrast.find(f"{factor}[{level}]") for level in levels}
    return sorted(written, key=lambda level: (written[level] < 0, written[level]))


_ASKED = TypeAdapter(Asked)


def asked_to_json(asked: Asked) -> dict[str, Any]:
    """Return a contrast as plain values."""
    return asdict(asked)


def asked_in(stats: Mapping[str, Any]) -> Asked:
    """Return the contrast that stats.json records; of an older one no more than its text."""
    try:
        return _ASKED.validate_python(stats.get("Asked"))
    except ValueError:
        return Asked("other", str(stats.get("Settings", {}).get("contrast", "")))
