"""What "denoised" means: XCP-D's series are filtered, tedana's are not."""

import json

import pytest

from commissure.inputs.fmriprep import read_fmriprep
from commissure.problems import InputError
from tests.inputs.test_fmriprep import made_by, run, table

STEM = "sub-01/func/sub-01_task-rest"


def denoised(root, *names, filters="absent", desc="denoised"):
    run(root, STEM, ("MNI152NLin6Asym",), desc=desc)
    if names:
        made_by(root, *names)
    if filters != "absent":
        sidecar = root / f"{STEM}_space-MNI152NLin6Asym_desc-{desc}_bold.json"
        sidecar.write_text(json.dumps({"RepetitionTime": 2, "SoftwareFilters": filters}))
    return root


@pytest.mark.parametrize("name", ["tedana", "fMRIPost-tedana"])
def test_denoised_by_tedana_is_not_filtered(tmp_path, name):
    (scan,) = read_fmriprep(denoised(tmp_path, name))
    assert (scan.kind, scan.done) == ("preprocessed", frozenset())


@pytest.mark.parametrize("name", ["xcp_d", "XCP-D", "xcp_d: postprocessing"])
def test_denoised_by_xcp_d_is_filtered(tmp_path, name):
    (scan,) = read_fmriprep(denoised(tmp_path, "fMRIPrep", name))
    assert (scan.kind, "filter" in scan.done) == ("clean", True)


def test_xcp_d_is_known_by_its_tables(tmp_path):
    table(denoised(tmp_path) / f"{STEM}_motion.tsv")
    assert read_fmriprep(tmp_path)[0].kind == "clean"


def test_filters_in_the_sidecar_are_believed_whoever_wrote_it(tmp_path):
    filters = {"Bandpass filter": {"High-pass cutoff (Hz)": 0.01}}
    assert read_fmriprep(denoised(tmp_path, filters=filters))[0].kind == "clean"


@pytest.mark.parametrize("desc", ["denoised", "denoisedSmoothed"])
def test_xcp_d_without_a_filter_is_refused(tmp_path, desc):
    with pytest.raises(InputError, match=r"without a band-pass filter.*desc = \"preproc\""):
        read_fmriprep(denoised(tmp_path, "XCP-D", filters=None, desc=desc))


@pytest.mark.parametrize("names", [(), ("fMRIPrep",), ("a pipeline of ours",)])
def test_denoised_by_nobody_knows_whom_is_refused(tmp_path, names):
    with pytest.raises(InputError, match=r"does not tell whether.*GeneratedBy") as caught:
        read_fmriprep(denoised(tmp_path, *names))
    assert "desc-denoised_bold.nii.gz" in caught.value.problems[0]


@pytest.mark.parametrize(
    "about",
    [
        {"GeneratedBy": "tedana"},
        {"GeneratedBy": [1, {"Name": 2}, {"Name": None}]},
        {"GeneratedBy": {"Name": ["x"]}},
        {"PipelineDescription": []},
        {"GeneratedBy": {}},
    ],
)
def test_descriptions_of_odd_shapes_name_nobody(tmp_path, about):
    (denoised(tmp_path) / "dataset_description.json").write_text(json.dumps(about))
    with pytest.raises(InputError, match="does not tell whether"):
        read_fmriprep(tmp_path)
