"""Rival explanations of a contrast: motion and what else may differ along it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter

RivalKind = Literal["mean_fd", "effective_df", "noise_floor", "coverage"]
RivalState = Literal["alike", "beyond", "modelled", "matched", "unknown"]


@dataclass(frozen=True)
class RivalLimits:
    """How far scans may differ in something along a contrast that is then called a finding.

    What is left out of a model adds to the contrast's t about its own t along the contrast times
    its correlation with the maps. So it must be surely there (`p`): with a t below 2 it cannot make
    a cluster. And it must be more than what matched groups differ by: 0.25 standard deviations is
    the usual limit of balance (Rubin DB, 2001, Health Services and Outcomes Research Methodology
    2:169; Stuart EA, 2010, Statistical Science 25:1), which for two groups of equal size is a
    correlation of 0.25 / sqrt(0.25**2 + 4) = 0.12. Cells of a table are not corrected for their
    number: to warn too often costs a look, not to warn a false finding.

    Attributes
    ----------
    g, r : float
        Least standardised difference (Hedges) and partial correlation, without their sign.
    p : float
        Two-sided, below which they count.
    """

    g: float = 0.25
    r: float = 0.12
    p: float = 0.05


RIVAL_LIMITS = RivalLimits()


@dataclass(frozen=True)
class Rival:
    """Something that may explain what a contrast shows.

    Attributes
    ----------
    kind : RivalKind
        Mean framewise displacement (mm), effective degrees of freedom, noise floor (mean over the
        places, in units of the maps), share of the places that a scan lacks (%).
    state : {"alike", "beyond", "modelled", "matched", "unknown"}
        Whether it keeps to the limits, and if not, whether something was done about it.
    effect : {"g", "r"}
        What `value` is: Hedges g of a difference of two groups, else the partial correlation with
        the contrast (of an F test, the multiple one).
    value, p : float or None
        Of the contrast on it, by the model without it; None where it cannot be computed.
    limit : float
        Of the value; see `RivalLimits`.
    means : mapping of str to float
        Of the two groups that are compared; empty where no two are.
    n_unknown, n : int
        Scans of which it is not known; all.
    """

    kind: RivalKind
    state: RivalState
    effect: Literal["g", "r"]
    value: float | None
    p: float | None
    limit: float
    means: Mapping[str, float] = field(default_factory=dict)
    n_unknown: int = 0
    n: int = 0

    @property
    def is_beyond(self) -> bool:
        """Whether it goes with the contrast beyond the limits, whatever was done about it."""
        if self.value is None or self.p is None:
            return False
        return abs(self.value) > self.limit and self.p < RIVAL_LIMITS.p

    @property
    def may_explain(self) -> bool:
        """Whether what the contrast shows is no finding by itself: motion must be known."""
        return self.state == "beyond" or (self.kind == "mean_fd" and self.state == "unknown")


_RIVALS = TypeAdapter(tuple[Rival, ...])


def rivals_to_json(rivals: Iterable[Rival]) -> list[dict[str, Any]]:
    """Return them as plain values, with what follows from these."""
    return [asdict(rival) | {"may_explain": rival.may_explain} for rival in rivals]


def rivals_in(stats: Mapping[str, Any]) -> tuple[Rival, ...]:
    """Return what stats.json records of them; nothing of one that records none."""
    try:
        return _RIVALS.validate_python(stats.get("Rivals", ()))
    except ValueError:
        return ()
