"""The steps of a run, in their order: anatomy, clean series, maps, maps of other measures."""

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from commissure.files.bids_names import of_variant
from commissure.files.images import load_image
from commissure.inputs import Scan
from commissure.inputs.sidecars import EFFECTIVE_DF
from commissure.measures import Measure
from commissure.measures.measure import MapSettings, ScanMaps
from commissure.measures.names import measure_to_make
from commissure.preprocessing.anatomy import Anatomy
from commissure.preprocessing.recipe import Recipe
from commissure.problems import InputError
from commissure.records.runs import measured_to_json
from commissure.settings.tables import StudySettings
from commissure.space import Domain
from commissure.study.participant.clean import (
    clean_preprocessed_run,
    clean_run,
    measure_clean,
)
from commissure.study.participant.clean_files import own_folder, source_uri, write_anatomy
from commissure.study.participant.domain import mask_given, study_domain
from commissure.study.participant.handed import Handed
from commissure.study.participant.map_files import (
    CleanSeries,
    effective_df,
    map_series,
    write_own_map,
    write_scan_maps,
)
from commissure.study.step import Stamp, Step

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class RunWork:
    """A run that is worked on.

    Attributes
    ----------
    scan : Scan
    out_dir : Path
    named : Path
        What its clean series are called, relative to the output folder.
    anatomy : callable
        T1w and `Recipe.warp` -> what is found of it, as quickly as it can be had.
    anatomy_there : callable
        T1w images in a template's space and `Recipe.warp` -> what is found of their mean.
    handed : Handed
        Its clean series.
    n_threads : int, optional
    """

    scan: Scan
    out_dir: Path
    named: Path
    anatomy: Callable[[Path, str], Anatomy]
    anatomy_there: Callable[[tuple[Path, ...], str], Anatomy]
    handed: Handed
    n_threads: int | None = None

    @property
    def clean(self) -> Path:
        """Where its clean series lie, or will."""
        return clean_file(self.scan, self.named, self.out_dir)


@dataclass(frozen=True)
class AnatomySlice:
    """What the anatomy depends on: see `Recipe`."""

    warp: str
    resolution_mm: int


@dataclass(frozen=True)
class CleanSlice:
    """What clean series depend on: recipe, those of variants by their labels, and confounds."""

    recipe: Recipe
    variants: tuple[tuple[str, Recipe], ...]
    confounds: tuple[str, ...]


@dataclass(frozen=True)
class MapsSlice:
    """What maps depend on: the measure's label, its settings, and those of variants."""

    measure: str
    maps: MapSettings
    variants: tuple[tuple[str, MapSettings], ...]


@dataclass(frozen=True)
class BesideSlice:
    """What maps of the measures beside the main one depend on: their labels and settings."""

    measures: tuple[tuple[str, MapSettings], ...]


def _about_t1w(run: RunWork) -> tuple[str, Path] | None:
    return None if run.scan.t1w is None else (run.scan.t1w.name, run.scan.t1w)


def _about_run(run: RunWork) -> tuple[str, Path]:
    return run.scan.name, run.scan.bold


def _t1w_given(run: RunWork, _chosen: AnatomySlice, stamp: Stamp) -> list[Any]:
    return [stamp(run.scan.t1w)] if run.scan.t1w is not None else []


def _anatomy_slice(settings: StudySettings, _run: RunWork) -> AnatomySlice:
    return AnatomySlice(settings.preprocessing.warp, settings.preprocessing.resolution_mm)


def _make_anatomy(run: RunWork, chosen: AnatomySlice, folder: Path) -> dict[str, Any]:
    t1w = run.scan.t1w
    if t1w is not None:
        anatomy = run.anatomy(t1w, chosen.warp)
        write_anatomy(anatomy, t1w, chosen.resolution_mm, folder / own_folder(run.scan))
    return {}


def _clean_slice(settings: StudySettings, run: RunWork) -> CleanSlice | None:
    if run.scan.kind not in ("raw", "preprocessed"):
        return None
    return CleanSlice(
        settings.preprocessing,
        tuple((variant.label, variant.preprocessing) for variant in settings.variants),
        settings.input.confounds if run.scan.kind == "preprocessed" else (),
    )


def _clean_given(run: RunWork, _chosen: CleanSlice | None, stamp: Stamp) -> list[Any]:
    scan = run.scan
    files = [scan.bold, *(path for path in (scan.t1w, scan.mask, scan.confounds) if path)]
    files += scan.template_t1ws
    facts = [scan.kind, scan.space, scan.tr, scan.slice_times, scan.metadata, sorted(scan.done)]
    return [[stamp(path) for path in files], facts]


def _make_clean(run: RunWork, chosen: CleanSlice | None, folder: Path) -> dict[str, Any]:
    """Make a run clean, as far as it is not, and return what was measured."""
    scan = run.scan
    if chosen is None:
        return measured_to_json(measure_clean(scan))
    recipe, variants = chosen.recipe, dict(chosen.variants)
    if scan.kind == "raw":
        anatomy = None if scan.t1w is None else run.anatomy(scan.t1w, recipe.warp)
        measured = clean_run(
            scan, anatomy, recipe, folder, run.n_threads, variants=variants, handed=run.handed
        )
    else:
        t1ws = scan.template_t1ws
        measured = clean_preprocessed_run(
            scan,
            recipe,
            chosen.confounds,
            folder,
            run.n_threads,
            variants=variants,
            there=run.anatomy_there(t1ws, recipe.warp) if t1ws else None,
            handed=run.handed,
        )
    return measured_to_json(measured)


