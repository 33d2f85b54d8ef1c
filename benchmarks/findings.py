"""Whether a comparison finds anything, tested as the program itself chooses to."""

from typing import Any

import pandas as pd
from numpy.typing import NDArray

from commissure.inference import PermutationResult, design_matrix, permutation_test
from commissure.settings.group import GroupSettings
from commissure.space import Domain
from commissure.study.group.spreads import spreads_of

ALPHA = 0.05
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


def found_anything(result: PermutationResult) -> list[bool]:
    """Return whether anything is significant, by each of `STATISTICS`."""
    assert result.p_tfce is not None
    return [
        bool(result.p_fwe.min() <= ALPHA),
        any(c.p_size <= ALPHA for c in result.clusters if c.p_size is not None),
        any(c.p_mass <= ALPHA for c in result.clusters if c.p_mass is not None),
        bool(result.p_tfce.min() <= ALPHA),
        bool(result.p_fdr.min() <= ALPHA),
    ]
