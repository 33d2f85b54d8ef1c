"""Working folders of DPABI and DPARSF: their time series."""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from commissure.files.bids_names import IMAGE_EXTENSIONS, split_extension
from commissure.files.image_timing import LONGEST_TR, derived_tr
from commissure.files.images import load_image
from commissure.files.labels import label_problem
from commissure.files.text import read_text
from commissure.inputs.confounds_tables import read_numbers
from commissure.inputs.folders import listing, subfolders
from commissure.inputs.scan import (
    CleaningStep,
    Scan,
    ScanKind,
    volume_problems,
)
from commissure.inputs.selection import Selection, bare, listed
from commissure.problems import InputError
from commissure.space.grid import Grid, same_grid

_LOG = logging.getLogger(__name__)

# Normalised by SPM or DARTEL: which of the MNI templates it was, the folder does not say.
DPABI_SPACE = "MNI"

_FOLDER = re.compile(r"(?:S(\d+)_)?(FunImg\w*)")


@dataclass(frozen=True)
class Stage:
    """What was done to the images of a folder, by the letters of its name.

    A slice timing, R realignment, W normalisation (warp), S smoothing, D detrending, C covariates
    removed ("global" with the global signal), F filter, B scrubbing; "sym" warped to a symmetric
    template of the group.

    Attributes
    ----------
    name : str
        Of the folder, without the session: "FunImgARWSDCF".
    """

    name: str

    @property
    def letters(self) -> str:
        """The capital letters behind FunImg."""
        return "".join(c for c in self.name.removeprefix("FunImg") if c.isupper())

    @property
    def is_symmetric(self) -> bool:
        """Whether it was warped to the group's symmetric template, for VMHC."""
        return "sym" in self.name

    @property
    def is_normalised(self) -> bool:
        """Whether it is in MNI space."""
        return "W" in self.letters

    @property
    def done(self) -> frozenset[CleaningStep]:
        """The steps that were done."""
        steps: dict[str, CleaningStep] = {"S": "smoothing", "C": "regression", "F": "filter"}
        return frozenset(
            ("trim", *(step for letter, step in steps.items() if letter in self.letters))
        )

    @property
    def kind(self) -> ScanKind:
        """Clean once filtered: what comes after a filter would undo it."""
        return "clean" if "filter" in self.done else "preprocessed"

    @property
    def rank(self) -> tuple[bool, ...]:
        """How far it was processed; of several stages the highest is taken."""
        order: tuple[CleaningStep, ...] = ("regression", "filter", "smoothing")
        more = "D" in self.letters, "B" in self.letters
        return (not self.is_symmetric, *(step in self.done for step in order), *more)

    def __str__(self) -> str:
        return self.name


def read_dpabi(
    root: str | Path,
    selection: Selection | None = None,
    *,
    folder: str | None = None,
    tr: float | None = None,
    space: str | None = None,
) -> list[Scan]:
    """Find the time series of a working folder and check that they can be used.

    Only headers and realignment parameters are read. Participants are called as their folders
    are ("Sub_001"), and must be called so in participants.tsv too. Folders of further sessions
    (``S2_FunImg...``) make sessions 1, 2, ... No volumes are dropped later: DPARSF drops the first
    ones before anything else.

    Parameters
    ----------
    root : path
        The working directory, in which the folders FunImg... are.
    selection : Selection, optional
    folder : str, optional
        Which stage to take, as "FunImgARWSDCF". By default the furthest processed one in MNI
        space; where two are alike (with and without global signal) one must be named.
    tr : float, optional
        Seconds. By default that of TRInfo.tsv, else of the image's header.
    space : str, optional
        Name of the space that normalised images are in, if it is known; else "MNI".

    Raises
    ------
    InputError
        With all the problems of the folder.
    """
    selection = selection or Selection()
    base = Path(root)
    folders = _folders(base)
    stage = _choose(base, {stage for _, stage in folders}, folder)
    sessions = {number: path for (number, found), path in folders.items() if found == stage}
    subjects = {
        number: {p.name: p for p in subfolders(path) if p.name[0] != "."}
        for number, path in sessions.items()
    }
    names = {name for people in subjects.values() for name in people}
    wanted, problems = selection.participants(names, base)
    problems += name_problems(base, wanted)
    repetition_times = _repetition_times(base) if tr is None else {}
    masks = _masks(base)
    scans: list[Scan] = []
    for name in wanted:
        taken = [
            (number, people[name])
            for number, people in sorted(subjects.items())
            if name in people
            and selection.takes({"task": "rest", "ses": number if len(sessions) > 1 else None})
        ]
        if not taken:
            _LOG.warning("%s has nothing in %s that matches %s: left out.", name, stage, selection)
        for number, path in taken:
            told = repetition_times.get((name, number)) if tr is None else tr
            try:
                session = number if len(sessions) > 1 else None
                scans.append(_scan(base, path, stage, session, told, space, masks))
            except InputError as error:
                problems += error.problems
    if not scans and not problems:
        problems.append(f"{base / stage.name} has no participant that matches {selection}.")
    if problems:
        raise InputError(dict.fromkeys(problems))
    return scans


