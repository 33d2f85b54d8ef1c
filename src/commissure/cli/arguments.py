"""Arguments of the command line: strict, and told in the same form as all else that is wrong."""

import argparse
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from commissure.problems import InputError

LARGEST_SEED = 2**63 - 1


class Parser(argparse.ArgumentParser):
    """A parser whose errors are `InputError`, and whose options are given once."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.register("action", None, _Once)
        self.register("action", "store", _Once)

    def error(self, message: str) -> NoReturn:
        """Raise instead of leaving the program."""
        msg = f"{message[0].upper()}{message[1:]}. See {self.prog} --help."
        raise InputError(msg)


class _Once(argparse.Action):
    """Store a value, and refuse a second one: which of them is meant is not to be guessed."""

    def __call__(
        self,
        _parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        given = namespace.__dict__.setdefault("given", set())
        if option_string is not None and self.dest in given:
            raise argparse.ArgumentError(self, "it is given twice; give it once")
        given.add(self.dest)
        setattr(namespace, self.dest, values)


def whole(least: int, most: int) -> Callable[[str], int]:
    """Return a type of argument: whole numbers between limits."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            msg = f"{text[:40]} is no whole number from {least:,} to {most:,}"
            raise argparse.ArgumentTypeError(msg)
        return value

    return read


count = whole(1, 4096)  # of threads and processes


def number(least: float, most: float) -> Callable[[str], float]:
    """Return a type of argument: numbers between limits."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            msg = f"{text[:40]} is no number from {least:g} to {most:g}"
            raise argparse.ArgumentTypeError(msg)
        return value

    return read


def in_flags(text: str, flags: Mapping[str, str]) -> str:
    """Return a message with settings called as the options that they were given by.

    Parameters
    ----------
    text : str
        In which a setting is called ``[table] name``.
    flags : mapping of str to str
        ``table.name`` to the option.
    """

    def renamed(match: re.Match[str]) -> str:
        flag = flags.get(f"{match[1]}.{match[2]}")
        return match[0] if flag is None else flag + (" " if match[3] else "")

    return re.sub(r"\[(\w+)\] (\w+)( = )?", renamed, text)


def check_text(arguments: Sequence[str]) -> None:
    """Raise if an argument is no text in UTF-8, which could be written to no file."""
    wrong = [a for a in arguments if "\0" in a or not _encodes(a)]
    if wrong:
        raise InputError(
            f"The argument {a!a} has characters that no file can have. Write it without them."
            for a in wrong
        )


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
