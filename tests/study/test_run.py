"""A study goes from its folder to its findings, once, and goes on where it was stopped."""

import itertools
import json
import os
import shutil
import time
from dataclasses import replace

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from commissure import cfh
from commissure.measures.matching import rarefied
from commissure.problems import InputError
from commissure.settings.reading import read_settings
from commissure.study import run as study_run
from commissure.study.participant import steps as participant
from commissure.study.run import run_study
from commissure.workspace import left
from commissure.workspace.ledger import Ledger
from commissure.workspace.paths import make_folder
from tests.study.studies import (
    CHANGES,
    Inline,
    domain,
    files_of,
    save_series,
    series_of,
    study_of,
    write_derivatives,
    write_dpabi,
)


@pytest.fixture(autouse=True)
def reported(monkeypatch):
    """Take note of reports in place of writing them, which takes long and has its own tests."""
    written = []
    monkeypatch.setattr(study_run, "write_report", lambda out, *, wait: written.append((out, wait)))
    return written


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_derivatives(tmp_path_factory.mktemp("study") / "derivatives")


@pytest.fixture
def counted(monkeypatch):
    """Count whom CFH maps are made of."""
    calls = []
    made = participant.clean_series

    def counting(scan, *rest):
        calls.append(scan.participant_id)
        return made(scan, *rest)

    monkeypatch.setattr(participant, "clean_series", counting)
    return calls


def run(folder, out, stage="all", **changes):
    return run_study(study_of(folder, out, changes), stage, Inline())


def test_a_study_from_folder_to_findings(folder, tmp_path, reported):
    outcome = run(folder, tmp_path / "out")
    # at the end, and each minute before
    assert reported == [(tmp_path / "out", True)]
    assert not outcome.failed
    assert not outcome.group_problems
    assert outcome.group.n_scans == 6
    out = tmp_path / "out"
    quality = pd.read_csv(out / "quality.tsv", sep="\t")
    assert list(quality["effective_df"]) == [51, 52, 53, 54, 55, 56]
    name = "sub-03_task-rest_space-MNI152NLin2009aSym_stat-cfh_desc-clean_boldmap"
    found = nib.load(out / "sub-03" / "func" / f"{name}.nii.gz")
    series = domain().sample(nib.load(next((folder / "sub-03/func").glob("*.nii.gz"))))
    expected = cfh(series, domain())
    np.testing.assert_array_equal(domain().sample(found), expected.z.astype(np.float32))
    people = pd.read_csv(out / "group" / "participants.tsv", sep="\t")
    assert people["map"][2] == f"bids::sub-03/func/{name}.nii.gz"
    assert (out / "group" / "clusters.tsv").exists()
    for stat in ("cfh", "cfhfloor"):
        picture = f"{name.replace('stat-cfh_', f'stat-{stat}_')}.png"
        assert (out / "sub-03" / "figures" / picture).exists()
    assert json.loads((out / "settings.json").read_text())["settings"]["cfh"]["partner"] == "scan"


def test_nothing_is_done_twice(folder, tmp_path, counted):
    run(folder, tmp_path / "out")
    before = files_of(tmp_path / "out")
    times = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.nii.gz")}
    outcome = run(folder, tmp_path / "out")
    assert outcome.n_done == 6
    assert len(counted) == 6
    assert files_of(tmp_path / "out") == before
    assert {p: p.stat().st_mtime_ns for p in times} == times


def test_only_what_depends_on_a_change_is_done_again(folder, tmp_path, counted):
    out = tmp_path / "out"
    run(folder, out)
    del counted[:]
    maps = {p: p.read_bytes() for p in out.glob("sub-*/func/*")}
    changed = run(folder, out, group={"seed": 7})
    assert changed.n_done == 6
    assert {p: p.read_bytes() for p in maps} == maps
    assert json.loads((out / "group/stats.json").read_text())["Seed"] == 7
    assert not counted
    run(folder, out, cfh={"midline_mm": 15.0})
    assert counted == [f"sub-{i:02d}" for i in range(1, 7)]
    assert files_of(out) != maps


def test_changed_files_are_noticed_and_touched_ones_are_not_done_again(tmp_path, counted):
    folder, out = write_derivatives(tmp_path / "in"), tmp_path / "out"
    run(folder, out)
    del counted[:]
    scan = next((folder / "sub-02" / "func").glob("*.nii.gz"))
    scan.touch()
    run(folder, out)
    assert not counted
    save_series(series_of(77), scan)
    run(folder, out)
    assert counted == ["sub-02"]
    save_series(series_of(2), scan)
    run(folder, out)
    straight = run(folder, tmp_path / "straight")
    assert straight.n_done == 0
    assert files_of(out) == files_of(tmp_path / "straight")


