"""The maps of runs, as the group stage takes them: one a scan, or a scan and variant."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from commissure.files.bids_names import of_variant
from commissure.files.images import sample_file
from commissure.files.stores import store
from commissure.files.text import write_json
from commissure.measures.measure import MapSettings
from commissure.measures.names import measure_of_files
from commissure.problems import InputError
from commissure.space import Domain
from commissure.study.group.compared import Judged
from commissure.study.group.maps import (
    GroupMaps,
    mean_of_runs,
    sample_map,
    where_all_have_data,
)
from commissure.study.group.partners import PartnersAt
from commissure.study.participant.clean_files import own_folder
from commissure.study.participant.domain import study_domain
from commissure.workspace.ledger import Ledger


def maps_of(runs: Iterable[Judged]) -> list[Path]:
    """Return the maps of runs, as far as there are any."""
    return [run.result.map for run in runs if run.result.map is not None]


def lengths_of(runs: Iterable[Judged]) -> list[int | None]:
    """Return how many volumes runs that have a map have, None where that is not known."""
    return [run.verdict.measured.n_volumes for run in runs if run.result.map is not None]


def verify_maps(
    runs: Iterable[Judged], variants: Sequence[str], measure: str, others: Iterable[str] = ()
) -> None:
    """Raise if a map that is about to be read is not the one that was written.

    Parameters
    ----------
    runs : iterable of Judged
    variants : sequence of str
        Their labels.
    measure : str
        Label of the main measure.
    others : iterable of str
        Labels of the measures beside it.
    """
    stats = (f"{measure}floor", f"{measure}partner", *others)
    problems: list[str] = []
    for run in runs:
        job = run.result.job
        files = [*maps_of([run]), *(path for one in variants for path in _of_variant([run], one))]
        beside = [path for stat in stats for path in _beside([run], measure, stat)]
        files += [path for path in beside if path is not None]
        try:
            Ledger(job.out_dir, job.participant_id).verify(files)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)


def maps_of_variants(
    scans: Sequence[Sequence[Judged]], domain: Domain, variants: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """Return the maps that variants made (n_scans, n_places), of those where everyone has one."""
    found = {}
    for label in variants:
        files = [_of_variant(runs, label) for runs in scans]
        if all(len(of) == len(maps_of(runs)) for of, runs in zip(files, scans, strict=True)):
            found[label] = _means(files, scans, domain)
    return found


def maps_beside(
    scans: Sequence[Sequence[Judged]],
    people: pd.DataFrame,
    main: str,
    label: str,
    settings: MapSettings,
) -> GroupMaps:
    """Read the maps of a measure beside the main one, a scan a row of the people.

    Parameters
    ----------
    scans : sequence of sequence of Judged
        The runs of each scan.
    people : DataFrame
    main, label : str
        Of the main measure and of this one.
    settings : MapSettings
        Of this one.

    Raises
    ------
    InputError
        If not everyone has such a map, or there is no place where all have a value.
    """
    files = [_beside(runs, main, label) for runs in scans]
    without = [
        path.name
        for of, runs in zip(files, scans, strict=True)
        for found, path in zip(of, maps_of(runs), strict=True)
        if found is None
    ]
    if without:
        msg = (
            f"there is none of {without[0]}"
            f"{f' and {len(without) - 1} others' if len(without) > 1 else ''}"
        )
        raise InputError(msg)
    known = [[path for path in of if path is not None] for of in files]
    space = scans[0][0].result.scan.clean_space
    domain = study_domain(known[0][0], space, settings, label)
    sources = tuple(str(of[0]) for of in known)
    return where_all_have_data(_means(known, scans, domain), sources, people, domain)


def _means(
    files: Sequence[Sequence[Path]], scans: Sequence[Sequence[Judged]], domain: Domain
) -> NDArray[np.float64]:
    """Return the mean map of each scan's runs (n_scans, n_places)."""
    means = store((len(scans), domain.n_places))
    for scan, (paths, runs) in enumerate(zip(files, scans, strict=True)):
        of_runs = np.stack([sample_map(path, domain) for path in paths])
        means[scan] = mean_of_runs(of_runs, lengths_of(runs))
    return means


