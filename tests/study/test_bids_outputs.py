"""What a study writes is a valid BIDS derivative dataset."""

import json
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

from commissure.simulation import Acquisition, simulate_study
from commissure.study.run import run_study
from tests.study.studies import Inline, study_of, write_derivatives

VALIDATOR = Path(sys.executable).with_name("bids-validator-deno")
# Nothing that BIDS names may be ignored.
MUST_PASS = ("_bold.nii.gz", "_bold.json", "_mask.nii.gz", "_mask.json", "_T1w.nii.gz",
             "_T1w.json", "_probseg.nii.gz", "_probseg.json")  # fmt: skip


def problems_of(folder):
    """Return the validator's errors, by code."""
    done = subprocess.run(
        [VALIDATOR, folder, "--format", "json"], capture_output=True, text=True, check=False
    )
    issues = json.loads(done.stdout)["issues"]["issues"]
    return [
        (issue["code"], issue.get("subCode"), issue["location"])
        for issue in issues
        if issue["severity"] == "error"
    ]


def patterns():
    text = resources.files("commissure.files").joinpath("data", "bidsignore.txt").read_text()
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_nothing_that_bids_names_is_ignored():
    for pattern in patterns():
        for ending in MUST_PASS:
            assert not Path(f"sub-01_task-rest_space-X_desc-clean{ending}").match(pattern)
            assert not Path(f"sub-01_space-X_label-GM{ending}").match(pattern)


@pytest.mark.slow
def test_a_raw_study_is_valid_and_a_planted_violation_is_not(tmp_path):
    bids, out = tmp_path / "bids", tmp_path / "out"
    small = Acquisition(
        n_volumes=130, matrix=(40, 40, 24), voxel_size=(6.0, 6.0, 6.0), t1w_voxel_size=2.0
    )
    simulate_study(bids, 1, 0, 3, acquisition=small)
    outcome = run_study(study_of(bids, out), "participant", Inline())
    assert not outcome.failed
    names = [path.name for path in out.rglob("*")]
    for ending in MUST_PASS:
        assert any(name.endswith(ending) for name in names), ending
    assert not problems_of(out)
    # every pattern has something to ignore, but those of the group and the pages
    (out / ".bidsignore").write_text("")
    unknown = problems_of(out)
    assert {code for code, _, _ in unknown} >= {"NOT_INCLUDED"}
    shutil.copy(out / "sub-01/func" / next(n for n in names if n.endswith("clean_bold.nii.gz")),
                out / "sub-01/func/sub-01_desc-clean_bold.nii.gz")  # fmt: skip
    text = "\n".join(patterns())
    (out / ".bidsignore").write_text(text)
    assert problems_of(out)


@pytest.mark.slow
def test_a_study_of_derivatives_is_valid(tmp_path):
    folder, out = write_derivatives(tmp_path / "in"), tmp_path / "out"
    outcome = run_study(study_of(folder, out), "all", Inline())
    assert not outcome.failed
    assert not outcome.group_problems
    assert not problems_of(out)
