"""A methods section as a Word file, for people who write there."""

import docx
from docx.shared import Pt

from commissure.render.docx import set_up, without_times
from commissure.report.methods.text import Methods, spans


def methods_docx(methods: Methods) -> bytes:
    """Make a Word document of a methods section, with its list of references.

    Returns
    -------
    bytes
        Of a .docx file. Equal arguments give equal bytes.
    """
    document = docx.Document()
    set_up(document, "Methods", landscape=False)
    document.styles["Normal"].font.size = Pt(11)
    document.add_heading("Methods", level=1)
    for section in methods.cited:
        document.add_heading(section.heading, level=2)
        for markdown in section.paragraphs:
            paragraph = document.add_paragraph()
            for text, italic in spans(markdown):
                paragraph.add_run(text).italic = italic
    document.add_heading("References", level=2)
    for reference in methods.references:
        document.add_paragraph(reference)
    return without_times(document)
