"""The methods section of a study, from what was done and sentences that are data."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import jinja2

from commissure.records.verdicts import words
from commissure.render.numbers import fixed
from commissure.report.methods.facts import Done, Spread
from commissure.report.methods.references import (
    bibliography,
    cite_by_author,
    cited_keys,
    load_references,
    with_version,
)

_WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
# What people are called in the plural; other levels of a factor are called groups.
_PEOPLE = {
    name: f"{name}s"
    for name in ("patient", "control", "participant", "subject", "volunteer", "relative", "carrier")
} | {"healthy control": "healthy controls"}
_VARIABLES = {
    "effective_df": "effective degrees of freedom",
    "mean_fd": "mean framewise displacement",
    "participant_id": "participant",
    "session_id": "session",
}
_SPECIAL = re.compile(r"([\\`*_\[\]@#<>$^~])")
_ITALIC = re.compile(r"(?<!\\)\*(.+?)(?<!\\)\*")


@dataclass(frozen=True)
class MethodsSection:
    """A part of the methods.

    Attributes
    ----------
    heading : str
    paragraphs : tuple of str
        Markdown, with citations as pandoc reads them.
    """

    heading: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True)
class Methods:
    """A methods section.

    Attributes
    ----------
    sections : tuple of MethodsSection
    versions : mapping of str to str
        Of the programs.
    """

    sections: tuple[MethodsSection, ...]
    versions: Mapping[str, str]

    @property
    def keys(self) -> list[str]:
        """Keys of what is cited, in the order of citation."""
        return cited_keys("\n".join(p for section in self.sections for p in section.paragraphs))

    @property
    def pandoc(self) -> str:
        """Markdown for pandoc, with `bibtex` as its bibliography."""
        front = "---\nbibliography: methods.bib\n---"
        return "\n\n".join([front, *_blocks(self.sections), "# References"]) + "\n"

    @property
    def markdown(self) -> str:
        """Markdown with citations by author and year, and the list of references."""
        references = "\n".join(f"- {_label(reference)}" for reference in self.references)
        return "\n\n".join([*_blocks(self.cited), "# References", references]) + "\n"

    @property
    def bibtex(self) -> str:
        """What is cited, as a .bib file."""
        return bibliography(self.keys, self.versions)

    @property
    def cited(self) -> tuple[MethodsSection, ...]:
        """The sections with citations by author and year, italics still between asterisks."""
        references = load_references()
        return tuple(
            MethodsSection(s.heading, tuple(cite_by_author(p, references) for p in s.paragraphs))
            for s in self.sections
        )

    @property
    def references(self) -> list[str]:
        """What is cited, as a list of references prints it, by author."""
        references = load_references()
        return sorted(
            (with_version(references[key], self.versions).listed for key in self.keys),
            key=str.casefold,
        )

    @property
    def text(self) -> str:
        """Plain text, with the list of references."""
        parts = ["Methods"]
        for section in self.cited:
            parts += [section.heading, *(plain(p) for p in section.paragraphs)]
        return "\n\n".join([*parts, "References", *self.references]) + "\n"


def methods_text(done: Done) -> Methods:
    """Write the methods section of what has been done."""
    measure = done.group.measure if done.group else done.measure
    common = {
        "versions": done.versions,
        "constants": done.constants,
        "reasons_in_words": words()["groups"],
        "as_published": done.as_published,
        "quality": done.quality,
        "maps": done.maps,
        "group": done.group,
        "correlations": done.correlations,
        "demographics": done.demographics,
        "all_raw": all(scans.kind == "raw" for scans in done.scans),
        "measure": measure,
    }
    texts = [_render(scans.kind, common | {"scans": scans}) for scans in done.scans]
    parts = ("quality", "maps", "group", "correlations", "demographics")
    own = {"maps": [f"{measure.stat}.md.j2", "measure.md.j2"]}
    texts += [_render(own.get(name, name), common) for name in parts if common[name]]
    texts.append(_render("software", common))
    return Methods(tuple(map(_section, texts)), done.versions)


def plain(markdown: str) -> str:
    """Return a paragraph without italics and escapes."""
    return re.sub(r"\\(.)", r"\1", _ITALIC.sub(r"\1", markdown))


def spans(markdown: str) -> list[tuple[str, bool]]:
    """Return the parts of a paragraph, plain, and whether each is in italics."""
    parts = enumerate(_ITALIC.split(markdown))
    return [(plain(part), n % 2 == 1) for n, part in parts if part]


def _blocks(sections: Sequence[MethodsSection]) -> list[str]:
    blocks = ["# Methods"]
    for section in sections:
        blocks += [f"## {section.heading}", *section.paragraphs]
    return blocks


def _render(name: str | Sequence[str], facts: Mapping[str, Any]) -> str:
    """Write the text of a template; of several, the first that there is."""
    names = [f"{name}.md.j2"] if isinstance(name, str) else list(name)
    return _environment().select_template(names).render(facts)


def _section(text: str) -> MethodsSection:
    heading, _, body = text.partition("## ")[2].partition("\n")
    paragraphs = (" ".join(p.split()) for p in re.split(r"\n---\n", body))
    return MethodsSection(heading, tuple(p for p in paragraphs if p))


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("commissure.report", "data/methods"),
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.do"],
        autoescape=False,  # noqa: S701 - Markdown, not HTML; what users named is escaped for it
    )
    environment.filters |= {
        "between": _between,
        "capital": lambda text: text[:1].upper() + text[1:],
        "counted": _counted,
        "enumerated": _enumerated,
        "fixed": fixed,
        "label": _label,
        "listed": listed,
        "number": _number,
        "people": _people,
        "spanned": lambda span: "–".join(_whole(n) for n in dict.fromkeys(span)),
        "spread": _spread,
        "variable": _variable,
        "whole": _whole,
        "words": _words,
    }
    return environment


def listed(items: Sequence[str]) -> str:
    """Return "age, sex and education"."""
    items = list(items)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def _enumerated(items: Sequence[str]) -> str:
    """Return "(i) this happened, (ii) that happened or (iii) something else happened"."""
    numerals = "i ii iii iv v vi vii viii ix x xi xii xiii xiv xv".split()  # noqa: SIM905
    if len(items) < 2:
        return "".join(items)
    parts = [f"({n}) {item}" for n, item in zip(numerals[: len(items)], items, strict=True)]
    return f"{', '.join(parts[:-1])} or {parts[-1]}"


def _label(text: object) -> str:
    """Return what a user has named, such that Markdown changes nothing in it."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def _variable(name: str) -> str:
    """Return what a column is called in a sentence."""
    return _VARIABLES.get(name) or _label(name.replace("_", " "))


