"""Which registrations are believed, and what is said of those that are not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import pandas as pd
from annotated_types import Ge, Le

from commissure.preprocessing.orientation import fits_when

_IMAGES = {"epi": "the EPI", "t1w": "the T1w"}
_OVERLAPS = {
    "epi_t1w": "the EPI's brain and the T1w's (is it the same person?)",
    "epi_template": "the EPI's brain and the template's",
}


@dataclass(frozen=True)
class RegistrationRules:
    """Limits of where an image may be put in the template.

    Attributes
    ----------
    max_turn : float
        Of the angle between a header's axes and the head, degrees, as the image's content shows it:
        nobody lies turned by more, so the header must be wrong.
    doubtful_orientation : float
        If the content fits the template this nearly as well another way round (1: just as well), it
        does not tell which is right, and the run is noted.
    max_apart : float
        Of the mean distance, mm, between where an image was put and where a search that knows
        nothing of its header puts it.
    max_stretch, doubtful_stretch : float
        Of the factor by which the affine part of a registration lengthens or shortens the brain.
    max_warped, doubtful_warped : float
        Of the share of the brain that a warp folds or makes 5 times larger or smaller.
    least_coverage, doubtful_coverage : float
        Of the template's brain in the EPI's field of view.
    least_overlap : float
        Dice overlap of brain masks, below which a registration must have failed. A weak check: the
        outline is what a warp fits, whichever way round the brain lies.
    doubtful_overlap : float
        Below it the run is included, but noted: simulated participants have 0.96 with their own
        T1w and 0.90 with another person's.
    """

    max_turn: Annotated[float, Ge(0), Le(180)] = 60.0
    doubtful_orientation: Annotated[float, Ge(0), Le(1)] = 0.85
    max_apart: Annotated[float, Ge(0), Le(1000)] = 25.0
    max_stretch: Annotated[float, Ge(1), Le(100)] = 1.5
    doubtful_stretch: Annotated[float, Ge(1), Le(100)] = 1.3
    max_warped: Annotated[float, Ge(0), Le(1)] = 0.2
    doubtful_warped: Annotated[float, Ge(0), Le(1)] = 0.07
    least_coverage: Annotated[float, Ge(0), Le(1)] = 0.7
    doubtful_coverage: Annotated[float, Ge(0), Le(1)] = 0.9
    least_overlap: Annotated[float, Ge(0), Le(1)] = 0.8
    doubtful_overlap: Annotated[float, Ge(0), Le(1)] = 0.92


def registration_reasons(
    measured: Mapping[str, Any], rules: RegistrationRules
) -> tuple[list[str], list[str]]:
    """Return what speaks against a run's registrations: what excludes it, and what is noted.

    Parameters
    ----------
    measured : mapping
        See `commissure.study.quality.measure`; what is missing or None is not judged.
    rules : RegistrationRules
    """
    against: list[str] = []
    noted: list[str] = []
    for image in _IMAGES:
        known = {
            name.removesuffix(f"_{image}"): value
            for name, value in measured.items()
            if name.endswith(f"_{image}") and not pd.isna(value)
        }
        _judge_place(_IMAGES[image], known, rules, against, noted)
    for name, what in _OVERLAPS.items():
        overlap = measured.get(f"overlap_{name}")
        if overlap is None or pd.isna(overlap):
            continue
        if overlap < rules.least_overlap:
            against.append(f"{what} overlap by {overlap:.2f} < {rules.least_overlap:g}")
        elif overlap < rules.doubtful_overlap:
            noted.append(f"{what} overlap by {overlap:.2f} < {rules.doubtful_overlap:g}")
    return against, noted


def has_wrong_header(measured: Mapping[str, Any], rules: RegistrationRules) -> bool:
    """Tell whether the content of a run's EPI or T1w surely contradicts its header."""
    return any(
        (measured.get(f"turn_{image}") or 0) > rules.max_turn
        and (measured.get(f"doubt_{image}") or 0) < rules.doubtful_orientation
        for image in _IMAGES
    )


def _judge_place(
    what: str,
    known: Mapping[str, Any],
    rules: RegistrationRules,
    against: list[str],
    noted: list[str],
) -> None:
    """Add what speaks against where one image was put."""
    # A search that is not sure of its result is no witness against a registration.
    doubt = known.get("doubt", 0)
    found = noted if doubt >= rules.doubtful_orientation else against
    if known.get("turn", 0) > rules.max_turn:
        found.append(f"{what} {fits_when(known['axes'], known['turn'])}")
    elif known.get("apart", 0) > rules.max_apart:
        found.append(
            f"registration put {what} {known['apart']:.0f} mm > {rules.max_apart:g} from where a "
            "search by its content finds it"
        )
    if found is noted:
        noted.append(
            f"registration of {what}: its content fits the template nearly as well another way "
            f"round ({doubt:.2f} >= {rules.doubtful_orientation:g})"
        )
    limits = (
        ("stretch", rules.doubtful_stretch, rules.max_stretch, "stretched {:.2f}-fold"),
        ("warped", rules.doubtful_warped, rules.max_warped, "folded or squeezed {:.0%} of"),
    )
    for name, doubtful, most, text in limits:
        value = known.get(name, 0)
        if value > doubtful:
            limit = most if value > most else doubtful
            said = f"registration {text.format(value)} the brain in {what} (> {limit:g})"
            (against if value > most else noted).append(said)
    coverage = known.get("coverage", 1)
    if coverage < rules.doubtful_coverage:
        limit = min(rules.least_coverage, rules.doubtful_coverage)
        limit = limit if coverage < limit else rules.doubtful_coverage
        said = f"{what} covers {coverage:.0%} of the brain after registration (< {limit:.0%})"
        (against if coverage < rules.least_coverage else noted).append(said)
