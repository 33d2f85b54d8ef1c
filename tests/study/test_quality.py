import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from commissure.files.data_texts import read_data
from commissure.problems import InputError
from commissure.records.runs import Measured, RegistrationCheck, RunKey
from commissure.records.verdicts import VERDICTS
from commissure.settings.judging import judge
from commissure.settings.quality import QualityRules
from commissure.study.quality import measure
from commissure.study.verdict_files import (
    merge_verdicts,
    quality_table,
    read_verdicts,
    write_verdicts,
)

GOOD = RegistrationCheck("RAS", 8.0, 0.5, 7.0, 0.98, 1.2, 0.01)
IN_T1W = replace(GOOD, border=0.7, sides=12.0, shifted=0.8)
SCAN = SimpleNamespace(participant_id="sub-01", session=None, task="rest", run=None, kind="raw")


def clean_bold(**changes):
    motion = np.tile(np.eye(4), (120, 1, 1))
    values = {
        "motion": motion,
        "centre": np.zeros(3),
        "confounds": {
            "framewise_displacement": np.full(120, 0.2),
            "framewise_displacement_jenkinson": np.full(120, 0.1),
        },
        "kept": np.ones(120, bool),
        "effective_df": 50.0,
        "nominal_df": 60.0,
        "overlaps": {"epi_t1w": 0.95, "epi_template": 0.96},
        "checks": {"epi": IN_T1W, "t1w": GOOD},
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


def epi(**changes):
    return {"checks": {"epi": replace(IN_T1W, **changes), "t1w": GOOD}}


def test_a_run_with_fewer_volumes_than_are_kept_of_every_run_is_left_out():
    measured = measure(SCAN, clean_bold())
    assert judge(measured, QualityRules(), best_volumes=120).included
    verdict = judge(measured, QualityRules(), best_volumes=121)
    assert (verdict.included, verdict.text) == (False, "120 volumes < 121")


def test_a_good_run_is_included():
    verdict = judge(measure(SCAN, clean_bold()), QualityRules())
    assert verdict.included
    assert verdict.text == ""
    (row,) = quality_table([verdict]).to_dict("records")
    assert row["mean_fd_jenkinson"] == pytest.approx(0.1)
    assert row["mean_fd_power"] == pytest.approx(0.2)
    assert (row["n_volumes"], row["effective_df"], row["overlap_epi_t1w"]) == (120, 50, 0.95)
    assert row["nominal_df"] == 60


@pytest.mark.parametrize(
    ("changes", "reason", "is_motion"),
    [
        ({"confounds": moving(0.21)}, "mean FD (Jenkinson) 0.210 mm > 0.2", True),
        ({"motion": shifted(3.2)}, "moved 3.2 mm > 3", True),
        ({"motion": turned(4)}, "turned 4.0 degrees > 3", True),
        ({"kept": np.arange(120) < 99}, "99 volumes < 100", False),
        ({"effective_df": 19.0}, "19.0 degrees of freedom < 20", False),
        ({"overlaps": {"epi_t1w": 0.5}}, "overlap by 0.50 < 0.8", False),
        (
            epi(axes="RPS", turn=176.0),
            "the EPI fits the template when its y axis (front to back) is reversed, so its header",
            False,
        ),
        (
            epi(axes="RAI", turn=176.0, sides=-9.0),
            "(upside down) is reversed, so its header",
            False,
        ),
        (epi(axes="RPI", turn=170.0), "front to back) and its z axis (upside down) are", False),
        (epi(axes="RSA", turn=178.0), "its x, y and z axes point to right, top and front", False),
        (epi(turn=62.0), "the EPI lies turned by 62 degrees", False),
        (epi(apart=40.0), "put the EPI 40 mm > 25 from where", False),
        (epi(stretch=9.3), "stretched 9.30-fold the brain in the EPI (> 1.5)", False),
        (epi(warped=0.3), "folded or squeezed 30% of the brain in the EPI (> 0.2)", False),
        (epi(border=0.99), "hardly shows in the EPI where registration put it (0.99 > 0.98", False),
        (
            epi(border=0.95, sides=2.0),
            "hardly shows in the EPI where registration put it (0.95 > 0.94",
            False,
        ),
        (epi(sides=-5.0), "left and right are exchanged in the EPI or in the T1w", False),
        (epi(coverage=0.66), "the EPI covers 66% of the brain (< 70%)", False),
        ({"checks": {"t1w": replace(GOOD, axes="RAI", turn=180.0)}}, "the T1w fits", False),
    ],
)
def test_what_excludes_a_run(changes, reason, is_motion):
    verdict = judge(measure(SCAN, clean_bold(**changes)), QualityRules())
    assert not verdict.included
    assert reason in verdict.text
    noted = judge(measure(SCAN, clean_bold(**changes)), QualityRules(exclude_motion=False))
    assert noted.included is is_motion
    assert reason in noted.text


def test_a_doubtful_registration_is_noted():
    verdict = judge(measure(SCAN, clean_bold(overlaps={"epi_t1w": 0.9})), QualityRules())
    assert verdict.included
    assert "is it the same person?" in verdict.text
    assert "(noted)" in verdict.text


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (epi(doubt=0.9), "nearly as well another way round (0.90 >= 0.85) (noted)"),
        (epi(doubt=0.9, axes="RPS", turn=176.0), "the EPI fits the template when its y axis"),
        (epi(stretch=1.4), "stretched 1.40-fold the brain in the EPI (> 1.3) (noted)"),
        (epi(warped=0.1), "10% of the brain in the EPI (> 0.07) (noted)"),
        (epi(border=0.95), "hardly shows in the EPI where registration put it (0.95 > 0.94"),
        (epi(sides=-2.5), "left and right are the same in EPI and T1w cannot be told (-2.5 st"),
        (epi(sides=2.5), "left and right are the same in EPI and T1w cannot be told (2.5 standard"),
        (epi(coverage=0.85), "covers 85% of the brain (< 90%) (noted)"),
    ],
)
def test_what_is_only_noted_of_a_registration(changes, reason):
    verdict = judge(measure(SCAN, clean_bold(**changes)), QualityRules())
    assert verdict.included
    assert reason in verdict.text