def name_problems(base: Path, names: Iterable[str]) -> list[str]:
    """Say which names of participants' folders or maps no files can be named after."""
    said = (label_problem("the name of a participant", bare("sub", name)) for name in names)
    return [f"{base}: {problem}" for problem in said if problem]


def dpabi_image(folder: Path) -> Path:
    """Return the one image of a participant's folder.

    Raises
    ------
    InputError
        If there is none, or several.
    """
    files = [path for path in listing(folder) if path.name[0] != "."]
    images = [path for path in files if path.name.endswith(IMAGE_EXTENSIONS)]
    if len(images) == 1:
        return images[0]
    if len({split_extension(path)[0] for path in images}) == 1:
        msg = f"{images[0]} is there twice, as .nii and .nii.gz. Remove one."
    elif images:
        msg = (
            f"{folder} has {len(images)} images ({images[0].name}, ...); one with all the volumes "
            "is needed. Join them (nilearn.image.concat_imgs), or remove those that do not belong "
            "there."
        )
    elif any(path.suffix == ".img" for path in files):
        msg = f"{folder} has pairs of .img and .hdr. Convert them to one .nii."
    else:
        msg = f"{folder} has no image. Remove the folder, or copy the image again."
    raise InputError(msg)


def _folders(base: Path) -> dict[tuple[str, Stage], Path]:
    """Return the folders of time series by session ("1", "2") and stage."""
    if not base.is_dir():
        msg = f"{base} is not a folder. Give the working directory of DPABI."
        raise InputError(msg)
    folders = {}
    for path in subfolders(base):
        found = _FOLDER.fullmatch(path.name)
        # ...Covs holds the removed covariates.
        if found and not path.name.endswith("Covs"):
            folders[found[1] or "1", Stage(found[2])] = path
    if not folders:
        msg = f"{base} has no folder FunImg...: it is no working directory of DPABI."
        raise InputError(msg)
    return folders


def _choose(base: Path, stages: set[Stage], folder: str | None) -> Stage:
    ordered = sorted(stages, key=lambda stage: (*(not x for x in stage.rank), stage.name))
    if folder is not None:
        asked = Stage(re.sub(r"^S\d+_", "", folder))
        if asked in stages:
            return asked
        msg = f"{base} has no folder {folder}. It has: {_several(ordered)}."
        raise InputError(msg)
    fit = [stage for stage in ordered if stage.is_normalised]
    if not fit:
        msg = (
            f"{base} has no images in MNI space (a folder FunImg...W...); it has "
            f"{_several(ordered)}. People cannot be compared in native space: normalise the images."
        )
        raise InputError(msg)
    best = [stage for stage in fit if stage.rank == fit[0].rank]
    if len(best) > 1:
        msg = (
            f"{base} has {_several(best)}, processed equally far. Say which one is meant (folder)."
        )
        raise InputError(msg)
    others = [stage for stage in ordered if stage != best[0]]
    _LOG.info("Taking %s%s.", best[0], f"; there is also {_several(others)}" if others else "")
    return best[0]


