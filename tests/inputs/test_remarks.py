"""A remark on many scans is told once, with how many they are."""

from pathlib import Path

import numpy as np

from commissure.inputs import Scan, check_alike
from tests.inputs.images import image


def test_each_remark_is_told_once(tmp_path, caplog):
    scans = []
    for i in range(1, 5):
        data = [[[[i, 2 * i]] * 3] * 3] * 3
        path = image(tmp_path / f"sub-{i}_bold.nii.gz", (3, 3, 3, 2), data=np.array(data, np.int16))
        said = (f"{path} has no T1w: it is odd.", *([f"{path} is short."] if i == 2 else []))
        scans.append(Scan(f"sub-{i}", None, "rest", None, Path(path), None, 2.0, None, {}, said))
    check_alike(scans)
    assert [record.message.partition("sub-")[2] for record in caplog.records] == [
        "1_bold.nii.gz has no T1w: it is odd. The same holds for 3 more (sub-2, sub-3, sub-4).",
        "2_bold.nii.gz is short.",
    ]
