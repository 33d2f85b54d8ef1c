"""What cannot be found or tested is told from the table, before there is any map."""

import logging
import re

import numpy as np
import pandas as pd
import pytest

from commissure.clinical import partial_correlations, why_not
from commissure.inputs.people import read_participants
from commissure.problems import InputError
from commissure.settings.group import GroupSettings
from commissure.study.group.inputs import people_problems

N = 12


def told_of(tmp_path, caplog, scores, **asked):
    table = pd.DataFrame(
        {
            "participant_id": [f"sub-{i:02d}" for i in range(N)],
            "group": ["patient"] * 7 + ["control"] * 3 + ["relative"] * 2,
            "age": 40 + 7 * np.arange(N) % 12,
            "score": scores,
        }
    )
    table.to_csv(tmp_path / "participants.tsv", sep="\t", index=False, na_rep="n/a")
    settings = GroupSettings(
        formula="group + age",
        contrast="group[patient] - group[control]",
        clinical=("score",),
        within="patient",
        atlas="none",
        **asked,
    )
    caplog.set_level(logging.WARNING)
    assert people_problems(read_participants(tmp_path / "participants.tsv"), settings) == []
    told = [record.message for record in caplog.records]
    return [one for one in told if "relative" in one or "score" in one]


def test_a_score_of_too_few_is_told_and_a_mean_of_too_few(tmp_path, caplog):
    mean, score = told_of(tmp_path, caplog, [3, 5, 4, 9, *[np.nan] * 8])
    assert mean == "The mean of relative is not tested: 2 of at least 3 scans."
    assert "score ([group] clinical) cannot be correlated" in score
    assert "4 complete cases are too few with 1 covariates" in score


def test_enough_is_told_nothing_of(tmp_path, caplog):
    (mean,) = told_of(tmp_path, caplog, [3, 5, 4, 9, 2, *[np.nan] * 7])
    assert "relative" in mean


@pytest.mark.parametrize("method", ["pearson", "spearman"])
@pytest.mark.parametrize(
    "scores",
    [
        [1, 2, 3, 4, 5, 7, 6],
        [1, 2, 3, 4, *[np.nan] * 3],
        [2, 2, 2, 2, 2, 2, 2],
        [10, 20, 30, 40, 50, 60, 70],
        [10, 20, 30, np.nan, 50, 60, 70],
    ],
)
def test_it_says_what_correlating_says(scores, method):
    scores, covariate = np.array(scores, float)[:, None], np.arange(1.0, 8)[:, None]
    about = {"score_names": ["s"], "covariate_names": ["k"], "method": method}
    said = why_not(scores, covariate, **about)
    values = np.random.default_rng(0).normal(size=(7, 1))
    names = {"roi_names": ["r"], "participants": list("abcdefg")}
    if said:
        why = f"r with s cannot be correlated: {said['s']}."
        with pytest.raises(InputError, match=re.escape(why)):
            partial_correlations(values, scores, covariate, **names, **about)
    else:
        partial_correlations(values, scores, covariate, **names, **about)