def _several(stages: Iterable[Stage]) -> str:
    return listed(map(str, stages))


def _scan(
    base: Path,
    folder: Path,
    stage: Stage,
    session: str | None,
    tr: float | None,
    space: str | None,
    masks: dict[Path, Grid],
) -> Scan:
    """Make the `Scan` of a participant's folder.

    Raises
    ------
    InputError
        With all that is wrong with it.
    """
    path = dpabi_image(folder)
    img = load_image(path)
    problems = volume_problems(path, img, 0)
    if img.ndim != 4:
        raise InputError(problems)
    warnings = []
    if stage.kind == "clean" and "regression" not in stage.done:
        warnings.append(f"{path} was filtered, but no covariates were removed from it.")
    if not stage.is_normalised:
        warnings.append(f"{path} is not in MNI space: people cannot be compared in it.")
    seconds, tr_problems = (tr, []) if tr else derived_tr(path, img, None)
    if tr is not None and not 0 < tr <= LONGEST_TR:
        tr_problems = [f"tr must be in seconds, above 0 and up to {LONGEST_TR}; it is {tr:g}."]
    elif stage.kind == "preprocessed" and not seconds and not tr_problems:
        tr_problems = [f"{path} does not tell its repetition time. Give it (tr), in seconds."]
    problems += tr_problems
    confounds, said = _parameters(base, folder.name, session, img.shape[3])
    if said and stage.kind == "preprocessed":
        problems.append(f"{said} Cleaning needs it.")
    elif said:
        warnings.append(said)
    mask = next((path for path, grid in masks.items() if same_grid(grid, Grid.of(img))), None)
    if mask is None:
        warnings.append(
            f"{base / 'Masks'} has no AllResampled_BrainMask... on the grid of {path.name}: the "
            "places where the series vary are taken."
        )
    if problems:
        raise InputError(problems)
    return Scan(
        participant_id=folder.name,
        session=session,
        task="rest",
        run=None,
        bold=path,
        t1w=None,
        tr=seconds,
        slice_times=None,
        warnings=tuple(warnings),
        kind=stage.kind,
        space=(space or DPABI_SPACE) if stage.is_normalised else None,
        mask=mask,
        confounds=confounds,
        done=stage.done,
    )


def _parameters(
    base: Path, name: str, session: str | None, n_volumes: int
) -> tuple[Path | None, str | None]:
    """Return a participant's realignment parameters, and what is wrong with them."""
    prefix = "" if session in (None, "1") else f"S{session}_"
    folder = base / "RealignParameter" / name
    files = sorted(folder.glob(f"{prefix}rp*.txt"))
    if len(files) != 1:
        return None, f"{folder} has {len(files)} files {prefix}rp*.txt; one is expected."
    try:
        n_rows = len(read_numbers(files[0], 6))
    except InputError as error:
        return None, str(error)
    if n_rows != n_volumes:
        return files[0], f"{files[0]} has {n_rows} rows, and the image {n_volumes} volumes."
    return files[0], None


def _masks(base: Path) -> dict[Path, Grid]:
    paths = sorted((base / "Masks").glob("AllResampled_BrainMask*.nii*"))
    return {path: Grid.of(load_image(path)) for path in paths}


def _repetition_times(base: Path) -> dict[tuple[str, str], float]:
    """Return what TRInfo.tsv says, by participant and session."""
    path = base / "TRInfo.tsv"
    if not path.is_file():
        return {}
    lines = read_text(path).splitlines()
    try:
        header, *rows = [line.split("\t") for line in lines if line.strip()]
        sessions = [
            (n, found[1] or "1")
            for n, title in enumerate(header)
            if (found := re.fullmatch(r"(?:S(\d+)_)?TR", title.strip()))
        ]
        return {(row[0], number): float(row[n]) for row in rows for n, number in sessions}
    except (ValueError, IndexError) as error:
        msg = f"{path} cannot be read ({error}). Correct or remove it, or give tr."
        raise InputError(msg) from error
