"""The methods section of a study's files: each fact from where it was written."""

import json
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

from commissure.clinical import table1
from commissure.records.asked import Asked, asked_to_json
from commissure.records.runs import Measured, RunKey
from commissure.records.verdicts import Reason, Verdict
from commissure.render.clinical_tables import table1_frame
from commissure.report.methods.facts import Demographics, Spread
from commissure.report.methods.files import methods_of, what_was_done, write_methods
from commissure.report.methods.group import demographics_facts, group_facts
from commissure.settings.description import as_tables
from commissure.settings.judging import judge
from commissure.settings.reading import read_settings
from commissure.study.study_files import write_study_files
from commissure.study.verdict_files import read_verdicts, write_verdicts
from tests.report.asked import asked_record

ASKED = {name: getattr(read_settings("liu2025").group, name) for name in ("formula", "contrast")}
ASKED |= {"clinical": read_settings("liu2025").group.clinical, "within": "patient"}
SETTINGS = read_settings(
    "recommended", changes={"preprocessing": {"fwhm": 5.0, "n_trim": 8}, "group": ASKED}
)
ASKED_OF_MAPS = Asked(
    "difference",
    "group[patient] - group[control]",
    "group",
    ("patient", "control"),
    (3, 1),
    ("group",),
)
SPACE = "space-MNI152NLin2009aSym_res-3"
VERSIONS = [{"Name": "commissure", "Version": "9.8.7"}, {"Name": "greedy", "Version": "1.4"}]
# Who there is: group, mean FD, degrees of freedom, volumes after cleaning.
PEOPLE = {
    "sub-01": ("patient", 0.11, 50.0, 222),
    "sub-02": ("patient", 0.15, 52.0, 222),
    "sub-03": ("patient", 0.13, 51.0, 220),
    "sub-04": ("control", 0.10, 53.0, 222),
    "sub-05": ("control", 0.31, 49.0, 222),
    "sub-06": ("control", 0.32, 12.0, 222),
}


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def write_tsv(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, sep="\t", index=False, na_rep="n/a")


def verdicts(settings):
    found = []
    for who, (_, fd, df, n) in PEOPLE.items():
        measured = Measured(RunKey(who, task="rest"), fd, None, 1.0, 1.0, n, df)
        overlaps = {"epi_template": 0.95}
        found.append(judge(replace(measured, overlaps=overlaps), settings.quality))
    failed = Measured(RunKey("sub-07", task="rest"))
    return [*found, Verdict(failed, (Reason("failed", said="damaged."),))]


def write_participants(out, settings, kind="raw"):
    """Write what the participant stage does: sidecars, settings, quality."""
    for n, (who, (_, _, df, length)) in enumerate(PEOPLE.items()):
        stem = f"{who}/func/{who}_task-rest_{SPACE}"
        clean = {
            "InputKind": kind,
            "StepsDoneBefore": [],
            "Sources": [f"bids:raw:{who}_bold.nii.gz"] + [f"bids:raw:{who}_T1w.nii.gz"] * (n != 1),
            "RepetitionTime": 2.0,
            "EchoTime": 0.03,
            "FlipAngle": 80 + (n == 3),
            "EffectiveDegreesOfFreedom": df,
            "NumberOfVolumes": length,
            "NumberOfVolumesDiscardedByUser": settings.preprocessing.n_trim,
            "VolumesCensored": list(range(222 - length)),
            "Settings": asdict(settings.preprocessing),
            "Warnings": ["Eroded, the participant's own csf has fewer than 10 voxels"] * (n == 0),
            "GeneratedBy": VERSIONS,
            "ShiftsByDistortion": 1.2 * (n % 2),
        }
        write_json(out / f"{stem}_desc-clean_bold.json", clean)
        mapped = {
            "Sources": [f"bids::{stem}_desc-clean_bold.nii.gz"],
            "Space": "MNI152NLin2009aSym",
            "NumberOfVolumes": length,
            "Settings": asdict(settings.maps),
            "Places": {"Left": 300, "Right": 300},
        }
        write_json(out / f"{stem}_stat-cfh_desc-clean_boldmap.json", mapped)
    source = out.parent / "bids"
    source.mkdir(exist_ok=True)
    write_study_files(out, source, settings, verdicts(settings), {"preprocessed"})


