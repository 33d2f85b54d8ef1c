"""The maps that a report shows, and what the viewer in it is given."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from commissure.files.bids_names import has_midline
from commissure.files.images import read_image
from commissure.files.labels import contrast_label
from commissure.files.tables import rows_of
from commissure.render.viewer import Viewer, encoded, template_background
from commissure.report.contents import Findings
from commissure.report.wording import direction
from commissure.space.grid import Grid
from commissure.workspace.paths import GROUP_FOLDER

Map = tuple[NDArray[np.float64], NDArray[np.float64]]


def contrast_map(findings: Findings, out_dir: Path, stat: str) -> Map | None:
    """Return a map of the contrast and its affine; None if it is not there."""
    label = contrast_label(str(findings.settings.get("contrast", "")))
    name = f"contrast-{label}_stat-{stat}_statmap.nii.gz"
    return read_map(out_dir / GROUP_FOLDER / name)


def read_map(path: Path) -> Map | None:
    """Read a map with its axes towards R, A and S; None if it is not there.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    if not path.is_file():
        return None
    img = read_image(path)
    grid = Grid.of(img)
    values = np.nan_to_num(np.asarray(img.dataobj, np.float64))
    return grid.to_canonical(values), grid.affine


def make_viewer(findings: Findings, out_dir: Path) -> Viewer | None:
    """Return what the viewer shows, None where the maps are not there."""
    statistic = contrast_map(findings, out_dir, findings.statistic)
    significant = contrast_map(findings, out_dir, "significant")
    if statistic is None or significant is None:
        return None
    values, affine = statistic
    in_mni = has_midline(findings.record.get("Space"))
    background = (
        template_background() if in_mni else encoded((values != 0).astype(np.uint8), affine)
    )
    found = findings.significant
    first = found if len(found) else findings.clusters
    peak = rows_of(first)[0] if len(first) else {"x": 0, "y": 0, "z": 0}
    threshold = float(findings.record.get("ClusterFormingThreshold", 3.0))
    return Viewer(
        background=background,
        statistic=encoded(values, affine),
        significant=encoded(*significant),
        name=findings.statistic,
        threshold=threshold,
        largest=max(float(np.abs(values).max()), threshold * 1.01),
        at=(float(peak["x"]), float(peak["y"]), float(peak["z"])),
        found=bool(len(found)),
        meaning=_colours(findings),
    )


def _colours(findings: Findings) -> str:
    if findings.statistic == "F":
        return "The brighter, the larger F."
    warm, cold = (direction(findings, sign) for sign in ("positive", "negative"))
    return f"Warm colours: {warm}; cold colours: {cold}."