def test_what_is_not_known_of_a_registration_is_not_judged():
    verdict = judge(measure(SCAN, clean_bold(checks={}, overlaps={})), QualityRules())
    assert (verdict.included, verdict.text) == (True, "")


def test_every_column_is_described():
    described = json.loads(read_data("files", "quality_columns.json"))
    table = quality_table([judge(measure(SCAN, clean_bold()), QualityRules())])
    assert set(judge(measure(SCAN, clean_bold()), QualityRules()).measured.known) <= set(table)
    # A run is raw or others brought it to template space: none has both coverages.
    derived = judge(Measured(RunKey("sub-01"), coverage=0.95), QualityRules())
    assert set(table) | set(quality_table([derived])) == set(described)


def test_verdicts_replace_older_ones_of_the_same_run(tmp_path):
    first, second = (
        judge(measure(SCAN, clean_bold(effective_df=df)), QualityRules()) for df in (30.0, 40.0)
    )
    other = judge(Measured(RunKey("sub-00", task="rest"), n_volumes=200), QualityRules())
    write_verdicts(tmp_path, merge_verdicts((), [first, other]))
    merged = merge_verdicts(read_verdicts(tmp_path), [second])
    assert merged == (other, second)
    table = quality_table(merged)
    assert list(table["participant_id"]) == ["sub-00", "sub-01"]
    assert list(table["n_volumes"]) == [200, 120]


@pytest.mark.parametrize("content", ["{", "[]", '{"Verdicts": [{"included": true}]}', "\x00"])
def test_verdicts_that_were_changed_are_refused(tmp_path, content):
    (tmp_path / VERDICTS).write_text(content)
    with pytest.raises(InputError, match=r"verdicts\.json"):
        read_verdicts(tmp_path)


def test_a_reversed_axis_is_not_told_twice():
    verdict = judge(
        measure(SCAN, clean_bold(**epi(axes="RAI", turn=176.0, sides=-9.0))), QualityRules()
    )
    assert [reason.kind for reason in verdict.reasons] == ["header"]
