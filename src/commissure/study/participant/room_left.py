"""Raw runs of which cleaning leaves nothing, told before hours of work on them."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from commissure.files.images import load_image
from commissure.inputs import Scan
from commissure.preprocessing.recipe import Recipe, recipe_operator
from commissure.problems import InputError

# Of motion, white matter and CSF.
_ALWAYS_REGRESSED = 26


def nothing_left(scans: Iterable[Scan], recipe: Recipe) -> list[str]:
    """Say which raw runs are too short for the regressors and the filter of a recipe.

    What is regressed out is not known yet, and how many there are is: as many that are drawn at
    random leave what those will. Censoring leaves less.
    """
    alike: dict[tuple[int, float], list[str]] = {}
    for scan in scans:
        if scan.kind == "raw":
            n_volumes = load_image(scan.bold).shape[3] - scan.n_to_drop(recipe.n_trim)
            alike.setdefault((n_volumes, scan.tr), []).append(scan.name)
    n = _ALWAYS_REGRESSED + recipe.global_signal + 2 * recipe.n_acompcor
    uncensored = replace(recipe, censor_mm=None, best_volumes=None)
    told = []
    for (n_volumes, tr), names in alike.items():
        drawn = np.random.default_rng(0).standard_normal((n, n_volumes))
        regressors = {str(i): values for i, values in enumerate(drawn)}
        try:
            recipe_operator(uncensored, regressors, np.zeros(n_volumes), tr)
        except InputError as error:
            others = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
            told += [f"{names[0]}{others} cannot be cleaned: {p}" for p in error.problems]
    return told