def test_a_missing_output_is_made_again(folder, tmp_path, counted):
    out = tmp_path / "out"
    run(folder, out)
    before = files_of(out)
    del counted[:]
    next((out / "sub-04" / "func").glob("*stat-cfhr*.nii.gz")).unlink()
    (out / "group" / "table1.docx").unlink()
    run(folder, out)
    assert counted == ["sub-04"]
    assert set(files_of(out)) == set(before)
    different = [k for k, v in files_of(out).items() if v != before[k]]
    assert not different


def test_the_stages_apart_give_the_same_as_all(folder, tmp_path):
    run(folder, tmp_path / "all")
    for label in ("01", "02", "03", "04", "05", "06"):
        study = study_of(folder, tmp_path / "apart")
        scans = tuple(s for s in study.scans if s.participant_id == f"sub-{label}")
        run_study(replace(study, scans=scans, participants=None), "participant", Inline())
    run(folder, tmp_path / "apart", stage="group")
    whole, apart = files_of(tmp_path / "all"), files_of(tmp_path / "apart")
    assert set(whole) == set(apart)
    assert not [k for k in whole if whole[k] != apart[k]]


def test_one_participant_fails_and_the_others_do_not(tmp_path):
    folder, out = write_derivatives(tmp_path / "in", n=8), tmp_path / "out"
    scan = next((folder / "sub-02" / "func").glob("*.nii.gz"))
    scan.write_bytes(scan.read_bytes()[:-200])
    outcome = run(folder, out)
    assert list(outcome.failed) == ["sub-02"]
    assert "damaged or cut short" in outcome.failed["sub-02"]
    assert outcome.group.n_scans == 7
    excluded = pd.read_csv(out / "group" / "excluded.tsv", sep="\t")
    assert list(excluded["participant_id"]) == ["sub-02"]
    assert "damaged" in excluded["reasons"][0]
    save_series(series_of(2), scan)
    outcome = run(folder, out)
    assert not outcome.failed
    assert outcome.group.n_scans == 8


def test_partners_of_the_group_are_found_after_exclusions(folder, tmp_path):
    out = tmp_path / "out"
    outcome = run(folder, out, cfh={"partner": "group"}, quality={"least_df": 51.5})
    assert outcome.group.n_scans == 5
    expected = cfh(
        [domain().sample(nib.load(p)) for p in sorted(folder.glob("sub-*/func/*.nii.gz"))[1:]],
        domain(),
        partner="group",
    )
    for i, result in enumerate(expected, start=2):
        path = next((out / f"sub-{i:02d}" / "func").glob("*stat-cfh_*.nii.gz"))
        np.testing.assert_array_equal(domain().sample(nib.load(path)), result.z.astype(np.float32))
    assert not (out / "sub-01" / "func").exists()
    # who is included changes everyone's map
    before = files_of(out)
    outcome = run(folder, out, cfh={"partner": "group"})
    assert outcome.group.n_scans == 6
    name = next(k for k in before if k.startswith("sub-03/func") and "stat-cfh_" in k)
    assert files_of(out)[name] != before[name]


def test_runs_are_matched_to_as_many_degrees_of_freedom(folder, tmp_path):
    out = tmp_path / "out"
    match = {"match": "rarefied", "match_df": 51.5, "match_draws": 3, "noise_floor": 0}
    outcome = run(folder, out, cfh=match)
    assert outcome.group.n_scans == 5
    quality = pd.read_csv(out / "quality.tsv", sep="\t")
    assert list(quality["included"]) == [False] + [True] * 5
    assert quality["reasons"][0] == "51.00 degrees of freedom < 51.5, to which runs are matched"
    path = next((out / "sub-06/func").glob("*stat-cfh_*.nii.gz"))
    about = json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text())
    assert about["Settings"]["match_df"] == 51.5
    series = domain().sample(nib.load(next((folder / "sub-06/func").glob("*.nii.gz"))))
    name = next((folder / "sub-06/func").glob("*.nii.gz")).name
    draws = rarefied(series, 51.5, 56.0, 3, np.random.default_rng([0, *name.encode()]))
    expected = np.mean([cfh(draw, domain()).z for draw in draws], axis=0)
    assert not np.array_equal(expected, cfh(series, domain()).z)
    np.testing.assert_array_equal(domain().sample(nib.load(path)), expected.astype(np.float32))
    assert "MatchedDimensions" in about["Places"]


