"""The language contrasts are written in: levels of factors, slopes and the mean.

::

    contrast = "1" | row { "," row }
    row      = [ "-" ] part { ( "+" | "-" ) part }
    part     = operand { ( "*" | "/" ) operand }
    operand  = number | "(" row ")" | quantity
    quantity = atom { ":" atom }
    atom     = factor "[" level "]" | covariate | "mean"
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from commissure.inference.grammar import DEEPEST, LONGEST, NAME, not_understood
from commissure.problems import InputError
from commissure.records.asked import Asked

_REST = (
    rf"(?P<level>{NAME.pattern}\s*\[[^\[\]]*\])|(?P<name>{NAME.pattern})"
    r"|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<sign>\S)"
)
# Weights beyond these are slips of the pen, and their sums lose what they add.
_LARGEST, _SMALLEST = 1e6, 1e-6


@dataclass(frozen=True)
class Quantity:
    """What the model predicts, at levels of factors, or how it changes with covariates.

    Attributes
    ----------
    levels : tuple of (factor, level)
        Where it is predicted; other factors are balanced. None: at all of them.
    slopes : tuple of str
        Covariates it is the slope of (the slope of the slope, where two). None: a mean.
    """

    levels: tuple[tuple[str, str], ...] = ()
    slopes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return it as it is written in a contrast."""
        atoms = [f"{factor}[{level}]" for factor, level in self.levels] + list(self.slopes)
        return ":".join(atoms) or "mean"


# A row of a contrast: the weight of each quantity.
Weights = dict[Quantity, float]


def read_contrast(
    text: str, factors: Mapping[str, Sequence[str]], covariates: Sequence[str]
) -> tuple[Weights, ...]:
    """Read a contrast.

    Parameters
    ----------
    text : str
        Such as ``"group[patient] - group[control]"``, ``"age"``,
        ``"(group[a] + group[b]) / 2 - group[c]"``, ``"group[a]:age - group[b]:age"``,
        ``"group[a] - group[b], group[b] - group[c]"`` or ``"mean"`` (``"1"`` says the same).
    factors : mapping of str to sequence of str
        The model's factors and their levels.
    covariates : sequence of str
        The model's continuous columns.

    Returns
    -------
    tuple of Weights
        One for a t, several for an F test.

    Raises
    ------
    InputError
        Naming what is not understood, and the columns or levels that there are.
    """
    if len(text) > LONGEST:
        msg = f"A contrast has at most {LONGEST:,} characters, not {len(text):,}. Write less."
        raise InputError(msg)
    if text.strip() == "1":
        return ({Quantity(): 1.0},)
    return _Reader(text, factors, covariates).read()


def what_is_asked(text: str, rows: Sequence[Weights], n: Callable[[Quantity], int]) -> Asked:
    """Return what a contrast asks, by what was read of it.

    Parameters
    ----------
    text : str
        As it was written.
    rows : sequence of Weights
    n : callable
        Of how many scans a quantity is.
    """
    first, *others = rows
    named = [quantity for row in rows for quantity in row]
    columns = (name for q in named for name in (*dict(q.levels), *q.slopes))
    asked = Asked(
        "F" if others else "other",
        text,
        columns=tuple(dict.fromkeys(columns)),
        weights=tuple({str(q): weight for q, weight in row.items()} for row in rows),
    )
    by_weight = {weight: quantity for quantity, weight in first.items()}
    if others or len(by_weight) < len(first):
        return asked
    if by_weight.keys() == {1, -1}:
        both = by_weight[1], by_weight[-1]
        if len(asked.columns) == 1 and all(len(q.levels) == 1 and not q.slopes for q in both):
            levels = tuple(q.levels[0][1] for q in both)
            n_scans = tuple(map(n, both))
            return replace(
                asked, kind="difference", factor=asked.columns[0], levels=levels, n=n_scans
            )
    if by_weight.keys() == {1} and not by_weight[1].levels:
        slopes = by_weight[1].slopes
        if not slopes:
            return replace(asked, kind="mean")
        if len(slopes) == 1:
            return replace(asked, kind="slope", factor=slopes[0])
    return asked


