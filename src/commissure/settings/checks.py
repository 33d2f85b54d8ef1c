"""The border of settings: what a file or a command line holds becomes settings or sentences."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from commissure.problems import InputError

T = TypeVar("T")

_PLAIN = (bool, int, float, list, tuple, Mapping, type(None))  # dates are no settings
_LONGEST_TEXT, _DEEPEST = 10_000, 20
# Permutations a second: 60 maps of 70,000 places, TFCE included, on two cores; see
# docs/benchmarks/permutation.md.
_A_SECOND = 175


def read_table(
    table: str, cls: type[T], values: Mapping[str, Any], sources: Mapping[str, str] | None = None
) -> T:
    """Make the settings of one table.

    Types are taken strictly, as in JSON: "1" and true are no numbers, and a text is no list. The
    one number for another is a whole one where any number may stand.

    Parameters
    ----------
    table : str
        What its messages call it: ``[table] name``.
    cls : type
        A dataclass whose annotations have the limits.
    values : mapping of str to Any
        Whose names are fields of the class.
    sources : mapping of str to str, optional
        Where each of them stands, to be told with what is wrong.

    Raises
    ------
    InputError
        With all that is wrong.
    """
    problems: list[str] = []
    wrong = {name: why for name, value in values.items() if (why := _unfit(value)) is not None}
    try:
        # JSON's rules are strict about types, and lists become tuples.
        text = json.dumps({name: v for name, v in values.items() if name not in wrong})
        made: T = _adapter(cls).validate_json(text, strict=True)  # type: ignore[arg-type]
    except ValidationError as error:
        for one in error.errors():
            name = str(one["loc"][0])
            if one["type"] != "missing":
                wrong.setdefault(name, "")
            elif name not in wrong:
                problems.append(f"[{table}] needs {name}.")
    for name, why in wrong.items():
        source = (sources or {}).get(name)
        what = why or f"it must be {allowed(cls, name)}{_remedy(cls, name, values[name])}"
        said = f"[{table}] {name} = {shortened(values[name])}: {what}."
        problems.append(f"{source}: {said}" if source else said)
    if problems:
        raise InputError(problems)
    return made


def allowed(cls: type, name: str) -> str:
    """Return in words which values a setting may have."""
    schema = _adapter(cls).json_schema()["properties"][name]
    options = schema.get("anyOf", [schema])
    return " or ".join(_in_words(option) for option in options if option.get("type") != "null")


def meant(name: str, known: Sequence[str]) -> str:
    """Return what may have been meant by a name that does not exist, or all there are."""
    plain = {other: other.casefold() for other in known}
    typed = name.casefold().replace("-", "_")
    apart = {other: _edits(typed, text) for other, text in plain.items()}
    nearest = min(apart.values(), default=99)
    if nearest <= min(2, len(name) // 2):
        return f" Is {' or '.join(o for o, n in apart.items() if n == nearest)} meant?"
    return f" There are {', '.join(known)}."


def shortened(value: Any) -> str:
    """Return a value as a message has it, in one line of bearable length."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, TypeError, RecursionError):
        text = "(a value that cannot be shown)"
    return text if len(text) <= 80 else f"{text[:60]}..."


def duration(n_permutations: float) -> str:
    """Return in words about how long so many permutations take."""
    seconds = n_permutations / _A_SECOND
    for unit, length in (("years", 365.25 * 86400), ("days", 86400), ("hours", 3600)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{seconds / 60:,.0f} minutes"


@cache
def _adapter(cls: Any) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


def _unfit(value: Any) -> str | None:
    """Say what no setting can have, whatever its type; None if there is nothing."""
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        twice = sorted({one for one in value if value.count(one) > 1})
        if twice:
            return f"{', '.join(twice)} stands there twice. Name it once"
    for one, depth in _walk(value):
        if depth > _DEEPEST:
            return "it is nested too deeply. Write it without so many brackets"
        if isinstance(one, str):
            if not one.strip():
                return "it is empty. Leave the setting out, or give it a value"
            if len(one) > _LONGEST_TEXT:
                return f"a text has at most {_LONGEST_TEXT:,} characters. Write a shorter one"
            if any(not (c.isprintable() or c in "\t\n\r") for c in one):
                return "it has characters that cannot be printed. Type it again"
        elif isinstance(one, float) and not math.isfinite(one):
            return "" if one is value else "a number in it is not finite. Write numbers only"
        elif not isinstance(one, _PLAIN) or (isinstance(one, int) and abs(one) >= 2**64):
            return ""
    return None


def _walk(value: Any, depth: int = 0) -> Iterator[tuple[Any, int]]:
    yield value, depth
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield str(name), depth + 1
            yield from _walk(one, depth + 1)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _walk(one, depth + 1)


def _in_words(schema: Mapping[str, Any]) -> str:
    if "enum" in schema or "const" in schema:
        return " or ".join(json.dumps(one) for one in schema.get("enum", [schema.get("const")]))
    if schema["type"] in ("integer", "number"):
        kind = "a whole number" if schema["type"] == "integer" else "a number"
        low = (
            f"from {_number(schema['minimum'])}"
            if "minimum" in schema
            else (
                f"above {_number(schema['exclusiveMinimum'])}"
                if "exclusiveMinimum" in schema
                else ""
            )
        )
        high = (
            f"to {_number(schema['maximum'])}"
            if "maximum" in schema
            else (
                f"to below {_number(schema['exclusiveMaximum'])}"
                if "exclusiveMaximum" in schema
                else ""
            )
        )
        return " ".join(part for part in (kind, low, high) if part)
    if schema["type"] == "array":
        some = f"{schema['minItems']} or more " if "minItems" in schema else ""
        if "prefixItems" in schema:
            each = schema["prefixItems"]
            return f"a list of {len(each)}, each {_in_words(each[0])}"
        items = schema["items"]
        kinds = _in_words(items) if "enum" in items else ""
        return f"a list of {some}{kinds or 'texts'}"
    return {"boolean": "true or false", "string": "a text", "object": "a table"}[schema["type"]]


def _remedy(cls: type, name: str, value: Any) -> str:
    """Return what to write in place of a value, where that can be told."""
    if isinstance(value, str) and allowed(cls, name).startswith("a list"):
        items = value.strip("[]() ").replace(",", " ").split()
        return f". Write {name} = {json.dumps(items, ensure_ascii=False)}"
    if name == "n_permutations" and isinstance(value, int | float) and 1e6 < value < 2**64:
        return (
            f" ({value:,.0f} would take about {duration(value)} with 60 maps on 2 cores; 5,000 to "
            "10,000 are usual)"
        )
    return ""


def _number(value: float) -> str:
    return f"{value:,d}" if isinstance(value, int) else f"{value:g}"


def _edits(a: str, b: str) -> int:
    """Return how many letters must be put in, left out or changed to make one of the other."""
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, start=1):
        previous, row[0] = row[0], i
        for j, other in enumerate(b, start=1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (letter != other))
    return row[-1]
