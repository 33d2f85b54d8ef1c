"""How numbers are printed: one place for every table and figure."""

import math
from collections.abc import Mapping


def p_text(p: float) -> str:
    """Return a p- or q-value as print has it; empty for NaN.

    "<0.001" below 0.001, three decimals below 0.1 (so that no rounding hides a side of 0.05 or
    0.01), two from there.
    """
    if math.isnan(p):
        return ""
    if p < 0.001:
        return "<0.001"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def p_equals(p: float, symbol: str = "p") -> str:
    """Return "p = 0.48" or "p < 0.001"."""
    text = p_text(p)
    return f"{symbol} < {text[1:]}" if text.startswith("<") else f"{symbol} = {text}"


def decimals_for(spread: float) -> int:
    """Return how many decimals show two significant digits of a spread, at least two."""
    return max(2, 1 - math.floor(math.log10(spread))) if spread > 0 else 2


def fixed(value: float, decimals: int = 2) -> str:
    """Return a number with that many decimals, empty for NaN; never "-0.00"."""
    return "" if math.isnan(value) else f"{round(value, decimals) + 0.0:.{decimals}f}"


def mean_sd_text(mean: float, sd: float) -> str:
    """Return "51.07 (6.46)"."""
    decimals = decimals_for(sd)
    return f"{fixed(mean, decimals)} ({fixed(sd, decimals)})"


def median_range_text(median: float, low: float, high: float) -> str:
    """Return "3 (2-6)"; "-1 (-3 to 2)" where a hyphen could be read as a minus sign."""
    decimals = decimals_for(high - low)
    short = [
        text.rstrip("0").rstrip(".") for text in (fixed(x, decimals) for x in (median, low, high))
    ]
    return f"{short[0]} ({short[1]}{' to ' if low < 0 else '-'}{short[2]})"


def interval_text(low: float, high: float) -> str:
    """Return "[-0.12, 0.55]", empty for NaN."""
    return "" if math.isnan(low) else f"[{fixed(low)}, {fixed(high)}]"


def with_unit(name: str, units: Mapping[str, str]) -> str:
    """Return "age (year)"; the name itself where no unit is known."""
    return f"{name} ({units[name]})" if units.get(name) else name
