"""Raw runs that are too short for what is regressed out are named before they are worked on."""

from dataclasses import replace

import pytest

from commissure.inputs import Scan
from commissure.preprocessing.recipe import Recipe
from commissure.study.participant.room_left import nothing_left
from tests.inputs.images import image

# Of 60 volumes at 2 s, 0.01 to 0.1 Hz are waves 2 to 12: 22 values, fewer than 26 regressors.
SHORT, LONG = 60, 120


@pytest.fixture
def scans(tmp_path):
    return [
        Scan(f"sub-{i}", None, "rest", None, image(tmp_path / f"{i}_bold.nii.gz", (3, 3, 3, n)),
             None, 2.0, None)
        for i, n in enumerate((SHORT, LONG, SHORT))
    ]  # fmt: skip


def test_short_runs_are_named_and_long_ones_not(scans):
    recipe = replace(Recipe(), n_trim=0, low=0.01, high=0.1)
    (told,) = nothing_left(scans, recipe)
    assert told.startswith("sub-0_task-rest (and 1 more) cannot be cleaned: The 2")
    assert "60 volumes" in told
    assert nothing_left(scans[1:2], recipe) == []
    assert nothing_left([replace(scan, kind="clean") for scan in scans], recipe) == []
