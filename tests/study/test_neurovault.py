"""The folder for NeuroVault has every unthresholded map, and says what each is."""

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from commissure.cli import main
from tests.report.conftest import finished, half_done, worker  # noqa: F401


def test_maps_and_what_they_are(finished, tmp_path):  # noqa: F811
    folder = tmp_path / "vault"
    assert main(["export", "neurovault", str(finished), "-o", str(folder)]) == 0
    table = pd.read_csv(folder / "images.tsv", sep="\t").set_index("file")
    assert set(table.index) == {path.name for path in folder.glob("*.nii.gz")}
    assert not [name for name in table.index if "pfwe" in name or "significant" in name]
    record = json.loads((finished / "group" / "stats.json").read_text())
    (t,) = [name for name in table.index if name.endswith("stat-t_statmap.nii.gz")]
    row = table.loc[t]
    assert (row["map_type"], row["modality"], row["analysis_level"]) == ("T", "fMRI-BOLD", "G")
    assert row["number_of_subjects"] == record["Scans"]
    assert float(row["statistic_parameters"]) == record["DegreesOfFreedom"]
    original = nib.load(finished / "group" / t).get_fdata()
    assert np.array_equal(nib.load(folder / t).get_fdata(), original)
    (mean,) = [name for name in table.index if name.startswith("group-patient_stat-mean")]
    assert table.loc[mean, "number_of_subjects"] == record["ScansOfGroups"]["patient"]
    assert json.loads((folder / "collection.json").read_text())["name"] == "finished"


@pytest.mark.parametrize("busy", ["a file of somebody", "no findings"])
def test_what_cannot_be_shared_is_told(finished, half_done, tmp_path, capsys, busy):  # noqa: F811
    folder = tmp_path / "vault"
    if busy == "a file of somebody":
        folder.mkdir()
        (folder / "mine.txt").write_text("mine")
    study = half_done if busy == "no findings" else finished
    assert main(["export", "neurovault", str(study), "-o", str(folder)]) == 2
    said = capsys.readouterr().err
    assert str(folder if busy == "a file of somebody" else study) in said
    assert not list(folder.glob("*.nii.gz"))
