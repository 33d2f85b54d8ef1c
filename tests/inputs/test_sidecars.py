"""What sidecars say beside times."""

from pathlib import Path

import pytest

from commissure.inputs.sidecars import phase_axis, usable


@pytest.mark.parametrize(
    ("told", "axis"),
    [("i", 0), ("i-", 0), ("j", 1), ("j-", 1), ("k", 2), ("k-", 2), ("AP", None), ("", None)],
)
def test_the_axis_of_the_phase_is_that_of_the_image(told, axis):
    assert phase_axis({"PhaseEncodingDirection": told}) == axis


@pytest.mark.parametrize("told", ["AP", "ij", "-j", 1, ["j"], {}])
def test_a_direction_that_is_none_is_told_and_not_used(told):
    kept, problems, warnings = usable(Path("x.nii"), {"PhaseEncodingDirection": told})
    assert phase_axis(kept) is None
    assert not problems
    assert "PhaseEncodingDirection" in warnings[0]


def test_without_a_direction_nothing_is_said():
    assert phase_axis({}) is None
    assert usable(Path("x.nii"), {"PhaseEncodingDirection": None})[2] == []
