"""Any input: what it is recognised as, and the same data giving the same scans."""

import json
import logging

import pytest

from commissure.inputs import Selection, find_participants, read_scans, recognise
from commissure.inputs.people import read_participants
from commissure.problems import InputError
from tests.inputs.images import image
from tests.inputs.test_dpabi import parameters
from tests.inputs.test_fmriprep import run


def describe(folder, **content):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset_description.json").write_text(json.dumps({"Name": "x", **content}))


def raw(root):
    bold = image(root / "sub-01/func/sub-01_task-rest_bold.nii.gz")
    bold.with_name("sub-01_task-rest_bold.json").write_text('{"RepetitionTime": 2}')
    return root


def problems(*arguments, **options):
    with pytest.raises(InputError) as caught:
        read_scans(*arguments, **options)
    return caught.value.problems


@pytest.mark.parametrize(
    ("about", "derived", "kind"),
    [
        ({"DatasetType": "raw"}, False, "bids"),
        ({"DatasetType": "raw", "GeneratedBy": [{"Name": "HeuDiConv"}]}, False, "bids"),
        ({"GeneratedBy": [{"Name": "dcm2bids"}]}, False, "bids"),
        ({}, False, "bids"),
        (None, False, "bids"),
        ({"DatasetType": "derivative"}, True, "fmriprep"),
        ({"GeneratedBy": [{"Name": "fMRIPrep"}]}, True, "fmriprep"),
        ({"PipelineDescription": {"Name": "fMRIPrep"}}, True, "fmriprep"),
        (None, True, "fmriprep"),
    ],
)
def test_bids_folders_are_recognised(tmp_path, about, derived, kind, caplog):
    run(tmp_path, "sub-01/func/sub-01_task-rest") if derived else raw(tmp_path)
    if about is not None:
        describe(tmp_path, **about)
    assert recognise(tmp_path) == kind
    with caplog.at_level(logging.INFO, logger="commissure"):
        (scan,) = read_scans(tmp_path, slice_timing=False)
    assert scan.kind == ("preprocessed" if derived else "raw")
    assert "is taken for " in caplog.text


def test_other_inputs_are_recognised(tmp_path):
    image(tmp_path / "a/S2_FunImgARWSDCF/Sub_001/x.nii")
    image(tmp_path / "b/Results/VMHC_FunImgARCWFsymS/zVMHCMap_01.nii", (5, 4, 4))
    (tmp_path / "scans.csv").write_text(
        "participant_id,path\n01,a/S2_FunImgARWSDCF/Sub_001/x.nii\n"
    )
    assert recognise(tmp_path / "a") == recognise(tmp_path / "b") == "dpabi"
    assert recognise(tmp_path / "scans.csv") == "table"
    assert [s.kind for s in read_scans(tmp_path / "b", measure="VMHC")] == ["map"]
    assert [s.tr for s in read_scans(tmp_path / "scans.csv", tr=3)] == [3]


def test_the_same_clean_data_in_three_kinds_of_folder(tmp_path):
    run(tmp_path / "f", "sub-01/func/sub-01_task-rest", desc="clean")
    image(tmp_path / "d/FunImgARWSDCF/sub-01/x.nii")
    parameters(tmp_path / "d", "sub-01")
    table = tmp_path / "scans.tsv"
    table.write_text("participant_id\ttask\tpath\nsub-01\trest\td/FunImgARWSDCF/sub-01/x.nii\n")
    scans = [read_scans(path)[0] for path in (tmp_path / "f", tmp_path / "d", table)]
    for what in ("participant_id", "kind", "done", "tr", "name", "session", "task", "run"):
        assert len({getattr(scan, what) for scan in scans}) == 1, what