def qualities_of(
    scans: Sequence[Sequence[Judged]], domain: Domain, measure: str
) -> dict[str, NDArray[np.float64]]:
    """Return effective degrees of freedom and noise floor of scans, means over runs as the maps'.

    Parameters
    ----------
    scans : sequence of sequence of Judged
        The runs of each scan.
    domain : Domain
        Over which the noise floor is averaged.
    measure : str
        Label of the maps.

    Returns
    -------
    dict of str to ndarray of shape (n_scans,)
        ``effective_df`` and ``noise_floor``; NaN where they are not known of every run.
    """

    def floor_of(path: Path | None) -> float:
        return np.nan if path is None else float(np.nanmean(sample_map(path, domain)))

    def mean(values: Sequence[float | None], runs: Sequence[Judged]) -> float:
        of_runs = np.array(values, np.float64)[:, None]  # None is NaN
        return float(mean_of_runs(of_runs, lengths_of(runs))[0])

    df = [[run.verdict.measured.effective_df for run in runs] for runs in scans]
    floors = [
        [floor_of(path) for path in _beside(runs, measure, f"{measure}floor")] for runs in scans
    ]
    found: dict[str, Sequence[Sequence[float | None]]]
    found = {"effective_df": df, "noise_floor": floors}
    return {
        name: np.array([mean(*both) for both in zip(values, scans, strict=True)])
        for name, values in found.items()
    }


def partner_distance(
    scans: Sequence[Sequence[Judged]], domain: Domain, measure: str
) -> NDArray[np.float64] | None:
    """Return each place's distance from its partner (mm, n_places), the mean over all runs.

    None where a measure has no partners, or not every run says where they are.
    """
    paths = [path for runs in scans for path in _beside(runs, measure, f"{measure}partner")]
    total = np.zeros(domain.n_places)
    for path in paths:
        if path is None:
            return None
        total += np.linalg.norm(sample_file(path, domain) - domain.coordinates, axis=1)
    return total / len(paths)


def partners_reader(
    scans: Sequence[Sequence[Judged]], domain: Domain, measure: str
) -> PartnersAt | None:
    """Return what reads the positions of places' partners in each scan, means over its runs.

    None where a measure has no partners, or not every run says where they are.
    """
    paths = [_beside(runs, measure, f"{measure}partner") for runs in scans]
    known = [[path for path in of if path is not None] for of in paths]
    if any(len(some) < len(of) or not of for some, of in zip(known, paths, strict=True)):
        return None

    def partners_at(places: NDArray[np.intp]) -> NDArray[np.float64]:
        return np.stack(
            [
                np.mean([np.asarray(sample_file(p, domain), float)[places] for p in of], axis=0)
                for of in known
            ]
        )

    return partners_at


def _beside(runs: Iterable[Judged], measure: str, stat: str) -> list[Path | None]:
    """Return another map of each run, such as its noise floor; None where there is none."""
    own, other = f"_stat-{measure}_", f"_stat-{stat}_"
    paths = [path.with_name(path.name.replace(own, other)) for path in maps_of(runs)]
    return [path if other in path.name and path.is_file() else None for path in paths]


def _of_variant(runs: Iterable[Judged], label: str) -> list[Path]:
    """Return the maps that a variant made of runs, of those that it made any of."""
    maps = maps_of(runs)
    others = [of_variant(path, label) for path in maps]
    return [path for path in others if path.is_file() and path not in maps]


def map_of_scan(runs: Sequence[Judged], mask: Domain, folder: Path, out_dir: Path) -> Path:
    """Return the map of a participant: of the one run, or the mean of several, then written.

    Parameters
    ----------
    runs : sequence of Judged
        Of a participant and session.
    mask : Domain
    folder : Path
        Where the mean is written.
    out_dir : Path
        Of the study, in which the runs' maps lie.
    """
    maps = maps_of(runs)
    if len(maps) == 1:
        return maps[0]
    of = measure_of_files(path.name for path in maps)
    lengths = lengths_of(runs)
    mean = mean_of_runs(np.stack([sample_map(path, mask) for path in maps]), lengths)
    stem = "_".join(p for p in maps[0].name.split("_") if not p.startswith("run-"))
    stem = stem.replace("_boldmap.nii.gz", "").replace("_desc-clean", "")
    where = folder / own_folder(runs[0].result.scan) / "func"
    where.mkdir(parents=True, exist_ok=True)
    path = where / f"{stem}_desc-meanOfRuns_boldmap.nii.gz"
    nib.save(mask.to_image(mean.astype(np.float32)), path)
    about = {
        "Description": f"Mean of the {of.maps} of a session's runs.",
        "Sources": [name_of(file, folder, out_dir) for file in maps],
        "VolumesOfSources": lengths,
        "Mask": mask.name,
        "Notes": [
            (
                "A place has a mean where every run has a value (finite and not 0), so that all "
                "means are of as many runs. Where runs differ in length, each counts as much as it "
                "has volumes. In the mask, other places are NaN; outside it, 0."
            )
        ],
    }
    write_json(path.with_name(path.name.replace(".nii.gz", ".json")), about)
    return path


def name_of(file: Path, folder: Path, out_dir: Path) -> str:
    """Return what a map is called in tables: a BIDS URI where it is part of the study."""
    for root in (folder, out_dir):
        if file.is_relative_to(root):
            return f"bids::{file.relative_to(root).as_posix()}"
    return str(file)
