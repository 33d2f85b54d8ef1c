"""Sizes of memory as people write them."""

import re

from commissure.problems import InputError

_BYTES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}

_LEAST, _MOST = 1, 10**15


def parse_size(text: str | None) -> int | None:
    """Return the bytes of ``4G`` or ``500M``; None for None.

    Raises
    ------
    InputError
        If it is no such size.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]?)B?", text.strip(), re.IGNORECASE)
    n_bytes = 0.0 if match is None else float(match[1]) * _BYTES[match[2].upper()]
    if not _LEAST <= n_bytes <= _MOST:
        msg = f"--max-memory {text} is not a size up to 1000000G. Write 500M or 4G."
        raise InputError(msg)
    return int(n_bytes)