def write_group(out, folder, settings, **changes):
    """Write what the group stage does, of those who are included."""
    included = [who for who, (_, fd, _, _) in PEOPLE.items() if fd < 0.2]
    maps = [
        f"bids::{who}/func/{who}_task-rest_{SPACE}_stat-cfh_desc-clean_boldmap.nii.gz"
        for who in included
    ]
    stats = {
        "Settings": as_tables(settings)["group"],
        "Asked": asked_to_json(ASKED_OF_MAPS),
        "Scans": 4,
        "ScansCompared": {"group[patient]": 3, "group[control]": 1},
        "DegreesOfFreedom": 2,
        "ClusterFormingThreshold": 22.3271,
        "Permutations": 24,
        "PermutationsExhaustive": True,
        "SignFlips": False,
        "VoxelsOfMask": 700,
        "VoxelsAnalysed": 590,
        "Clusters": [{"significant": True}, {"significant": False}],
        "Atlas": None,
        "Sources": maps,
        "GeneratedBy": [*VERSIONS, {"Name": "numpy", "Version": "2.9"}],
    }
    write_json(folder / "stats.json", stats | changes)
    group = [PEOPLE[who][0] for who in included]
    write_tsv(folder / "participants.tsv", {"participant_id": included, "group": group})
    for name, who in (("included", included), ("excluded", ["sub-05", "sub-06", "sub-07"])):
        runs = {"participant_id": who, "session": None, "task": "rest", "run": None}
        write_tsv(folder / f"{name}.tsv", runs)
    write_tsv(
        folder / "clusters.tsv", {"cluster": [1, 2], "g": [1, 2], "most_influential": 2 * [0]}
    )
    scores = {"roi": "cluster 1", "score": ["a", "b", "c"], "n": [3, 2, 2], "df": [1, 0, 0]}
    write_tsv(folder / "partial_correlations.tsv", scores | {"p": [0.1, 0.2, np.nan]})
    patients = pd.DataFrame({"participant_id": included, "group": group, "age": [1, 2, 4, 3]})
    table1_frame(table1(patients)).to_csv(
        folder / "table1.tsv", sep="\t", index=False, na_rep="n/a"
    )


@pytest.fixture
def out(tmp_path):
    out = tmp_path / "out"
    write_participants(out, SETTINGS)
    write_group(out, out / "group", SETTINGS)
    return out


def test_runs_are_described_by_their_sidecars(out):
    (scans,) = what_was_done(out, out / "group").scans
    # Of those who are included: not the fifth and the sixth.
    assert (scans.kind, scans.n_participants, scans.n_runs) == ("raw", 4, 4)
    assert scans.recipe["fwhm"] == 5.0
    assert scans.n_discarded == (8, 8)
    assert scans.n_acquired == (230, 230)
    assert scans.n_censored == (0, 2)
    assert scans.tr == (2.0,)
    # Only what all agree on.
    assert dict(scans.acquisition) == {"EchoTime": 0.03}
    assert (scans.n_without_t1w, scans.n_small_tissue) == (1, 1)
    assert scans.n_undistorted == 2
    assert scans.grid == (61, 73, 61)
    assert scans.versions == {"commissure": "9.8.7", "greedy": "1.4"}


def test_exclusions_are_those_of_the_group_stage(out):
    quality = what_was_done(out, out / "group").quality
    assert (quality.n_participants, quality.n_runs) == (7, 7)
    assert (quality.n_excluded_participants, quality.n_excluded_runs) == (3, 3)
    assert dict(quality.reasons) == {("motion",): 1, ("motion", "df"): 1, ("failed",): 1}
    assert quality.mean_fd == (
        Spread("patient", 0.13, 0.11, 0.15),
        Spread("control", 0.10, 0.10, 0.10),
    )
    assert quality.df == (Spread("patient", 51, 50, 52), Spread("control", 53, 53, 53))
    assert quality.judged == {"motion", "volumes", "df", "overlap_epi_template"}
    assert quality.rules == as_tables(SETTINGS)["quality"]


