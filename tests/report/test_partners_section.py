"""The page says where partners lie as the tables do."""

import numpy as np
import pandas as pd
import pytest

from commissure.render.partners import RegionShown, partners_figure
from commissure.report.contents import Findings, Study
from commissure.report.page.parts import Table
from commissure.report.sections.partners import partners_section, way
from tests.report.test_wording import findings, people

TABLE = pd.DataFrame(
    {
        "region": ["cluster 1"] * 2,
        "group": ["patient", "control"],
        "n": [9, 10],
        "partner_region": ["Right Putamen", "Right Pallidum"],
        "share": [0.777, 0.5],
        "x": [30.0, 31],
        "y": [0.0, 2],
        "z": [8.0, 9],
        "outwards_mm": [2.3, 0.2],
        "forwards_mm": [-12.6, 0.4],
        "upwards_mm": [0.4, -0.9],
        "shift_mm": [15.2, 6.0],
        "p_corr": [0.0123, 0.0123],
    }
)


def cells(table):
    found = findings()
    study = Study("x", people(19), Findings(found.record, {**found.tables, "partners": table}))
    section = partners_section(study, {}, {})
    (shown,) = [part for part in section.parts if isinstance(part, Table)]
    return [[str(cell).replace("\N{NO-BREAK SPACE}", " ") for cell in row] for row in shown.rows]


def test_the_table_has_region_share_direction_and_p():
    first, second = cells(TABLE)
    assert first[1:] == [
        "patient (n = 9)",
        "Right Putamen",
        "78 %",
        "2.3 mm outwards, 12.6 mm backwards",
        "15.2 mm",
        "0.012",
    ]
    assert second[4] == "less than 1 mm each way"


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("outwards_mm", -3.0, "3.0 mm inwards"),
        ("forwards_mm", 3.0, "3.0 mm forwards"),
        ("upwards_mm", -8.0, "8.0 mm downwards"),
    ],
)
def test_each_direction_has_its_word(column, value, said):
    nothing = {"outwards_mm": 0.0, "forwards_mm": 0.0, "upwards_mm": 0.0}
    assert way(nothing | {column: value}) == said


def test_there_is_no_section_without_partners():
    assert partners_section(Study("x", people(2), findings()), {}, {}) is None


def test_every_scan_is_visible_in_every_view():
    rng = np.random.default_rng(0)
    scans = pd.DataFrame(rng.uniform(-40, 40, (12, 3)), columns=list("xyz"))
    scans["group"] = ["patient", "control"] * 6
    anatomy = np.ones((50, 50, 50), np.float32)
    affine = np.diag([2.0, 2, 2, 1])
    affine[:3, 3] = -50
    shown = [RegionShown("cluster 1", (30.0, 5.0, 10.0), scans)]
    figure = partners_figure(shown, ["patient", "control"], anatomy, affine)
    figure.draw_without_rendering()
    for axes, (across, up) in zip(figure.axes, ("xy", "xz", "yz"), strict=True):
        points = np.concatenate([c.get_offsets() for c in axes.collections])
        of_scans = scans[[across, up]].to_numpy()
        assert all(np.isclose(points, one).all(axis=1).any() for one in of_scans)
        (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
        assert ((points > (left, low)) & (points < (right, high))).all()
