import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from calibration import false_findings


@pytest.mark.parametrize("method", ["freedman-lane", "draper-stoneman"])
def test_null_studies_seldom_have_findings(method):
    """A short version of benchmarks/calibration.py: more would happen once in 10,000 runs."""
    n_studies = 60
    found = np.sum([false_findings(seed, method, 99) for seed in range(n_studies)], axis=0)
    assert (found <= stats.binom.isf(1e-4, n_studies, 0.05)).all()
