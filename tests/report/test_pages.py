"""Pages: whatever a text says, it stays text; everything is in the file itself."""

import json
import re
from html.parser import HTMLParser

import pytest

from commissure.render.viewer import Viewer
from commissure.report.page.html import Page, render
from commissure.report.page.parts import (
    CopyText,
    Details,
    Figure,
    Link,
    Place,
    Section,
    Table,
    Text,
)
from commissure.report.sections.checks import prose

BAD = "</title></script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;"


class Reader(HTMLParser):
    """Collects tags, texts and attributes."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data):
        self.text.append(data)


def read(html):
    reader = Reader()
    reader.feed(html)
    return reader


def page(text, *, viewer=True):
    parts = [
        Text(text, "warning"),
        Figure(text, text, text, "data:image/png;base64,AAAA", (Link(text, text),)),
        Table(text, (text, text), ((Place(text, (1.0, -2.0, 3.0)), Link(text, text)),), (text,)),
        CopyText(text, text, (("h", text), ("li", text), ("p", text))),
        Details(text, (Text(text),)),
    ]
    if viewer:
        parts.append(Viewer("", "", "", text, 3.2, 5.0, (1.0, 2.0, 3.0), True, text))
    sections = (Section("one", text, tuple(parts)),)
    return Page(text, text, (text,), ((text, text),), (Text(text),), sections, Link(text, text))


def test_every_text_is_escaped_wherever_it_stands():
    plain, bad = read(render(page("harmless"))), read(render(page(BAD)))
    assert bad.tags == plain.tags
    assert "".join(bad.text).count(BAD) == "".join(plain.text).count("harmless") - 2
    assert [a[:2] for a in bad.attributes] == [a[:2] for a in plain.attributes]
    assert not any(name.startswith("on") for _, name, _ in bad.attributes)


def test_data_of_the_viewer_survive_as_json():
    html = render(page(BAD))
    data = re.search(r'<script type="application/json" id="viewer-data">(.*?)</script>', html, re.S)
    assert json.loads(data[1])["name"] == BAD


def test_the_viewer_is_there_only_where_it_is_needed():
    assert len(render(page("x"))) > 2e6
    assert len(render(page("x", viewer=False))) < 5e4


def test_nothing_is_fetched():
    reader = read(render(page("x")))
    for tag, name, value in reader.attributes:
        if name in ("src", "data", "srcset") or (tag == "link" and name == "href"):
            assert value.startswith("data:")
    (policy,) = [v for _, n, v in reader.attributes if n == "content" and "default-src" in v]
    assert "default-src 'none'" in policy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "# Methods\n\nScans were **cleaned**,\nthen *mapped*.",
            (("h", "Methods"), ("p", "Scans were cleaned, then mapped.")),
        ),
        ("1. One (2020)\n   more.\n2. Two", (("li", "1. One (2020) more."), ("li", "2. Two"))),
        (
            "Methods\n\nIt was done.\n\nHead motion\n",
            (("h", "Methods"), ("p", "It was done."), ("h", "Head motion")),
        ),
        ("- a\n- b_c_d", (("li", "a"), ("li", "b_c_d"))),
        ("p < 0.05, 2 * 3, x_y.", (("p", "p < 0.05, 2 * 3, x_y."),)),
    ],
)
def test_texts_are_shown_as_prose(text, expected):
    assert prose(text) == expected
