"""What pages are put together from; all of it is text that templates escape."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from commissure.render.viewer import Viewer


@dataclass(frozen=True)
class Link:
    """A file beside the page, or a place in it.

    Attributes
    ----------
    text, href : str
        `href` is relative to the page.
    """

    text: str
    href: str


@dataclass(frozen=True)
class Place:
    """A position to which the viewer goes.

    Attributes
    ----------
    text : str
    at : tuple of float
        mm.
    """

    text: str
    at: tuple[float, float, float]


Cell = str | Link | Place


@dataclass(frozen=True)
class Text:
    """A paragraph.

    Attributes
    ----------
    text : str
    kind : {"plain", "note", "warning", "missing"}
    """

    text: str
    kind: Literal["plain", "note", "warning", "missing"] = "plain"


@dataclass(frozen=True)
class Figure:
    """A picture.

    Attributes
    ----------
    title, alt, caption : str
    source : str
        A data URI.
    links : tuple of Link
    narrow : bool
        Whether two of its kind fit beside each other.
    """

    title: str
    alt: str
    caption: str
    source: str
    links: tuple[Link, ...] = ()
    narrow: bool = False


@dataclass(frozen=True)
class Table:
    """A table, whose first column names the rows.

    Attributes
    ----------
    caption : str
    columns : tuple of str
    rows : tuple of tuple of Cell
    notes : tuple of str
    links : tuple of Link
    sortable : bool
        Whether readers may sort the rows by a column.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    sortable: bool = False


@dataclass(frozen=True)
class Rated:
    """Someone to be rated.

    Attributes
    ----------
    name, page : str
    source : str
        A picture as a data URI; empty where there is none.
    alt : str
    state : str
    """

    name: str
    page: str
    source: str
    alt: str
    state: str


@dataclass(frozen=True)
class Rating:
    """A gallery of people, each to be rated.

    Attributes
    ----------
    people : tuple of Rated
    """

    people: tuple[Rated, ...]


@dataclass(frozen=True)
class CopyText:
    """A text to be copied.

    Attributes
    ----------
    label : str
        Of the button.
    raw : str
        What is copied.
    paragraphs : tuple of (str, str)
        What is shown: "h", "li" or "p", and the text.
    links : tuple of Link
    """

    label: str
    raw: str
    paragraphs: tuple[tuple[str, str], ...]
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Details:
    """Parts that are shown on demand.

    Attributes
    ----------
    summary : str
    parts : tuple of Part
    annex : bool
        Whether it is printed only if the reader has opened it.
    """

    summary: str
    parts: tuple["Part", ...]
    annex: bool = False


Part = Text | Figure | Table | CopyText | Details | Viewer | Rating


@dataclass(frozen=True)
class Section:
    """A part of a page that has a heading and is in its contents.

    Attributes
    ----------
    anchor, title : str
    parts : tuple of Part
    """

    anchor: str
    title: str
    parts: tuple[Part, ...]


def unbroken(text: str) -> str:
    """Return a text that is not broken into lines."""
    return text.replace(" ", "\N{NO-BREAK SPACE}").replace("-", "\N{NON-BREAKING HYPHEN}")


def section(anchor: str, title: str, parts: Sequence[Part | None]) -> Section:
    """Return a section of the parts that there are."""
    return Section(anchor, title, tuple(part for part in parts if part is not None))
