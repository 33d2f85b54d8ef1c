"""The reference study's comparison of groups, for studies by the hundred."""

import numpy as np

from commissure.inference import PermutationResult, design_matrix, permutation_test
from commissure.simulation.maps import MapStudy

COVARIATES = ("age", "sex", "education", "SDS", "SAS")
CONTRAST = "group[patient] - group[control]"
ALPHA = 0.05


def compare_groups(
    study: MapStudy,
    *,
    n_permutations: int = 1000,
    statistics: tuple[str, ...] = ("size",),
    seed: int = 0,
    n_threads: int | None = None,
) -> PermutationResult:
    """Compare patients with controls as the preset `recommended` does.

    Parameters
    ----------
    study : MapStudy
    n_permutations : int
    statistics : tuple of str
        See `commissure.inference.permutation_test`.
    seed : int
    n_threads : int, optional
    """
    design = design_matrix(" + ".join(["group", *COVARIATES]), study.participants)
    return permutation_test(
        study.maps,
        design,
        CONTRAST,
        study.domain,
        n_permutations=n_permutations,
        statistics=statistics,
        seed=seed,
        dtype=np.float32,
        n_threads=n_threads,
    )
