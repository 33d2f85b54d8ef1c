"""How small a corrected p can be, which is known before anything is computed."""

from commissure.inference.glm import DesignLike, FloatArray, Model
from commissure.inference.labellings import draw_labellings, n_labellings
from commissure.inference.relabelled import Relabelled


def smallest_p(
    design: DesignLike,
    contrast: FloatArray,
    n_permutations: int,
    method: str,
    tail: str,
    *,
    flip_signs: bool = False,
) -> tuple[float, int, bool]:
    """Return the smallest corrected p that there can be, whatever the data.

    Parameters
    ----------
    design, contrast, n_permutations, method, tail, flip_signs
        See `permutation_test`.

    Returns
    -------
    p : float
        One relabelling of all, and those that leave the statistic as it was: all signs flipped, or
        groups of equal size exchanged.
    n : int
        How many relabellings there will be.
    exhaustive : bool
        Whether there are no more.
    """
    model = Model.of(design, contrast)
    n_all = n_labellings(model, design.blocks, method, flip_signs=flip_signs)
    n = min(n_all, n_permutations)
    n_same = 1
    if 1 < n == n_all:
        labellings = draw_labellings(model, design.blocks, n, method, 0, flip_signs=flip_signs)
        n_same = Relabelled(model, labellings, method).n_same(directed=tail == "one-sided-each")
    return n_same / n, n, n == n_all
