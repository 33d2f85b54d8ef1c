from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from commissure.study.quality import QualityRules, judge, measure, merge_quality

SCAN = SimpleNamespace(participant_id="sub-01", session=None, task="rest", run=None)


def clean_bold(**changes):
    motion = np.tile(np.eye(4), (120, 1, 1))
    values = {
        "motion": motion,
        "confounds": {
            "framewise_displacement": np.full(120, 0.2),
            "framewise_displacement_jenkinson": np.full(120, 0.1),
        },
        "kept": np.ones(120, bool),
        "effective_df": 50.0,
        "overlaps": {"epi_t1w": 0.95, "epi_template": 0.96},
    }
    return SimpleNamespace(**(values | changes))


def shifted(millimetres):
    motion = np.tile(np.eye(4), (120, 1, 1))
    motion[60:, 0, 3] = millimetres
    return motion


def turned(degrees):
    motion = np.tile(np.eye(4), (120, 1, 1))
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    motion[60:, :2, :2] = [[c, -s], [s, c]]
    return motion


def moving(mm):
    return {
        "framewise_displacement": np.full(120, mm),
        "framewise_displacement_jenkinson": np.full(120, mm),
    }


def test_a_good_run_is_included():
    row = judge(measure(SCAN, clean_bold()), QualityRules())
    assert row["included"]
    assert row["reasons"] == ""
    assert row["mean_fd_jenkinson"] == pytest.approx(0.1)
    assert row["mean_fd_power"] == pytest.approx(0.2)
    assert (row["n_volumes"], row["effective_df"], row["overlap_epi_t1w"]) == (120, 50, 0.95)


@pytest.mark.parametrize(
    ("changes", "reason", "is_motion"),
    [
        ({"confounds": moving(0.21)}, "mean FD 0.210 mm > 0.2", True),
        ({"motion": shifted(3.2)}, "moved 3.2 mm > 3", True),
        ({"motion": turned(4)}, "turned 4.0 degrees > 3", True),
        ({"kept": np.arange(120) < 99}, "99 volumes < 100", False),
        ({"effective_df": 19.0}, "19.0 degrees of freedom < 20", False),
        ({"overlaps": {"epi_t1w": 0.5}}, "overlap by 0.50 < 0.8", False),
    ],
)
def test_what_excludes_a_run(changes, reason, is_motion):
    row = judge(measure(SCAN, clean_bold(**changes)), QualityRules())
    assert not row["included"]
    assert reason in row["reasons"]
    noted = judge(measure(SCAN, clean_bold(**changes)), QualityRules(exclude_motion=False))
    assert noted["included"] is is_motion
    assert reason in noted["reasons"]


def test_a_doubtful_registration_is_noted():
    row = judge(measure(SCAN, clean_bold(overlaps={"epi_t1w": 0.9})), QualityRules())
    assert row["included"]
    assert "is it the same person?" in row["reasons"]
    assert "(noted)" in row["reasons"]


def test_rows_replace_older_ones_of_the_same_run(tmp_path):
    path = tmp_path / "quality.tsv"
    rows = [
        judge(measure(SCAN, clean_bold(effective_df=df)), QualityRules()) for df in (30.0, 40.0)
    ]
    other = {**rows[0], "participant_id": "sub-00"}
    merge_quality(path, [rows[0], other]).to_csv(path, sep="\t", index=False, na_rep="n/a")
    table = merge_quality(path, [rows[1]])
    assert list(table["participant_id"]) == ["sub-00", "sub-01"]
    assert list(table["effective_df"]) == [30, 40]
    assert isinstance(table, pd.DataFrame)