def test_what_cannot_be_recognised_is_told_with_all_kinds(tmp_path):
    (said,) = problems(tmp_path)
    for looks in ("bids: a raw", "fmriprep: deriv", "dpabi: a working", "table: a .tsv"):
        assert looks in said
    describe(tmp_path / "derivatives" / "fmriprep")
    assert f"Did you mean {tmp_path / 'derivatives' / 'fmriprep'}?" in problems(tmp_path)[0]
    assert "does not exist" in problems(tmp_path / "none")[0]
    (tmp_path / "x.nii").write_bytes(b"")
    assert "is no table" in problems(tmp_path / "x.nii")[0]
    assert (
        'must be one of auto, bids, fmriprep, dpabi, table; it is "spm"'
        in problems(tmp_path, "spm")[0]
    )
    raw(tmp_path)
    (tmp_path / "dataset_description.json").write_text("{")
    assert "not valid JSON" in problems(tmp_path)[0]


def test_options_of_another_kind_are_refused(tmp_path):
    (said,) = problems(raw(tmp_path), space="MNI152NLin6Asym", folder="FunImg")
    assert "space, folder cannot be chosen for" in said


def test_scans_that_would_have_one_name(tmp_path):
    for name in ("Sub_001", "Sub001"):
        image(tmp_path / "FunImgARWSDCF" / name / "x.nii")
    (said,) = problems(tmp_path)
    assert "participants Sub001 and Sub_001 would have the same files" in said


def test_acquisitions_are_told_apart_and_can_be_chosen(tmp_path):
    for acquisition in ("full", "part"):
        bold = image(tmp_path / f"sub-01/func/sub-01_task-rest_acq-{acquisition}_bold.nii.gz")
        bold.with_name(bold.name.replace(".nii.gz", ".json")).write_text('{"RepetitionTime": 2}')
    with pytest.raises(InputError, match=r"several acquisitions \(full, part\).*--acquisition"):
        read_scans(tmp_path, slice_timing=False)
    chosen = Selection(acquisition="acq-part")
    (scan,) = read_scans(tmp_path, "bids", chosen, slice_timing=False)
    assert scan.name == "sub-01_task-rest_acq-part"


def test_participants_are_found_with_the_input_or_its_source(tmp_path):
    (tmp_path / "raw").mkdir()
    table = tmp_path / "raw/participants.tsv"
    table.write_text("participant_id\nsub-01\n")
    assert find_participants(tmp_path / "raw") == table
    assert find_participants(tmp_path / "raw/scans.tsv") == table
    (tmp_path / "raw/derivatives/fmriprep").mkdir(parents=True)
    assert find_participants(tmp_path / "raw/derivatives/fmriprep") == table
    describe(
        tmp_path / "out/fmriprep",
        SourceDatasets=[{"URL": (tmp_path / "raw").as_uri()}, {"DOI": "x"}],
    )
    assert find_participants(tmp_path / "out/fmriprep") == table
    links = {"preprocessed": "../fmriprep", "web": "https://example.org/raw"}
    describe(tmp_path / "out/xcp_d", DatasetLinks=links)
    assert find_participants(tmp_path / "out/xcp_d") == table
    own = tmp_path / "out/xcp_d/participants.tsv"
    own.write_text("participant_id\n")
    assert find_participants(tmp_path / "out/xcp_d") == own
    describe(tmp_path / "far/away", SourceDatasets="odd")
    with pytest.raises(InputError, match="Give --participants") as caught:
        find_participants(tmp_path / "far/away")
    assert str(tmp_path / "far") in str(caught.value)


def test_what_columns_of_participants_mean(tmp_path):
    path = tmp_path / "participants.tsv"
    path.write_bytes(b"\xef\xbb\xbfparticipant_id\tgroup\tsex\tage\r\nsub-01\tp\tF\t50\r\n")
    content = {
        "group": {"Levels": {"p": "patient", "c": {"Description": "control"}}},
        "sex": {"Levels": ["F", "M"]},
        "age": {"Units": "year", "Description": "at the scan"},
        "height": {"Units": "m", "Levels": {}},
    }
    path.with_suffix(".json").write_bytes(b"\xef\xbb\xbf" + json.dumps(content).encode())
    people = read_participants(path)
    assert people.categorical == ("group", "sex")
    assert people.levels == {"group": {"p": "patient", "c": "control"}, "sex": {"F": "F", "M": "M"}}
    assert people.units == {"age": "year"}
