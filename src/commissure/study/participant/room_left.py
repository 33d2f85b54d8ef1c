"""Runs of which cleaning leaves nothing, or too little, told before hours of work on them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from commissure.files.images import load_image
from commissure.inputs import Scan
from commissure.preprocessing.freedom import nominal_degrees_of_freedom
from commissure.preprocessing.recipe import Recipe, recipe_operator
from commissure.problems import InputError
from commissure.records.runs import Measured
from commissure.settings.judging import judge
from commissure.settings.quality import QualityRules
from commissure.study.quality import key_of

# Signals of white matter and CSF.
_ALWAYS_REGRESSED = 2


@dataclass(frozen=True, eq=False)
class Length:
    """What decides how much cleaning leaves of a run.

    Attributes
    ----------
    scan : Scan
    n_volumes : int
        That are not dropped.
    regressors : ndarray of shape (n_volumes, k)
        What is regressed out beside motion.
    n_motion : int
        Regressors of motion.
    n_drawn : int
        Regressors of which only the number is known.
    """

    scan: Scan
    n_volumes: int
    regressors: NDArray[np.float64]
    n_motion: int
    n_drawn: int = 0


def length_of_raw(scan: Scan, recipe: Recipe) -> Length:
    """Return it of a raw run, of which only the number of regressors is known."""
    n_volumes = load_image(scan.bold).shape[3] - scan.n_to_drop(recipe.n_trim)
    k = _ALWAYS_REGRESSED + recipe.global_signal + 2 * recipe.n_acompcor
    return Length(scan, n_volumes, np.empty((n_volumes, 0)), recipe.motion, k)


def too_little_left(lengths: Iterable[Length], recipe: Recipe, rules: QualityRules) -> list[str]:
    """Say which runs are too short for the regressors and the filter of a recipe.

    Regressors that are not known yet are drawn at random: as many leave what those will. Censoring
    leaves less.

    Parameters
    ----------
    lengths : iterable of Length
    recipe : Recipe
    rules : QualityRules
        By which a run of so many degrees of freedom is included, or not.
    """
    alike: dict[tuple[object, ...], list[Length]] = {}
    for one in lengths:
        key = (
            one.scan.kind,
            one.n_volumes,
            one.scan.tr,
            one.regressors.shape[1] + one.n_drawn,
            one.n_motion,
        )
        alike.setdefault(key, []).append(one)
    told = []
    for runs in alike.values():
        left = _left(runs[0], recipe, runs[0].n_motion)
        if isinstance(left, str):
            said = f"cannot be cleaned: {left}"
        elif reasons := judge(Measured(key_of(runs[0].scan), effective_df=left), rules).text:
            said = f"will be left out, if not for more: of {runs[0].n_volumes} volumes, {reasons}."
        else:
            continue
        others = f" (and {len(runs) - 1} more)" if len(runs) > 1 else ""
        told.append(f"{runs[0].scan.name}{others} {said}" + _with_six(runs[0], recipe))
    return told


def _with_six(run: Length, recipe: Recipe) -> str:
    """Say what 6 regressors of motion would leave."""
    left = _left(run, recipe, 6) if run.n_motion == 24 else ""
    return "" if isinstance(left, str) else f" [preprocessing] motion = 6 would leave {left:.0f}."


def _left(run: Length, recipe: Recipe, n_motion: int) -> float | str:
    """Return the degrees of freedom that cleaning leaves, or why there are none."""
    design = np.column_stack([run.regressors, _drawn(run.n_volumes, run.n_drawn + n_motion)])
    uncensored = replace(recipe, censor_mm=None, best_volumes=None)
    columns = {str(i): column for i, column in enumerate(design.T)}
    try:
        _, operator = recipe_operator(
            uncensored,
            columns,
            np.zeros(run.n_volumes),
            run.scan.tr,
            is_filtered="filter" in run.scan.done,
        )
    except InputError as error:
        return " ".join(error.problems)
    return nominal_degrees_of_freedom(operator)


def _drawn(n_volumes: int, k: int) -> NDArray[np.float64]:
    return np.random.default_rng(k).standard_normal((n_volumes, k))
