"""Raw BIDS datasets."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from commissure.files.image_timing import asked_tr, timing_problems
from commissure.files.images import load_image
from commissure.inputs.axes import choose
from commissure.inputs.bids_files import BidsDataset, BidsFile
from commissure.inputs.scan import (
    Scan,
    slice_timing_problems,
    volume_problems,
)
from commissure.inputs.selection import Selection, listed
from commissure.inputs.sidecars import discarded, usable
from commissure.inputs.t1w import choose_t1w
from commissure.problems import InputError

_LOG = logging.getLogger(__name__)

# z is how it was written before BIDS 1.0.
_THIRD_AXIS = ("k", "k-", "z", "z-")


def read_bids(
    bids_dir: str | Path,
    selection: Selection | None = None,
    *,
    n_trim: int = 0,
    slice_timing: bool = True,
    tr: float | None = None,
) -> list[Scan]:
    """Find the BOLD runs of a raw BIDS dataset and check that they can be processed.

    Only headers and sidecars are read; `read_volumes` reads the data.

    Parameters
    ----------
    bids_dir : path
    selection : Selection, optional
    n_trim : int
        Volumes that will be dropped; a run must have more.
    slice_timing : bool
        Whether slice times are wanted. If so, a run without them is a problem; if not, they are
        neither read nor checked.
    tr : float, optional
        Seconds, whatever sidecars and headers say.

    Returns
    -------
    list of Scan
        Sorted by file name. A participant without a matching run, unless asked for, is logged as
        a warning.

    Raises
    ------
    InputError
        With all the problems of the dataset.
    """
    root = Path(bids_dir)
    dataset = BidsDataset(root)
    existing = dataset.participants()
    selection = selection or Selection()
    wanted, problems = selection.participants(existing, root)
    found: list[BidsFile] = []
    anatomies: dict[str, list[BidsFile]] = {}
    for name in wanted:
        bolds, anatomies[name], name_problems = _files(dataset, existing[name])
        found += bolds
        problems += name_problems
    if any(not file.entities.keys().isdisjoint(("space", "desc")) for file in found):
        found = [file for file in found if file.entities.keys().isdisjoint(("space", "desc"))]
        problems.append(
            f"{root} has derived images (space-, desc-) among its runs: it is no raw dataset. "
            "Read it as one of fMRIPrep's kind, or move them to derivatives/."
        )
    chosen = choose([file.entities for file in found], selection, wanted, root)
    taken = [found[place] for place in chosen.places]
    problems += [*chosen.problems, *_twice(taken)]
    notes = (*chosen.notes, *_field_maps(dataset, {f"sub-{f.entities['sub']}" for f in taken}))
    scans: list[Scan] = []
    for bold in taken:
        t1ws = anatomies[f"sub-{bold.entities['sub']}"]
        try:
            scan = _scan(dataset, bold, t1ws, n_trim, slice_timing, selection.t1w, tr)
            scans.append(replace(scan, notes=notes))
        except InputError as error:
            problems += error.problems
    if not taken and not problems:
        problems.append(
            f"{root} has no BOLD run (sub-*/[ses-*/]func/*_bold.nii.gz) that matches {selection}."
        )
    if problems:
        raise InputError(dict.fromkeys(problems))
    return scans


def _files(dataset: BidsDataset, subject: Path) -> tuple[list[BidsFile], list[BidsFile], list[str]]:
    """Return a participant's BOLD (magnitude) and T1w images, and what is wrong with names."""
    bolds, t1ws = (
        [
            file
            for place in dataset.places(subject)
            for file in dataset.images(subject, place, kind, suffix)
        ]
        for kind, suffix in (("func", "bold"), ("anat", "T1w"))
    )
    problems = [problem for file in (*bolds, *t1ws) for problem in file.problems]
    magnitude = [f for f in bolds if f.entities.get("part", "mag") == "mag"]
    if bolds and not magnitude:
        problems.append(
            f"{bolds[0].path} and all other runs of {subject.name} are no magnitude images "
            "(part-mag), which are needed. Copy these, or .bidsignore the participant."
        )
    return (
        [file for file in magnitude if not file.problems],
        [file for file in t1ws if not file.problems],
        problems,
    )