def test_runs_are_matched_to_the_least_that_is_included(folder, tmp_path, counted):
    out = tmp_path / "out"
    auto = {"match": "rarefied", "match_draws": 2, "noise_floor": 0}
    given = {"quality": {"exclude": {"sub-01": "moved"}}}
    with pytest.raises(InputError, match=r"effective_df in quality.tsv will tell"):
        run(folder, out, "participant", cfh=auto, **given)
    assert not out.exists()
    outcome = run(folder, out, cfh=auto, **given)
    assert outcome.group.n_scans == 5
    assert counted == [f"sub-0{i}" for i in range(2, 7)]
    quality = pd.read_csv(out / "quality.tsv", sep="\t")
    assert list(quality["included"]) == [False] + [True] * 5
    settings = json.loads((out / "settings.json").read_text())
    assert settings["settings"]["cfh"]["match_df"] == 52.0
    with pytest.raises(InputError, match=r"quality.tsv has 52 to 56 of the runs"):
        run(folder, out, "group", cfh=auto, **given)
    # Nothing is done again, whether the number is found or given.
    before = files_of(out)
    run(folder, out, cfh=auto, **given)
    run(folder, out, cfh=auto | {"match_df": 52.0}, **given)
    assert len(counted) == 5
    assert {k: v for k, v in files_of(out).items() if "/func/" in k} == {
        k: v for k, v in before.items() if "/func/" in k
    }
    # One more who has fewer changes everyone's map.
    assert run(folder, out, cfh=auto).group.n_scans == 6
    assert sorted(counted[5:]) == [f"sub-0{i}" for i in range(1, 7)]


def test_runs_whose_degrees_of_freedom_nobody_knows_are_not_matched(folder, tmp_path):
    dpabi = write_dpabi(tmp_path / "dpabi", 2)
    kind = {"kind": "dpabi", "space": "MNI152NLin2009aSym", "tr": 2.0}
    match = {"match": "rarefied", "match_df": 53.5}
    with pytest.raises(InputError, match="has no EffectiveDegreesOfFreedom") as raised:
        run(dpabi, tmp_path / "out", input=kind, cfh=match)
    assert sum("EffectiveDegreesOfFreedom" in said for said in raised.value.problems) == 2
    assert not (tmp_path / "out").exists()


def test_every_kind_of_input_gives_the_same_maps(folder, tmp_path):
    dpabi = write_dpabi(tmp_path / "dpabi")
    run(folder, tmp_path / "a")
    run(dpabi, tmp_path / "b", input={"kind": "dpabi", "space": "MNI152NLin2009aSym", "tr": 2.0})
    for i in range(1, 7):
        one, two = (
            nib.load(next((tmp_path / k / f"sub-{i:02d}" / "func").glob("*stat-cfh_*.nii.gz")))
            for k in "ab"
        )
        np.testing.assert_array_equal(one.get_fdata(), two.get_fdata())


def test_maps_that_others_made_need_no_participant_stage(folder, tmp_path):
    run(folder, tmp_path / "a")
    maps = sorted((tmp_path / "a").glob("sub-*/func/*stat-cfh_*.nii.gz"))
    lines = ["participant_id\tpath", *(f"{path.parts[-3]}\t{path}" for path in maps)]
    table = tmp_path / "maps" / "maps.tsv"
    table.parent.mkdir()
    table.write_text("\n".join(lines) + "\n")
    (table.parent / "participants.tsv").write_text((folder / "participants.tsv").read_text())
    outcome = run(table, tmp_path / "b", stage="group")
    assert outcome.group.n_scans == 6
    for name in ("clusters.tsv", "roi_values.tsv", "table1.tsv"):
        one, two = ((tmp_path / k / "group" / name).read_bytes() for k in "ab")
        assert one == two


def test_a_study_needs_neither_covariates_nor_scores(folder, tmp_path):
    changes = {"group": {"formula": "group", "clinical": []}}
    outcome = run_study(study_of(folder, tmp_path / "out", changes), "all", Inline())
    assert not outcome.group_problems
    group = tmp_path / "out" / "group"
    assert len(pd.read_csv(group / "table1.tsv", sep="\t")) == 0
    assert "general linear model" in (group / "methods.txt").read_text()


@pytest.mark.parametrize(("n", "told"), [(19, True), (20, False)])
def test_relabellings_too_few_for_any_finding_are_told(folder, tmp_path, n, told):
    changes = {"group": {"n_permutations": n, "clinical": []}}
    outcome = run_study(study_of(folder, tmp_path / "out", changes), "all", Inline())
    assert any("nothing can be significant" in note for note in outcome.group.notes) == told


