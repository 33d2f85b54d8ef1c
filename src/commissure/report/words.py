"""Words as sentences join them."""

from collections.abc import Sequence


def capital(text: str) -> str:
    """Return a sentence's beginning."""
    return text[:1].upper() + text[1:]


def count(n: int, one: str, many: str = "") -> str:
    """Return "1 run", "2 runs"."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def listed(words: Sequence[str]) -> str:
    """Return "a, b and c"."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
