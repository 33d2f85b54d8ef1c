"""Maps of clean scans: from files to files."""

import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from commissure.files.bids_names import derived_stem, entity, has_midline
from commissure.files.image_timing import repetition_time
from commissure.files.images import load_image, read_image, sample_file
from commissure.inputs.sidecars import EFFECTIVE_DF
from commissure.measures import Measure, usable_places
from commissure.measures.measure import MapSettings, ScanMaps
from commissure.preprocessing import bandpass, pass_band
from commissure.preprocessing.filtering import Padding
from commissure.problems import InputError
from commissure.space import Domain, check_same_grid
from commissure.study.participant.domain import check_spaces, study_domain
from commissure.study.participant.map_files import (
    CleanSeries,
    effective_df,
    map_series,
    write_scan_maps,
)
from commissure.threads import resolve_threads
from commissure.workspace.places import check_outputs, placed

log = logging.getLogger(__name__)

# The standard error of Fisher's z is 1 / sqrt(n - 3): from here on there is one, and it is small.
_LEAST_VOLUMES, _FEW_VOLUMES = 4, 28
Frequency = Annotated[float, Ge(0), Le(10)]


@dataclass(frozen=True)
class SeriesSettings:
    """How clean scans are read; see `commissure.preprocessing.bandpass`.

    Attributes
    ----------
    mask_threshold : float, optional
        The mask's voxels above it are taken; for masks with probabilities.
    tr : float, optional
        Repetition time in seconds; by default that of each scan's sidecar or header.
    band : tuple of float, optional
        Lowest and highest frequency (Hz) to keep; by default the series are taken as they are.
    band_padding : {"dft", "dpabi"}
        Whether they are filtered as they are (default), or filled up with zeros as DPABI does.
    space : str, optional
        Name of the space the scans are in; by default what their names say.
    """

    mask_threshold: Annotated[float, Ge(-1e9), Le(1e9)] | None = None
    tr: float | None = None
    band: tuple[Frequency, Frequency] | None = None
    band_padding: Padding = "dft"
    space: str | None = None


