"""Raw BIDS runs to clean series in template space: from files to files."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from commissure.files.images import load_image, read_volumes
from commissure.inputs import Scan, Selection, check_alike, read_confounds, read_scans
from commissure.measures.measure import MapSettings
from commissure.preprocessing import max_motion, motion_matrices
from commissure.preprocessing.anatomy import Anatomy, prepare_anatomy
from commissure.preprocessing.programs import ProgramError
from commissure.preprocessing.recipe import Recipe
from commissure.preprocessing.registration import Image
from commissure.preprocessing.steps import preprocess
from commissure.problems import InputError
from commissure.records.runs import Measured
from commissure.records.verdicts import Verdict
from commissure.settings.quality import QualityRules
from commissure.study.judging import judge
from commissure.study.participant.clean_files import (
    own_folder,
    write_anatomy,
    write_dataset_description,
    write_grey_mask,
    write_run,
)
from commissure.study.participant.preprocessed import clean_scan
from commissure.study.quality import key_of, measure
from commissure.study.verdict_files import FILES, merge_verdicts, read_verdicts, write_verdicts
from commissure.workspace.places import check_outputs, check_written, placed

log = logging.getLogger(__name__)


def preprocess_study(
    bids_dir: Path,
    out_dir: Path,
    selection: Selection,
    recipe: Recipe,
    rules: QualityRules,
    *,
    n_threads: int | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> list[Verdict]:
    """Preprocess runs, each for itself, and judge them.

    Parameters
    ----------
    bids_dir, out_dir : Path
    selection : Selection
    recipe : Recipe
    rules : QualityRules
    n_threads : int, optional
        All cores by default.
    progress : callable, optional
        Called with what is being done and the share of the runs that is done.

    Returns
    -------
    list of Verdict
        On each run.

    Raises
    ------
    InputError
        Before anything is done, with all problems of headers and sidecars; at the end, with those
        of runs that could not be preprocessed, after the others were.
    """
    scans = read_scans(
        bids_dir,
        "bids",
        selection,
        n_trim=recipe.n_trim,
        slice_timing=recipe.slice_timing,
    )
    check_alike(scans)
    check_outputs(out_dir, bids_dir, [scan.bold for scan in scans])
    check_written(out_dir, FILES)
    report = progress or (lambda _what, _share: None)
    problems: list[str] = []
    verdicts: list[Verdict] = []
    prepared: tuple[Path, Anatomy] | None = None
    for number, scan in enumerate(scans):
        for warning in scan.warnings:
            log.warning("%s", warning)
        with telling(scan.bold, problems):
            if scan.t1w is None:
                prepared = None
            elif prepared is None or prepared[0] != scan.t1w:
                report(f"{scan.participant_id}: anatomy", number / len(scans))
                img = load_volumes(scan.t1w)
                prepared = (
                    scan.t1w,
                    prepare_anatomy(img, n_threads, coarse=recipe.warp == "coarse"),
                )
            report(f"{scan.bold.name}", (number + 0.5) / len(scans))
            with placed(out_dir) as folder:
                if prepared is not None:
                    write_anatomy(
                        prepared[1], prepared[0], recipe.resolution_mm, folder / own_folder(scan)
                    )
                anatomy = None if prepared is None else prepared[1]
                measured = clean_run(scan, anatomy, recipe, folder, n_threads)
                write_dataset_description(folder, bids_dir)
                write_grey_mask(recipe.resolution_mm, MapSettings().grey_matter, folder)
                verdict = judge(measured, rules)
                write_verdicts(folder, merge_verdicts(read_verdicts(out_dir), [verdict]))
            verdicts.append(verdict)
            if not verdict.included:
                log.warning("%s is left out of the group stage: %s.", scan.bold.name, verdict.text)
            elif verdict.reasons:
                log.warning("%s: %s. Look at the pictures.", scan.bold.name, verdict.text)
    if problems:
        raise InputError(problems)
    return verdicts


@contextmanager
def telling(path: Path, problems: list[str]) -> Iterator[None]:
    """Add what goes wrong with a file to `problems`, and go on."""
    try:
        yield
    except InputError as error:
        problems += [p if str(path.parent) in p else f"{path}: {p}" for p in error.problems]
    except ProgramError as error:
        problems.append(f"{path}: registration failed. {error}")


def load_volumes(path: Path) -> Image:
    """Read an image whole.

    Raises
    ------
    InputError
        If it is damaged.
    """
    img = read_volumes(path)
    return Image(np.asarray(img.dataobj, np.float32), img.affine)


def clean_run(
    scan: Scan,
    anatomy: Anatomy | None,
    recipe: Recipe,
    folder: Path,
    n_threads: int | None,
    *,
    variants: Mapping[str, Recipe] = MappingProxyType({}),
) -> Measured:
    """Preprocess a raw run and write what comes of it.

    Parameters
    ----------
    scan : Scan
    anatomy : Anatomy, optional
    recipe : Recipe
    folder : Path
        In which the run's files are written to `own_folder`.
    n_threads : int, optional
    variants : mapping of str to Recipe
        By which the run is cleaned too.

    Returns
    -------
    Measured

    Raises
    ------
    InputError, ProgramError
        If the run cannot be preprocessed.
    """
    bold = load_volumes(scan.bold)
    clean = preprocess(
        bold.data,
        bold.affine,
        scan.tr,
        scan.slice_times,
        anatomy,
        recipe,
        variants=variants,
        n_threads=n_threads,
    )
    for warning in clean.warnings:
        log.warning("%s: %s", scan.bold.name, warning)
    write_run(scan, clean, anatomy, recipe, variants, folder / own_folder(scan))
    return measure(scan, clean)


def clean_preprocessed_run(
    scan: Scan,
    recipe: Recipe,
    strategy: Sequence[str],
    folder: Path,
    n_threads: int | None,
    *,
    variants: Mapping[str, Recipe] = MappingProxyType({}),
) -> Measured:
    """Do what is left to do of a preprocessed run and write what comes of it; see `clean_run`."""
    clean = clean_scan(
        scan,
        recipe,
        strategy,
        variants=variants,
        n_threads=n_threads,
    )
    write_run(scan, clean, None, recipe, variants, folder / own_folder(scan))
    return measure(scan, clean)


def measure_clean(scan: Scan) -> Measured:
    """Return what there is to judge a run or map by that others made clean."""
    measured = Measured(key_of(scan))
    if scan.confounds is not None:
        confounds = read_confounds(scan, ())
        millimetres, degrees = max_motion(motion_matrices(confounds.parameters), confounds.centre)
        measured = replace(
            measured,
            mean_fd_jenkinson=float(confounds.fd_jenkinson.mean()),
            mean_fd_power=float(confounds.fd_power.mean()),
            max_motion=millimetres,
            max_rotation=degrees,
        )
    if scan.kind == "clean":
        measured = replace(
            measured,
            n_volumes=int(load_image(scan.bold).shape[3]),
            effective_df=scan.metadata.get("EffectiveDegreesOfFreedom"),
            nominal_df=scan.metadata.get("NominalDegreesOfFreedom"),
        )
    return measured
