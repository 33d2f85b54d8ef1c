"""Who made the data: by what datasets say, and by DPABI's folders."""

import json
from pathlib import Path

import pytest

from commissure.inputs.source_software import dpabi_stage, made_by


@pytest.mark.parametrize(
    ("description", "programs"),
    [
        (
            {"GeneratedBy": [{"Name": "xcp_d", "Version": "0.7"}, {"Name": "fMRIPrep", "Note": 1}]},
            [{"Name": "xcp_d", "Version": "0.7"}, {"Name": "fMRIPrep"}],
        ),
        (
            {"PipelineDescription": {"Name": "fMRIPrep", "Version": "1.5.0"}},
            [{"Name": "fMRIPrep", "Version": "1.5.0"}],
        ),
        ({"Name": "raw"}, []),
        ({"GeneratedBy": ["by hand", {"Version": "2"}]}, []),
    ],
)
def test_datasets_say_who_made_them(description, programs, tmp_path):
    (tmp_path / "dataset_description.json").write_text(json.dumps(description))
    assert made_by(tmp_path) == programs


def test_a_broken_description_says_nothing(tmp_path):
    (tmp_path / "dataset_description.json").write_text("{")
    assert made_by(tmp_path) == []


def test_dpabi_is_known_by_its_folders(tmp_path):
    assert made_by(tmp_path) == []
    assert made_by(tmp_path / "table.tsv") == []
    (tmp_path / "S2_FunImgARWS").mkdir()
    assert made_by(tmp_path) == [{"Name": "DPABI"}]


@pytest.mark.parametrize(
    ("path", "stage"),
    [
        ("/data/FunImgARWSDCF/Sub_001/4D.nii", "FunImgARWSDCF"),
        ("/data/S2_FunImgARWSCFglobal/Sub_001/4D.nii", "FunImgARWSCFglobal"),
        ("/data/FunImg/Sub_001/4D.nii", None),
        ("/data/sub-01/func/sub-01_bold.nii.gz", None),
    ],
)
def test_the_stage_is_the_folders_name(path, stage):
    assert dpabi_stage(Path(path)) == stage
