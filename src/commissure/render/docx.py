"""Any table as a Word file, in the three-line style of journals."""

import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO

import docx
import pandas as pd
from docx.document import Document
from docx.enum.section import WD_ORIENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Emu, Mm, Pt
from docx.table import Table, _Cell

from commissure.files.text import harmless

# Files made from the same results are the same, byte for byte, whenever they are made.
_NO_TIME = datetime(1980, 1, 1, tzinfo=UTC)
_WIDE = 9  # columns that no longer fit a portrait page
# Letters of a cell's line; longer texts are broken between words.
_LONGEST_LINE = 24
_MARGIN_MM = 18
# Of a letter of 9 points, bold, and of the sides of a cell.
_LETTER, _PADDING = Pt(5), Pt(12)
_THIN, _THICK = 6, 12  # eighths of a point


def table_docx(frame: pd.DataFrame, title: str, notes: Sequence[str] = ()) -> bytes:
    """Make a Word document of a table, with its title above and its notes below.

    Parameters
    ----------
    frame : DataFrame
        Cells and column names as they are to be printed; the index is not shown.
    title : str
    notes : sequence of str
        A paragraph each.

    Returns
    -------
    bytes
        Of a .docx file: one table, whose first row is the header and repeats on every page. Equal
        arguments give equal bytes.
    """
    document = docx.Document()
    set_up(document, title, landscape=len(frame.columns) >= _WIDE)
    _paragraph(document, title, size=10, bold=True)
    table = document.add_table(rows=0, cols=len(frame.columns))
    for values in (frame.columns.tolist(), *frame.to_numpy(dtype=object).tolist()):
        _add_row(table, [harmless(str(value)) for value in values])
    _set_widths(table, document)
    header, last = table.rows[0], table.rows[-1]
    header._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    for cell in header.cells:
        cell.paragraphs[0].runs[0].bold = True
        _rule(cell, "top", _THICK)
        _rule(cell, "bottom", _THIN)
    if len(frame):
        for cell in last.cells:
            _rule(cell, "bottom", _THICK)
    for note in notes:
        _paragraph(document, note, size=8)
    return without_times(document)


def _set_widths(table: Table, document: Document) -> None:
    """Share the page's width among the columns: room for every word, then for longer lines."""
    section = document.sections[0]
    margins = (section.left_margin or 0) + (section.right_margin or 0)
    room = (section.page_width or 0) - margins
    table.autofit = False
    columns = [[cell.text for cell in column.cells] for column in table.columns]
    least = [max(len(word) for text in texts for word in ["", *text.split()]) for texts in columns]
    wanted = [min(max(map(len, texts)), _LONGEST_LINE) for texts in columns]
    of_words = [_PADDING + _LETTER * n for n in least]
    more = [max(line - word, 0) for line, word in zip(wanted, least, strict=True)]
    spare = max(room - sum(of_words), 0)
    for column, words, line in zip(table.columns, of_words, more, strict=True):
        # Word reads the cells, LibreOffice the column.
        column.width = Emu(int(words + spare * line / max(sum(more), 1)))
        for cell in column.cells:
            cell.width = column.width


def set_up(document: Document, title: str, *, landscape: bool) -> None:
    """Set the font, the page and the properties of the file."""
    font = document.styles["Normal"].font
    font.name, font.size = "Times New Roman", Pt(9)
    section = document.sections[0]
    if landscape:
        section.orientation = WD_ORIENT.LANDSCAPE
        section.page_width, section.page_height = section.page_height, section.page_width
    section.left_margin = section.right_margin = Mm(_MARGIN_MM)
    properties = document.core_properties
    properties.title, properties.author, properties.comments = title, "commissure", ""
    properties.created = properties.modified = _NO_TIME


def _paragraph(document: Document, text: str, size: float, *, bold: bool = False) -> None:
    paragraph = document.add_paragraph()
    paragraph.paragraph_format.space_before = paragraph.paragraph_format.space_after = Pt(3)
    run = paragraph.add_run(text)
    run.font.size, run.bold = Pt(size), bold


def _add_row(table: Table, texts: Sequence[str]) -> None:
    """Add a row: the first column to the left, the others centred."""
    for column, (cell, text) in enumerate(zip(table.add_row().cells, texts, strict=True)):
        paragraph = cell.paragraphs[0]
        paragraph.add_run(text)
        paragraph.paragraph_format.space_before = paragraph.paragraph_format.space_after = Pt(2)
        if column:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER


def _rule(cell: _Cell, edge: str, eighths_of_a_point: int) -> None:
    """Draw a line along an edge of a cell; python-docx has no borders of its own."""
    properties = cell._tc.get_or_add_tcPr()
    borders = properties.find(qn("w:tcBorders"))
    if borders is None:
        borders = OxmlElement("w:tcBorders")
        properties.append(borders)
    line = OxmlElement(f"w:{edge}")
    for key, value in (("val", "single"), ("sz", eighths_of_a_point), ("color", "000000")):
        line.set(qn(f"w:{key}"), str(value))
    borders.append(line)


def without_times(document: Document) -> bytes:
    """Return the file's bytes, the clock taken out of its archive."""
    with_times, without = BytesIO(), BytesIO()
    document.save(with_times)
    with zipfile.ZipFile(with_times) as old, zipfile.ZipFile(without, "w") as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, _NO_TIME.timetuple()[:6])
            new.writestr(entry, old.read(name), zipfile.ZIP_DEFLATED)
    return without.getvalue()
