"""A measure that is only registered goes through everything: maps, findings, report, methods."""

import json
import re

import nibabel as nib
import numpy as np
import pytest

import commissure.measures as room
from commissure.measures.measure import MapSettings, Measure, Output, ScanMaps
from commissure.problems import InputError
from commissure.settings.reading import read_settings
from commissure.study.run import run_study
from tests.study.studies import CHANGES, Inline, domain, series_of, study_of, write_derivatives


def spread(series, _domain, _settings, _n_threads):
    nothing = np.zeros(len(series), bool)
    return ScanMaps({"toy": series.std(axis=1)}, nothing, nothing, summary="a toy")


TOY = Measure(
    stat="toy",
    name="TOY",
    long_name="standard deviation over time",
    unit="arbitrary",
    meaning="It says how much a place varies.",
    references=("zou2008",),
    outputs=(Output("toy", "Standard deviation over time.", "arbitrary", "TOY", "viridis"),),
    of_scan=spread,
)


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setattr(room, "MEASURES", (*room.MEASURES, TOY))


@pytest.fixture
def settings(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text('[measures]\nmain = "toy"\n[toy]\nmidline_mm = 6.0\n')
    return lambda: read_settings("recommended", file, CHANGES)


def test_it_goes_through_everything(registered, settings, tmp_path):
    study = study_of(write_derivatives(tmp_path / "in"), tmp_path / "out", settings=settings())
    assert study.settings.maps == MapSettings(midline_mm=6.0)
    outcome = run_study(study, "all", Inline())
    assert not outcome.failed
    assert not outcome.group_problems
    (path,) = (tmp_path / "out" / "sub-02").glob("func/*_stat-toy_desc-clean_boldmap.nii.gz")
    expected = series_of(2).astype(np.float32).astype(float).std(axis=1)
    np.testing.assert_allclose(domain().sample(nib.load(path)), expected, rtol=1e-6)
    group = tmp_path / "out" / "group"
    record = json.loads((group / "stats.json").read_text())
    assert record["Measure"] == TOY.record
    methods = (group / "methods.md").read_text()
    assert "## Standard deviation over time" in methods
    assert "It says how much a place varies." in methods
    report = (tmp_path / "out" / "report.html").read_text()
    assert "TOY study" in report
    for text in (methods, report):
        # Elsewhere in a page it is a part of a picture's code.
        assert not re.search(r"[ (>]CFH[ ).,<]|homotopic", text)


def test_a_measure_that_nobody_has_is_refused(settings):
    with pytest.raises(InputError, match=r"There is no measure 'toy'. Choose among cfh"):
        settings()
