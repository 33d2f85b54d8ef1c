"""The layouts of the public bids-examples: scans, or an error that a user understands."""

import json
import re
from pathlib import Path

import pytest

from commissure.inputs import Selection, find_participants, read_scans, recognise
from commissure.problems import InputError
from tests.inputs.images import image
from tests.inputs.test_fmriprep import table

EXAMPLES = json.loads(
    (Path(__file__).parents[1] / "data" / "bids_examples.json").read_text(encoding="utf-8")
)
EXAMPLES = {name: what for name, what in EXAMPLES.items() if name[0] != "_"}


def expanded(pattern):
    """Expand "sub-{1,2}/sub-{1,2}_run-{1,2}": an entity has one label in a path."""
    found = re.search(r"([a-z]+-\d*)?\{([^}]*)\}", pattern)
    if found is None:
        return [pattern]
    chosen = [(found[1] or "") + label for label in found[2].split(",")]
    return [path for label in chosen for path in expanded(pattern.replace(found[0], label))]


def build(root, what, *, empty):
    """Make the files of an example, without content or as small as they can be."""
    root.mkdir()
    tr = {}
    for name, content in what.get("sidecars", {}).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(json.dumps(content))
        if "RepetitionTime" in content:
            tr[name] = content["RepetitionTime"]
    if "about" in what:
        (root / "dataset_description.json").write_text(json.dumps({"Name": "x", **what["about"]}))
    if "ignored" in what:
        (root / ".bidsignore").write_text(what["ignored"])
    (root / "participants.tsv").write_text("participant_id\n")
    paths = [root / name for pattern in what["files"] for name in expanded(pattern)]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_image = path.name.endswith((".nii", ".nii.gz")) and ".dtseries" not in path.name
        if empty or not is_image:
            path.write_bytes(b"")
        else:
            series = path.name.split(".")[0].endswith("bold") and "desc-mean" not in path.name
            # No TR in the headers: the sidecars tell it.
            image(path, (5, 4, 4, 12) if series else (5, 4, 4), zoom=0.0, units=("mm", "unknown"))
        if not empty and "desc-confounds" in path.name and path.suffix == ".tsv":
            table(path)
    return paths


def read(root, what, choice=None):
    """Read an example; its own choice says which of several that are not alike are meant."""
    return read_scans(
        root,
        "auto",
        Selection(**(what.get("choose", {}) if choice is None else choice)),
        slice_timing=what.get("slice_timing", False),
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_with_headers(name, tmp_path):
    what = EXAMPLES[name]
    build(tmp_path / "x", what, empty=False)
    if what.get("kind") == "fmriprep":
        for bold in (tmp_path / "x").rglob("*_desc-preproc_bold.nii*"):
            bold.with_name(bold.name.split(".")[0] + ".json").write_text('{"RepetitionTime": 2}')
    if "kind" in what:
        assert recognise(tmp_path / "x") == what["kind"]
    if "said" in what:
        with pytest.raises(InputError, match=what["said"]):
            read(tmp_path / "x", what)
        return
    if "refused" in what:
        # Runs of another task, echo or field of view are no repetitions of one measurement.
        with pytest.raises(InputError, match=what["refused"]):
            read(tmp_path / "x", what, {})
    scans = read(tmp_path / "x", what)
    assert re.search(what.get("told", ""), " ".join(scans[0].notes))
    assert len(scans) == what["scans"]
    assert len({scan.name for scan in scans}) == what["scans"]
    assert all(scan.tr > 0 and scan.bold.exists() for scan in scans)
    assert find_participants(tmp_path / "x").name == "participants.tsv"


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_as_they_are_with_empty_images(name, tmp_path):
    what = EXAMPLES[name]
    paths = build(tmp_path / "x", what, empty=True)
    with pytest.raises(InputError) as caught:
        read(tmp_path / "x", what)
    problems = caught.value.problems
    assert len(set(problems)) == len(problems)
    if "scans" in what:
        bolds = [
            p
            for p in paths
            if f"{p} is empty (0 bytes). Copy, fetch or convert it again." in problems
        ]
        assert len([path for path in bolds if "_bold.nii" in path.name]) == what["scans"]
        assert all("is empty" in problem for problem in problems)
