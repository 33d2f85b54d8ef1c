"""What is written of one scan's maps."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

import commissure
from commissure.files.bids_names import derived_stem, split_extension
from commissure.files.shared_paths import shared_name, without_folders
from commissure.files.text import read_json, write_json
from commissure.inputs.sidecars import EFFECTIVE_DF, usable
from commissure.measures import Measure
from commissure.measures.measure import MapSettings, Output, ScanMaps
from commissure.problems import InputError
from commissure.render.map import slices_figure
from commissure.render.quality import map_figure
from commissure.report.methods.references import load_references
from commissure.space import LEFT, NEITHER, RIGHT, Domain

log = logging.getLogger(__name__)

# A larger share of places without a map is warned of.
_LOST = 0.05


@dataclass(frozen=True)
class CleanSeries:
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
    effective_df : float, optional
    """

    path: Path
    n_volumes: int
    tr: float | None
    space: str | None
    source: str | None = None
    name: str | None = None
    effective_df: float | None = None

    @property
    def named(self) -> Path:
        """What the maps are named after."""
        return Path(self.name or self.path)


def map_file(named: Path, stat: str) -> str:
    """Return the name of a map of a clean scan."""
    return f"{derived_stem(named, f'stat-{stat}', 'boldmap')}.nii.gz"


def map_series(
    measure: Measure,
    scan: CleanSeries,
    series: NDArray[Any],
    domain: Domain,
    settings: MapSettings,
    n_threads: int | None,
) -> ScanMaps:
    """Map clean series with as many degrees of freedom as the settings ask for.

    Parameters
    ----------
    measure : Measure
    scan : CleanSeries
        Whose series they are.
    series : ndarray of shape (n_places, n_volumes)
    domain : Domain
    settings : MapSettings
    n_threads : int, optional
    """
    assert measure.of_scan is not None  # noqa: S101 - what can be made has it
    if settings.matched_df is None:
        return measure.of_scan(series, domain, settings, n_threads)
    about = {"effective_df": scan.effective_df, "name": scan.named.name}
    return measure.of_scan(series, domain, settings, n_threads, **about)


def effective_df(clean: Path) -> float | None:
    """Return how many effective degrees of freedom the sidecar of clean series tells."""
    sidecar = clean.with_name(f"{split_extension(clean)[0]}.json")
    about = read_json(sidecar) if sidecar.exists() else {}
    told, problems, _ = usable(sidecar, about)
    if problems:
        raise InputError(problems)
    df: float | None = told.get(EFFECTIVE_DF)
    return df


def write_scan_maps(
    measure: Measure,
    scan: CleanSeries,
    maps: ScanMaps,
    domain: Domain,
    settings: dict[str, Any],
    folder: Path,
    figures: Path | None = None,
) -> Path:
    """Write the maps of one scan, their sidecars and pictures; return the measure's picture.

    Parameters
    ----------
    measure : Measure
    scan : CleanSeries
    maps : ScanMaps
    domain : Domain
    settings : dict
        How the maps were made, for the sidecars.
    folder : Path
    figures : Path, optional
        Folder of the pictures; by default with the maps.
    """
    for warning in maps.warnings:
        log.warning("%s: %s", scan.path.name, warning)
    _tell_coverage(scan, maps, domain)
    common = _common_sidecar(measure, scan, maps, domain, settings)
    made = [output for output in measure.outputs if output.stat in maps.values]
    for output in made:
        _write_map(output, maps, scan, domain, common, folder)
        if output.axis and not output.colours:
            figure = _figure_apart(maps.values[output.stat], domain, output.axis)
            figure.savefig(_picture(scan, output.stat, figures or folder))
    picture = _picture(scan, measure.stat, figures or folder)
    own = maps.values[measure.stat]
    title = f"{split_extension(scan.named)[0]}\n{np.isfinite(own).sum():,} voxels, {maps.summary}"
    rows = [(maps.values[o.stat], o.axis, o.colours) for o in made if o.colours]
    slices_figure(rows, domain, title=title).savefig(picture)
    return picture


def _picture(scan: CleanSeries, stat: str, folder: Path) -> Path:
    """Return where the picture of a scan's map is written."""
    return folder / map_file(scan.named, stat).replace(".nii.gz", ".png")


def _figure_apart(values: NDArray[Any], domain: Domain, axis: str) -> Figure:
    """Draw a map that is not in the picture of the measure's own, as its file has it."""
    img: Any = nib.as_closest_canonical(domain.to_image(values.astype(np.float32)))
    shown = np.asarray(img.dataobj, np.float64)
    return map_figure(np.where(shown == 0, np.nan, shown), img.affine, "", axis)


def write_own_map(
    measure: Measure,
    scan: CleanSeries,
    maps: ScanMaps,
    domain: Domain,
    settings: dict[str, Any],
    folder: Path,
) -> None:
    """Write of one scan's maps only the one that is compared; see `write_scan_maps`."""
    common = _common_sidecar(measure, scan, maps, domain, settings)
    _write_map(measure.outputs[0], maps, scan, domain, common, folder)


def _tell_coverage(scan: CleanSeries, maps: ScanMaps, domain: Domain) -> None:
    """Say how many places of how many have a map, and why the others have none."""
    sides = domain.hemisphere != NEITHER
    n_sides = int(sides.sum())
    constant, missing = (int((lost & sides).sum()) for lost in (maps.constant, maps.nonfinite))
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


def _write_map(
    output: Output,
    maps: ScanMaps,
    scan: CleanSeries,
    domain: Domain,
    common: dict[str, Any],
    folder: Path,
) -> None:
    path = folder / map_file(scan.named, output.stat)
    img = domain.to_image(maps.values[output.stat].astype(np.float32))
    img.header.set_xyzt_units("mm", "sec")
    nib.save(img, path)
    own = [load_references()[key].listed for key in output.references]
    sidecar = {
        "Description": output.description,
        "Units": output.unit,
        **common,
        "References": [*common["References"], *own],
    }
    write_json(path.with_name(path.name.replace(".nii.gz", ".json")), sidecar)


def _common_sidecar(
    measure: Measure,
    scan: CleanSeries,
    maps: ScanMaps,
    domain: Domain,
    settings: dict[str, Any],
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
                "Constant time series": int((maps.constant & (sides != NEITHER)).sum()),
                "Time series with values that are not finite": int(
                    (maps.nonfinite & (sides != NEITHER)).sum()
                ),
            },
            **maps.counts,
        },
        "Notes": ["In the mask, places left out are NaN; outside it, all is 0.", *measure.notes],
        "GeneratedBy": [{"Name": "commissure", "Version": commissure.__version__}],
        "References": [references[key].listed for key in measure.references],
    }
