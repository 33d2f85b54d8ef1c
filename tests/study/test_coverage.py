"""Places that are lost are counted, and who costs them is named."""

import json
import re

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from commissure import Domain
from commissure.cli import main
from commissure.files import stores
from commissure.report.files import write_report
from commissure.space.templates import load_template
from commissure.study import run as study_run
from commissure.study.run import run_study
from tests.conftest import ball_image
from tests.study.studies import (
    AFFINE,
    SHAPE,
    Inline,
    files_of,
    series_of,
    study_of,
    write_derivatives,
)

N = 8


@pytest.fixture
def domain():
    return Domain.from_mask(ball_image(), both_sides=False)


@pytest.fixture
def study(tmp_path, domain):
    """Write maps of which one lacks the upper third, and another a few places more."""
    rng = np.random.default_rng(5)
    maps = 1 + rng.normal(0, 0.1, (N, domain.n_places))
    upper = domain.coordinates[:, 2] > 4
    maps[3, upper] = np.nan
    maps[4, np.flatnonzero(~upper)[:2]] = 0
    people = pd.DataFrame({"participant_id": [f"sub-{i}" for i in range(N)], "group": [*"ab"] * 4})
    people.to_csv(tmp_path / "participants.tsv", sep="\t", index=False)
    nib.save(ball_image(), tmp_path / "mask.nii.gz")
    for who, values in zip(people["participant_id"], maps, strict=True):
        nib.save(domain.to_image(values), tmp_path / f"{who}.nii.gz")
    people["path"] = people["participant_id"] + ".nii.gz"
    people[["participant_id", "path"]].to_csv(tmp_path / "maps.tsv", sep="\t", index=False)
    return tmp_path, maps


def stats(folder, *more):
    parts = ["--maps", folder / "maps.tsv", "--participants", folder / "participants.tsv"]
    parts += ["--mask", folder / "mask.nii.gz", "-o", folder / "out", "--atlas", "none"]
    parts += ["--formula", "group", "--contrast", "group[a] - group[b]", "--n-permutations", "20"]
    return main(["stats", *map(str, [*parts, *more])])


def test_who_costs_places_is_named_with_the_gain(study, domain, capsys):
    folder, maps = study
    assert stats(folder) == 0
    said = " ".join(capsys.readouterr().err.split())
    has = np.isfinite(maps) & (maps != 0)
    n_all, n = int(has.all(axis=0).sum()), domain.n_places
    alone = int((~has[3]).sum())
    assert f"{n_all:,} of the {n:,} places with data were analysed" in said
    assert f"sub-3 alone lacks {alone:,} of the {n:,} places" in said
    assert f"without this scan {n_all + alone:,} would be analysed" in said
    assert "sub-4 alone" not in said
    record = json.loads((folder / "out" / "stats.json").read_text())
    assert record["Coverage"]["PlacesWithDataInAll"] == record["VoxelsAnalysed"] == n_all
    assert record["Coverage"]["Lacking"] == [
        {"scan": "sub-3", "places": alone, "alone": alone},
        {"scan": "sub-4", "places": 2, "alone": 2},
    ]
    assert any("sub-3 alone lacks" in note for note in record["Notes"])
    path = folder / "out" / "stat-coverage_statmap.nii.gz"
    np.testing.assert_array_equal(domain.sample(nib.load(path)), has.sum(axis=0))
    assert path.with_name("stat-coverage_statmap.json").exists()


def test_the_share_is_a_setting(study, capsys):
    folder, _ = study
    assert stats(folder, "--loss-share", "0.001") == 0
    assert "sub-4 alone lacks 2" in " ".join(capsys.readouterr().err.split())


def test_maps_of_one_value_are_refused(study, domain, capsys):
    folder, _ = study
    nib.save(domain.to_image(np.ones(domain.n_places)), folder / "sub-2.nii.gz")
    assert stats(folder) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "sub-2.nii.gz (sub-2) has the same value, 1, at all" in said
    assert not (folder / "out").exists()


def test_the_same_map_for_two_is_refused(study, capsys):
    folder, _ = study
    (folder / "sub-5.nii.gz").write_bytes((folder / "sub-1.nii.gz").read_bytes())
    assert stats(folder) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "sub-1 and sub-5 have the same map" in said
    assert not (folder / "out").exists()


def half_a_brain(folder):
    """Cut the upper half off one clean run."""
    path = next((folder / "sub-02").rglob("*_bold.nii.gz"))
    img = nib.load(path)
    data = np.asarray(img.dataobj).copy()
    data[:, :, data.shape[2] // 2 :] = np.nan
    nib.save(nib.Nifti1Image(data, img.affine, img.header), path)


def test_a_run_that_shows_half_of_the_brain_costs_nobody_places(tmp_path):
    folder = write_derivatives(tmp_path / "in")
    half_a_brain(folder)
    outcome = run_study(study_of(folder, tmp_path / "out"), "all", Inline())
    assert outcome.group is not None, outcome.group_problems
    assert not any("alone lacks" in note for note in outcome.group.notes)
    verdicts = {j.verdict.measured.of.participant_id: j.verdict for j in outcome.judged}
    assert not verdicts["sub-02"].included
    assert re.fullmatch(r"the run covers \d\d% of the brain \(< 70%\)", verdicts["sub-02"].text)
    assert all(v.measured.coverage > 0.9 for who, v in verdicts.items() if who != "sub-02")
    # The grey matter of the template that lies in the lower half, voxel by voxel.
    template = load_template(6)
    places = nib.affines.apply_affine(template.affine, np.argwhere(template.grey > 0.5))
    low = (places[:, 2] < AFFINE[2, 3] + 12 * (SHAPE[2] // 2 - 0.5)).mean()
    assert abs(verdicts["sub-02"].measured.coverage - low) < 0.1


def test_the_report_of_a_run_shows_the_coverage(tmp_path):
    folder = write_derivatives(tmp_path / "in")
    half_a_brain(folder)
    out = tmp_path / "out"
    # Half a brain is left out by itself.
    changes = {"quality": {"least_coverage": 0}}
    outcome = run_study(study_of(folder, out, changes), "all", Inline())
    assert outcome.group is not None, outcome.group_problems
    assert any("sub-02 alone lacks" in note for note in outcome.group.notes)
    assert (out / "group" / "stat-coverage_statmap.nii.gz").exists()
    write_report(out, wait=True)
    page = (out / "report.html").read_text()
    assert "Do all scans cover the same places?" in page
    record = json.loads((out / "group" / "stats.json").read_text())["Coverage"]
    assert f"{record['Lacking'][0]['alone']:,}" in page
    assert series_of(1).shape[0] == record["PlacesOfMask"]


def test_maps_in_a_file_are_those_in_memory(tmp_path, monkeypatch):
    folder = write_derivatives(tmp_path / "in")
    outs = [tmp_path / "memory", tmp_path / "file"]
    monkeypatch.setattr(study_run, "write_report", lambda _out, *, wait: None)
    for out in outs:
        run_study(study_of(folder, out), "all", Inline())
        monkeypatch.setattr(stores, "_IN_MEMORY", 0)
    one, other = map(files_of, outs)
    assert one == other
