"""The demo says what was found of what was planted, and finds it."""

import json

import pandas as pd
import pytest

from commissure.cli import main
from commissure.simulation.raw import TRUTH_FOLDER
from commissure.study.demo import planted_and_found


def test_what_is_near_a_planted_region_is_compared_with_it(tmp_path):
    truth, clusters = tmp_path / "truth.json", tmp_path / "clusters.tsv"
    regions = [
        {"name": "left putamen", "peak_mm": [-30, -2, 10]},
        {"name": "left precentral gyrus", "peak_mm": [-42, 0, 54]},
    ]
    truth.write_text(json.dumps({"Regions": regions}))
    assert [r.found for r in planted_and_found(truth, clusters, "size")] == [None, None]
    rows = [
        "cluster\tpeak_t\tx\ty\tz\tvoxels\tp_corr_size\tp_corr_mass\tregion",
        "1\t6.0\t-30\t-5\t14\t40\t0.01\t0.02\t'=Putamen",  # 5 mm away
        "1a\t5.0\t-30\t-2\t10\tn/a\tn/a\tn/a\tPutamen",  # a sub-peak
        "2\t-7.0\t-42\t0\t54\t50\t0.01\t0.02\tCortex",  # of the other direction
        "3\t4.5\t-42\t0\t90\t5\t0.6\t0.5\tCortex",  # 36 mm away
    ]
    clusters.write_text("\n".join(rows) + "\n")
    putamen, precentral = planted_and_found(truth, clusters, "mass")
    assert putamen.distance_mm == pytest.approx(5)
    assert putamen.found["cluster"] == "1"
    assert putamen.found["region"] == "=Putamen"  # without what keeps spreadsheets from it
    assert putamen.p == pytest.approx(0.02)
    assert precentral.found is None


@pytest.mark.slow
def test_the_demo_finds_both_regions(tmp_path, capsys):
    assert main(["demo", str(tmp_path / "demo"), "--quiet"]) == 0
    said = capsys.readouterr().out
    assert "not found" not in said
    results, truth = (tmp_path / "demo" / name for name in ("results", f"bids/{TRUTH_FOLDER}"))
    assert (results / "report.html").exists()
    clusters = results / "group" / "clusters.tsv"
    for region in planted_and_found(truth / "truth.json", clusters, "mass"):
        assert region.p < 0.05, region
        assert region.distance_mm < 12, region
    assert pd.read_csv(clusters, sep="\t")["significant"].sum() == 2
