"""The template spaces that derived data may be in, and which of several is taken."""

import re
from dataclasses import dataclass

from commissure.files.bids_names import has_midline
from commissure.space.templates import TEMPLATE_SPACE

# Symmetric ones first: there the mirror position of a place is its counterpart.
PREFERRED = (
    TEMPLATE_SPACE,
    "MNI152NLin2009bSym",
    "MNI152NLin2009cSym",
    "MNI152NLin6Sym",
    "MNI152NLin6Asym",
    "MNI152NLin2009cAsym",
)
# No label is the resolution of the acquisition; 2 is 2 mm in the templates of TemplateFlow.
_PREFERRED_RESOLUTIONS = ("", "native", "3", "2")

_ASKED = re.compile(r"(?:space-)?([A-Za-z0-9]+)(?:(?:\+|:cohort-)(\w+))?(?::res-(\w+))?")


@dataclass(frozen=True)
class Space:
    """A space and the resolution of its grid, as fMRIPrep names them.

    Attributes
    ----------
    name : str
        "MNI152NLin6Asym"; with the cohort behind a plus if there is one; "" in native space.
    resolution : str
        The label after "res-", without leading zeros; "" if there is none.
    """

    name: str
    resolution: str

    @classmethod
    def of(cls, entities: dict[str, str]) -> "Space":
        """Return what a file name says."""
        cohort = f"+{entities['cohort']}" if "cohort" in entities else ""
        return cls(entities.get("space", "") + cohort, _bare(entities.get("res", "")))

    @property
    def is_template(self) -> bool:
        """Whether people can be compared in it, place by place."""
        return has_midline(self.name)

    def answers(self, asked: str) -> bool:
        """Tell whether it is what was asked for: "MNI152NLin6Asym", "MNI152NLin6Asym:res-2"."""
        found = _ASKED.fullmatch(asked)
        if found is None:
            return False
        name, cohort, resolution = found.groups()
        return self.name == (f"{name}+{cohort}" if cohort else name) and (
            resolution is None or self.resolution == _bare(resolution)
        )

    @property
    def rank(self) -> tuple[int, str, int, str]:
        """What several are sorted by; the first is taken."""
        return (
            _place(self.name, PREFERRED),
            self.name,
            _place(self.resolution, _PREFERRED_RESOLUTIONS),
            self.resolution,
        )

    def __str__(self) -> str:
        if not self.name:
            return "native space"
        return f"{self.name}:res-{self.resolution}" if self.resolution else self.name


def symmetric_template_problem(space: str | None) -> str | None:
    """Say why data in this space cannot have what needs the symmetric template; None if they can.

    Mirror positions (shift maps, VMHC) and tissue priors are those of MNI152NLin2009aSym. CFH
    itself needs neither: left and right are told by x, the partner is wherever it is.
    """
    if space == TEMPLATE_SPACE:
        return None
    where = f"in {space}" if space else "in native space, or their space is not known"
    return (
        f"The data are {where}, and not in {TEMPLATE_SPACE}: its mirror positions and tissue "
        f"priors are not theirs. Say [input] to_template = true (of fMRIPrep's output), start from "
        f"raw data, give data in {TEMPLATE_SPACE}, or do without."
    )


def _bare(resolution: str) -> str:
    return resolution.lstrip("0") or resolution


def _place(label: str, preferred: tuple[str, ...]) -> int:
    return preferred.index(label) if label in preferred else len(preferred)
