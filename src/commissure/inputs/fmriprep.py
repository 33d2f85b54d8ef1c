"""Derived datasets in the style of fMRIPrep: of fMRIPrep, XCP-D, and our own."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from commissure.files.bids_names import entity
from commissure.files.image_timing import asked_tr, derived_tr
from commissure.files.images import load_image
from commissure.inputs.axes import choose
from commissure.inputs.bids_files import BidsDataset, BidsFile
from commissure.inputs.confounds_tables import table_shape
from commissure.inputs.derived_runs import DerivedRun, DerivedVariant, choose_variant, runs_of
from commissure.inputs.done import DESCS, programs, what_was_done
from commissure.inputs.folders import listing
from commissure.inputs.scan import (
    Scan,
    ScanKind,
    volume_problems,
)
from commissure.inputs.selection import Selection
from commissure.inputs.sidecars import discarded, usable
from commissure.inputs.template_images import refuse_to_bring, template_t1ws
from commissure.problems import InputError
from commissure.space.grid import Grid, same_grid
from commissure.space.templates import TEMPLATE_SPACE

_LOG = logging.getLogger(__name__)

_CONFOUNDS = (
    "_desc-confounds_timeseries.tsv",
    "_desc-confounds_regressors.tsv",
    "_bold_confounds.tsv",
    "_confounds.tsv",
    "_motion.tsv",
)


def read_fmriprep(
    root: str | Path,
    selection: Selection | None = None,
    *,
    n_trim: int = 0,
    space: str | None = None,
    desc: str | None = None,
    tr: float | None = None,
    to_template: bool = False,
) -> list[Scan]:
    """Find the BOLD runs of a derived dataset and check that they can be used.

    Only headers, sidecars and the size of confounds tables are read. Surfaces and CIFTI files are
    ignored.

    Parameters
    ----------
    root : path
        Of the derivatives, with the folders sub-... in it.
    selection : Selection, optional
    n_trim : int
        Volumes that will be dropped of runs that are not yet clean.
    space : str, optional
        As fMRIPrep names it: "MNI152NLin6Asym", "MNI152NLin6Asym:res-2". By default the first
        template space that all the runs have, symmetric ones first; what is taken is logged.
    desc : {"clean", "denoisedSmoothed", "denoised", "preproc", "smoothAROMAnonaggr"}, optional
        By default the first of these that all the runs have.
    tr : float, optional
        Seconds, whatever sidecars and headers say.
    to_template : bool
        Whether runs in another space are to be brought to that of the symmetric template.

    Returns
    -------
    list of Scan
        Sorted by file name.

    Raises
    ------
    InputError
        With all the problems of the dataset.
    """
    selection = selection or Selection()
    dataset = BidsDataset(Path(root))
    if desc is not None and desc not in DESCS:
        msg = f'desc must be one of {", ".join(DESCS)}; it is "{desc}".'
        raise InputError(msg)
    existing = dataset.participants()
    wanted, problems = selection.participants(existing, dataset.root)
    files, name_problems, others = _files(dataset, [existing[name] for name in wanted])
    problems += name_problems
    chosen = choose(
        [file.entities for file in files],
        selection,
        [] if name_problems else wanted,
        dataset.root,
        combined_echoes=True,
    )
    problems += chosen.problems
    runs, twice = runs_of(files[place] for place in chosen.places)
    problems += twice
    if not runs and not problems:
        problems.append(
            f"{root} has no preprocessed BOLD run (sub-*/[ses-*/]func/"
            f"*_space-*_desc-preproc_bold.nii.gz, or desc-clean, desc-denoised) that matches "
            f"{selection}.{_not_taken(others)}"
        )
    elif others:
        _LOG.warning("%s", _not_taken(others).strip())
    taken, choice_problems = choose_variant(runs, space, desc)
    problems += choice_problems
    scans = []
    t1ws: tuple[Path, ...] = ()
    # Of everybody who is there: a job of one participant finds the same way.
    if to_template and taken is not None and taken.space.name != TEMPLATE_SPACE:
        t1ws = template_t1ws(dataset, existing.values(), taken.space.name)
    for run in runs:
        if taken in run.files:
            try:
                scan = replace(_scan(dataset, run, taken, n_trim, tr), notes=chosen.notes)
                if to_template and scan.space != TEMPLATE_SPACE:
                    refuse_to_bring(scan, t1ws)
                    scan = replace(scan, template_t1ws=t1ws)
                scans.append(scan)
            except InputError as error:
                problems += error.problems
    if problems:
        raise InputError(dict.fromkeys(problems))
    return scans


def _files(
    dataset: BidsDataset, subjects: Iterable[Path]
) -> tuple[list[BidsFile], list[str], list[str]]:
    """Return all that may be a run of the participants, problems of names, and other labels.

    The labels are those after desc- of BOLD of which nobody says what was done to it.
    """
    bolds = [
        file
        for subject in subjects
        for place in dataset.places(subject)
        for file in dataset.images(subject, place, "func", "bold")
    ]
    found = [
        file
        for file in bolds
        if file.entities.get("desc") in DESCS and file.entities.get("part", "mag") == "mag"
    ]
    # As it is written: C-PAC's have a hyphen in them, and are no labels of BIDS.
    labels = {entity(file.path, "desc") or "" for file in bolds}
    problems = [problem for file in found for problem in file.problems]
    fit = [file for file in found if not file.problems]
    return fit, problems, sorted(labels - {*DESCS, ""})


def _not_taken(others: Sequence[str]) -> str:
    """Say which files there are that cannot be taken because of their desc- label."""
    if not others:
        return ""
    return (
        f" BOLD with desc-{' or desc-'.join(others)} is not taken: nobody says what was done to "
        "it. If it is meant, give a table of files (participant_id, path, kind, space), where kind "
        "says whether it is clean or preprocessed."
    )


def _scan(
    dataset: BidsDataset,
    run: DerivedRun,
    variant: DerivedVariant,
    n_trim: int,
    tr_asked: float | None,
) -> Scan:
    """Make the `Scan` of a run.

    Raises
    ------
    InputError
        With all that is wrong with it.
    """
    file = run.files[variant]
    # .bidsignore of fMRIPrep lists its tables of confounds too: validators do not know them.
    names = {path.name for path in listing(run.folder)}
    img = load_image(file.path)
    n_volumes = img.shape[3] if img.ndim == 4 else None
    metadata, problems, warnings = usable(file.path, dataset.metadata(file), n_volumes)
    beside = [name for name in names if name.startswith(f"{run.identity}_")]
    made_by = programs(dataset.description)
    kind, done = what_was_done(file.path, variant.desc, made_by, metadata, beside)
    confounds, confounds_warnings = _confounds_of(run, names, kind)
    warnings += confounds_warnings
    table = None
    if confounds is not None:
        try:
            table = table_shape(confounds)
        except InputError as error:
            problems += error.problems
    elif kind == "preprocessed":
        problems.append(
            f"{file.path} has no table of confounds ({run.identity}{_CONFOUNDS[0]}), which "
            "cleaning needs. Copy it from the output of fMRIPrep."
        )
    n_non_steady = table.n_non_steady if table and "trim" not in done else 0
    n_discarded, of_dropped = discarded(file.path, metadata, 0 if "trim" in done else n_trim)
    warnings += of_dropped
    unwanted = max(n_trim - n_discarded, n_non_steady, 0)
    problems += volume_problems(file.path, img, 0 if "trim" in done else unwanted)
    if img.ndim != 4:
        raise InputError(problems)
    if table is not None and table.n_rows != img.shape[3]:
        said = f"{confounds} has {table.n_rows} rows and {file.path.name} {img.shape[3]} volumes"
        if kind == "preprocessed":
            problems.append(f"{said}: they are not of the same run, or one is cut. Copy both.")
        else:
            warnings.append(f"{said}: some must have been censored or dropped.")
    told = metadata.get("RepetitionTime")
    if tr_asked is None:
        tr, tr_problems = derived_tr(file.path, img, told)
    else:
        tr, tr_problems, otherwise = asked_tr(file.path, img, told, tr_asked)
        warnings += otherwise
    problems += tr_problems
    if kind == "preprocessed" and not tr and not tr_problems:
        problems.append(
            f"{file.path} does not tell its repetition time. Write RepetitionTime, in seconds, in "
            "its JSON sidecar, or give it as [input] tr."
        )
    mask, mask_problems = _mask_of(file, img, names)
    problems += mask_problems
    if mask is None:
        warnings.append(
            f"{file.path} has no brain mask (desc-brain_mask): the places where the series vary "
            "are taken."
        )
    if problems:
        raise InputError(problems)
    return Scan(
        participant_id=f"sub-{file.entities['sub']}",
        session=file.entities.get("ses"),
        task=file.entities.get("task"),
        run=file.entities.get("run"),
        bold=file.path,
        t1w=None,
        tr=tr,
        slice_times=None,
        metadata=metadata,
        warnings=tuple(warnings),
        kind=kind,
        space=variant.space.name if variant.space.is_template else None,
        mask=mask,
        confounds=confounds,
        done=done,
        n_non_steady=n_non_steady,
        n_discarded=n_discarded,
    )


def _confounds_of(
    run: DerivedRun, names: set[str], kind: ScanKind
) -> tuple[Path | None, list[str]]:
    found = [run.identity + end for end in _CONFOUNDS if run.identity + end in names]
    if not found:
        lacking = f"{run} has no table of confounds: how much the head moved is not known."
        return None, [lacking] if kind == "clean" else []
    warnings = []
    if len(found) > 1:
        warnings.append(f"{run} has {len(found)} tables of confounds: {found[0]} is taken.")
    return run.folder / found[0], warnings


def _mask_of(file: BidsFile, img: Any, names: set[str]) -> tuple[Path | None, list[str]]:
    stem = f"{file.without(['desc'])}_desc-brain_mask"
    name = next((stem + end for end in (".nii.gz", ".nii") if stem + end in names), None)
    if name is None:
        return None, []
    mask = file.path.with_name(name)
    try:
        own, wanted = Grid.of(load_image(mask)), Grid.of(img)
    except InputError as error:
        return mask, list(error.problems)
    if same_grid(own, wanted):
        return mask, []
    return mask, [f"{mask} is not on the grid of {file.path.name}: {own}, against {wanted}."]
