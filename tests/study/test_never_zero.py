"""The mean of a maximum is not tested against 0, where chance alone puts it above."""

import json

import numpy as np
import pandas as pd
import pytest

from commissure.inference import Apart, design_matrix, permutation_test
from commissure.measures import CFH
from commissure.study.group.findings_files import write_findings
from tests.study.test_criterion import study  # noqa: F401  (a fixture)


def test_chance_alone_puts_the_mean_of_maxima_above_zero():
    """Why: no two series are coupled, and every place is significant."""
    rng = np.random.default_rng(20)
    series = rng.standard_normal((2, 12, 40, 60))
    series -= series.mean(axis=-1, keepdims=True)
    series /= np.linalg.norm(series, axis=-1, keepdims=True)
    maps = np.arctanh(series[0] @ series[1].transpose(0, 2, 1)).max(axis=2)
    people = pd.DataFrame({"participant_id": range(12)})
    found = permutation_test(
        maps, design_matrix("1", people), "mean", Apart(40), 500, statistics=()
    )
    assert (found.p_fwe <= 0.05).all()


@pytest.mark.parametrize(
    ("source", "tested"), [("sub-1_stat-cfh_boldmap.nii.gz", False), ("VMHCMap_1.nii", True)]
)
def test_means_of_groups(study, tmp_path, source, tested):  # noqa: F811
    findings = study("size", source=source, statistics=("size",))
    write_findings(findings, tmp_path)
    assert len(list(tmp_path.glob("group-*_stat-mean_statmap.nii.gz"))) == 2
    assert len(list(tmp_path.glob("group-*_stat-onesample*_statmap.nii.gz"))) == 4 * tested
    for sidecar in tmp_path.glob("group-*_stat-mean_statmap.json"):
        why = json.loads(sidecar.read_text()).get("NotTested")
        assert why == (None if tested else CFH.never_zero)
    assert CFH.never_zero not in findings.notes
    of_mean = study("size", source=source, contrast="group[a]", statistics=("size",))
    assert (CFH.never_zero in of_mean.notes) != tested
