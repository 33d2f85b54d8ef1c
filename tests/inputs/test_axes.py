"""What is averaged or compared is alike in all but what is meant to differ."""

import json
import logging

import pytest

from commissure.inputs import Selection, check_alike, read_scans
from commissure.problems import InputError
from tests.inputs.images import image
from tests.inputs.test_fmriprep import run as derived_run


def raw(root, *stems, shape=(5, 4, 4, 12), zoom=2.0):
    """Write raw runs: "01_task-rest_dir-AP"."""
    for stem in stems:
        path = root / f"sub-{stem[:2]}/func/sub-{stem}_bold.nii.gz"
        image(path, shape, zoom)
        sidecar = path.with_name(path.name.replace(".nii.gz", ".json"))
        sidecar.write_text(json.dumps({"RepetitionTime": zoom}))
    return root


def derived(root, *stems):
    for stem in stems:
        # Nobody's table is another's: as many volumes are flagged as the participant's number says.
        derived_run(root, f"sub-{stem[:2]}/func/sub-{stem}", flagged=int(stem[:2]))
    about = {"Name": "x", "DatasetType": "derivative"}
    (root / "dataset_description.json").write_text(json.dumps(about))
    return root


def table(root, *stems):
    """Write maps, and the table of them with what the stems say."""
    rows = ["participant_id\ttask\trun\tpath"]
    for stem in stems:
        entities = dict(part.split("-") for part in f"sub-{stem}".split("_"))
        path = image(root / f"{stem}.nii.gz", (5, 4, 4))
        labels = [entities["sub"], entities.get("task", "n/a"), entities.get("run", "n/a")]
        rows.append("\t".join([*labels, path.name]))
    (root / "scans.tsv").write_text("\n".join(rows) + "\n")
    return root / "scans.tsv"


def names(root, **chosen):
    return [scan.name for scan in read_scans(root, "auto", Selection(**chosen), slice_timing=False)]


def problems(root, **chosen):
    with pytest.raises(InputError) as caught:
        names(root, **chosen)
    return caught.value.problems


@pytest.mark.parametrize("write", [raw, derived, table])
def test_of_several_tasks_the_one_at_rest_is_taken_and_told(tmp_path, write, caplog):
    where = write(tmp_path, "01_task-Rest", "01_task-nback", "02_task-Rest", "03_task-nback")
    with caplog.at_level(logging.WARNING, logger="commissure"):
        scans = read_scans(where, slice_timing=False)
    assert [scan.task for scan in scans] == ["Rest", "Rest"]
    for note in ("Rest is taken, nback left out", "03 has no BOLD run that matches task Rest"):
        assert note in caplog.text
        assert any(note in told for told in check_alike(scans))
    assert len(names(where, task="nback")) == 2


@pytest.mark.parametrize("write", [raw, derived, table])
@pytest.mark.parametrize("tasks", [("eyes", "nback"), ("rest", "resting"), ("rest", "REST")])
def test_tasks_that_leave_a_choice_are_refused(tmp_path, write, tasks):
    where = write(tmp_path, *(f"0{n}_task-{task}" for n, task in enumerate(tasks, 1)))
    (said,) = problems(where)
    assert f"several tasks ({', '.join(sorted(tasks))})" in said
    assert "1 of 2 participants" in said
    assert f'[input] task = "{min(tasks)}" (--task {min(tasks)})' in said
    assert len(names(where, task=tasks[0])) == 1


@pytest.mark.parametrize("write", [raw, derived])
@pytest.mark.parametrize(
    ("stems", "said", "choice", "n"),
    [
        (
            ("rest_acq-full_run-1", "rest_acq-full_run-2", "rest_acq-slab"),
            r"several acquisitions \(full, slab\).*\[input\] acquisition = \"full\"",
            {"acquisition": "slab"},
            1,
        ),
        (
            ("rest_dir-AP", "rest_dir-PA"),
            r"several directions.*\(AP, PA\).*dir=AP.*all: entities = {dir = \[\"AP\", \"PA\"\]}",
            {"entities": {"dir": "PA"}},
            1,
        ),
        (("rest_dir-AP", "rest_dir-PA"), "several", {"entities": {"dir": ("AP", "PA")}}, 2),
        (
            ("rest_rec-a", "rest"),
            r"several reconstructions \(a\) and some without rec-",
            {"entities": {"rec": ""}},
            1,
        ),
        (("rest_ce-x", "rest_ce-y"), "contrast agents", {"entities": {"ce": ["ce-x"]}}, 1),
        (("rest_chunk-1", "rest_chunk-2"), "labels chunk-", {"entities": {"chunk": "1"}}, 1),
    ],
)
def test_other_entities_are_chosen_alike(tmp_path, write, stems, said, choice, n):
    write(tmp_path, *(f"{who}_task-{stem}" for who in ("01", "02") for stem in stems))
    (problem,) = problems(tmp_path)
    assert "sub-01, sub-02 have all of them" in problem
    with pytest.raises(InputError, match=said):
        names(tmp_path)
    assert len(names(tmp_path, **choice)) == 2 * n