def _people(level: str) -> str:
    """Return what those of a group are called in a sentence."""
    name = " ".join(str(level).replace("_", " ").split())
    if name in _PEOPLE.values():
        return name
    return _PEOPLE.get(name) or f"group {_label(name)}"


def _number(value: float) -> str:
    return f"{value:.10g}".replace("-", "−")


def _whole(value: int) -> str:
    return f"{value:,}"


def _words(n: int) -> str:
    return _WORDS[n] if n < len(_WORDS) else _whole(n)


def _counted(n: int, noun: str) -> str:
    return f"{_whole(n)} {noun}{'' if n == 1 else 's'}"


def _between(span: Sequence[int], noun: str, *, of_first: bool = False) -> str:
    """Return "230 volumes" or "between 200 and 230 volumes"; "10 to 12 volumes" of the first."""
    low, high = span
    if low == high:
        return f"{noun}" if of_first and high == 1 else _counted(high, noun)
    if of_first:
        return f"{_whole(low)} to {_counted(high, noun)}"
    return f"between {_whole(low)} and {_counted(high, noun)}"


def _spread(spreads: Sequence[Spread], decimals: int, unit: str = "") -> str:
    """Return "0.09 mm in patients (range 0.05–0.15 mm) and 0.10 mm in controls (...)"."""
    return listed([_spread_of(spread, decimals, unit) for spread in spreads])


def _spread_of(spread: Spread, decimals: int, unit: str) -> str:
    median, low, high = (fixed(x, decimals) for x in (spread.median, spread.low, spread.high))
    where = f" in {_people(spread.group)}" if spread.group is not None else ""
    if low == high:
        return f"{median}{unit}{where}"
    return f"{median}{unit}{where} (range {low}–{high}{unit})"
