"""Arguments of the command line: strict, and told in the same form as all else that is wrong."""

import argparse
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
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
        """Store whether it is on."""
        once(self, namespace, option_string)
        setattr(namespace, self.dest, values)


class Switch(argparse.BooleanOptionalAction):
    """An option and its --no- form, once."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Store whether it is on."""
        once(self, namespace, option_string)
        super().__call__(parser, namespace, values, option_string)


class Names(argparse.Action):
    """Names, with blanks or commas between; what has a "=" is taken whole."""

    def __call__(
        self,
        _parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        _option_string: str | None = None,
    ) -> None:
        """Add what is given."""
        remember(self, namespace)
        names = [
            name
            for text in values or ()
            for name in ([text] if "=" in text else text.replace(",", " ").split() or [text])
        ]
        setattr(namespace, self.dest, (*(getattr(namespace, self.dest) or ()), *names))


class Pairs(argparse.Action):
    """NAME=VALUE, a value a name."""

    several = False

    def __call__(
        self,
        _parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        _option_string: str | None = None,
    ) -> None:
        """Add what is given."""
        remember(self, namespace)
        pairs = dict(getattr(namespace, self.dest) or {})
        for text in values or ():
            name, equals, value = text.partition("=")
            if not equals or not name.strip():
                raise argparse.ArgumentError(self, f"{text} is not NAME=VALUE")
            if self.several:
                pairs[name] = (*pairs.get(name, ()), value)
            elif name in pairs:
                raise argparse.ArgumentError(self, f"{name} is given twice; give it once")
            else:
                pairs[name] = value
        setattr(namespace, self.dest, pairs)


class Groups(Pairs):
    """NAME=VALUE, any number of values a name."""

    several = True


def once(action: argparse.Action, namespace: argparse.Namespace, option_string: str | None) -> None:
    """Remember that an option was given, and refuse it a second time."""
    if option_string is not None and action.dest in getattr(namespace, "given", ()):
        raise argparse.ArgumentError(action, "it is given twice; give it once")
    remember(action, namespace)


def remember(action: argparse.Action, namespace: argparse.Namespace) -> None:
    """Remember that an option was given, for messages about what it chooses."""
    namespace.__dict__.setdefault("given", set()).add(action.dest)


def path_of(text: str) -> Path:
    """Read the argument of a file or folder, which may begin at a home: --out=~/study.

    Shells replace ~ at the beginning of a word only; programs that write images, everywhere.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        msg = f"{text!r:.80} begins at a home that is not known. Write the whole path"
        raise argparse.ArgumentTypeError(msg) from error


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