def _maps_slice(settings: StudySettings, run: RunWork) -> MapsSlice:
    variants = settings.variants if run.scan.kind != "clean" else ()
    return MapsSlice(settings.measure, settings.maps, tuple((v.label, v.maps) for v in variants))


def _maps_given(_run: RunWork, chosen: MapsSlice, stamp: Stamp) -> list[Any]:
    return [*mask_given(chosen.maps, stamp)]


def _make_maps(run: RunWork, chosen: MapsSlice, folder: Path) -> dict[str, Any]:
    """Map a clean run, and the series of its variants, if they are those that were written."""
    others = {label: of_variant(run.clean, label) for label, _ in chosen.variants}
    run.handed.check(
        {"": run.clean, **{label: path for label, path in others.items() if path.is_file()}}
    )
    about = clean_series(run.scan, run.named, run.out_dir)
    measure = measure_to_make(chosen.measure)
    maps, domain = _map_run(run, about, measure, chosen.maps, folder)
    for label, settings in chosen.variants:
        series = run.handed.sample(others[label], domain, label)
        of = replace(
            about,
            path=others[label],
            source=f"bids::{others[label].relative_to(run.out_dir).as_posix()}",
            name=others[label].name,
            n_volumes=series.shape[1],
            effective_df=effective_df(others[label]),
        )
        made = map_series(measure, of, series, domain, settings, run.n_threads)
        func = folder / own_folder(run.scan) / "func"
        write_own_map(measure, of, made, domain, asdict(settings), func)
    return {"n_left_out": int(np.isnan(maps.values[measure.stat]).sum())}


def _map_run(
    run: RunWork, about: CleanSeries, measure: Measure, settings: MapSettings, folder: Path
) -> tuple[ScanMaps, Domain]:
    """Make and write a measure's maps of a run, and return them with their places."""
    domain = study_domain(run.clean, about.space, settings, measure.stat)
    series = run.handed.sample(run.clean, domain)
    maps = map_series(measure, about, series, domain, settings, run.n_threads)
    write_study_maps(measure, run.scan, about, maps, domain, asdict(settings), folder)
    return maps, domain


def _beside_slice(settings: StudySettings, _run: RunWork) -> BesideSlice:
    return BesideSlice(tuple(settings.beside.items()))


def _beside_given(_run: RunWork, chosen: BesideSlice, stamp: Stamp) -> list[Any]:
    return [mask_given(maps, stamp) for _, maps in chosen.measures]


def _make_beside(run: RunWork, chosen: BesideSlice, folder: Path) -> dict[str, Any]:
    """Map a clean run by the measures beside the main one, and return why some cannot be."""
    run.handed.check({"": run.clean} if chosen.measures else {})
    problems: list[str] = []
    for label, settings in chosen.measures:
        about = clean_series(run.scan, run.named, run.out_dir)
        measure = measure_to_make(label)
        try:
            _map_run(run, about, measure, settings, folder)
        except InputError as error:
            problems += [f"{about.path} has no map of {measure.name}: {p}" for p in error.problems]
    for problem in problems:
        log.error("%s", problem)
    return {"problems": problems}


def write_study_maps(
    measure: Measure,
    scan: Scan,
    about: CleanSeries,
    maps: ScanMaps,
    domain: Domain,
    settings: dict[str, Any],
    folder: Path,
) -> None:
    """Write a run's maps and their picture where they belong in a study."""
    func, figures = (folder / own_folder(scan) / name for name in ("func", "figures"))
    for place in (func, figures):
        place.mkdir(parents=True, exist_ok=True)
    write_scan_maps(measure, about, maps, domain, settings, func, figures)


def clean_series(scan: Scan, named: Path, out_dir: Path) -> CleanSeries:
    """Return what the sidecars of a clean run's maps say of it; see `RunWork`."""
    path = clean_file(scan, named, out_dir)
    source = f"bids::{named.as_posix()}" if scan.kind != "clean" else source_uri(path)
    n_volumes = load_image(path).shape[3]
    df = scan.metadata.get(EFFECTIVE_DF) if scan.kind == "clean" else effective_df(path)
    return CleanSeries(path, n_volumes, scan.tr, scan.clean_space, source, named.name, df)


def clean_file(scan: Scan, named: Path, out_dir: Path) -> Path:
    """Return where a run's clean series lie; see `RunWork`."""
    return scan.bold if scan.kind in ("clean", "map") else out_dir / named


ANATOMY = Step("anatomy", _about_t1w, _anatomy_slice, _t1w_given, _make_anatomy)
CLEAN = Step("clean", _about_run, _clean_slice, _clean_given, _make_clean)
MAPS = Step("maps", _about_run, _maps_slice, _maps_given, _make_maps)
# By itself, so that the main maps stay as they are when another measure is added or fails; there
# without any, too, so that maps of one that is taken away go.
BESIDE = Step("beside", _about_run, _beside_slice, _beside_given, _make_beside)

# What is done of each run; maps that depend on the other scans are left to the group stage.
CLEANING: tuple[Step[RunWork, Any], ...] = (ANATOMY, CLEAN)
PARTICIPANT: tuple[Step[RunWork, Any], ...] = (*CLEANING, MAPS, BESIDE)