def _field_maps(dataset: BidsDataset, people: Iterable[str]) -> list[str]:
    """Say that field maps are there and not used."""
    existing = dataset.participants()
    having = [
        name
        for name in sorted(people)
        if any(dataset.contents(place / "fmap") for place in dataset.places(existing[name]))
    ]
    if not having:
        return []
    note = (
        f"{dataset.root} has field maps (fmap/) of {listed(having)}, which are not used: the "
        "distortion of BOLD images is corrected only as far as the T1w shows it. Where that is not "
        "enough, preprocess with fMRIPrep and start from its output."
    )
    _LOG.warning("%s", note)
    return [note]


def _twice(bolds: Iterable[BidsFile]) -> list[str]:
    groups: dict[str, list[BidsFile]] = {}
    for bold in bolds:
        groups.setdefault(bold.without([]), []).append(bold)
    return [
        f"{alike[0].path} is there twice, as .nii and .nii.gz. Remove one."
        for alike in groups.values()
        if len(alike) > 1
    ]


def _scan(
    dataset: BidsDataset,
    bold: BidsFile,
    t1ws: Sequence[BidsFile],
    n_trim: int,
    slice_timing: bool,  # noqa: FBT001
    t1w_asked: str | None,
    tr_asked: float | None,
) -> Scan:
    """Make the `Scan` of a file.

    Raises
    ------
    InputError
        With all that is wrong with it.
    """
    metadata, problems, warnings = usable(bold.path, dataset.metadata(bold))
    t1w = None
    try:
        t1w, t1w_warnings = choose_t1w(bold, t1ws, t1w_asked)
        warnings += t1w_warnings
    except InputError as error:
        problems += error.problems
    try:
        img = load_image(bold.path)
    except InputError as error:
        raise InputError([*problems, *error.problems]) from error
    n_discarded, said = discarded(bold.path, metadata, n_trim)
    warnings += said
    problems += volume_problems(bold.path, img, max(n_trim - n_discarded, 0))
    if img.ndim != 4:
        raise InputError(problems)
    told = tr = metadata.get("RepetitionTime")
    if tr_asked is None:
        tr_problems = timing_problems(bold.path, img, tr)
    else:
        tr, tr_problems, said = asked_tr(bold.path, img, told, tr_asked)
        warnings += said
    if told is None and metadata.get("VolumeTiming") is not None:
        tr_problems = [
            (
                f"{bold.path} was acquired with gaps (VolumeTiming in place of RepetitionTime): it "
                "cannot be filtered. Leave it out."
            )
        ]
    problems += tr_problems
    times = metadata.get("SliceTiming") if slice_timing else None
    direction = metadata.get("SliceEncodingDirection", "k")
    if slice_timing and times is None:
        problems.append(
            f"{bold.path} has no SliceTiming in any JSON sidecar. Write the time of each slice "
            "there, in seconds, or skip slice timing correction."
        )
    elif slice_timing and direction not in _THIRD_AXIS:
        problems.append(
            f"{bold.path}: SliceEncodingDirection is {direction!r}; only slices along the third "
            'axis ("k", "k-") can be timed. Reorder the axes, or skip slice timing correction.'
        )
    elif slice_timing and not tr_problems:
        problems += slice_timing_problems(bold.path, times, img.shape[2], float(tr or 0))
    if problems:
        raise InputError(problems)
    if times is not None and direction.endswith("-"):
        times = times[::-1]
    return Scan(
        participant_id=f"sub-{bold.entities['sub']}",
        session=bold.entities.get("ses"),
        task=bold.entities.get("task"),
        run=bold.entities.get("run"),
        bold=bold.path,
        t1w=None if t1w is None else t1w.path,
        tr=float(tr or 0),
        slice_times=None if times is None else tuple(map(float, times)),
        metadata=metadata,
        warnings=tuple(warnings),
        n_discarded=n_discarded,
    )
