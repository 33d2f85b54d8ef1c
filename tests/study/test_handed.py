"""Series that are handed from step to step are those that were written, to the last bit."""

import pytest

from commissure.study import run as study_run
from commissure.study.participant import handed
from commissure.study.participant.handed import Handed
from commissure.study.run import run_study
from tests.study import test_variants
from tests.study.studies import Inline, files_of, study_of
from tests.study.test_variants import write_fmriprep

CHANGES = {
    "preprocessing": {"n_trim": 0, "fwhm": 0.0, "high": 0.24, "global_signal": True},
    "cfh": {"noise_floor": 0},
    "measures": {"use": ["cfh", "vmhc"]},
    "vmhc": {"any_space": True},
}


@pytest.fixture
def read(monkeypatch):
    """Count which series are read from their files."""
    paths = []
    sample = handed.sample_file
    monkeypatch.setattr(study_run, "write_report", lambda _out, *, wait: None)
    monkeypatch.setattr(
        handed, "sample_file", lambda path, domain: paths.append(path) or sample(path, domain)
    )
    return paths


def test_maps_are_those_of_the_files(tmp_path, monkeypatch, read):
    monkeypatch.setattr(test_variants, "N", 1)
    folder = write_fmriprep(tmp_path / "in")
    assert not run_study(study_of(folder, tmp_path / "a", CHANGES), "participant", Inline()).failed
    assert not read
    monkeypatch.setattr(Handed, "take", lambda *_: None)
    run_study(study_of(folder, tmp_path / "b", CHANGES), "participant", Inline())
    assert len(read) == 3  # of the variant, and by each measure
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")
