"""Sizes of memory as people write them."""

import argparse
import re
from typing import Any

from commissure.cli.options import changes_of
from commissure.problems import InputError
from commissure.settings.tables import Execution

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


def add_memory(parser: Any) -> None:
    """Add the option that `memory_allowed` reads beside `--mem-gb`."""
    parser.add_argument("--max-memory", metavar="SIZE", help="the same, as 4G or 500M")


def memory_allowed(options: argparse.Namespace, execution: Execution) -> int | None:
    """Return the bytes that may be used; None for all that there are.

    Raises
    ------
    InputError
        If they are given twice, or are no size.
    """
    if options.max_memory is None:
        return None if execution.mem_gb is None else int(execution.mem_gb * 1e9)
    if "mem_gb" in changes_of(options).get("execution", {}):
        msg = "--max-memory and --mem-gb are the same. Keep one of them."
        raise InputError(msg)
    options.flags = {**getattr(options, "flags", {}), "execution.mem_gb": "--max-memory"}
    return parse_size(options.max_memory)
