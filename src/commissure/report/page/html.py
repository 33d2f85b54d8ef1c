"""Pages as HTML that needs nothing beside itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import jinja2
from markupsafe import Markup

from commissure.render.viewer import Viewer
from commissure.report.page.parts import Link, Section, Text


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes
    ----------
    title : str
    subtitle : str
    lead : tuple of str
        The sentences at the top.
    tiles : tuple of (str, str)
        Numbers at the top, and what each is.
    notices : tuple of Text
    sections : tuple of Section
    back : Link or None
        To the page above.
    beside : tuple of Link
        To the pages before and after.
    """

    title: str
    subtitle: str
    lead: tuple[str, ...]
    tiles: tuple[tuple[str, str], ...]
    notices: tuple[Text, ...]
    sections: tuple[Section, ...]
    back: Link | None = None
    beside: tuple[Link, ...] = ()


def render(page: Page) -> str:
    """Return a page as HTML: one file, without network, every text escaped."""
    scripts = ["report.js"]
    if any(_has_viewer(section.parts) for section in page.sections):
        scripts = ["niivue/niivue.umd.js", "viewer.js", *scripts]
    # Only our own files, which have no end of a script or style in them, go in as they are.
    return (
        _environment()
        .get_template("page.html")
        .render(
            page=page,
            style=Markup(_asset("report.css")),  # noqa: S704
            scripts=[Markup(_asset(name)) for name in scripts],  # noqa: S704
        )
    )


def _has_viewer(parts: Sequence[object]) -> bool:
    return any(isinstance(part, Viewer) for part in parts)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("commissure.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["of_class"] = lambda part, name: type(part).__name__ == name
    return environment


@cache
def _asset(name: str) -> str:
    file = resources.files("commissure.report").joinpath("assets", *name.split("/"))
    text = file.read_text("utf-8")
    ends = ("</style",) if name.endswith(".css") else ("</script", "<!--")
    if any(end in text for end in ends):
        msg = f"{name} cannot stand inside a page."
        raise ValueError(msg)
    return text
