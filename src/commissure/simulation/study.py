"""A study whose truth is known, written as a BIDS dataset."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import commissure
from commissure.problems import InputError
from commissure.simulation.acquisition import Acquisition
from commissure.simulation.clean import N_TRIM, write_clean_participant, write_grey_mask
from commissure.simulation.effects import Effects
from commissure.simulation.files import ABOUT, write_json, write_table
from commissure.simulation.forward import forward_model
from commissure.simulation.group_truth import GroupTruth
from commissure.simulation.networks import Networks
from commissure.simulation.participants import COLUMNS
from commissure.simulation.people import Person, draw_people
from commissure.simulation.raw import TRUTH_FOLDER, write_raw_participant
from commissure.simulation.truth_files import write_group_truth
from commissure.space.templates import TEMPLATE_SPACE
from commissure.workspace.places import check_place, strangers

StudyKind = Literal["raw", "clean"]
# Scans a person, with so many threads.
ScanOne = Callable[[Person, int | None], None]
# Has people scanned, in any order, and gives the name of each that is done.
ScanAll = Callable[[ScanOne, Sequence[Person]], Iterable[str]]

_LEAST_VOLUMES = 40
_CONTENTS = {
    "raw": f"heads around the template {TEMPLATE_SPACE}, echo-planar runs with motion, slice "
    "timing, dropout, drift and noise",
    "clean": f"series of grey matter in {TEMPLATE_SPACE}, as preprocessing would leave them",
}


def simulate_study(
    out_bids: str | Path,
    n_patients: int,
    n_controls: int,
    seed: int,
    *,
    effects: Effects | None = None,
    kind: StudyKind = "raw",
    acquisition: Acquisition | None = None,
    resolution_mm: int = 3,
    n_threads: int | None = None,
    scan_all: ScanAll | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Path:
    """Write a study of synthetic participants, and its truth.

    Parameters
    ----------
    out_bids : path
        A new or empty folder.
    n_patients, n_controls : int
    seed : int
        The same seed gives the same bytes; a participant's scans do not depend on who else there
        is.
    effects : Effects, optional
        What is true of the groups.
    kind : {"raw", "clean"}
        T1w and BOLD as from a scanner; or clean series on the template's grid.
    acquisition : Acquisition, optional
        Sizes of the scans; as in the reference study by default.
    resolution_mm : {2, 3, 4, 6, 8}
        Of the grid of clean series and of the truth.
    n_threads : int, optional
        The result does not depend on it.
    scan_all : callable, optional
        Has people scanned at the same time; by default one is scanned after the other.
    progress : callable, optional
        Called with what is being done and the share of the work that is done.

    Returns
    -------
    Path
        The dataset. ``derivatives/truth`` in it holds maps of the groups' CFH with endless data
        and of their difference, ``truth.json`` (what was planted, and what became of it) and
        ``participants.tsv`` (what is true of each). For raw studies it holds also, for each
        participant, brain mask and tissue maps in the T1w's space, the displacement from the
        template to the T1w, and an ``.npz`` that `read_truth` reads.

    Raises
    ------
    InputError
        If the folder holds anything, or a number is out of range.
    """
    out = Path(out_bids)
    acquisition, effects = acquisition or Acquisition(), effects or Effects()
    problems = []
    if kind not in _CONTENTS:
        problems.append(f"kind must be 'raw' or 'clean'; it is {kind!r}.")
    if kind == "clean" and acquisition.n_volumes < _LEAST_VOLUMES:
        problems.append(
            f"n_volumes must be {_LEAST_VOLUMES} or more for clean series (the first {N_TRIM} are "
            f"dropped); it is {acquisition.n_volumes}."
        )
    if out.exists() and (not out.is_dir() or strangers(out)):
        problems.append(f"{out} exists and is not an empty folder. Give the name of a new one.")
    try:
        check_place(out)
        networks, people = draw_people(seed, n_patients, n_controls, effects)
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    _write_dataset(out, people, seed, kind)
    forward = forward_model(resolution_mm, anchored=effects.left_only)
    scan: ScanOne = partial(_scan_raw, out, networks, acquisition)
    if kind == "clean":
        write_grey_mask(out, forward)
        scan = partial(_scan_clean, out, resolution_mm, effects.left_only, acquisition)
    scan_all = scan_all or partial(_one_by_one, n_threads=n_threads)
    for number, who in enumerate(scan_all(scan, people), start=1):
        if progress:
            progress(who, number / (len(people) + 1))
    truth = GroupTruth.of(forward, effects, n_threads)
    write_group_truth(out / TRUTH_FOLDER, truth, people)
    return out


def _scan_raw(
    out: Path, networks: Networks, acquisition: Acquisition, person: Person, n_threads: int | None
) -> None:
    write_raw_participant(out, person, networks, acquisition, n_threads=n_threads)


def _scan_clean(
    out: Path,
    resolution_mm: int,
    anchored: bool,  # noqa: FBT001
    acquisition: Acquisition,
    person: Person,
    n_threads: int | None,
) -> None:
    forward = forward_model(resolution_mm, anchored=anchored)
    write_clean_participant(out, person, forward, acquisition, n_threads=n_threads)


def _one_by_one(scan: ScanOne, people: Sequence[Person], n_threads: int | None) -> Iterator[str]:
    for person in people:
        scan(person, n_threads)
        yield person.row["participant_id"]


def _write_dataset(out: Path, people: list[Person], seed: int, kind: StudyKind) -> None:
    (out / TRUTH_FOLDER).mkdir(parents=True)
    write_json(
        out / "dataset_description.json",
        {
            "Name": f"Simulated resting-state study, seed {seed}",
            "DatasetType": "raw" if kind == "raw" else "derivative",
            "Authors": ["commissure simulate"],
            **ABOUT,
        },
    )
    write_json(
        out / TRUTH_FOLDER / "dataset_description.json",
        {"Name": "Truth of the simulated study", "DatasetType": "derivative", **ABOUT},
    )
    (out / "README.md").write_text(
        f"# Simulated resting-state study\n\nNobody was scanned. Made by commissure "
        f"{commissure.__version__} with seed {seed}: {_CONTENTS[kind]}. What is true of the groups "
        f"and of each participant is in `{TRUTH_FOLDER.as_posix()}`.\n",
        encoding="utf-8",
    )
    write_table(out / "participants.tsv", [person.row for person in people])
    write_json(out / "participants.json", COLUMNS)