def test_each_task_of_a_participant_is_counted_by_itself(out):
    # The fifth has a second task that is good, the first a third that nobody asked for.
    known = read_verdicts(out)
    runs = (RunKey("sub-05", task="nback"), RunKey("sub-01", task="movie"))
    more = [replace(known[0], measured=replace(known[0].measured, of=run)) for run in runs]
    write_verdicts(out, [*known, *more])
    taken = pd.read_csv(out / "group" / "included.tsv", sep="\t")
    fifth = taken[:1].assign(participant_id="sub-05", task="nback")
    write_tsv(out / "group" / "included.tsv", pd.concat([taken, fifth]))
    done = methods_of(out, out / "group")
    quality = what_was_done(out, out / "group").quality
    assert (quality.n_participants, quality.n_runs) == (7, 8)
    assert (quality.n_excluded_participants, quality.n_excluded_runs) == (2, 3)
    assert dict(quality.reasons) == {("motion",): 1, ("motion", "df"): 1, ("failed",): 1}
    assert "Of 8 runs of 7 participants, three were excluded" in done.text
    assert "which left 5 runs of 5 participants" in done.text


def test_who_is_left_out_by_name_is_not_given_a_reason_of_the_scan(out):
    moved = Reason("left_out", said="moved abroad")
    known = [
        replace(one, reasons=(moved,)) if one.measured.of.participant_id == "sub-05" else one
        for one in read_verdicts(out)
    ]
    write_verdicts(out, known)
    found = dict(what_was_done(out, out / "group").quality.reasons)
    assert found == {("decided",): 1, ("motion", "df"): 1, ("failed",): 1}
    assert "one for reasons given by name" in methods_of(out, out / "group").text


def test_the_text_names_files_without_the_folders_of_this_machine(out):
    for path in out.glob("sub-*/func/*_boldmap.json"):
        about = json.loads(path.read_text())
        about["Settings"]["mask"] = "/home/someone/masks/gm.nii.gz"
        write_json(path, about)
    text = methods_of(out, out / "group").text
    assert "a mask (gm.nii.gz)" in text
    assert "/home" not in text
    assert "someone" not in text


def test_motion_that_is_only_noted_is_counted(tmp_path):
    settings = read_settings("liu2025")
    write_participants(tmp_path / "out", settings)
    quality = what_was_done(tmp_path / "out", tmp_path / "out").quality
    assert quality.n_moved == 1
    assert dict(quality.reasons) == {("df",): 1, ("failed",): 1}
    assert quality.mean_fd == (Spread(None, 0.13, 0.10, 0.31),)


def test_maps_statistics_and_correlations_are_as_written(out):
    done = what_was_done(out, out / "group")
    assert done.versions["numpy"] == "2.9"
    assert (done.maps.left, done.maps.right, done.maps.several_runs) == (300, 300, False)
    assert done.maps.space == "MNI152NLin2009aSym"
    group = done.group
    assert group.contrast == ASKED_OF_MAPS
    assert group.covariates == ("age", "sex", "education", "SDS", "SAS")
    assert (group.n_clusters, group.n_significant, group.effect_sizes) == (2, 1, True)
    assert group.threshold == 22.3271
    correlations = done.correlations
    assert (correlations.n, correlations.df, correlations.n_tests) == ((2, 3), (0, 1), 2)
    assert correlations.covariates == ("age", "sex", "education", "SDS", "SAS")
    assert [d.variables for d in done.demographics] == [("age",)]


def test_the_text_is_the_same_in_a_staging_folder_and_in_place(out):
    staged = out / ".commissure" / "staging" / "x"
    write_group(out, staged / "group", SETTINGS)
    assert methods_of(out, staged / "group") == methods_of(out, out / "group")


