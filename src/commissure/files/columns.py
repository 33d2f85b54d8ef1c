"""What a column of a table is: numbers, levels of a factor, or text, with the evidence."""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import quantiles
from typing import Literal

ColumnKind = Literal["number", "factor", "text"]

# BIDS writes n/a; what numerical programs write is understood beside it.
_MISSING = {"", "n/a", "nan"}
# What other programs write: unmistakable among numbers, but among words it may be a level.
_FOREIGN_MISSING = {"na", "#n/a", "null", "none", "<na>"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
# A comma before three digits may separate thousands.
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+", re.ASCII)
_SPREADSHEET_ERROR = re.compile(r"#[A-Z0-9/]+[!?]")
_SPECIAL = {"inf", "-inf", "+inf", "infinity", "-infinity"}
# No measured number is larger.
LARGEST = 1e15
# Whole numbers with so few values may be codes (1: site A, 2: site B).
_MOST_CODES = 8
_SENTINELS = {float(f"-{digit * n}") for digit in "789" for n in (1, 2, 3, 4)} | {
    float(digit * n) for digit in "789" for n in (2, 3, 4)
}
_LEAST_OTHERS = 4
_OLDEST = 120
# Letters that look like those of the Latin alphabet, of the Cyrillic and the Greek.
_LOOK_ALIKES = str.maketrans(
    "авекмнорстухіјѕԁһӏΑΒΕΖΗΙΚΜΝΟΡΤΥΧοανικρτυχ",
    "abekmhopctyxijsdhlabezhikmnoptyxoavikptux",
)
_SHOWN = 8


@dataclass(frozen=True)
class Column:
    """What a column is.

    Attributes
    ----------
    name : str
    kind : {"number", "factor", "text"}
    because : str
        The evidence.
    levels : dict of str to int
        How many rows each value of a factor has.
    n_missing : int
    coded : bool
        Whether it has whole numbers of which few are different: they may be codes.
    problems : tuple of str
        Why it cannot be used as it is; each a sentence.
    notes : tuple of str
        What was understood though it is not the rule.
    """

    name: str
    kind: ColumnKind
    because: str
    levels: Mapping[str, int]
    n_missing: int
    coded: bool = False
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def says_missing(cell: str) -> bool:
    """Tell whether a cell is a word for what is missing, in BIDS or elsewhere."""
    return cell.casefold() in _MISSING | _FOREIGN_MISSING


def is_missing(cell: str) -> bool:
    """Tell whether a cell has no value: empty, ``n/a``, ``NaN``."""
    return cell.casefold() in _MISSING


def describe(
    name: str,
    cells: Sequence[str],
    rows: Sequence[str] = (),
    *,
    declared: ColumnKind | None = None,
    age_in_years: bool = True,
) -> Column:
    """Say what a column is.

    Parameters
    ----------
    name : str
    cells : sequence of str
        Tidy text, see `commissure.files.tables.tidy`.
    rows : sequence of str, optional
        What messages call each row; by default its number.
    declared : {"number", "factor", "text"}, optional
        What the user said that it is.
    age_in_years : bool
        Whether a column called age is in years, so that it has a limit.
    """
    rows = rows or [f"row {n}" for n in range(1, len(cells) + 1)]
    there = [(row, cell) for row, cell in zip(rows, cells, strict=True) if not is_missing(cell)]
    n_missing = len(cells) - len(there)
    if declared == "text":
        return Column(name, "text", "it has names", {}, n_missing)
    if not there:
        what = f"The column {name} is empty: it has no value. Fill it in, or do not name it."
        return Column(name, declared or "text", "it is empty", {}, n_missing, problems=(what,))
    if declared == "factor":
        return _factor(name, there, n_missing, "it is declared to have levels")
    understood = [(row, cell) for row, cell in there if cell.casefold() not in _FOREIGN_MISSING]
    commas = _decimal_commas([cell for _, cell in understood])
    odd = [(row, cell) for row, cell in understood if not (commas or _NUMBER.fullmatch(cell))]
    alike = [cell for _, cell in odd if _like_a_number(cell)]
    n_numbers = len(understood) - len(odd) + len(alike)
    if declared == "number" or len(odd) - len(alike) < n_numbers:
        foreign = len(there) - len(understood)
        notes = []
        if foreign:
            notes.append(f"The column {name} has {foreign} values such as NA: they are missing.")
        if commas:
            notes.append(f"The numbers of the column {name} are written with decimal commas.")
        column = Column(name, "number", "its values are numbers", {}, n_missing + foreign)
        column = replace(column, notes=tuple(notes))
        if odd:
            # None of it is taken for a number: half a column would be.
            msg = _not_only_numbers(name, odd)
            return replace(column, kind="text", because="numbers and words", problems=(msg,))
        numbers = {row: _value(cell) for row, cell in understood}
        oldest = _OLDEST if age_in_years else math.inf
        problems = tuple(_impossible(name, numbers, oldest, may_be_codes=declared != "number"))
        if declared == "number":
            return replace(column, because="it is declared to have numbers", problems=problems)
        return replace(column, coded=_coded(list(numbers.values())), problems=problems)
    return _factor(name, there, n_missing, "its values are words")


def values_of(cells: Sequence[str], kind: ColumnKind) -> list[float] | list[str | None]:
    """Return the values of a column: numbers with NaN, or text with None where it is missing."""
    if kind == "number":
        return [_value(cell) for cell in cells]
    return [None if is_missing(cell) else cell for cell in cells]


def skeleton(text: str) -> str:
    """Return what is left of a text when what looks alike is written alike."""
    plain = "".join("-" if unicodedata.category(c) == "Pd" or c in "−_" else c for c in text)
    plain = plain.translate(_LOOK_ALIKES).casefold().translate(_LOOK_ALIKES)
    return re.sub(r"[\s\-]+", "-", plain)


def level_name(number: float) -> str:
    """Return what contrasts call a level that is written as a number: 1 for 1.0 too."""
    return str(int(number)) if number == int(number) else str(number)


def _not_only_numbers(name: str, odd: Sequence[tuple[str, str]]) -> str:
    comma = any("," in cell for _, cell in odd)
    return (
        f"The column {name} has numbers, and values that are not understood as such: "
        f"{_listed(odd)}. "
        + ("Write decimals with a point (51.5). " if comma else "")
        + "Correct them (n/a where there is no value), or declare that the column has levels: "
        f'[group] categorical = ["{name}"].'
    )


def _impossible(
    name: str, numbers: Mapping[str, float], oldest: float, *, may_be_codes: bool
) -> list[str]:
    """Say which numbers cannot be meant."""
    size = {row: abs(value) for row, value in numbers.items()}
    if huge := [row for row in size if size[row] > LARGEST or 0 < size[row] < 1 / LARGEST]:
        msg = (
            f"The column {name} has numbers too large or too small to be measured: "
            f"{_listed([(row, f'{numbers[row]:g}') for row in huge])}. Correct them."
        )
        return [msg]
    problems = []
    if name.casefold() == "age":
        wrong = [(row, f"{v:g}") for row, v in numbers.items() if not 0 < v <= oldest]
        if wrong:
            problems.append(
                f"The column {name} has ages that nobody has in years: {_listed(wrong)}. Correct "
                "them (n/a where it is not known), or tell its Units in participants.json."
            )
            return problems
    if not may_be_codes:
        return problems
    coded = [(row, f"{value:g}") for row, value in numbers.items() if value in _SENTINELS]
    others = [value for value in numbers.values() if value not in _SENTINELS]
    if coded and len(others) >= _LEAST_OTHERS:
        low, median, high = quantiles(others, n=4)
        reach = 5 * max(high - low, 1e-9 * abs(median))
        far = [
            (row, cell)
            for row, cell in coded
            if (abs(float(cell) - median) > reach or float(cell) < 0 <= min(others))
            and not min(others) <= float(cell) <= max(others)
        ]
        if far:
            problems.append(
                f"The column {name} has {_listed(far)}, far from the other values ({min(others):g} "
                f"to {max(others):g}): a code for what is missing? Write n/a for it; if it is a "
                f'value, say so with [group] numeric = ["{name}"].'
            )
    return problems


def _factor(name: str, there: Sequence[tuple[str, str]], n_missing: int, because: str) -> Column:
    """Describe a column of levels; those that only look the same are a problem."""
    levels: dict[str, int] = {}
    numbers = all(_NUMBER.fullmatch(cell) and math.isfinite(float(cell)) for _, cell in there)
    for _, cell in there:
        level = level_name(float(cell)) if numbers else cell
        levels[level] = levels.get(level, 0) + 1
    if numbers:
        return Column(name, "factor", because, levels, n_missing)
    alike: dict[str, list[str]] = {}
    for level in levels:
        alike.setdefault(skeleton(level), []).append(level)
    problems = []
    for same in alike.values():
        if len(same) < 2:
            continue
        commonest = max(same, key=levels.__getitem__)
        others = [(row, cell) for row, cell in there if cell in same and cell != commonest]
        spelt = ", ".join(f"{level!a} ({levels[level]} rows)" for level in same)
        problems.append(
            f"The column {name} has levels that look alike: {spelt}. Are they one? Write them the "
            f"same way (see {_listed(others)})."
        )
    mixed = [(row, cell) for row, cell in there if len(_scripts(cell)) > 1]
    if mixed and not problems:
        problems.append(
            f"The column {name} has words with letters of two alphabets: "
            f"{', '.join(dict.fromkeys(ascii(cell) for _, cell in mixed))} "
            f"({', '.join(row for row, _ in mixed[:_SHOWN])}). Type them again."
        )
    if unseen := [(row, cell) for row, cell in there if not cell.isprintable()]:
        problems.append(
            f"The column {name} has characters that cannot be seen, or that turn the writing: "
            f"{_listed(unseen)}. Correct them: type the words again."
        )
    if errors := [(row, cell) for row, cell in there if _SPREADSHEET_ERROR.fullmatch(cell)]:
        problems.append(
            f"The column {name} has errors of a spreadsheet: {_listed(errors)}. Correct them."
        )
    if unclear := [(row, cell) for row, cell in there if cell.casefold() in _FOREIGN_MISSING]:
        problems.append(
            f"The column {name} has {_listed(unclear)}: a level, or a missing value? Write n/a "
            "where the value is missing, or give the level another name."
        )
    return Column(name, "factor", because, levels, n_missing, problems=tuple(problems))


def _scripts(text: str) -> set[str]:
    """Return which of the alphabets that look alike a word's letters are of."""
    names = {unicodedata.name(c, "").partition(" ")[0] for c in text if c.isalpha()}
    return names & {"LATIN", "CYRILLIC"}


def _coded(numbers: Sequence[float]) -> bool:
    """Tell whether numbers may be codes: whole, few different ones, each again and again.

    0 and 1 are not asked for: a model has the same contrast whatever they are taken for.
    """
    values = set(numbers)
    if values == {1, 2}:
        return len(numbers) > len(values)
    if not 3 <= len(values) <= _MOST_CODES or any(value % 1 for value in values):
        return False
    in_a_row = min(values) in (0, 1) and max(values) - min(values) == len(values) - 1
    return len(numbers) >= 3 * len(values) or (in_a_row and len(numbers) > len(values))


def _decimal_commas(cells: Sequence[str]) -> bool:
    """Tell whether all numbers are written with decimal commas that can be nothing else."""
    return (
        bool(cells)
        and all(_DECIMAL_COMMA.fullmatch(cell) for cell in cells)
        and not all(_THOUSANDS.fullmatch(cell) for cell in cells)
    )


def _like_a_number(cell: str) -> bool:
    """Tell whether a cell is a number in a form that is not understood: 1.234,5 or ٣ or inf."""
    if cell.casefold() in _SPECIAL:
        return True
    digits = sum(c.isnumeric() for c in cell)
    return digits > 0 and all(c.isnumeric() or c in ".,'’−–-+ eE%" for c in cell)


def _value(cell: str) -> float:
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        return math.nan


def _listed(found: Sequence[tuple[str, str]]) -> str:
    """List values with their rows, each value once."""
    rows: dict[str, list[str]] = {}
    for row, cell in found:
        rows.setdefault(cell, []).append(row)
    shown = [
        f"{cell!r} ({', '.join(where[:3])}{' and others' if len(where) > 3 else ''})"
        for cell, where in list(rows.items())[:_SHOWN]
    ]
    return ", ".join(shown) + (f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else "")
