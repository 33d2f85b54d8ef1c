"""Several measures in one study: each one's maps, and what is done again when one is added."""

import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

import commissure.measures as room
from commissure.measures import VMHC
from commissure.problems import InputError
from commissure.study.run import run_study
from tests.study.studies import (
    AFFINE,
    SHAPE,
    Inline,
    files_of,
    series_of,
    study_of,
    write_derivatives,
)

OWN = {"cfh": {"noise_floor": 0}, "group": {"rois": ["putamen=sphere:-30,-2,10,20"]}}
USED = {"measures": {"use": ["cfh", "vmhc", "autonomy", "segregation"]}, **OWN}


def run(folder, out, changes):
    outcome = run_study(study_of(folder, out, changes), "all", Inline())
    assert not outcome.failed
    assert not outcome.group_problems
    return out


@pytest.fixture(scope="module")
def outs(tmp_path_factory):
    root = tmp_path_factory.mktemp("beside")
    folder = write_derivatives(root / "in")
    return {
        "both": run(folder, root / "both", USED),
        "cfh": run(folder, root / "cfh", OWN),
        "vmhc": run(folder, root / "vmhc", {"measures": {"main": "vmhc"}, "group": OWN["group"]}),
    }


def maps(out, stat):
    found = sorted(out.glob(f"sub-*/func/*_stat-{stat}_*boldmap.nii.gz"))
    assert len(found) == 6
    return [nib.load(path).get_fdata() for path in found]


@pytest.mark.parametrize("stat", ["cfh", "vmhc"])
def test_each_map_is_that_of_a_study_of_its_measure_alone(outs, stat):
    np.testing.assert_array_equal(maps(outs["both"], stat), maps(outs[stat], stat))


def test_a_measure_is_added_and_taken_away_without_touching_the_others(outs, tmp_path):
    folder = outs["cfh"].parent / "in"
    out = run(folder, tmp_path / "out", OWN)
    before = files_of(out)
    times = {p: p.stat().st_mtime_ns for p in out.glob("sub-*/func/*_stat-cfh*")}
    run(folder, out, USED)
    assert {p: p.stat().st_mtime_ns for p in times} == times
    maps(out, "vmhc")
    run(folder, out, OWN)
    assert files_of(out) == before


def test_its_comparison_is_that_of_a_study_of_its_measure_alone(outs):
    group, alone = outs["both"] / "group", outs["vmhc"] / "group"
    for stat in ("t", "pfwe"):
        (own,) = group.glob(f"*_stat-{stat}_measure-vmhc_statmap.nii.gz")
        (expected,) = alone.glob(f"*_stat-{stat}_statmap.nii.gz")
        np.testing.assert_array_equal(nib.load(own).get_fdata(), nib.load(expected).get_fdata())
        about = json.loads(own.with_name(own.name.replace(".nii.gz", ".json")).read_text())
        assert about["Measure"]["Name"] == "VMHC"
        assert about["Notes"][0].startswith("Secondary: ")


def test_its_means_in_the_regions_are_compared_by_least_squares(outs):
    group = outs["both"] / "group"
    people = pd.read_csv(group / "participants.tsv", sep="\t")
    table = pd.read_csv(group / "secondary_regions.tsv", sep="\t")
    assert list(table["measure"].unique()) == ["VMHC", "AI", "segregation"]
    # Of segregation the halves are each other's negative: there is no mean over both.
    assert list(table["region"]) == 2 * ["whole map", "putamen"] + ["putamen"]
    row = table[(table["measure"] == "VMHC") & (table["region"] == "putamen")].iloc[0]
    mm = nib.affines.apply_affine(AFFINE, np.argwhere(np.ones(SHAPE))).reshape(*SHAPE, 3)
    inside = np.linalg.norm(mm - (-30, -2, 10), axis=-1) <= 20
    values = np.stack(maps(outs["both"], "vmhc"))[:, inside]
    there = np.isfinite(values).all(axis=0) & (values != 0).all(axis=0)
    means = values[:, there].mean(axis=1)
    fitted = smf.ols("y ~ C(group) + age", people.assign(y=means)).fit()
    assert row["voxels"] == there.sum()
    assert row["mean"] == pytest.approx(means.mean(), rel=1e-6)
    assert row["df"] == 3
    assert json.loads((group / "stats.json").read_text())["Spreads"] is None
    assert row["t"] == pytest.approx(fitted.tvalues.iloc[1], rel=1e-6)
    assert 0 < row["p"] <= 1


def test_a_study_of_the_main_measure_alone_is_as_it_was(outs):
    alone, both = (outs[name] / "group" for name in ("cfh", "both"))
    assert not list(alone.glob("secondary*"))
    assert "Secondary" not in json.loads((alone / "stats.json").read_text())
    for path in alone.glob("*_statmap.nii.gz"):
        other = nib.load(both / path.name)
        np.testing.assert_array_equal(nib.load(path).get_fdata(), other.get_fdata())
    assert (alone / "clusters.tsv").read_bytes() == (both / "clusters.tsv").read_bytes()


def test_a_measure_that_one_scan_has_no_map_of_is_not_compared_and_that_is_told(
    tmp_path, monkeypatch
):
    folder = write_derivatives(tmp_path / "in")
    broken = series_of(3).astype(np.float32)

    def of_scan(series, *rest):
        if np.array_equal(series, broken):
            msg = "This scan has no VMHC."
            raise InputError(msg)
        return VMHC.of_scan(series, *rest)

    measures = [replace(m, of_scan=of_scan) if m is VMHC else m for m in room.MEASURES]
    monkeypatch.setattr(room, "MEASURES", tuple(measures))
    outcome = run_study(study_of(folder, tmp_path / "out", USED), "all", Inline())
    assert "has no VMHC" in outcome.failed["sub-03"]
    assert outcome.group is not None
    assert outcome.group.n_scans == 6
    assert any(
        "VMHC was not compared: there is none of sub-03" in note for note in outcome.group.notes
    )
    table = pd.read_csv(tmp_path / "out" / "group" / "secondary_maps.tsv", sep="\t")
    assert list(table["measure"]) == ["AI", "segregation"]
    maps(tmp_path / "out", "autonomy")


def test_report_and_methods_tell_that_it_is_secondary(outs):
    page = (outs["both"] / "report.html").read_text()
    assert "Other measures (secondary)" in page
    assert "The contrast on the mean of each measure in each region" in page
    methods = (outs["both"] / "group" / "methods.md").read_text()
    told = "maps of voxel-mirrored homotopic connectivity (VMHC, Zuo et al., 2010), autonomy index"
    assert told in " ".join(methods.split())
    assert "No other measure was compared." in (outs["cfh"] / "report.html").read_text()
    assert "Secondary" not in (outs["cfh"] / "group" / "methods.md").read_text()
