"""The border of variants: tables of changed settings become `Variant`."""

import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from commissure.preprocessing.recipe import BEFORE_CLEANING, Recipe
from commissure.problems import InputError
from commissure.settings.checks import meant, read_table, shortened
from commissure.settings.tables import Variant

# What files of settings call the table of them.
VARIANTS = "variants"
_LABEL = re.compile(r"[A-Za-z0-9]{1,30}")
_WORDS = ("name", "why")


def read_variants(
    chosen: Mapping[str, Any],
    measure: str,
    classes: Mapping[str, type],
    tables: Mapping[str, Mapping[str, Any]],
    made: Mapping[str, Any],
) -> tuple[tuple[Variant, ...], list[str]]:
    """Return the variants that differ from the study's own settings, and what is wrong.

    Parameters
    ----------
    chosen : mapping of str to mapping or False
        Label to what it changes (tables, and ``name`` and ``why``); False drops a preset's.
    measure : str
        Whose table may be changed, beside "preprocessing".
    classes : mapping of str to type
        Of the tables.
    tables : mapping of str to mapping
        What is chosen of the study's own tables.
    made : mapping of str to object
        The study's own settings.

    Notes
    -----
    Where maps depend on the other scans there are none: partners would be others.
    """
    variants: list[Variant] = []
    problems = _label_problems(chosen)
    for label, changes in chosen.items():
        if changes is False:
            continue
        if not isinstance(changes, Mapping) or not changes:
            problems.append(
                f"[{VARIANTS}] {label} = {shortened(changes)}: write false, or tables with what it "
                "changes, such as preprocessing = {global_signal = false}."
            )
            continue
        of, said = _read(label, changes, ("preprocessing", measure), classes, tables)
        problems += said
        own = (made["preprocessing"], made[measure])
        if of is not None and of != own and not own[1].of_group:
            name, why = (str(changes.get(word, "")) for word in _WORDS)
            variants.append(Variant(label, *of, name or _in_words(own, of), why))
    return tuple(variants), problems


def changes_of(variant: Variant, recipe: Recipe, maps: Any, measure: str) -> dict[str, Any]:
    """Return a variant as files of settings have it: what it changes, in tables."""
    tables = {"preprocessing": (recipe, variant.preprocessing), measure: (maps, variant.maps)}
    changed = {table: _changed(*pair) for table, pair in tables.items()}
    words = {"name": variant.name, "why": variant.why}
    return {name: value for name, value in {**words, **changed}.items() if value}


def _read(
    label: str,
    changes: Mapping[str, Any],
    names: tuple[str, str],
    classes: Mapping[str, type],
    tables: Mapping[str, Mapping[str, Any]],
) -> tuple[tuple[Recipe, Any] | None, list[str]]:
    """Return the changed tables, None where something is wrong with them."""
    place = f"{VARIANTS}.{label}"
    problems = [
        f"[{place}] has no {name!r}.{meant(name, [*names, *_WORDS])}"
        for name in changes
        if name not in (*names, *_WORDS)
    ]
    read: list[Any] = []
    for table in names:
        own = changes.get(table, {})
        if not isinstance(own, Mapping):
            problems.append(f"[{place}] {table} is a table: write {{name = value}}.")
            continue
        known = [field.name for field in fields(classes[table])]
        problems += [
            f"[{place}] {table} has no setting {name!r}.{meant(name, known)}"
            for name in own
            if name not in known
        ]
        if table == "preprocessing" and (early := sorted(BEFORE_CLEANING & own.keys())):
            problems.append(
                f"[{place}] preprocessing changes {', '.join(early)}: a variant shares with the "
                "study what is done before smoothing. Make another study of it."
            )
        try:
            both = {**tables.get(table, {}), **{n: v for n, v in own.items() if n in known}}
            read.append(read_table(f"{place}.{table}", classes[table], both))
        except InputError as error:
            problems += error.problems
    return (None, problems) if problems else ((read[0], read[1]), [])


def _label_problems(chosen: Mapping[str, Any]) -> list[str]:
    problems = [
        f"[{VARIANTS}] {shortened(label)}: a variant is called by letters and digits, 30 at most."
        for label in chosen
        if not _LABEL.fullmatch(str(label))
    ]
    folded = [str(label).casefold() for label in chosen]
    if twice := sorted(str(label) for label in chosen if folded.count(str(label).casefold()) > 1):
        problems.append(
            f"[{VARIANTS}] {', '.join(twice)} differ by upper and lower case only. Rename one."
        )
    return problems


def _changed(own: Any, other: Any) -> dict[str, Any]:
    before = asdict(own)
    return {name: value for name, value in asdict(other).items() if value != before[name]}


def _in_words(own: tuple[Any, Any], of: tuple[Any, Any]) -> str:
    """Return what is changed where nobody gave it a name: "fwhm = 8"."""
    changes = [item for pair in zip(own, of, strict=True) for item in _changed(*pair).items()]
    return ", ".join(f"{name} = {shortened(value)}" for name, value in changes)
