"""The grammar that formulas may be written in: a formula is data, never code.

formulaic evaluates what it does not know as Python. It is only given what this module has read
and written anew: names, ``+ : * ^ ( )`` and the switches of the intercept.

::

    formula  = [ "cfh" "~" ] sum
    sum      = [ "-" "1" "+" ] item { "+" item | "-" "1" }
    item     = "0" | "1" | product          (numbers outside brackets only)
    product  = power { ( "*" | ":" ) power }
    power    = name | "C" "(" name ")" | "(" sum ")" [ "^" digit ]
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from math import comb
from typing import NoReturn

from commissure.problems import InputError

NAME = re.compile(r"[^\W\d]\w*")
_TOKEN = re.compile(rf"\s*(?:({NAME.pattern})|(\d+)|(\S))")
_LEFT_SIDE = "cfh"
_ALLOWED = (
    "A formula has names of columns, +, :, *, ^, brackets and C() only. Rename a column whose name "
    "has blanks or signs."
)

# Of a formula or a contrast: more than anybody writes, and far less than a computer can bear.
LONGEST, DEEPEST = 10_000, 50
_MOST_TERMS = 1_000
# What word processors make of what was typed.
_TYPED = dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\u2014\ufe63\uff0d", "-")
_TYPED |= dict.fromkeys("\u00d7\u00b7\u2217\u22c5", "*") | {"\u2044": "/", "\u2215": "/"}


@dataclass(frozen=True)
class Formula:
    """A formula that has been read.

    Attributes
    ----------
    text : str
        The formula without its left side and without C(), for formulaic.
    names : tuple of str
        The columns it names, each once, in order.
    factors : frozenset of str
        Those that stand in C().
    """

    text: str
    names: tuple[str, ...]
    factors: frozenset[str]


def not_understood(token: str) -> str:
    """Say that a token is not understood, and what may have been typed."""
    typed = f" (write {_TYPED[token]} in its place)" if token in _TYPED else ""
    return f"{token!r} is not understood there{typed}"


def read_formula(formula: str, columns: Collection[str] = ()) -> Formula:
    """Read a formula, refusing everything that is not in the grammar.

    Parameters
    ----------
    formula : str
        Such as ``"group + age"``, ``"cfh ~ group * C(site)"``, ``"1"`` (one mean) or
        ``"0 + group"`` (no intercept; ``- 1`` says the same).
    columns : collection of str
        What the table's columns are called, for the message about names that need quoting.

    Raises
    ------
    InputError
        Saying what is not understood, and where.
    """
    if len(formula) > LONGEST:
        msg = f"A formula has at most {LONGEST:,} characters, not {len(formula):,}. Write less."
        raise InputError(msg)
    # A column "2" is not what "(a + b)^2" means.
    unquoted = sorted(
        c
        for c in columns
        if c.strip() and c in formula and not NAME.fullmatch(c) and not c.isdigit()
    )
    if unquoted:
        raise InputError(
            f"The column {column!r} cannot be written in a formula: a name there has letters, "
            "digits and underscores and does not start with a digit. Rename the column."
            for column in unquoted
        )
    return _Reader(formula).read()


class _Reader:
    """A reader by recursive descent that writes down what it has understood."""

    def __init__(self, formula: str) -> None:
        self.formula = formula
        self.tokens = [match.group().strip() for match in _TOKEN.finditer(formula)]
        self.position = self.depth = 0
        self.written: list[str] = []
        self.names: dict[str, None] = {}
        self.factors: set[str] = set()

    def read(self) -> Formula:
        if "~" in self.tokens:
            if self.tokens[:2] != [_LEFT_SIDE, "~"]:
                left = self.formula.split("~")[0].strip()
                self._refuse(f"on the left of ~ stands {left!r}, where only {_LEFT_SIDE!r} may")
            self.position = 2
        self._sum(outermost=True)
        if self._next():
            self._refuse(not_understood(self._next()))
        return Formula(" ".join(self.written), tuple(self.names), frozenset(self.factors))

    def _sum(self, *, outermost: bool = False) -> int:
        """Read a sum; return how many terms it has at most, written out."""
        if outermost and self._next() == "-":
            self._minus_one()
            if self._next() != "+":
                self._refuse("after -1 a + is missing")
            self._write(self._take())
        n_terms = self._item(outermost=outermost)
        while self._next() in ("+", "-"):
            if self._next() == "+":
                self._write(self._take())
                n_terms = self._bearable(n_terms + self._item(outermost=outermost))
            elif outermost:
                self._minus_one()
            else:
                self._refuse("- stands in brackets; it may only take the intercept away (- 1)")
        return n_terms

    def _minus_one(self) -> None:
        self._take()
        if self._next() != "1":
            self._refuse("- may only take the intercept away (- 1); leave out what is not wanted")
        self._take()
        self.written += ["-", "1"]

    def _item(self, *, outermost: bool) -> int:
        if not self._next().isdigit():
            return self._product()
        if not outermost or self._next() not in ("0", "1"):
            self._refuse(
                f"the number {self._next()[:20]} stands where a name should; the only numbers are "
                "1 and 0 (with and without intercept) and those after ^"
            )
        self._write(self._take())
        return 1

    def _product(self) -> int:
        n_terms = self._power()
        while self._next() in ("*", ":"):
            operator = self._take()
            self._write(operator)
            other = self._power()
            both = n_terms * other
            n_terms = self._bearable(both + n_terms + other if operator == "*" else both)
        return n_terms

    def _power(self) -> int:
        token = self._take()
        n_terms = 1
        if token == "(":  # noqa: S105 - a bracket, not a password
            self.depth += 1
            if self.depth > DEEPEST:
                self._refuse(f"its brackets are nested more than {DEEPEST} deep")
            self._write(token)
            n_terms = self._sum()
            self._close()
            self.depth -= 1
            self._write(")")
            if self._next() == "^":
                self._write(self._take())
                if not re.fullmatch("[1-9]", self._next()):
                    self._refuse("after ^ stands no number from 1 to 9")
                power = int(self._next())
                n_terms = self._bearable(sum(comb(n_terms, k) for k in range(1, power + 1)))
                self._write(self._take())
        elif NAME.fullmatch(token):
            if self._next() == "(":
                token = self._factor(token)
            if self._next() == "^":
                self._refuse(
                    f"{token}^ is no power of {token}; ^ after brackets makes interactions. For a "
                    f"square, add a column with the squares of {token} (best less its mean)"
                )
            self.names[token] = None
            self._write(token)
        elif token:
            self._refuse(not_understood(token))
        else:
            self._refuse("it ends where a name should follow")
        return n_terms

    def _bearable(self, n_terms: int) -> int:
        if n_terms > _MOST_TERMS:
            self._refuse(f"it has more than {_MOST_TERMS:,} terms when it is written out")
        return n_terms

    def _factor(self, function: str) -> str:
        if function != "C":
            self._refuse(
                f"{function}() is a function, and a formula is data, never code; add a column with "
                "its values to the table instead"
            )
        self._take()
        name = self._take()
        if not NAME.fullmatch(name):
            self._refuse("in C() stands no name of a column")
        self._close()
        self.factors.add(name)
        return name

    def _close(self) -> None:
        if self._take() != ")":
            self._refuse("a closing bracket is missing")

    def _next(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def _take(self) -> str:
        token = self._next()
        self.position += 1
        return token

    def _write(self, token: str) -> None:
        self.written.append(token)

    def _refuse(self, what: str) -> NoReturn:
        shown = self.formula if len(self.formula) <= 200 else f"{self.formula[:150]}..."
        msg = f"The formula {shown!r}: {what}. {_ALLOWED}"
        raise InputError(msg)