def test_people_who_differ_in_an_entity_are_not_compared(tmp_path):
    raw(tmp_path, "01_task-rest_acq-full", "02_task-rest_acq-full", "03_task-rest_acq-slab")
    (said,) = problems(tmp_path)
    assert "1 of 3 participants have slab (sub-03)" in said


def test_names_that_some_left_out_are_told(tmp_path):
    raw(tmp_path, "01_task-rest", "02_task-rest_dir-AP")
    (note,) = read_scans(tmp_path, slice_timing=False)[0].notes
    assert "sub-01 lack dir-, and those of sub-02 have dir-AP" in note


def test_axes_that_follow_another_are_one_problem(tmp_path):
    raw(tmp_path, "01_task-a_dir-AP", "01_task-b_dir-PA", "02_task-a_dir-AP", "02_task-b_dir-PA")
    (said,) = problems(tmp_path)
    assert "several tasks" in said
    raw(tmp_path, "02_task-b_dir-AP")
    assert len(problems(tmp_path)) == 2


def test_phase_images_are_never_runs(tmp_path):
    raw(tmp_path, "01_task-rest_part-mag", "01_task-rest_part-phase", "02_task-rest")
    assert names(tmp_path) == ["sub-01_task-rest_part-mag", "sub-02_task-rest"]
    raw(tmp_path, "03_task-rest_part-phase")
    (said,) = problems(tmp_path)
    assert "sub-03_task-rest_part-phase_bold.nii.gz" in said
    assert "no magnitude images" in said


def test_single_echoes_of_derivatives_only_if_asked_for(tmp_path):
    derived(tmp_path, "01_task-rest", "01_task-rest_echo-1", "01_task-rest_echo-2")
    assert names(tmp_path) == ["sub-01_task-rest"]
    assert names(tmp_path, echo="2") == ["sub-01_task-rest_echo-2"]


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"entities": {"task": "rest"}}, "task has a setting of its own"),
        ({"entities": {"part": "phase"}}, "magnitude images are taken"),
        ({"entities": {"acq": "a"}, "acquisition": "b"}, "Leave out one"),
    ],
)
def test_choices_that_have_another_place(chosen, said):
    with pytest.raises(InputError, match=said):
        Selection(**chosen)


def test_labels_that_are_meant(tmp_path):
    raw(tmp_path, "01_task-rest", "10_task-rest")
    assert "Is sub-01 meant?" in problems(tmp_path, participant_labels=("1",))[0]
    assert "It has: sub-01, sub-10" in problems(tmp_path, participant_labels=("2",))[0]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"zoom": 2.5}, r"different repetition times \(2 s; 2.5 s\)"),
        ({"shape": (5, 4, 3, 12)}, "different grids .5 x 4 x 4 voxels.*5 x 4 x 3"),
        ({"shape": (5, 4, 4, 5)}, "5 to 12 volumes: the shorter must have been stopped"),
    ],
)
def test_runs_that_would_be_averaged_are_acquired_alike(tmp_path, other, said):
    raw(tmp_path, "01_task-rest_run-1", "02_task-rest_run-1")
    raw(tmp_path, "01_task-rest_run-2", **other)
    with pytest.raises(InputError, match=said) as caught:
        check_alike(read_scans(tmp_path, slice_timing=False))
    (problem,) = caught.value.problems
    assert problem.startswith("sub-01_task-rest_run-1, sub-01_task-rest_run-2 would be averaged")
    assert "[input] runs" in problem


def test_what_people_differ_in_is_told(tmp_path):
    raw(tmp_path, "01_task-rest", "02_task-rest", "03_task-rest")
    raw(tmp_path, "04_task-rest", shape=(5, 4, 4, 9), zoom=2.5)
    tr, length = check_alike(read_scans(tmp_path, slice_timing=False))
    assert "repetition time: 2 s (3 participants); 2.5 s (sub-04)" in tr
    assert "about 12 volumes (3 participants); 9 volumes (sub-04)" in length
    assert "degrees of freedom" in length


def test_one_file_for_two_people(tmp_path):
    image(tmp_path / "a/one.nii.gz", (5, 4, 4))
    (tmp_path / "two.nii.gz").symlink_to("a/one.nii.gz")
    rows = ("participant_id\tpath", "P1\ta/one.nii.gz", "P2\ta/../two.nii.gz")
    (tmp_path / "maps.tsv").write_text("\n".join(rows) + "\n")
    with pytest.raises(InputError, match=r"one.nii.gz is the scan of sub-P1 and of sub-P2"):
        check_alike(read_scans(tmp_path / "maps.tsv"))


def test_people_with_other_sessions_are_told(tmp_path):
    image(tmp_path / "one.nii.gz", (5, 4, 4))
    rows = ["participant_id\tsession_id\tpath"]
    for who, session in (("P1", "a"), ("P1", "b"), ("P2", "a")):
        image(tmp_path / f"{who}{session}.nii.gz", (5, 4, 4))
        rows.append(f"{who}\t{session}\t{who}{session}.nii.gz")
    (tmp_path / "maps.tsv").write_text("\n".join(rows) + "\n")
    (note,) = check_alike(read_scans(tmp_path / "maps.tsv"))
    assert "different sessions: a, b (1 participants); a (P2)" in note
