"""What is written of one scan's CFH maps."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

import commissure
from commissure.files.bids_names import derived_stem, split_extension
from commissure.files.data_texts import read_data
from commissure.files.shared_paths import shared_name, without_folders
from commissure.files.text import write_json
from commissure.measures import CFHResult, NoiseFloor
from commissure.render.map import cfh_figure
from commissure.report.methods.references import load_references
from commissure.space import LEFT, NEITHER, RIGHT, Domain

log = logging.getLogger(__name__)

_BIAS_NOTE = (
    "A maximum of correlations is biased upward, the more the fewer degrees of freedom the series "
    "have. Compare only scans with alike degrees of freedom."
)


# A larger share of places without a map is warned of.
_LOST = 0.05


@dataclass(frozen=True)
class CleanScan:
    """Clean series in a file.

    Attributes
    ----------
    path : Path
        The maps are named after it, unless `name` is given.
    n_volumes : int
    tr : float, optional
        Seconds.
    space : str, optional
    source : str, optional
        What the sidecars call the file; its path by default.
    name : str, optional
        File name in the style of BIDS that the maps are named after.
    """

    path: Path
    n_volumes: int
    tr: float | None
    space: str | None
    source: str | None = None
    name: str | None = None


def write_cfh_maps(
    scan: CleanScan,
    result: CFHResult,
    domain: Domain,
    settings: dict[str, Any],
    folder: Path,
    figures: Path | None = None,
    floor: NoiseFloor | None = None,
) -> Path:
    """Write the maps of one scan, their sidecars and the picture; return the picture's path.

    Parameters
    ----------
    scan : CleanScan
    result : CFHResult
    domain : Domain
    settings : dict
        How the maps were made, for the sidecars.
    folder : Path
    figures : Path, optional
        Folder of the picture; by default with the maps.
    floor : NoiseFloor, optional
        Written too if there is one.
    """
    n_duplicates = int(result.duplicate.sum())
    if n_duplicates:
        log.warning(
            "%s: %d voxels have a partner with the same time series (|r| > 1 - 1e-7). Look for "
            "copied voxels in the data.",
            scan.path.name,
            n_duplicates,
        )
    _tell_coverage(scan, result, domain)
    named = Path(scan.name or scan.path)
    shift = result.shift(domain)
    partner = np.full((domain.n_places, 3), np.nan)
    has = result.partner >= 0
    partner[has] = domain.coordinates[result.partner[has]]
    values = {"z": result.z, "r": result.r, "partner": partner, "shift": shift}
    if floor is not None:
        values["floor"] = floor.mean_z
    common = _common_sidecar(scan, result, domain, settings)
    for key, value in values.items():
        _write_map(key, value, named, domain, common, folder)
    picture = (figures or folder) / f"{derived_stem(named, 'stat-cfh', 'boldmap')}.png"
    title = split_extension(named)[0]
    cfh_figure(result.z, shift, domain, title=title, floor=values.get("floor")).savefig(picture)
    return picture


def _tell_coverage(scan: CleanScan, result: CFHResult, domain: Domain) -> None:
    """Say how many places of how many have a map, and why the others have none."""
    sides = domain.hemisphere != NEITHER
    n_sides = int(sides.sum())
    constant, missing = (int((lost & sides).sum()) for lost in (result.constant, result.nonfinite))
    lost = constant + missing
    log.log(
        logging.WARNING if lost > _LOST * n_sides else logging.INFO,
        "%s: %s of %s places of the two hemispheres are mapped; %s have a constant time series, %s "
        "one that is not finite.",
        scan.path.name,
        f"{n_sides - lost:,}",
        f"{n_sides:,}",
        f"{constant:,}",
        f"{missing:,}",
    )


def write_z_map(
    scan: CleanScan, result: CFHResult, domain: Domain, settings: dict[str, Any], folder: Path
) -> None:
    """Write of one scan's maps only that of Fisher z; see `write_cfh_maps`."""
    common = _common_sidecar(scan, result, domain, settings)
    _write_map("z", result.z, Path(scan.name or scan.path), domain, common, folder)


def _write_map(
    key: str,
    values: NDArray[Any],
    named: Path,
    domain: Domain,
    common: dict[str, Any],
    folder: Path,
) -> None:
    output = json.loads(read_data("files", "cfh_outputs.json"))[key]
    stem = folder / derived_stem(named, output["entity"], "boldmap")
    img = domain.to_image(values.astype(np.float32))
    img.header.set_xyzt_units("mm", "sec")
    nib.save(img, stem.with_name(f"{stem.name}.nii.gz"))
    sidecar = {
        "Description": output["Description"],
        "Units": output["Units"],
        **common,
        "References": [*common["References"], *output.get("References", [])],
    }
    write_json(stem.with_name(f"{stem.name}.json"), sidecar)


def _common_sidecar(
    scan: CleanScan, result: CFHResult, domain: Domain, settings: dict[str, Any]
) -> dict[str, Any]:
    sides, references = domain.hemisphere, load_references()
    return {
        "Sources": [scan.source or shared_name(scan.path)],
        "Mask": shared_name(domain.name),
        "Space": scan.space,
        "RepetitionTime": scan.tr,
        "NumberOfVolumes": scan.n_volumes,
        "Settings": without_folders(settings),
        "Places": {
            "Mask": domain.n_places,
            "Left": int((sides == LEFT).sum()),
            "Right": int((sides == RIGHT).sum()),
            "LeftOut": {
                f"Midline (|x| <= {domain.midline_mm:g} mm)": int((sides == NEITHER).sum()),
                "Constant time series": int((result.constant & (sides != NEITHER)).sum()),
                "Time series with values that are not finite": int(
                    (result.nonfinite & (sides != NEITHER)).sum()
                ),
            },
            "DuplicateTimeSeries": int(result.duplicate.sum()),
        },
        "Notes": [
            "In the mask, places left out are NaN; outside it, all is 0.",
            _BIAS_NOTE,
        ],
        "GeneratedBy": [{"Name": "commissure", "Version": commissure.__version__}],
        "References": [references[key].listed for key in ("liu2025", "ji_funchomoconn")],
    }
