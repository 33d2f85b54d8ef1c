"""Contrasts as sentences tell them."""

from commissure.records.asked import Asked


def found(asked: Asked, sign: str) -> str:
    """Return what is true of the measure where the contrast has a sign ("" for F)."""
    more, above = ("higher", "above") if sign == "positive" else ("lower", "below")
    if asked.kind == "difference":
        return f"{more} in {asked.levels[0]} than in {asked.levels[1]}"
    if asked.kind == "slope":
        return f"{more} with higher {asked.factor}"
    if asked.kind == "mean":
        return f"{above} 0"
    return f"{sign} for {asked.text}" if sign else f"related to {asked.text}"


def not_found(asked: Asked, value: str) -> str:
    """Return what did not turn out to be so of a measure, in any region."""
    if asked.kind == "difference":
        return f"No region differed significantly between {asked.levels[0]} and {asked.levels[1]}"
    if asked.kind == "slope":
        return f"In no region was {value} significantly related to {asked.factor}"
    if asked.kind == "mean":
        return f"In no region did {value} differ significantly from 0"
    return f"No region showed a significant effect of “{asked.text}”"


def where(asked: Asked, value: str) -> str:
    """Return a heading for the findings."""
    if asked.kind == "difference":
        return f"Where {value} differs"
    if asked.kind == "slope":
        return f"Where {value} goes with {asked.factor}"
    if asked.kind == "mean":
        return f"Where {value} differs from 0"
    return f"Where {value} shows an effect"
