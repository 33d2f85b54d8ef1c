"""The sources of the method: read from our own .bib, cited in text, listed at its end."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

_ENTRY = re.compile(r"@(?P<kind>\w+)\{(?P<key>\w+),\n(?P<fields>(?:  .+\n)+)\}")
_FIELD = re.compile(r"  (\w+) = \{(.+)\},\n")
_OTHERS = "others"
# In Markdown as pandoc reads it: [@liu2025; @ji_funchomoconn], or @liu2025 as part of a sentence.
_CITED = re.compile(r"(?<![\w\\])@([a-z]\w*)")
_IN_BRACKETS = re.compile(r"\[((?:[^][@]*(?<![\w\\])@[a-z]\w*;?)+)\]")


@dataclass(frozen=True)
class Reference:
    """A source.

    Attributes
    ----------
    key : str
    bibtex : str
        The whole entry.
    fields : mapping of str to str
        Without what only BibTeX needs (braces, dashes).
    """

    key: str
    bibtex: str
    fields: Mapping[str, str]

    @property
    def authors(self) -> list[str]:
        """Return "Family, Given" of each; of an institution its name; "others" if there are."""
        return self.fields["author"].split(" and ")

    @property
    def year(self) -> str:
        """Return the year, or "n.d."."""
        return self.fields.get("year", "n.d.")

    @property
    def short_authors(self) -> str:
        """Return the authors as text cites them: "Liu et al.", "Freedman and Lane"."""
        names = [author.partition(",")[0] for author in self.authors]
        if len(names) > 2 or _OTHERS in names:
            return f"{names[0]} et al."
        return " and ".join(names)

    @property
    def listed(self) -> str:
        """Return it as the list of references prints it."""
        get = self.fields.get
        where = get("journal") or get("booktitle") or get("howpublished", "")
        numbers = ", ".join(get(name, "") for name in ("volume", "pages") if get(name))
        version = f" (version {get('version')})" if get("version") else ""
        source = " ".join(part for part in (where, numbers) if part)
        address = f"https://doi.org/{get('doi')}" if get("doi") else get("url", "")
        parts = [f"{_listed_authors(self.authors)} ({self.year}). {get('title')}{version}"]
        parts += [part for part in (source, address) if part]
        return ". ".join(parts) + ("" if address else ".")


@cache
def load_references() -> Mapping[str, Reference]:
    """Read the sources that our texts cite, by their keys."""
    text = resources.files("commissure.report").joinpath("data", "references.bib")
    return read_bibtex(text.read_text("utf-8"))


def read_bibtex(text: str) -> dict[str, Reference]:
    """Read entries of the form that our file has: a field a line, each in braces.

    Raises
    ------
    ValueError
        If there is anything else, or a key twice.
    """
    references: dict[str, Reference] = {}
    position = 0
    for entry in _ENTRY.finditer(text):
        between = text[position : entry.start()]
        fields = dict(_FIELD.findall(entry["fields"]))
        if between.strip() or len(fields) != entry["fields"].count("\n"):
            msg = f"The bibliography is not understood at {entry['key']} or before it."
            raise ValueError(msg)
        if entry["key"] in references:
            msg = f"The bibliography has {entry['key']} twice."
            raise ValueError(msg)
        plain = {name: _plain(value) for name, value in fields.items()}
        references[entry["key"]] = Reference(entry["key"], entry[0], plain)
        position = entry.end()
    if text[position:].strip():
        msg = f"The bibliography is not understood: {text[position:].strip()[:80]!r}."
        raise ValueError(msg)
    return references


def cited_keys(markdown: str) -> list[str]:
    """Return the keys that a text cites, in the order of citation, each once."""
    return list(dict.fromkeys(_CITED.findall(markdown)))


def cite_by_author(markdown: str, references: Mapping[str, Reference]) -> str:
    """Return a text with "(Liu et al., 2025)" in place of "[@liu2025]".

    Parameters
    ----------
    markdown : str
        With citations as pandoc reads them; words before the first key of a bracket stay.
    references : mapping of str to Reference

    Raises
    ------
    KeyError
        If it cites what is not there.
    """

    def bracket(match: re.Match[str]) -> str:
        words = match[1].partition("@")[0]
        years: dict[str, list[str]] = {}
        for key in cited_keys(match[1]):
            years.setdefault(references[key].short_authors, []).append(references[key].year)
        cited = [f"{authors}, {', '.join(of)}" for authors, of in years.items()]
        return f"({words}{'; '.join(cited)})"

    text = _IN_BRACKETS.sub(bracket, markdown)
    return _CITED.sub(lambda m: f"{references[m[1]].short_authors} ({references[m[1]].year})", text)


def bibliography(keys: Collection[str], versions: Mapping[str, str]) -> str:
    """Return the entries of some keys as a .bib file, software of known version with it."""
    return (
        "\n\n".join(
            with_version(reference, versions).bibtex
            for key, reference in sorted(load_references().items())
            if key in keys
        )
        + "\n"
    )


def with_version(reference: Reference, versions: Mapping[str, str]) -> Reference:
    """Return a reference with the version that was used, if it is to a program of that name."""
    version = versions.get(reference.key)
    if version is None:
        return reference
    entry = f"{reference.bibtex.removesuffix('}')}  version = {{{version}}},\n}}"
    return Reference(reference.key, entry, {**reference.fields, "version": version})


def _plain(value: str) -> str:
    for old, new in (("---", "—"), ("--", "–"), (r"\&", "&"), ("{", ""), ("}", "")):
        value = value.replace(old, new)
    return value


def _listed_authors(authors: list[str]) -> str:
    """Return "Liu, J.-P., Gu, Y.-F., and Shi, Y."; institutions as they are."""
    names = [
        ", ".join([family, *([_initials(given)] if given else [])])
        for family, _, given in (author.partition(", ") for author in authors)
        if family != _OTHERS
    ]
    if _OTHERS in authors:
        return f"{', '.join(names)}, et al."
    if len(names) < 2:
        return names[0]
    return f"{', '.join(names[:-1])}, and {names[-1]}"


def _initials(given: str) -> str:
    """Return "J.-P." of "Jian-Ping"."""
    return " ".join("-".join(f"{part[0]}." for part in name.split("-")) for name in given.split())
