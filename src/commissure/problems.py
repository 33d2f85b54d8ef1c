"""What is wrong with an input, said to the person who gave it."""

import re
import signal
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")

# What tells alike problems of many files apart: a path, or the name of a participant.
_OF_ONE = re.compile(r"\S*(?:/|\\|\bsub-)\S*")
_WHO = re.compile(r"\bsub-[A-Za-z0-9]+")
# What to do where memory is short.
MORE_MEMORY = (
    "If memory is short, let fewer be worked on at a time ([execution] n_procs, or less of "
    "[execution] mem_gb), or take a machine with more."
)
# So many are named of those of whom the same holds.
_NAMED = 12


class InputError(ValueError):
    """One or more problems of the input, each a full sentence that says what to do.

    Parameters
    ----------
    problems : str or iterable of str
        Each names the file or argument, what is wrong with it and the remedy.

    Notes
    -----
    The command line prints them, a line each, and ends with exit code 2. Anything else that is
    raised is a defect of commissure.
    """

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class Gathered:
    """Runs checks one after the other and gathers what is wrong.

    Attributes
    ----------
    problems : list of str
    """

    def __init__(self) -> None:
        self.problems: list[str] = []

    def run(self, check: Callable[[], T]) -> T | None:
        """Return what a check gives; None if it raises `InputError`, whose problems are kept."""
        try:
            return check()
        except InputError as error:
            self.problems += error.problems
            return None

    def tell(self) -> None:
        """Raise if anything was found, each problem once."""
        if self.problems:
            raise InputError(dict.fromkeys(self.problems))


def once_each(said: Iterable[str], most: int = 1) -> list[str]:
    """Return what is said of files, the same of many of them once, with their number.

    Parameters
    ----------
    said : iterable of str
    most : int
        As many that differ only in the files and participants they name are all shown.
    """
    alike: dict[str, list[str]] = {}
    for one in dict.fromkeys(said):
        alike.setdefault(_OF_ONE.sub("", one), []).append(one)
    return [
        line
        for lines in alike.values()
        for line in (lines if len(lines) <= most else [f"{lines[0]} {_and_of(lines[1:])}"])
    ]


def _and_of(others: Sequence[str]) -> str:
    """Say of how many more the same holds, and of which participants."""
    found = (_WHO.search(line) for line in others)
    who = list(dict.fromkeys(match[0] for match in found if match))
    named = ", ".join(who[:_NAMED]) + ", ..." * (len(who) > _NAMED)
    return f"The same holds for {len(others)} more{f' ({named})' if who else ''}."


def killed_by(number: int) -> str:
    """Return how a program ended that a signal killed: "was killed by signal 9 (Killed)"."""
    why = ", probably for lack of memory" if number == getattr(signal, "SIGKILL", 9) else ""
    return f"was killed by signal {number} ({signal.strsignal(number)}){why}"