def test_another_study_is_refused_and_a_moved_one_is_not(folder, tmp_path):
    out = tmp_path / "out"
    run(folder, out, stage="participant")
    other = write_derivatives(tmp_path / "other")
    scan = next((other / "sub-01" / "func").glob("*.nii.gz"))
    scan.write_bytes(scan.read_bytes() + b"x")
    with pytest.raises(InputError, match="holds the study of"):
        run(other, out)
    with pytest.raises(InputError, match="holds the input"):
        run(folder, folder)
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    (stranger / "dataset_description.json").write_text("{}")
    with pytest.raises(InputError, match="did not write: dataset_description"):
        run(folder, stranger)
    moved = write_derivatives(tmp_path / "moved")
    assert run(moved, out, stage="participant").n_done == 6


def test_a_study_that_is_moved_is_done_already(tmp_path, monkeypatch):
    before, after = tmp_path / "before", tmp_path / "after"
    write_derivatives(before / "in")
    nib.save(domain().to_image(np.ones(domain().n_places, np.float32)), before / "mask.nii.gz")

    def run_in(place):
        mask = str(place / "mask.nii.gz")
        group = {"rois": (f"mine={mask}",)}
        assert run(place / "in", place / "out", cfh={"mask": mask}, group=group).group is not None

    run_in(before)
    times = {p.relative_to(before): p.stat().st_mtime_ns for p in before.rglob("*.*")}
    before.rename(after)
    begun = []
    monkeypatch.setattr(Ledger, "_open", lambda _ledger, new: begun.extend(new))
    run_in(after)
    assert not begun
    results = [p for p in times if not {".commissure", "provenance.json"} & set(p.parts)]
    assert {p: (after / p).stat().st_mtime_ns for p in results} == {p: times[p] for p in results}


@pytest.mark.parametrize("partner", ["scan", "group"])
def test_a_mask_that_was_edited_in_its_place_makes_the_comparison_again(tmp_path, partner):
    folder, mask = write_derivatives(tmp_path / "in"), tmp_path / "mask.nii.gz"
    found = []
    for top in (60, 20):
        inside = (domain().coordinates[:, 2] < top).astype(np.float32)
        nib.save(domain().to_image(inside), mask)
        asked = {"mask": str(mask), "partner": partner, "noise_floor": 0}
        outcome = run(folder, tmp_path / "out", cfh=asked)
        assert outcome.group is not None
        record = json.loads((tmp_path / "out" / "group" / "stats.json").read_text())
        found.append(record["Coverage"]["PlacesOfMask"])
    assert found[0] > found[1]


def test_what_is_said_of_the_input_is_said_anew_when_it_changes(tmp_path):
    folder, out = write_derivatives(tmp_path / "in"), tmp_path / "out"
    run(folder, out, stage="participant")
    description = folder / "dataset_description.json"
    about = json.loads(description.read_text())
    about["GeneratedBy"][0]["Version"] = "24.1"
    description.write_text(json.dumps(about))
    run(folder, out, stage="participant")
    made_by = json.loads((out / "dataset_description.json").read_text())["GeneratedBy"]
    assert made_by[1]["Version"] == "24.1"


