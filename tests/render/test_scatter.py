"""Scatter plots show the residuals and numbers they are given."""

from dataclasses import replace
from io import BytesIO

import matplotlib as mpl
import numpy as np
import pytest
from numpy.testing import assert_allclose

from commissure.clinical import partial_correlations
from commissure.render.scatter import scatter_figure


def correlations(method="pearson", n_scores=2, n_covariates=2):
    rng = np.random.default_rng(0)
    names = ["age", "sex"][:n_covariates]
    return partial_correlations(
        rng.normal(size=(25, 2)),
        rng.normal(size=(25, n_scores)),
        rng.normal(size=(25, n_covariates)),
        roi_names=["left putamen", "left precentral gyrus"],
        score_names=[f"score{i}" for i in range(n_scores)],
        covariate_names=names,
        participants=[f"sub-{i}" for i in range(25)],
        method=method,
    )


def test_panels_show_the_residuals_and_their_line():
    result = correlations()
    figure = scatter_figure(result)
    assert len(figure.axes) == 4
    for axis, residuals in zip(figure.axes, result.residuals, strict=True):
        (points,) = axis.collections
        assert_allclose(points.get_offsets(), np.column_stack([residuals.x, residuals.y]))
        (line,) = axis.get_lines()
        slope, intercept = np.polyfit(residuals.x, residuals.y, 1)
        assert_allclose(line.get_ydata(), slope * line.get_xdata() + intercept, atol=1e-12)


def test_panels_say_what_they_show():
    result = correlations()
    axis = scatter_figure(result).axes[3]
    row = result.table.iloc[3]
    assert axis.get_xlabel().replace("\n", " ") == "score1, residual given age, sex"
    assert axis.get_ylabel().replace("\n", " ") == "left precentral gyrus, residual given age, sex"
    interval = f"[{row['ci_low']:.2f}, {row['ci_high']:.2f}]"
    assert f"r = {row['r']:.2f}, 95 % CI {interval}" in axis.get_title()
    assert f"p = {row['p']:.2f}, q = {row['q']:.2f}, n = 25" in axis.get_title()


def test_ranks_and_no_covariates_are_said():
    figure = scatter_figure(correlations("spearman", n_covariates=0))
    assert figure.axes[0].get_xlabel() == "score0,\nrank residual"
    assert figure.axes[0].get_title().startswith("rho = ")


@pytest.mark.parametrize(("n_scores", "shape"), [(1, (2, 1)), (4, (2, 4)), (5, (3, 4))])
def test_panels_are_laid_out_by_region(n_scores, shape):
    figure = scatter_figure(correlations(n_scores=n_scores))
    assert len(figure.axes) == 2 * n_scores
    assert figure.axes[0].get_gridspec().get_geometry() == shape


def test_pictures_are_the_same_each_time():
    pictures = []
    for _ in range(2):
        picture = BytesIO()
        with mpl.rc_context({"svg.hashsalt": "commissure"}):
            scatter_figure(correlations()).savefig(picture, format="svg", metadata={"Date": None})
        pictures.append(picture.getvalue())
    assert pictures[0] == pictures[1]


def test_labels_stay_on_the_page():
    result = replace(
        correlations("spearman", n_scores=4),
        covariates=("age", "sex", "education", "SDS", "SAS", "framewise_displacement"),
    )
    figure = scatter_figure(result)
    figure.savefig(BytesIO())
    for axis in figure.axes:
        for text in (axis.title, axis.xaxis.label, axis.yaxis.label):
            box = text.get_window_extent()
            assert box.x0 >= 0
            assert box.y0 >= 0
            assert box.x1 <= figure.bbox.x1
            assert box.y1 <= figure.bbox.y1
