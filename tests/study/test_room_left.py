"""Raw runs that are too short for what is regressed out are named before they are worked on."""

from dataclasses import replace

import numpy as np
import pytest

from commissure.inputs import Scan
from commissure.preprocessing.recipe import Recipe
from commissure.settings.quality import QualityRules
from commissure.study.participant.room_left import Length, length_of_raw, too_little_left
from tests.inputs.images import image

# Of 60 volumes at 2 s, 0.01 to 0.1 Hz are waves 2 to 12: 22 values, fewer than 27 regressors.
SHORT, LONG = 60, 120


@pytest.fixture
def scans(tmp_path):
    return [
        Scan(f"sub-{i}", None, "rest", None, image(tmp_path / f"{i}_bold.nii.gz", (3, 3, 3, n)),
             None, 2.0, None)
        for i, n in enumerate((SHORT, LONG, SHORT))
    ]  # fmt: skip


def rules(least_df):
    return replace(QualityRules(), least_df=least_df)


def told_of(scans, recipe, least_df=0.0):
    return too_little_left([length_of_raw(scan, recipe) for scan in scans], recipe, rules(least_df))


RECIPE = replace(Recipe(), n_trim=0, low=0.01, high=0.1)


def test_short_runs_are_named_and_long_ones_not(scans):
    (told,) = told_of(scans, RECIPE)
    assert told.startswith("sub-0_task-rest (and 1 more) cannot be cleaned: The 27")
    assert "60 volumes" in told
    # 22 values less 9 regressors and the trend; the constant is not in the band.
    assert told.endswith("[preprocessing] motion = 6 would leave 12.")
    assert told_of(scans[1:2], RECIPE) == []
    assert told_of(scans, replace(RECIPE, motion=6)) == []


def test_runs_that_will_have_too_few_degrees_of_freedom_are_named(scans):
    # Waves 3 to 24 of 120 volumes: 44 values, less 27 regressors and the trend.
    (told,) = told_of(scans[1:2], RECIPE, 16.5)
    assert "of 120 volumes, 16.0 degrees of freedom < 16.5." in told
    assert told.endswith("motion = 6 would leave 34.")
    assert told_of(scans[1:2], RECIPE, 15.5) == []


def test_what_is_known_to_be_regressed_out_counts_as_it_is(scans):
    n = scans[1]
    lags = np.arange(LONG)
    drift = np.cos(np.pi * (lags[:, None] + 0.5) * np.arange(1, 4) / LONG)  # below the band
    same = np.repeat(np.cos(2 * np.pi * 5 / LONG * lags)[:, None], 10, axis=1)
    (told,) = too_little_left([Length(n, LONG, same, 0)], RECIPE, rules(1000))
    assert "42.0 degrees of freedom" in told  # ten times the same is one
    filtered = replace(n, done=frozenset({"filter"}))
    (told,) = too_little_left([Length(filtered, LONG, drift, 0)], RECIPE, rules(1000))
    assert f"{LONG - 5}.0 degrees of freedom" in told
