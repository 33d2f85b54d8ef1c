"""Whether a comparison finds anything, tested as the program itself chooses to."""

from typing import Any

import pandas as pd
from numpy.typing import NDArray

from commissure.inference import PermutationResult, design_matrix, permutation_test
from commissure.settings.group import GroupSettings
from commissure.simulation.comparison import ALPHA
from commissure.simulation.null_studies import found_anything
from commissure.space import Domain
from commissure.study.group.spreads import spreads_of

STATISTICS = ("voxel", "size", "mass", "tfce", "fdr")


def compared(
    maps: NDArray[Any],
    people: pd.DataFrame,
    domain: Domain,
    settings: GroupSettings,
    n_permutations: int,
    seed: int,
    blocks: str | None = None,
) -> PermutationResult:
    """Test a contrast of maps; scans are exchanged or their signs flipped as in `commissure run`.

    Raises
    ------
    InputError
        If commissure refuses the design.
    """
    design = design_matrix(settings.formula, people, blocks=blocks)
    contrast = design.contrast(settings.contrast)
    of_spread = spreads_of(maps, people, design, contrast, settings)
    return permutation_test(
        maps,
        design,
        contrast,
        domain,
        n_permutations,
        method=settings.method,
        seed=seed,
        variance_groups=None if of_spread is None else of_spread.variance_groups,
        flip_signs=of_spread is not None and of_spread.flip_signs,
        n_threads=1,
    )


def found_by_each(result: PermutationResult) -> list[bool]:
    """Return whether anything is significant, by each of `STATISTICS`."""
    found = found_anything(result)
    found |= {"voxel": result.p_fwe.min() <= ALPHA, "fdr": result.p_fdr.min() <= ALPHA}
    return [bool(found[name]) for name in STATISTICS]
