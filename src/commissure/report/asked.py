"""What was asked of the maps: contrasts as sentences tell them."""

import re
from dataclasses import dataclass
from typing import Literal

_DIFFERENCE = re.compile(r"\s*(\w+)\s*\[([^\]]+)\]\s*-\s*\1\s*\[([^\]]+)\]\s*")
Sign = Literal["positive", "negative"]


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
    """

    kind: Literal["difference", "slope", "mean", "F", "other"]
    text: str
    factor: str = ""
    levels: tuple[str, ...] = ()

    def found(self, sign: str) -> str:
        """Return what is true of the measure where the contrast has a sign ("" for F)."""
        more, above = ("higher", "above") if sign == "positive" else ("lower", "below")
        if self.kind == "difference":
            return f"{more} in {self.levels[0]} than in {self.levels[1]}"
        if self.kind == "slope":
            return f"{more} with higher {self.factor}"
        if self.kind == "mean":
            return f"{above} 0"
        return f"{sign} for {self.text}" if sign else f"related to {self.text}"

    def not_found(self, value: str) -> str:
        """Return what did not turn out to be so of a measure, in any region."""
        if self.kind == "difference":
            return f"No region differed significantly between {self.levels[0]} and {self.levels[1]}"
        if self.kind == "slope":
            return f"In no region was {value} significantly related to {self.factor}"
        if self.kind == "mean":
            return f"In no region did {value} differ significantly from 0"
        return f"No region showed a significant effect of “{self.text}”"

    def where(self, value: str) -> str:
        """Return a heading for the findings."""
        if self.kind == "difference":
            return f"Where {value} differs"
        if self.kind == "slope":
            return f"Where {value} goes with {self.factor}"
        if self.kind == "mean":
            return f"Where {value} differs from 0"
        return f"Where {value} shows an effect"


def read_asked(text: str) -> Asked:
    """Read a contrast as far as sentences need it; see `commissure.inference.contrasts`."""
    if "," in text:
        return Asked("F", text)
    if text.strip() in ("1", "mean"):
        return Asked("mean", text)
    if found := _DIFFERENCE.fullmatch(text):
        return Asked("difference", text, found[1], (found[2].strip(), found[3].strip()))
    if re.fullmatch(r"\s*\w+\s*", text):
        return Asked("slope", text, text.strip())
    return Asked("other", text)
