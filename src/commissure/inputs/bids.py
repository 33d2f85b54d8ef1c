"""Raw BIDS datasets."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from commissure.inputs.bids_files import BidsDataset, BidsFile
from commissure.inputs.scan import (
    Scan,
    geometry_problems,
    load_header,
    slice_timing_problems,
    timing_problems,
    volume_problems,
)
from commissure.inputs.selection import Selection, bare
from commissure.problems import InputError

_LOG = logging.getLogger(__name__)

# z is how it was written before BIDS 1.0.
_THIRD_AXIS = ("k", "k-", "z", "z-")


def read_bids(
    bids_dir: str | Path,
    *,
    participant_labels: Iterable[str] | None = None,
    task: str | None = None,
    sessions: Iterable[str] | None = None,
    runs: Iterable[str] | None = None,
    echo: str | None = None,
    acquisition: str | None = None,
    n_trim: int = 0,
    slice_timing: bool = True,
) -> list[Scan]:
    """Find the BOLD runs of a raw BIDS dataset and check that they can be processed.

    Only headers and sidecars are read; `check_image` reads the data.

    Parameters
    ----------
    bids_dir : path
    participant_labels, sessions, runs : iterable of str, optional
        Which to take, with or without "sub-", "ses-", "run-"; all by default.
    task : str, optional
        Which to take; all by default.
    echo : str, optional
        Which echo of multi-echo runs to take.
    acquisition : str, optional
        Which to take ("acq-"); all by default.
    n_trim : int
        Volumes that will be dropped; a run must have more.
    slice_timing : bool
        Whether slice times are wanted. If so, a run without them is a problem; if not, they are
        neither read nor checked.

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
    if not existing:
        msg = f"{root} has no folder named sub-..., so it is no raw BIDS dataset."
        raise InputError(msg)
    wished = Selection(
        participant_labels=None if participant_labels is None else tuple(participant_labels),
        sessions=None if sessions is None else tuple(sessions),
        runs=None if runs is None else tuple(runs),
        task=task,
        echo=echo,
        acquisition=acquisition,
    )
    wanted, problems = wished.participants(existing, root)
    scans: list[Scan] = []
    n_found = 0
    for name in wanted:
        bolds, t1ws, name_problems = _files(dataset, existing[name])
        problems += name_problems
        if any("space" in f.entities or "desc" in f.entities for f in bolds):
            problems.append(
                f"{root} has derived images (space-, desc-) among its runs: it is no raw dataset. "
                "Read it as one of fMRIPrep's kind, or move them to derivatives/."
            )
        bolds = [f for f in bolds if wished.takes(f.entities)]
        bolds, echo_problems = _choose_echo(bolds, echo)
        problems += echo_problems
        n_found += len(bolds) + len(echo_problems)
        if not bolds and not echo_problems:
            lacking = f"{existing[name]} has no BOLD run that matches"
            if participant_labels is not None:
                problems.append(f"{lacking} {wished}. Leave the participant out, or ask for less.")
            else:
                _LOG.warning("%s %s: left out.", lacking, wished)
        for bold in bolds:
            try:
                scans.append(_scan(dataset, bold, t1ws, n_trim, slice_timing))
            except InputError as error:
                problems += error.problems
    if not n_found and not problems:
        problems.append(
            f"{root} has no BOLD run (sub-*/[ses-*/]func/*_bold.nii.gz) that matches {wished}."
        )
    problems += dataset.json_problems
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
    return (
        [file for file in magnitude if not file.problems],
        [file for file in t1ws if not file.problems],
        problems,
    )


def _choose_echo(bolds: Sequence[BidsFile], echo: str | None) -> tuple[list[BidsFile], list[str]]:
    """Return one file for each run, and the runs for which several echoes leave a choice."""
    groups: dict[str, list[BidsFile]] = {}
    for bold in bolds:
        groups.setdefault(bold.without(["echo"]), []).append(bold)
    chosen, problems = [], []
    for group in groups.values():
        matching = group
        echoes = [file.entities.get("echo") for file in group]
        if any(echoes) and echo is not None:
            asked = bare("echo", echo)
            matching = [f for f in group if bare("echo", f.entities.get("echo", "")) == asked]
        if len(matching) == 1:
            chosen += matching
        elif any(echoes):
            problems.append(
                f"{group[0].path} is one of several echoes ({', '.join(map(str, echoes))}). "
                "Choose one of them (echo), or combine them first (for example with tedana)."
            )
        else:
            problems.append(f"{group[0].path} is there twice, as .nii and .nii.gz. Remove one.")
    return chosen, problems


def _scan(
    dataset: BidsDataset,
    bold: BidsFile,
    t1ws: Sequence[BidsFile],
    n_trim: int,
    slice_timing: bool,  # noqa: FBT001
) -> Scan:
    """Make the `Scan` of a file.

    Raises
    ------
    InputError
        With all that is wrong with it.
    """
    metadata = dataset.metadata(bold)
    t1w, warnings = _t1w_of(bold, t1ws)
    problems: list[str] = []
    if t1w is not None:
        try:
            problems += geometry_problems(t1w.path, load_header(t1w.path))
        except InputError as error:
            problems += error.problems
    try:
        img = load_header(bold.path)
    except InputError as error:
        raise InputError([*problems, *error.problems]) from error
    problems += geometry_problems(bold.path, img)
    problems += volume_problems(bold.path, img, n_trim)
    if img.ndim != 4:
        raise InputError(problems)
    tr = metadata.get("RepetitionTime")
    tr_problems = timing_problems(bold.path, img, tr)
    if tr is None and metadata.get("VolumeTiming"):
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
    )


def _t1w_of(bold: BidsFile, t1ws: Sequence[BidsFile]) -> tuple[BidsFile | None, list[str]]:
    """Choose a T1w: of the run's session, else of the participant's first session that has one."""
    if not t1ws:
        return None, [f"{bold.path} has no T1w: it will be registered without one."]
    session = bold.entities.get("ses")
    own = [file for file in t1ws if file.entities.get("ses") == session]
    chosen = (own or t1ws)[0]
    warnings = []
    if not own:
        warnings.append(f"{bold.path} has no T1w in its session: {chosen.path.name} is taken.")
    elif len(own) > 1:
        warnings.append(f"{bold.path} has {len(own)} T1w: {chosen.path.name} is taken.")
    return chosen, warnings
