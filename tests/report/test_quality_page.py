"""The page of everyone's quality: who stands out, what is shown of whom."""

import re

import numpy as np
import pytest
from scipy.stats import median_abs_deviation

from commissure.render.overview import overview_figure
from commissure.report.outliers import outliers


@pytest.mark.parametrize("seed", range(20))
def test_outliers_are_three_robust_standard_deviations_away(seed):
    rng = np.random.default_rng(seed)
    values = rng.standard_t(2, 31)
    sd = median_abs_deviation(values, scale=1 / 1.4826)
    by_scipy = {str(i) for i in np.flatnonzero(np.abs(values - np.median(values)) > 3 * sd)}
    assert outliers({str(i): value for i, value in enumerate(values)}) == by_scipy


def test_of_few_and_of_the_same_nobody_stands_out():
    assert outliers({"a": 1.0, "b": 1.1, "c": 1.2, "d": 90.0}) == set()
    assert outliers({**{str(i): 1.0 for i in range(9)}, "x": 2.0}) == set()
    assert outliers({**{str(i): 1.0 + i / 100 for i in range(9)}, "x": 2.0}) == {"x"}


def test_every_run_is_a_dot_and_those_that_stand_out_are_named():
    values = {"a": 1.0, "b": 2.0, "c": 9.0}
    group_of = {"a": "patient", "b": "control", "c": "control"}
    order = ["patient", "control"]
    limits = {"FD": 8.0}
    (axes,) = overview_figure({"FD": values}, group_of, order, {"FD": {"c"}}, limits).axes
    shown = [sorted(c.get_offsets()[:, 0]) for c in axes.collections]
    assert shown == [[1.0], [2.0, 9.0]]
    assert [text.get_text() for text in axes.texts] == ["c"]
    assert [line.get_xdata()[0] for line in axes.lines] == [8.0]


def test_everyone_is_on_the_page_and_can_be_rated(finished):
    page = (finished / "quality.html").read_text()
    names = [path.stem for path in finished.glob("sub-*.html")]
    assert len(re.findall("<select", page)) == len(names)
    table = page.partition('class="sortable"')[2].partition("</table>")[0]
    assert table.count("<tr>") == len(names) - 1 + 1  # one failed; the head
    assert "sub-02" in page.partition('class="lead"')[2].partition("</div>")[0]  # who moved
    assert 'href="quality.html"' in (finished / "report.html").read_text()
