"""Tables as Word files, read back."""

import zipfile
from io import BytesIO

import docx
import numpy as np
import pandas as pd
import pytest
from docx.oxml.ns import qn
from scipy import stats

from commissure.clinical import partial_correlations, table1
from commissure.render.clinical_tables import correlations_text, table1_frame, table1_text
from commissure.render.docx import table_docx


def read_back(content):
    """Return the paragraphs and the rows of a document that has one table."""
    document = docx.Document(BytesIO(content))
    (table,) = document.tables
    rows = [[cell.text for cell in row.cells] for row in table.rows]
    return [paragraph.text for paragraph in document.paragraphs], rows


def normal_sample(mean, sd, n=30):
    z = stats.norm.ppf((np.arange(n) + 0.5) / n)
    return mean + sd * (z - z.mean()) / z.std(ddof=1)


@pytest.fixture
def demographics():
    score = [2] * 9 + [3] * 12 + [4] * 5 + [5] * 3 + [6]
    people = pd.DataFrame(
        {
            "participant_id": [f"sub-{i:02d}" for i in range(60)],
            "group": ["patient"] * 30 + ["control"] * 30,
            "age": np.concatenate([normal_sample(51.07, 6.46), normal_sample(49.93, 5.99)]),
            "sex": (["M"] * 12 + ["F"] * 18) * 2,
            "SAS": np.concatenate([normal_sample(43.33, 6.73), normal_sample(36.67, 5.44)]),
            "JRS_total": np.concatenate([score, np.full(30, np.nan)]),
        }
    )
    people.loc[59, "sex"] = None
    return table1(people, levels=["patient", "control"])


def test_table1_is_read_back_as_the_paper_prints_it(demographics):
    text, notes = table1_text(demographics)
    paragraphs, rows = read_back(table_docx(text, "Table 1. Demographics", notes))
    assert rows == [
        ["Variable", "patient\n(n = 30)", "control\n(n = 30)", "p"],
        ["age, mean (SD)", "51.07 (6.46)", "49.93 (5.99)", "0.48"],
        ["sex, F/M", "18/12", "17/12", "0.91"],
        ["SAS, mean (SD)", "43.33 (6.73)", "36.67 (5.44)", "<0.001"],
        ["JRS_total, median (min-max)", "3 (2-6)", "-", "-"],
    ]
    untested = "not tested, as only patient has values"
    assert paragraphs == [
        "Table 1. Demographics",
        "age, SAS: mean (SD), Student's t test; Shapiro-Wilk rejects normality in no group.",
        "sex: n, chi-square test (without Yates' correction).",
        f"JRS_total: median (min-max), {untested}; Shapiro-Wilk rejects normality in patient.",
        "sex: no value for sub-59.",
    ]


def test_table1_for_programs_keeps_full_precision(demographics):
    written = table1_frame(demographics).to_csv(sep="\t", index=False)
    frame = pd.read_csv(BytesIO(written.encode()), sep="\t", keep_default_na=False)
    frame = frame.set_index("variable")
    assert frame.loc["age", "summary_patient"] == "51.07 (6.46)"
    assert float(frame.loc["age", "p"]) == demographics.rows[0].test.p
    assert frame.loc["age", "df"] == "58"
    assert frame.loc["sex", ["n_patient", "n_control"]].tolist() == [30, 29]
    assert frame.loc["sex", "missing"] == "sub-59"
    assert frame.loc["JRS_total", ["summary_control", "test", "p"]].tolist() == ["", "", ""]


def test_groups_may_be_called_as_columns_are():
    people = pd.DataFrame({"group": ["p", "test"] * 10, "age": normal_sample(50, 6, 20)})
    frame = table1_frame(table1(people))
    assert frame["p"][0] == stats.ttest_ind(people["age"][::2], people["age"][1::2]).pvalue
    assert frame[["n_p", "n_test"]].loc[0].tolist() == [10, 10]


def test_correlations_are_read_back():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(20, 2))
    scores[:, 1] = 1
    values = scores[:, :1] + rng.normal(size=(20, 1))
    covariates = rng.normal(size=(20, 1))
    covariates[4] = np.nan
    result = partial_correlations(
        values, scores, covariates, roi_names=["putamen"], score_names=["duration", "constant"],
        covariate_names=["age"], participants=[f"sub-{i}" for i in range(20)],
    )  # fmt: skip
    text, notes = correlations_text(result)
    paragraphs, rows = read_back(table_docx(text, "Table 3", notes))
    row = result.table.iloc[0]
    assert rows[0] == ["Region", "Score", "r", "95 % CI", "p", "q", "n", "df"]
    assert rows[1][:4] == [
        "putamen",
        "duration",
        f"{row['r']:.2f}",
        f"[{row['ci_low']:.2f}, {row['ci_high']:.2f}]",
    ]
    assert rows[1][6:] == ["19", "16"]
    assert rows[2] == ["putamen", "constant", "-", "-", "-", "-", "19", "16"]
    assert "Pearson partial correlations controlling age" in paragraphs[1]
    assert "over 1 tests" in paragraphs[1]
    assert paragraphs[2:] == [
        "putamen with duration, putamen with constant: incomplete data, left out: sub-4.",
        "putamen with constant: constant is the same for everyone.",
    ]


@pytest.fixture
def frame():
    return pd.DataFrame({"": ["left <putamen>", "b & c"], "t": [5, 4.5]}, index=[3, 1])


def test_any_table_is_read_back(frame):
    paragraphs, rows = read_back(table_docx(frame, "Clusters"))
    assert paragraphs == ["Clusters"]
    assert rows == [["", "t"], ["left <putamen>", "5.0"], ["b & c", "4.5"]]


def test_a_table_without_rows_has_its_header():
    content = table_docx(pd.DataFrame(columns=["a", "b"]), "Nothing")
    assert read_back(content)[1] == [["a", "b"]]
    (table,) = docx.Document(BytesIO(content)).tables
    assert len(list(table._tbl.iter(qn("w:bottom")))) == 2


def test_three_lines_and_no_others(frame):
    (table,) = docx.Document(BytesIO(table_docx(frame, "Clusters"))).tables
    edges = [
        [
            {line.tag for line in cell._tc.iter() if line.getparent().tag == qn("w:tcBorders")}
            for cell in row.cells
        ]
        for row in table.rows
    ]
    top, bottom = qn("w:top"), qn("w:bottom")
    assert edges == [[{top, bottom}] * 2, [set()] * 2, [{bottom}] * 2]
    assert table.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None


def test_wide_tables_lie_across():
    wide = table_docx(pd.DataFrame([range(10)], columns=list("abcdefghij")), "Wide")
    (section,) = docx.Document(BytesIO(wide)).sections
    assert section.page_width > section.page_height


def test_equal_tables_are_equal_files(frame):
    content = table_docx(frame, "Clusters", ["A note."])
    assert content == table_docx(frame, "Clusters", ["A note."])
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    properties = docx.Document(BytesIO(content)).core_properties
    assert properties.created.year == properties.modified.year == 1980
    assert (properties.title, properties.author) == ("Clusters", "commissure")


def test_columns_are_as_wide_as_their_texts_need():
    text = pd.DataFrame({"Cluster": ["1"], "Region of the peak": ["Left Middle Frontal Gyrus"]})
    (table,) = docx.Document(BytesIO(table_docx(text, "x"))).tables
    narrow, wide = (cell.width for cell in table.rows[1].cells)
    assert wide > 2 * narrow
