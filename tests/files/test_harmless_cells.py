"""Texts that a spreadsheet would execute are written harmlessly, and come back as they were."""

import csv
import zipfile
from io import BytesIO, StringIO

import numpy as np
import pandas as pd
import pytest

from commissure.files.text import as_meant, harmless, write_tsv
from commissure.render.docx import table_docx

EXECUTED = ["=1+1", "=cmd|' /C calc'!A0", "@SUM(A1)", "+cmd|x", "-cmd(1)", "\t=1", "\r=2", "+(1)"]
EXECUTED += [" =1+1", "\u00a0=1+1", "\n=1+1", "\ufeff=1+1", "+1+1", "-2*3"]
EXECUTED += ["\uff1d1+1", "\uff0bA1", "\uff0dA1", "\uff20SUM(A1)", " \uff1dA1"]
KEPT = ["-1.5", "+3", "-1e-5", "-inf", "-12, 30, 4", "-0.3 [-1.0, 0.4]", "-", "=", "+", "a=b", "'a"]
KEPT += ["patient", "n/a", "\u22122 (minus)", "'=already", "''-x"]


@pytest.mark.parametrize("text", EXECUTED)
def test_what_is_executed_gets_an_apostrophe(text):
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("value", [*KEPT[:-2], -1.5, None, True])
def test_numbers_and_other_texts_are_kept(value):
    assert harmless(value) is value


def test_tables_come_back_as_they_were(tmp_path):
    texts = [text for text in (*EXECUTED, *KEPT) if text != "n/a" and "\r" not in text]
    table = pd.DataFrame({"=who": texts, "x": -np.arange(len(texts)) / 3})
    table.loc[2, "=who"] = np.nan
    write_tsv(tmp_path / "table.tsv", table)
    content = (tmp_path / "table.tsv").read_text()
    cells = [row[0] for row in csv.reader(StringIO(content, newline=""), delimiter="\t")]
    assert not [c for c in cells if c.startswith(("=", "@", "+cmd", "-cmd", "+(")) and len(c) > 1]
    again = as_meant(pd.read_csv(tmp_path / "table.tsv", sep="\t", na_values=["n/a"]))
    pd.testing.assert_frame_equal(again, table)


def test_word_tables_hold_no_formula_for_a_spreadsheet():
    frame = pd.DataFrame({"Group": ["=1+1", "-12, 30, 4"], "t": ["-3.20", "@x()"]})
    with zipfile.ZipFile(BytesIO(table_docx(frame, "=title"))) as archive:
        text = archive.read("word/document.xml").decode()
    for cell in ("'=1+1", ">-12, 30, 4<", ">-3.20<", "'@x()"):
        assert cell in text
