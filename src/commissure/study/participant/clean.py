"""Raw BIDS runs to clean series in template space: from files to files."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from commissure.files.images import read_volumes
from commissure.inputs import Scan, read_confounds
from commissure.inputs.sidecars import EFFECTIVE_DF, phase_axis
from commissure.preprocessing import max_motion, motion_matrices
from commissure.preprocessing.anatomy import Anatomy
from commissure.preprocessing.programs import ProgramError
from commissure.preprocessing.recipe import CleanBold, Recipe
from commissure.preprocessing.registration import Image
from commissure.preprocessing.steps import preprocess
from commissure.problems import InputError
from commissure.records.runs import Measured
from commissure.study.participant.clean_files import (
    own_folder,
    write_run,
)
from commissure.study.participant.handed import Handed
from commissure.study.participant.preprocessed import clean_scan
from commissure.study.quality import grey_covered, key_of, measure

log = logging.getLogger(__name__)


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
    handed: Handed | None = None,
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
    handed : Handed, optional
        Takes the series for the next step.

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
        replace(recipe, n_trim=scan.n_to_drop(recipe.n_trim)),
        phase_axis=phase_axis(scan.metadata),
        variants=variants,
        n_threads=n_threads,
    )
    for warning in clean.warnings:
        log.warning("%s: %s", scan.bold.name, warning)
    return _written(scan, clean, anatomy, recipe, variants, folder, handed)


def clean_preprocessed_run(
    scan: Scan,
    recipe: Recipe,
    strategy: Sequence[str],
    folder: Path,
    n_threads: int | None,
    *,
    variants: Mapping[str, Recipe] = MappingProxyType({}),
    there: Anatomy | None = None,
    handed: Handed | None = None,
) -> Measured:
    """Do what is left to do of a preprocessed run and write what comes of it; see `clean_run`.

    `there` is the anatomy of the space of a run that is brought to the symmetric template.
    """
    clean = clean_scan(scan, recipe, strategy, variants=variants, there=there, n_threads=n_threads)
    return _written(scan, clean, None, recipe, variants, folder, handed)


def _written(
    scan: Scan,
    clean: CleanBold,
    anatomy: Anatomy | None,
    recipe: Recipe,
    variants: Mapping[str, Recipe],
    folder: Path,
    handed: Handed | None,
) -> Measured:
    """Write what comes of a run, hand its series over, and return what was measured."""
    write_run(scan, clean, anatomy, recipe, variants, folder / own_folder(scan))
    if handed is not None:
        handed.take(clean)
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
        img = read_volumes(scan.bold, gaps=True)
        data = np.asanyarray(img.dataobj)
        has_data = np.isfinite(data).all(axis=3) & (data != data[..., :1]).any(axis=3)
        measured = replace(
            measured,
            n_volumes=data.shape[3],
            coverage=grey_covered(scan, has_data, img.affine),
            effective_df=scan.metadata.get(EFFECTIVE_DF),
            nominal_df=scan.metadata.get("NominalDegreesOfFreedom"),
        )
    return measured
