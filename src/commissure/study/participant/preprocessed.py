"""Runs that others preprocessed, to clean series: from files to arrays."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from commissure.files.bids_names import has_midline
from commissure.files.images import read_image, read_volumes
from commissure.inputs import (
    Scan,
    read_confounds,
    symmetric_template_problem,
)
from commissure.inputs.confounds import DEFAULT_STRATEGY, FRISTON24, Confounds
from commissure.inputs.confounds_tables import MOTION
from commissure.preprocessing import motion_matrices
from commissure.preprocessing.anatomy import Anatomy
from commissure.preprocessing.clean_preprocessed import (
    VariantRegressors,
    clean_preprocessed,
    template_on,
)
from commissure.preprocessing.recipe import CleanBold, Recipe
from commissure.preprocessing.template_space import in_template
from commissure.preprocessing.trim import trim_volumes
from commissure.problems import InputError
from commissure.settings.quality import QualityRules
from commissure.space.domain import mask_on
from commissure.space.grid import Grid
from commissure.study.participant.room_left import Length, length_of_raw, too_little_left

log = logging.getLogger(__name__)

# The components that a table's columns or the template's priors may give.
_SIGNALS = {"wm_csf": ("white_matter", "csf"), "global_signal": ("global_signal",)}


def clean_scan(
    scan: Scan,
    recipe: Recipe,
    strategy: str | Sequence[str] = DEFAULT_STRATEGY,
    options: Mapping[str, Any] | None = None,
    *,
    variants: Mapping[str, Recipe] = MappingProxyType({}),
    there: Anatomy | None = None,
    n_threads: int | None = None,
) -> CleanBold:
    """Do to a preprocessed run what the recipe says and was not done before.

    Parameters
    ----------
    scan : Scan
        Of the kind "preprocessed".
    recipe : Recipe
        The first `n_trim` volumes are dropped, or as many as are flagged as non-steady if they are
        more; those that were dropped before count among them. Without `global_signal` that
        component is not taken. Nuisance signals come from the table of confounds; with
        ``signals_from="priors"`` from the data, if they are in the symmetric template's space, as
        the paper does it (and no option asks for more than their means).
    strategy, options
        Of the confounds, see `read_confounds`.
    variants : mapping of str to Recipe
        By which the run is cleaned too.
    there : Anatomy, optional
        Of the space that the run is in, if it is to be brought to that of the symmetric template.
    n_threads : int, optional

    Raises
    ------
    InputError
        If image, mask and confounds cannot be read or do not fit each other.
    """
    n_trim = scan.n_to_drop(recipe.n_trim)
    options = options or {}
    img = read_volumes(scan.bold, gaps=True)
    mask = None
    if scan.mask is not None:
        mask = mask_on(Grid.of(img), str(scan.bold), read_image(scan.mask), threshold=0)
    series, affine = trim_volumes(np.asarray(img.dataobj, np.float32), n_trim), img.affine
    if there is not None:
        series, mask, affine = in_template(
            series, affine, mask, there.warp, recipe.resolution_mm, n_threads
        )

    def read(by: Recipe) -> tuple[Confounds, VariantRegressors]:
        names, signals = _split(scan, by, strategy, options)
        confounds = read_confounds(scan, names, n_trim=n_trim, **options)
        columns = dict(zip(confounds.names, confounds.regressors.T, strict=True))
        return confounds, VariantRegressors(by, columns, signals)

    confounds, own = read(recipe)
    for warning in confounds.warnings:
        log.warning("%s", warning)
    clean = clean_preprocessed(
        series,
        affine,
        scan.tr,
        mask,
        own.regressors,
        confounds.columns,
        motion_matrices(confounds.parameters),
        recipe,
        centre=confounds.centre,
        kept=confounds.kept,
        done=scan.done,
        template=template_on(series.shape[:3], affine) if has_midline(scan.clean_space) else None,
        signals=own.signals,
        variants={label: read(by)[1] for label, by in variants.items()},
        n_threads=n_threads,
    )
    return clean if there is None else replace(clean, checks={"t1w": there.check})


def check_confounds(
    scans: Sequence[Scan], recipe: Recipe, strategy: Sequence[str], rules: QualityRules
) -> None:
    """Read the confounds of scans that others preprocessed, as they will be read later.

    Runs that are too short for what is regressed out are logged.

    Parameters
    ----------
    scans : sequence of Scan
    recipe : Recipe
    strategy : sequence of str
        See `clean_scan`.
    rules : QualityRules

    Raises
    ------
    InputError
        With all that is wrong with the tables, or that they lack.
    """
    problems: list[str] = []
    lengths: list[Length] = []
    for scan in scans:
        try:
            if scan.kind == "raw":
                lengths.append(length_of_raw(scan, recipe))
            elif scan.kind == "preprocessed":
                names, signals = _split(scan, recipe, strategy, {})
                confounds = read_confounds(scan, names, n_trim=scan.n_to_drop(recipe.n_trim))
                lengths.append(_length_of(scan, confounds, len(signals)))
            elif scan.kind == "clean" and scan.confounds is not None:
                read_confounds(scan, ())
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(dict.fromkeys(problems))
    for told in too_little_left(lengths, recipe, rules):
        log.warning("%s", told)


def _length_of(scan: Scan, confounds: Confounds, n_signals: int) -> Length:
    """Return what decides how much cleaning leaves of a preprocessed run."""
    of_motion = np.isin(confounds.names, FRISTON24)
    n_volumes = len(confounds.regressors)
    others = confounds.regressors[:, ~of_motion]
    return Length(scan, n_volumes, others, int(of_motion.sum()), n_signals)


def _split(
    scan: Scan, recipe: Recipe, strategy: str | Sequence[str], options: Mapping[str, Any]
) -> tuple[str | Sequence[str], tuple[str, ...]]:
    """Return the components that the table gives, and the signals that are read from the data."""
    if "regression" in scan.done:
        return (), ()
    if isinstance(strategy, str):
        return strategy, ()
    names = [name for name in strategy if name != "global_signal" or recipe.global_signal]
    if recipe.motion == len(MOTION):
        names = ["motion6" if name == "friston24" else name for name in names]
    from_table = recipe.signals_from != "priors" or not options.keys().isdisjoint(_SIGNALS)
    if from_table or symmetric_template_problem(scan.clean_space) is not None:
        return names, ()
    read = [signal for name in names for signal in _SIGNALS.get(name, ())]
    return [name for name in names if name not in _SIGNALS], tuple(read)
