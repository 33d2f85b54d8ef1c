from pathlib import Path

import pytest

from commissure.files.bids_names import derived_stem, entity, has_midline


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sub-01_bold.nii.gz", "sub-01_stat-cfh_boldmap"),
        (
            "sub-01_task-rest_space-MNI152NLin6Asym_desc-clean_bold.nii",
            "sub-01_task-rest_space-MNI152NLin6Asym_stat-cfh_desc-clean_boldmap",
        ),
        ("scan.nii.gz", "scan_stat-cfh_boldmap"),
        ("my_scan_1.nii.gz", "my_scan_1_stat-cfh_boldmap"),
        ("sub-01_task-rest.nii.gz", "sub-01_task-rest_stat-cfh_boldmap"),
    ],
)
def test_derived_stem(name, expected):
    assert derived_stem(Path("any") / name, "stat-cfh", "boldmap") == expected


def test_entity():
    path = Path("sub-01_space-T1w_bold.nii.gz")
    assert entity(path, "space") == "T1w"
    assert entity(path, "res") is None


@pytest.mark.parametrize(
    ("space", "expected"), [("MNI152NLin2009aSym", True), ("T1w", False), (None, False)]
)
def test_has_midline(space, expected):
    assert has_midline(space) is expected