def test_problems_of_the_group_are_told_before_anything_is_done(folder, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(InputError) as error:
        run(folder, out, group={"formula": "group + weight", "clinical": ["JRS"]})
    said = str(error.value)
    assert "weight" in said
    assert "JRS" in said
    assert not out.exists()


def test_sessions_need_blocks_or_a_choice(tmp_path):
    folder = write_derivatives(tmp_path / "in", sessions=("a", "b"))
    # Before anything is computed.
    with pytest.raises(InputError, match="several scans"):
        run(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    repeated = {
        "blocks": "participant_id",
        "formula": "session_id",
        "contrast": "session_id[a] - session_id[b]",
        "clinical": [],
    }
    assert run(folder, tmp_path / "out", group=repeated).group.n_scans == 12


def test_a_study_without_patients_and_scores_asks_for_nothing_it_does_not_need(
    tmp_path, monkeypatch
):
    for name in ("formula", "contrast", "clinical", "within"):
        monkeypatch.delitem(CHANGES["group"], name)
    folder = write_derivatives(tmp_path / "in")
    table = (folder / "participants.tsv").read_text()
    table = table.replace("patient", "musician").replace("control", "listener")
    (folder / "participants.tsv").write_text(table)
    with pytest.raises(InputError) as caught:
        run(folder, tmp_path / "out")
    (said,) = caught.value.problems
    for words in ("formula and contrast", "group (musician, listener)", "age (numbers)"):
        assert words in said
    assert 'formula = "group", contrast = "group[musician] - group[listener]"' in said
    assert not (tmp_path / "out").exists()
    asked = {"formula": "group", "contrast": "group[musician] - group[listener]"}
    assert run(folder, tmp_path / "out", group=asked).group.n_scans == 6


def test_the_default_names_nobodys_columns():
    group = read_settings().group
    assert (group.formula, group.contrast, group.clinical, group.within) == ("", "", (), None)


def test_one_sentence_for_all_columns_that_are_not_there(tmp_path):
    folder = write_derivatives(tmp_path / "in")
    with pytest.raises(InputError) as caught:
        run(folder, tmp_path / "out", group={"formula": "group + sex + SDS", "clinical": ["JRS"]})
    (said,) = caught.value.problems
    assert "[group] formula names sex, SDS; [group] clinical names JRS" in said


def test_runs_acquired_in_several_ways_need_a_choice(tmp_path):
    folder = write_derivatives(tmp_path / "in")
    first = next((folder / "sub-01" / "func").glob("*.nii.gz"))
    other = first.with_name(first.name.replace("_task-rest", "_task-rest_acq-fast"))
    other.write_bytes(first.read_bytes())
    with pytest.raises(InputError, match=r"several acquisitions .fast. and some"):
        study_of(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_a_killed_run_left_of_the_study_files_is_cleared(folder, tmp_path):
    out = tmp_path / "out"
    run(folder, out)
    left = make_folder(out / ".commissure" / "staging" / "study") / ".commissure-x"
    left.mkdir()
    shutil.copy(out / "README.md", left)
    run(folder, out)
    assert not left.exists()


def test_one_of_many_jobs_leaves_what_is_of_everyone_to_the_next(
    folder, tmp_path, monkeypatch, reported
):
    out = tmp_path / "out"
    whole = replace(study_of(folder, out), whole=True)
    one, other = (
        replace(whole, scans=whole.scans[i : i + 1], whole=False, command=(f"{i}",)) for i in (0, 1)
    )
    of_everyone = [out / name for name in ("report.html", "verdicts.json", "provenance.json")]

    def waited_for_report(study):
        reported.clear()
        run_study(study, "participant", Inline())
        return [wait for _, wait in reported]

    def age(seconds):
        for path in of_everyone:
            os.utime(path, (time.time() - seconds,) * 2)

    def told():
        quality = pd.read_csv(out / "quality.tsv", sep="\t")
        commands = [r["Command"][1] for r in json.loads(of_everyone[2].read_text())["Runs"]]
        return list(quality["participant_id"]), commands

    assert waited_for_report(one) == [False]
    (out / "report.html").touch()
    # Of few people it costs nothing.
    assert waited_for_report(other) == [False]
    assert told() == (["sub-01", "sub-02"], ["0", "1"])
    monkeypatch.setattr(left, "_FEW_PEOPLE", 1)
    third = replace(whole, scans=whole.scans[2:3], whole=False, command=("2",))
    age(0)
    assert waited_for_report(third) == []
    assert told() == (["sub-01", "sub-02"], ["0", "1"])
    # The next after a while takes up what was left, and so does whoever looks at everyone.
    age(61)
    assert waited_for_report(one) == [False]
    assert told() == (["sub-01", "sub-02", "sub-03"], ["0", "1", "2", "0"])
    fourth = replace(whole, scans=whole.scans[3:4], whole=False, command=("3",))
    age(0)
    assert waited_for_report(fourth) == []
    assert waited_for_report(replace(whole, command=("all",))) == [True]
    ids, commands = told()
    assert ids == [f"sub-0{i}" for i in range(1, 7)]
    assert commands == ["0", "1", "2", "0", "3", "all"]
    assert not list((out / ".commissure").glob("runs/*"))
    assert not list((out / ".commissure").glob("verdicts/*"))


def test_the_report_is_written_once_a_minute_while_people_are_worked_on(
    folder, tmp_path, monkeypatch, reported
):
    for seconds, n_written in ((1, 1), (25, 1 + 6 * 25 // 60)):
        clock = itertools.count(0, seconds)
        monkeypatch.setattr(study_run, "monotonic", lambda clock=clock: next(clock))
        reported.clear()
        run_study(study_of(folder, tmp_path / str(seconds)), "participant", Inline())
        assert len(reported) == n_written
