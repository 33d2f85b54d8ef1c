"""Figures show the numbers they are given."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from commissure.render.brain import mean_maps_figure
from commissure.render.checks import freedom_figure, motion_figure, null_figure
from commissure.render.effect import effect_figure
from commissure.render.quality import carpet_figure


@pytest.fixture
def values():
    rng = np.random.default_rng(0)
    group = np.repeat(["control", "patient"], [9, 14])
    return pd.DataFrame({"group": group, "age": rng.normal(50, 9, 23), "r": rng.normal(size=23)})


def means(values):
    rows = [
        {"term": name, "n": len(y), "estimate": y.mean(), "ci_low": y.min(), "ci_high": y.max()}
        for name, y in values.groupby("group")["r"]
    ]
    return pd.DataFrame(rows)


def test_every_participant_is_visible_with_the_mean_and_its_limits(values):
    axes = effect_figure(values, means(values), "r", "group").axes[0]
    drawn = [c.get_offsets() for c in axes.collections if len(c.get_offsets()) > 1]
    for i, (points, (_, y)) in enumerate(zip(drawn, values.groupby("group")["r"], strict=True)):
        assert_allclose(np.sort(points[:, 1]), np.sort(y))
        assert len({tuple(p) for p in points.round(6)}) == len(y)
        assert (np.abs(points[:, 0] - i) < 0.3).all()
    for container, (_, y) in zip(axes.containers, values.groupby("group")["r"], strict=True):
        assert container.lines[0].get_ydata() == pytest.approx(y.mean())
        (bar,) = container.lines[2]
        assert_allclose(bar.get_segments()[0][:, 1], [y.min(), y.max()])
    assert [t.get_text() for t in axes.get_xticklabels()] == [
        "control\n(n = 9)",
        "patient\n(n = 14)",
    ]


def test_groups_without_means_are_shown_as_they_are(values):
    axes = effect_figure(values, pd.DataFrame(), "r", "group").axes[0]
    assert sum(len(c.get_offsets()) for c in axes.collections) == 23


def test_a_covariate_has_its_line(values):
    line = pd.DataFrame({"term": "age", "n": 23, "at": [40.0, 50, 60], "estimate": [0.0, 1, 2]})
    line = line.assign(ci_low=line["estimate"] - 1, ci_high=line["estimate"] + 1)
    axes = effect_figure(values, line, "r", "age").axes[0]
    assert_allclose(axes.lines[0].get_xydata(), line[["at", "estimate"]])
    assert_allclose(axes.collections[0].get_offsets(), values[["age", "r"]])


def test_the_null_counts_every_relabelling_and_marks_what_was_found():
    null = np.random.default_rng(1).integers(0, 40, 500).astype(float)
    axes = null_figure(null, [("cluster 1", 53.0)], 37.0, "voxels", "limit").axes[0]
    assert sum(bar.get_height() for bar in axes.patches) == 500
    assert [line.get_xdata()[0] for line in axes.lines] == [37.0, 53.0]
    assert "cluster 1" in [text.get_text().strip() for text in axes.texts]


def test_motion_has_a_panel_a_region_with_r_of_each_group(values):
    motion = values.assign(mean_fd=np.linspace(0.05, 0.3, 23), other=1.0)
    correlations = pd.DataFrame(
        {"region": ["r", "r"], "group": ["all", "patient"], "r": [0.12, -0.5], "p": [0.6, 0.07]}
    )
    figure = motion_figure(motion, correlations, {"r": "cluster 1", "other": "o"}, "group", "CFH")
    assert len(figure.axes) == 2
    title = figure.axes[0].get_title()
    assert title.splitlines() == [
        "cluster 1",
        "all: r = 0.12, p = 0.60",
        "patient: r = -0.50, p = 0.070",
    ]
    points = np.concatenate([c.get_offsets() for c in figure.axes[0].collections])
    assert_allclose(points[np.argsort(points[:, 0])], motion[["mean_fd", "r"]])


def test_freedom_marks_the_medians():
    figure = freedom_figure({"a": np.array([50.0, 52, 60]), "b": np.array([40.0])})
    axes = figure.axes[0]
    assert [line.get_xdata()[0] for line in axes.lines] == [52.0, 40.0]


def test_mean_maps_share_one_scale_and_name_the_sides():
    rng = np.random.default_rng(2)
    maps = {name: rng.normal(size=(12, 14, 13)) for name in ("a", "b")}
    for values in maps.values():
        values[:2] = np.nan
    figure = mean_maps_figure(maps, np.diag([3.0, 3, 3, 1]), "z")
    images = [image for axes in figure.axes for image in axes.images]
    assert len({image.get_clim() for image in images[:14]}) == 1
    panels = [axes for axes in figure.axes if axes.images][:14]
    for axes in panels:
        assert [text.get_text() for text in axes.texts] == ["L", "R"]


def test_groups_have_one_order_and_one_colour_in_every_figure(values):
    order = ["patient", "control"]
    effect = effect_figure(values, means(values), "r", "group", order=order).axes[0]
    assert [t.get_text().split("\n")[0] for t in effect.get_xticklabels()] == order
    moved = values.assign(mean_fd=np.linspace(0.05, 0.3, 23))
    none = pd.DataFrame({"region": [], "group": [], "r": [], "p": []})
    motion = motion_figure(moved, none, {"r": "cluster 1"}, "group", "CFH", order)
    assert [text.get_text() for text in motion.legends[0].get_texts()] == order
    freedom = freedom_figure({"patient": np.array([50.0, 51]), "control": np.array([52.0, 53])})
    colours = [
        [tuple(c.get_facecolor()[0][:3]) for c in axes.collections if len(c.get_offsets()) > 1]
        for axes in (effect, motion.axes[0], freedom.axes[0])
    ]
    assert len(colours[0]) == 2
    assert colours[0] == colours[1] == colours[2]


def test_limits_are_drawn_where_scans_come_near_them(values):
    moved = values.assign(mean_fd=np.linspace(0.05, 0.19, 23))
    none = pd.DataFrame({"region": [], "group": [], "r": [], "p": []})
    near = motion_figure(moved, none, {"r": "r"}, "group", "CFH", limit=0.2).axes[0]
    assert [line.get_xdata()[0] for line in near.lines] == [0.2]
    assert not motion_figure(moved, none, {"r": "r"}, "group", "CFH", limit=2.0).axes[0].lines
    freedom = freedom_figure({"a": np.array([24.0, 30])}, 20.0).axes[0]
    assert 20.0 in [line.get_xdata()[0] for line in freedom.lines]


def test_no_legend_lies_over_what_is_drawn():
    null = np.random.default_rng(1).integers(0, 40, 500).astype(float)
    figure = null_figure(null, [("cluster 1", 53.0)], 37.0, "voxels", "limit")
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert axes.get_legend().get_window_extent().y0 >= axes.get_window_extent().y1
    moved = pd.DataFrame({"group": ["a", "b"] * 5, "r": range(10), "mean_fd": range(10)})
    none = pd.DataFrame({"region": [], "group": [], "r": [], "p": []})
    motion = motion_figure(moved, none, {"r": "r"}, "group", "CFH")
    motion.draw_without_rendering()
    legend, panel = motion.legends[0].get_window_extent(), motion.axes[0].get_window_extent()
    assert legend.y0 >= panel.y1


def test_movement_lies_over_the_carpet_volume_by_volume():
    rng = np.random.default_rng(0)
    kept = np.ones(40, bool)
    kept[[7, 8]] = False
    series, tissue = rng.normal(size=(90, 40)), np.repeat(np.array([0, 1, 2], np.int8), 30)
    fd, dvars = rng.random(40), rng.random(40)
    figure = carpet_figure(series, series[:, kept], tissue, kept, {"FD": fd, "DVARS": dvars})
    above, before, after, other = figure.axes[0], *figure.axes[1:3], figure.axes[3]
    assert_allclose(above.lines[0].get_xydata(), np.column_stack([np.arange(40), fd]))
    assert_allclose(other.lines[0].get_ydata(), dvars)
    assert above.get_xlim() == before.get_xlim() == after.get_xlim()
    assert len(above.patches) == 2
