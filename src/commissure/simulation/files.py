"""Images and sidecars of simulated datasets."""

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

import commissure

ABOUT = {
    "BIDSVersion": "1.10.0",
    "License": "CC0",
    "GeneratedBy": [{"Name": "commissure", "Version": commissure.__version__}],
}
SCANNER, TEMPLATE = 1, 4


def write_image(
    path: Path,
    data: NDArray[Any],
    affine: NDArray[np.float64],
    stored_as: type[np.generic] | None = None,
    *,
    tr: float | None = None,
    space: int = SCANNER,
) -> None:
    """Write an image.

    Parameters
    ----------
    path : Path
        Its folder must be there.
    data : ndarray
    affine : ndarray of shape (4, 4)
    stored_as : dtype, optional
        By default that of the data; values are scaled to a smaller one.
    tr : float, optional
        Seconds.
    space : {`SCANNER`, `TEMPLATE`}
    """
    img = nib.Nifti1Image(data, affine, dtype=stored_as or data.dtype)
    img.set_sform(affine, space)
    img.set_qform(affine, space)
    img.header.set_xyzt_units("mm", "sec")
    if tr is not None:
        img.header.set_zooms((*img.header.get_zooms()[:3], tr))
    img.to_filename(path)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a sidecar, or what describes a dataset."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows of equal keys as tab-separated values."""
    lines = [list(rows[0])] + [[str(value) for value in row.values()] for row in rows]
    path.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")
