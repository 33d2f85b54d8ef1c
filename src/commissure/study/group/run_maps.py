"""The maps of runs, as the group stage takes them: one a scan, or a scan and variant."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from commissure.files.bids_names import of_variant
from commissure.files.text import write_json
from commissure.measures.names import measure_of_files
from commissure.problems import InputError
from commissure.space import Domain
from commissure.study.group.compared import Judged
from commissure.study.group.maps import mean_of_runs, sample_map
from commissure.study.participant.clean_files import own_folder
from commissure.workspace.ledger import Ledger


def maps_of(runs: Iterable[Judged]) -> list[Path]:
    """Return the maps of runs, as far as there are any."""
    return [run.result.map for run in runs if run.result.map is not None]


def verify_maps(runs: Iterable[Judged], variants: Sequence[str]) -> None:
    """Raise if a map that is about to be read is not the one that was written."""
    problems: list[str] = []
    for run in runs:
        job = run.result.job
        files = [*maps_of([run]), *(path for one in variants for path in _of_variant([run], one))]
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
            found[label] = np.stack(
                [mean_of_runs(np.stack([sample_map(p, domain) for p in paths])) for paths in files]
            )
    return found


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
    mean = mean_of_runs(np.stack([sample_map(path, mask) for path in maps]))
    stem = "_".join(p for p in maps[0].name.split("_") if not p.startswith("run-"))
    stem = stem.replace("_boldmap.nii.gz", "").replace("_desc-clean", "")
    where = folder / own_folder(runs[0].result.scan) / "func"
    where.mkdir(parents=True, exist_ok=True)
    path = where / f"{stem}_desc-meanOfRuns_boldmap.nii.gz"
    nib.save(mask.to_image(mean.astype(np.float32)), path)
    about = {
        "Description": f"Mean of the {of.maps} of a session's runs.",
        "Sources": [name_of(file, folder, out_dir) for file in maps],
        "Mask": mask.name,
        "Notes": [
            (
                "A place has a mean where every run has a value (finite and not 0), so that all "
                "means are of as many runs. In the mask, other places are NaN; outside it, 0."
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