def test_maps_that_are_means_of_runs_lead_to_all_runs(out):
    stem = f"sub-01/func/sub-01_task-rest_{SPACE}_stat-cfh"
    sources = [f"bids::{stem}_desc-clean_boldmap.nii.gz"] * 2
    staged = out / "staged"
    write_json(staged / f"{stem}_desc-meanOfRuns_boldmap.json", {"Sources": sources})
    mean = f"bids::{stem}_desc-meanOfRuns_boldmap.nii.gz"
    write_group(out, staged / "group", SETTINGS, Sources=[mean])
    done = what_was_done(out, staged / "group")
    assert done.maps.several_runs
    assert done.scans[0].n_runs == 2
    assert done.scans[0].n_participants == 1


def test_before_the_group_stage_there_is_preprocessing_and_cfh(out):
    methods = methods_of(out, out)
    assert [section.heading for section in methods.sections] == [
        "Image preprocessing",
        "Image quality and exclusion",
        "Connectivity between functionally homotopic voxels",
        "Software",
    ]
    assert what_was_done(out, out).scans[0].n_runs == 6
    assert "Of 7 participants, three were excluded" in methods.text


def test_partners_of_the_group_are_told_before_their_maps_are_made(out):
    for path in out.glob("sub-*/func/*_boldmap.json"):
        path.unlink()
    methods = methods_of(out, out)
    assert what_was_done(out, out).scans[0].n_acquired == (230, 230)
    assert "homotopic" not in methods.text


def test_the_files_agree_and_are_the_same_each_time(out, tmp_path):
    write_methods(out, out / "group")
    first = {p.name: p.read_bytes() for p in (out / "group").glob("methods.*")}
    kinds = ("md", "pandoc.md", "txt", "bib", "docx")
    assert set(first) == {f"methods.{kind}" for kind in kinds}
    write_methods(out, out / "group")
    assert first == {p.name: p.read_bytes() for p in (out / "group").glob("methods.*")}
    methods = methods_of(out, out / "group")
    assert first["methods.txt"].decode() == methods.text
    assert "version = {9.8.7}" in first["methods.bib"].decode()


@pytest.mark.parametrize("preset", ["liu2025", "recommended"])
def test_only_the_papers_choices_on_raw_data_are_called_the_papers(preset, tmp_path):
    out = tmp_path / "out"
    write_participants(out, read_settings(preset))
    assert what_was_done(out, out).as_published == (preset == "liu2025")


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("raw", {"preprocessing": {"fwhm": 6.0}}),
        ("raw", {"group": {"tail": "two-sided"}}),
        ("preprocessed", {}),
    ],
)
def test_what_departs_from_the_paper_is_not_called_its(kind, changes, tmp_path):
    write_participants(tmp_path / "out", read_settings("liu2025", changes=changes), kind)
    assert not what_was_done(tmp_path / "out", tmp_path / "out").as_published


def test_names_of_columns_do_not_depart_from_the_paper(tmp_path):
    own = {"formula": "dx + age", "contrast": "dx[PD] - dx[HC]", "group": "dx", "clinical": []}
    write_participants(tmp_path / "out", read_settings("liu2025", changes={"group": own}))
    assert what_was_done(tmp_path / "out", tmp_path / "out").as_published


@pytest.mark.parametrize(
    ("made_by", "pipeline", "version"),
    [
        ([{"Name": "fMRIPrep", "Version": "23.2.1"}], "fMRIPrep", "23.2.1"),
        ([{"Name": "xcp_d"}, {"Name": "fMRIPrep"}], "XCP-D", None),
        ([], "DPABI", None),
    ],
)
def test_the_program_that_made_the_data_is_named(made_by, pipeline, version, tmp_path):
    out, bids = tmp_path / "out", tmp_path / "bids"
    write_json(bids / "dataset_description.json", {"GeneratedBy": made_by})
    write_participants(out, SETTINGS, "preprocessed")
    ledger = {"inputs": {"/data/FunImgARWS/Sub_001/4D.nii": {}}}
    write_json(out / ".commissure" / "ledger" / "Sub_001.json", ledger)
    (scans,) = what_was_done(out, out).scans
    assert (scans.pipeline, scans.pipeline_version) == (pipeline, version)
    assert scans.stage == "FunImgARWS"
    assert scans.confounds == SETTINGS.input.confounds
    assert scans.grid == ()


