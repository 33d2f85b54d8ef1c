"""Verdicts on runs: who is included, and the reasons, whose words stand in data/reasons.json."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from pydantic import TypeAdapter

from commissure.records.runs import Measured

# In an output folder, beside quality.tsv, which says the same to people.
VERDICTS = "verdicts.json"

Kind = Literal[
    "mean_fd",
    "moved",
    "turned",
    "volumes",
    "df",
    "match",
    "header",
    "apart",
    "ambiguous",
    "stretched",
    "warped",
    "border",
    "mirrored",
    "sides",
    "no_t1w",
    "coverage",
    "overlap",
    "left_out",
    "failed",
    "undone",
]


@dataclass(frozen=True)
class Reason:
    """What speaks against a run.

    Attributes
    ----------
    kind : Kind
    value, limit : float or None
        What was measured, and what it should have kept to.
    image : str
        Which image or pair of images, as `Measured` has them.
    said : str
        In words: by whom the run was left out, what went wrong.
    excludes : bool
        Whether it excludes the run or is only noted.
    """

    kind: Kind
    value: float | None = None
    limit: float | None = None
    image: str = ""
    said: str = ""
    excludes: bool = True

    @property
    def sentence(self) -> str:
        """It in words and numbers, as quality.tsv has it."""
        image = words()["images"].get(self.image, self.image)
        text = words()["kinds"][self.kind]["sentence"].format(
            value=self.value, limit=self.limit, image=image, said=self.said
        )
        return text if self.excludes else f"{text} (noted)"

    @property
    def short(self) -> str:
        """It in a few words, without numbers."""
        return str(words()["kinds"][self.kind]["short"])

    @property
    def group(self) -> str:
        """Which reasons it is counted with in the methods section."""
        return str(words()["kinds"][self.kind]["group"])


@dataclass(frozen=True)
class Verdict:
    """What was measured of a run and what speaks against it.

    Attributes
    ----------
    measured : Measured
    reasons : tuple of Reason
        Those that exclude the run, then those that are only noted.
    """

    measured: Measured
    reasons: tuple[Reason, ...] = ()

    @property
    def included(self) -> bool:
        """Whether the run takes part in the group stage."""
        return not any(reason.excludes for reason in self.reasons)

    @property
    def text(self) -> str:
        """The reasons in words."""
        return in_words(self.reasons)


def in_words(reasons: Iterable[Reason]) -> str:
    """Return reasons as quality.tsv has them."""
    return "; ".join(reason.sentence for reason in reasons)


def in_short(reasons: Iterable[Reason]) -> list[str]:
    """Return what excludes a run in a few words each; what is only noted does not count."""
    return list(dict.fromkeys(reason.short for reason in reasons if reason.excludes))


@cache
def words() -> Mapping[str, Any]:
    """Return what is said of reasons: ``images``, ``kinds``, ``groups`` (the methods section)."""
    path = resources.files("commissure.records").joinpath("data", "reasons.json")
    return dict(json.loads(path.read_text("utf-8")))


def limits() -> dict[str, str]:
    """Return which setting of [quality] limits a column of quality.tsv, where one does."""
    kinds = words()["kinds"].values()
    return {about["column"]: about["rule"] for about in kinds if "column" in about}


_VERDICTS = TypeAdapter(tuple[Verdict, ...])


def verdicts_to_json(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """Return verdicts as plain values; a number that is none is null."""
    return {"Verdicts": json.loads(_VERDICTS.dump_json(tuple(verdicts)))}


def verdicts_from_json(content: Mapping[str, Any]) -> tuple[Verdict, ...]:
    """Return verdicts that were plain values; raise `ValueError` if they are something else."""
    return _VERDICTS.validate_python(content.get("Verdicts", ()))
