"""A figure of the report, on disk."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Drawn:
    """A figure on disk.

    Attributes
    ----------
    key : str
        Which one; see `commissure.report.page.study.study_page`.
    stem : str
        File name without extension.
    title, alt, caption : str
    vector : bool
        Whether the page shows the SVG, else the PNG.
    narrow : bool
    """

    key: str
    stem: str
    title: str
    alt: str
    caption: str
    vector: bool = True
    narrow: bool = False