def test_the_groups_of_numbers_are_named_as_people_write_them(out):
    people = pd.read_csv(out / "group" / "participants.tsv", sep="\t")
    people["group"] = [1.0, 1.0, 2.0, 2.0]
    write_tsv(out / "group" / "participants.tsv", people)
    assert [s.group for s in what_was_done(out, out / "group").quality.df] == ["1", "2"]


@pytest.mark.parametrize(
    ("contrast", "kind", "covariates"),
    [
        ("group[patient]-group[control]", "difference", ("age", "sex")),
        ("age", "slope", ("group", "sex")),
        ("mean", "mean", ("group", "age", "sex")),
        ("group[patient] - group[control], age", "F", ("sex",)),
        ("2 * group[patient] - group[control]", "other", ("age", "sex")),
    ],
)
def test_contrasts_are_understood(contrast, kind, covariates, out):
    stats = json.loads((out / "group" / "stats.json").read_text())
    stats["Settings"] |= {"contrast": contrast, "formula": "cfh ~ group + age + C(sex)"}
    stats["Asked"] = asked_record(contrast)
    group = group_facts(stats, pd.DataFrame())
    assert (group.contrast.kind, group.covariates) == (kind, covariates)
    assert group.formula is None


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        ("group + age", None),
        ("cfh ~ group * age", "group * age"),
        ("0 + group", "0 + group"),
        ("(group + age)^2", "(group + age)^2"),
        ("group + age - 1", "group + age - 1"),
        ("1", None),
    ],
)
def test_formulas_that_are_more_than_a_sum_are_shown(formula, shown, out):
    stats = json.loads((out / "group" / "stats.json").read_text())
    stats["Settings"] |= {"formula": formula}
    assert group_facts(stats, pd.DataFrame()).formula == shown


def test_tests_of_table_1_are_the_ones_chosen():
    rng = np.random.default_rng(1)
    n = 40
    people = pd.DataFrame(
        {
            "participant_id": [f"s{i}" for i in range(2 * n)],
            "group": ["a"] * n + ["b"] * n,
            "normal": rng.normal(size=2 * n),
            "also": rng.normal(size=2 * n),
            "skewed": rng.exponential(size=2 * n),
            "sex": ["M", "F"] * n,
            "rare": ["x"] * (2 * n - 2) + ["y"] * 2,
            "score": [*rng.normal(size=n), *[np.nan] * n],
        }
    )
    table = table1_frame(table1(people)).replace("", np.nan)
    found = demographics_facts(table)
    assert found == (
        Demographics(("normal", "also"), "mean", "Student's t test", "", None),
        Demographics(
            ("skewed",),
            "median",
            "Mann-Whitney U test",
            "asymptotic, corrected for ties and continuity",
            None,
        ),
        Demographics(("sex",), "counts", "chi-square test", "without Yates' correction", None),
        Demographics(
            ("rare",), "counts", "Fisher's exact test", "as an expected count is below 5", None
        ),
        Demographics(("score",), "mean", "", "", "a"),
    )
    one = table1_frame(table1(people[people["group"] == "a"])).replace("", np.nan)
    assert {d.test for d in demographics_facts(one)} == {None}
    assert {d.only for d in demographics_facts(one)} == {None}


def test_a_study_of_maps_alone_has_its_statistics(tmp_path):
    folder = tmp_path / "stats"
    write_group(tmp_path, folder, replace(SETTINGS), Sources=["/maps/a.nii.gz", "/maps/b.nii.gz"])
    headings = [section.heading for section in methods_of(tmp_path, folder).sections]
    # Nothing tells what they are of: it is not called CFH.
    assert headings[:2] == ["Source data", "Group analysis"]
    assert "Group analysis" in headings
