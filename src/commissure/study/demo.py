"""The whole story on a small simulated study: from raw scans to findings, beside the truth."""

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from commissure.executors import Executor, OnEvent
from commissure.files.text import as_meant
from commissure.inputs import read_scans
from commissure.settings.reading import read_settings
from commissure.simulation import Acquisition, Effects, simulate_study
from commissure.simulation.raw import TRUTH_FOLDER
from commissure.study.outcome import StudyOutcome
from commissure.study.plan import StudyPlan
from commissure.study.run import run_study
from commissure.study.scanning import scan_by
from commissure.workspace.paths import is_made, make_folder, remove_folder
from commissure.workspace.places import check_place, refuse_strangers

N_PATIENTS = N_CONTROLS = 10
# The first whose groups really differ by as much as was planted (within 5 %) in both regions.
SEED = 1
EFFECT = 4.0
# A long repetition time: as many degrees of freedom with fewer volumes.
ACQUISITION = Acquisition(
    n_volumes=160, tr=3.0, matrix=(40, 40, 24), voxel_size=(6.0, 6.0, 6.0), t1w_voxel_size=3.0
)
# Beyond this (mm), a cluster is not that of a planted region: smoothing and coarse voxels count.
NEAR_MM = 20.0


@dataclass(frozen=True)
class Planted:
    """A region whose CFH is higher in patients, and what was found of it.

    Attributes
    ----------
    name : str
    peak_mm : tuple of float
        Of the true difference.
    found : Series or None
        The row of clusters.tsv that is near it, significant or not.
    distance_mm : float or None
        Of the peaks.
    p : float or None
        Corrected, by the statistic that the study asks for.
    """

    name: str
    peak_mm: tuple[float, ...]
    found: pd.Series | None
    distance_mm: float | None
    p: float | None


def run_demo(
    folder: Path, executor: Executor, *, on_event: OnEvent | None = None
) -> tuple[StudyOutcome, list[Planted]]:
    """Simulate a study, run it, and look for what was planted.

    Parameters
    ----------
    folder : Path
        New or empty, or that of a demo that was stopped: it goes on.
    executor : Executor
    on_event : callable, optional
        See `run_study`.

    Raises
    ------
    InputError
        If the folder holds anything else.
    """
    bids, out = folder / "bids", folder / "results"
    tell = on_event or (lambda _who, _what, _share: None)
    check_place(folder)
    if not is_made(bids):
        part = folder / "bids-part"
        if not is_made(part):
            refuse_strangers(folder)
        remove_folder(part)
        make_folder(part)
        simulate_study(
            part,
            N_PATIENTS,
            N_CONTROLS,
            SEED,
            effects=Effects(effect=EFFECT),
            acquisition=ACQUISITION,
            resolution_mm=6,
            scan_all=scan_by(executor),
            progress=lambda who, share: tell("simulation", f"of {who}", share),
        )
        part.rename(bids)
    tell("simulation", "done", 1.0)
    file = resources.files("commissure.study").joinpath("data", "demo.toml")
    with resources.as_file(file) as path:
        settings = read_settings("recommended", path)
    scans = read_scans(bids, "bids", n_trim=settings.preprocessing.n_trim)
    participants = bids / "participants.tsv"
    study = StudyPlan(bids, out, folder / "work", settings, tuple(scans), participants)
    outcome = run_study(study, "all", executor, on_event=on_event)
    truth, clusters = bids / TRUTH_FOLDER / "truth.json", out / "group" / "clusters.tsv"
    return outcome, planted_and_found(truth, clusters, settings.group.criterion)


def planted_and_found(truth: Path, clusters: Path, statistic: str) -> list[Planted]:
    """Return for each planted region the nearest cluster of higher CFH in patients."""
    regions = json.loads(truth.read_text(encoding="utf-8"))["Regions"]
    found = pd.DataFrame()
    if clusters.exists():
        found = as_meant(pd.read_csv(clusters, sep="\t"))
        # Sub-peaks have no voxels of their own.
        found = found[found["voxels"].notna() & (found["peak_t"] > 0)]
    planted = []
    for region in regions:
        peak = tuple(region["peak_mm"])
        near, distance, p = None, None, None
        if len(found):
            apart = np.linalg.norm(found[["x", "y", "z"]].to_numpy(float) - peak, axis=1)
            nearest = int(apart.argmin())
            if apart[nearest] <= NEAR_MM:
                near, distance = found.iloc[nearest], float(apart[nearest])
                p = float(near[f"p_corr_{statistic}"])
        planted.append(Planted(region["name"], peak, near, distance, p))
    return planted
