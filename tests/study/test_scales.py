"""A map of another scale is named, beside its spread."""

import numpy as np

from commissure.study.group.scales import scale_notes

SCANS = [f"sub-{i}" for i in range(9)]


def maps():
    return 5 + np.random.default_rng(1).normal(0, 0.1, (len(SCANS), 400))


def test_people_who_differ_a_little_are_not_named():
    assert scale_notes(maps() * np.linspace(0.6, 2, len(SCANS))[:, None], SCANS) == []


def test_who_spreads_far_more_or_less_is_named():
    values = maps()
    values[2] *= 1000
    values[5] = 5 + (values[5] - 5) / 20
    more, less = scale_notes(values, SCANS)
    assert "sub-2 spreads 1" in more
    assert "times as much" in more
    assert "sub-5 spreads only 0.0" in less


def test_what_is_added_to_a_map_is_no_scale():
    values = maps()
    values[3] += 1e4
    assert scale_notes(values, SCANS) == []


def test_of_two_none_is_the_odd_one_and_no_spread_is_no_measure():
    values = maps()
    assert scale_notes(values[:2] * [[1], [100]], SCANS[:2]) == []
    assert scale_notes(np.ones((9, 4)), SCANS) == []