def make_maps(
    measure: Measure,
    scans: list[Path],
    out_dir: Path,
    settings: MapSettings,
    series_settings: SeriesSettings,
    *,
    n_threads: int | None = None,
    max_memory: int | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> list[Path]:
    """Make the maps of clean, same-space scans.

    Parameters
    ----------
    measure : Measure
    scans : list of Path
        Four-dimensional NIfTI files on the grid of the mask.
    out_dir : Path
        Made if needed. Either all the files appear in it or none.
    settings : MapSettings
        Of the measure; without a mask, maps are made where the template has grey matter.
    series_settings : SeriesSettings
    n_threads, max_memory : int, optional
        See `commissure.cfh`.
    progress : callable, optional
        Called with what is being done and the share of all the work that is done.

    Returns
    -------
    list of Path
        The pictures, one a scan.

    Raises
    ------
    InputError
        With every problem that was found.
    """
    check_outputs(out_dir, files=scans)
    n_threads = resolve_threads(n_threads)
    how = series_settings
    domain = _domain(scans[0], measure, settings, how)
    checked = _check(scans, domain, how, measure.stat)
    check_spaces((scan.space for scan in checked), settings, measure.stat)
    if settings.matched_df is not None or settings.waits:
        checked = _matched(checked, settings, how, measure.stat)
    report = progress or (lambda _what, _share: None)
    pictures: list[Path] = []
    problems: list[tuple[Path, str]] = []
    with placed(out_dir) as folder, tempfile.TemporaryDirectory(dir=folder) as spool:

        def write(scan: CleanSeries, maps: ScanMaps) -> None:
            about = {**asdict(settings), **asdict(how), "tr": scan.tr, "space": scan.space}
            picture = write_scan_maps(measure, scan, maps, domain, about, folder)
            pictures.append(out_dir / picture.name)

        on_disk: list[NDArray[Any]] = []
        for number, scan in enumerate(checked):
            report(scan.path.name, number / len(checked))
            try:
                _check_memory(scan, domain, max_memory)
                series = _series(scan, domain, how)
                usable_places(series, domain, n_threads)
                if settings.of_group:
                    on_disk.append(_keep_on_disk(series, Path(spool) / f"{number}.npy"))
                else:
                    write(scan, map_series(measure, scan, series, domain, settings, n_threads))
            except InputError as error:
                problems += [(scan.path, problem) for problem in error.problems]
        if problems:
            raise InputError(_listed(problems))
        if on_disk and measure.of_group is not None:
            report(f"{len(scans)} scans together", 0.5)
            of_group = measure.of_group(on_disk, domain, settings, n_threads, max_memory)
            for scan, maps in zip(checked, of_group, strict=True):
                write(scan, maps)
    return pictures


def _domain(scan: Path, measure: Measure, settings: MapSettings, how: SeriesSettings) -> Domain:
    if settings.mask is None:
        return study_domain(scan, how.space or entity(scan, "space"), settings, measure.stat)
    return Domain.from_mask(
        read_image(Path(settings.mask)),
        settings.midline_mm,
        threshold=how.mask_threshold,
        name=settings.mask,
    )


def _check(
    scans: list[Path], domain: Domain, settings: SeriesSettings, table: str
) -> list[CleanSeries]:
    """Check all that the headers tell, of all scans at once."""
    checked, problems = [], []
    for path in scans:
        try:
            img = load_image(path)
            if img.ndim != 4:
                msg = (
                    f"{path} has {img.ndim} dimensions; a scan has 4 (x, y, z, time). Give the "
                    "whole run as one file."
                )
                raise InputError(msg)
            if img.shape[3] < _LEAST_VOLUMES:
                msg = (
                    f"{path} has {img.shape[3]} volumes; correlations of fewer than "
                    f"{_LEAST_VOLUMES} have no standard error. Give longer series."
                )
                raise InputError(msg)
            check_same_grid(img, str(path), domain.grid, domain.name)
            tr = repetition_time(path, img) if settings.tr is None else settings.tr
            if settings.band is not None:
                if tr is None:
                    msg = (
                        f"{path} does not tell its repetition time, which [{table}] band "
                        f"needs. Give [input] tr, in seconds."
                    )
                    raise InputError(msg)
                pass_band(img.shape[3], tr, *settings.band, settings.band_padding)
            space = settings.space or entity(path, "space")
            checked.append(CleanSeries(path, img.shape[3], tr, space))
        except InputError as error:
            problems += [(path, problem) for problem in error.problems]
    by_name = [list(map(str, same)) for _, same in groupby(sorted(scans, key=_stem), key=_stem)]
    alike = [
        f"The maps of {', '.join(same)} would have the same name. Rename these scans "
        "(sub-01_..., sub-02_...) or run them one by one into different folders."
        for same in by_name
        if len(same) > 1
    ]
    if problems or alike:
        raise InputError([*_listed(problems), *alike])
    short = [scan for scan in checked if scan.n_volumes < _FEW_VOLUMES]
    if short:
        log.warning(
            "%s has %d volumes%s: a standard error of Fisher's z above 0.2. The highest of many "
            "such correlations is high by chance alone.",
            short[0].path.name,
            short[0].n_volumes,
            f", and {len(short) - 1} others are as short" if len(short) > 1 else "",
        )
    off_template = [scan.path.name for scan in checked if not has_midline(scan.space)]
    if off_template:
        log.warning(
            "%s: no template space is named (space- in the file name, or [input] space). In native "
            "space x = 0 is not the plane between the hemispheres, so left and right are only "
            "roughly those of the brain.",
            off_template[0] if len(off_template) == 1 else f"{len(off_template)} scans",
        )
    return checked


def _matched(
    scans: Sequence[CleanSeries], settings: MapSettings, how: SeriesSettings, table: str
) -> list[CleanSeries]:
    """Return scans with their degrees of freedom, of which there must be enough."""
    told = [replace(scan, effective_df=effective_df(scan.path)) for scan in scans]
    if settings.waits and all(scan.effective_df is not None for scan in told):
        least = min(scan.effective_df or 0 for scan in told)
        msg = f"[{table}] match needs match_df: these scans have {least:g} or more, for instance."
        raise InputError(msg)
    target = settings.matched_df or 0
    problems = [
        f"{scan.path} has no {EFFECTIVE_DF} in a sidecar beside it, which [{table}] match needs. "
        "Add it, or leave match out."
        if scan.effective_df is None
        else f"{scan.path} has {scan.effective_df:g} effective degrees of freedom, fewer than the "
        f"{target:g} of [{table}] match_df. Lower it, or leave the scan out."
        for scan in told
        if scan.effective_df is None or scan.effective_df < target
    ]
    if how.band is not None:
        problems.append(f"[{table}] band changes the degrees of freedom that match needs to know.")
    if problems:
        raise InputError(problems)
    return told


def _series(scan: CleanSeries, domain: Domain, settings: SeriesSettings) -> NDArray[np.float64]:
    series = sample_file(scan.path, domain)
    if settings.band is not None and scan.tr is not None:
        series = bandpass(series, scan.tr, *settings.band, settings.band_padding)
    return series


def _stem(path: Path) -> str:
    return derived_stem(path, "", "")


def _listed(problems: list[tuple[Path, str]]) -> list[str]:
    """Say once what is wrong with several scans alike."""
    scans: dict[str, list[str]] = {}
    for path, problem in problems:
        scans.setdefault(problem, []).append(str(path))
    return [
        problem if names[0] in problem else f"{', '.join(dict.fromkeys(names))}: {problem}"
        for problem, names in scans.items()
    ]


def _check_memory(scan: CleanSeries, domain: Domain, max_memory: int | None) -> None:
    """Raise if the scan cannot be handled in the memory allowed."""
    # The image as float64, the series as float64, and at most as much again packed.
    needed = 8 * scan.n_volumes * (int(np.prod(domain.grid.shape)) + 2 * domain.n_places)
    if max_memory is not None and needed > max_memory:
        msg = (
            f"{scan.path} needs about {needed / 1e6:,.1f} MB, more than the "
            f"{max_memory / 1e6:,.1f} MB of [execution] mem_gb. Allow more."
        )
        raise InputError(msg)


def _keep_on_disk(series: NDArray[Any], path: Path) -> NDArray[Any]:
    np.save(path, series)
    on_disk: NDArray[Any] = np.load(path, mmap_mode="r")
    return on_disk