class _Reader:
    """A reader by recursive descent; a value is a number or a row."""

    def __init__(
        self, text: str, factors: Mapping[str, Sequence[str]], covariates: Sequence[str]
    ) -> None:
        self.text = text
        self.factors = factors
        self.covariates = covariates
        token = _token(factors)
        self.tokens = [(m.lastgroup, m.group().strip()) for m in token.finditer(text)]
        self.position = self.depth = 0
        self.problems: dict[str, None] = {}

    def read(self) -> tuple[Weights, ...]:
        rows = [self._whole_row()]
        while self._accept(","):
            rows.append(self._whole_row())
        if self._next():
            self._refuse(not_understood(self._next()))
        if self.problems:
            raise InputError(self.problems)
        return tuple(rows)

    def _whole_row(self) -> Weights:
        value = self._row()
        if isinstance(value, float):
            self._refuse("it has a number where a level or a covariate should be; name one")
        if not all(w == 0 or _SMALLEST <= abs(w) <= _LARGEST for w in value.values()):
            self._refuse(
                f"its weights must lie between {_SMALLEST:g} and {_LARGEST:,.0f}; "
                "write them as 1, 2 or 1/2"
            )
        return value

    def _row(self) -> Weights | float:
        value = self._part() if not self._accept("-") else _scaled(self._part(), -1)
        while self._next() in ("+", "-"):
            sign = 1 if self._take() == "+" else -1
            other = _scaled(self._part(), sign)
            if isinstance(value, float) and isinstance(other, float):
                value += other
            elif isinstance(value, float) or isinstance(other, float):
                self._refuse("a number is added to a level or covariate; it can only be a factor")
            else:
                value = {q: value.get(q, 0) + other.get(q, 0) for q in value | other}
        return value

    def _part(self) -> Weights | float:
        value = self._operand()
        while self._next() in ("*", "/"):
            operator = self._take()
            other = self._operand()
            if operator == "/":
                if not isinstance(other, float) or other == 0:
                    self._refuse(
                        "it divides by 0, or by what is no number; write a number behind /"
                    )
                value = _scaled(value, 1 / other)
            elif isinstance(other, float):
                value = _scaled(value, other)
            elif isinstance(value, float):
                value = _scaled(other, value)
            else:
                self._refuse("two quantities are multiplied; levels combine with : instead")
        return value

    def _operand(self) -> Weights | float:
        kind = self._kind()
        if kind == "number":
            return float(self._take())
        if self._accept("("):
            self.depth += 1
            if self.depth > DEEPEST:
                self._refuse(
                    f"its brackets are nested more than {DEEPEST} deep; "
                    "leave out those that say nothing"
                )
            value = self._row()
            self.depth -= 1
            if not self._accept(")"):
                self._refuse("a closing bracket is missing; add it")
            return value
        levels: list[tuple[str, str]] = []
        slopes: list[str] = []
        self._atom(levels, slopes)
        while self._accept(":"):
            self._atom(levels, slopes)
        if len(dict(levels)) < len(levels):
            self._refuse("a quantity has two levels of the same factor; name one")
        if len(set(slopes)) < len(slopes):
            self._refuse("a quantity has the same covariate twice; name it once")
        return {Quantity(tuple(sorted(levels)), tuple(sorted(slopes))): 1.0}

    def _atom(self, levels: list[tuple[str, str]], slopes: list[str]) -> None:
        kind, token = self._kind(), self._take()
        if kind in ("level", "there"):
            name, level = (part.strip() for part in token[:-1].split("[", 1))
            levels.append((name, level))
            if name in self.covariates:
                self._note(f"{name} is continuous and has no levels; {name} alone is its slope")
            elif name not in self.factors:
                self._unknown(name)
            elif level not in self.factors[name]:
                there = _listed(self.factors[name])
                self._note(f"{name} has no level {level!r}; it has {there}. Name one of these")
        elif kind == "name":
            if token in self.covariates:
                slopes.append(token)
            elif token in self.factors:
                some = self.factors[token]
                self._note(
                    f"{token} is a factor, so its levels must be named, as in "
                    f"{token}[{some[-1]}] - {token}[{some[0]}]; its levels are {_listed(some)}"
                )
            elif token != "mean":  # noqa: S105 - a word, not a password
                self._unknown(token)
        elif token:
            self._refuse(not_understood(token))
        else:
            self._refuse("it ends where a level or a covariate should follow")

    def _unknown(self, name: str) -> None:
        there = [f"{factor}[...]" for factor in self.factors] + list(self.covariates)
        self._note(
            f"{name} is not in the formula, so the contrast is not estimable. What can be named is "
            f"{_listed([*there, 'mean'])}"
        )

    def _kind(self) -> str | None:
        return self.tokens[self.position][0] if self.position < len(self.tokens) else None

    def _next(self) -> str:
        return self.tokens[self.position][1] if self.position < len(self.tokens) else ""

    def _take(self) -> str:
        token = self._next()
        self.position += 1
        return token

    def _accept(self, token: str) -> bool:
        accepted = self._next() == token
        self.position += accepted
        return accepted

    def _note(self, what: str) -> None:
        shown = self.text if len(self.text) <= 200 else f"{self.text[:150]}..."
        self.problems[f"The contrast {shown!r}: {what}."] = None

    def _refuse(self, what: str) -> NoReturn:
        self._note(what)
        raise InputError(self.problems)


def _token(factors: Mapping[str, Sequence[str]]) -> re.Pattern[str]:
    """Return what tokens look like; levels that there are may have any signs in their names."""
    known = [
        rf"{re.escape(factor)}\s*\[\s*(?:{'|'.join(map(re.escape, longest_first))})\s*\]"
        for factor, levels in factors.items()
        if (longest_first := sorted(map(str, levels), key=len, reverse=True))
    ]
    # Not where the name is the end of a longer one.
    there = rf"(?P<there>(?<!\w)(?:{'|'.join(known)}))|" if known else ""
    return re.compile(rf"\s*(?:{there}{_REST})")


def _scaled(value: Weights | float, factor: float) -> Weights | float:
    if isinstance(value, float):
        return value * factor
    return {quantity: weight * factor for quantity, weight in value.items()}


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words)
