"""The smallest p that a test can give, whatever the data."""

from commissure.inference.glm import DesignLike, FloatArray, Model
from commissure.inference.labellings import n_labellings


def smallest_p(
    design: DesignLike, contrast: FloatArray, n_permutations: int, method: str, tail: str
) -> tuple[float, int, bool]:
    """Return the smallest corrected p that there can be, whatever the data.

    Parameters
    ----------
    design, contrast, n_permutations, method, tail
        See `permutation_test`.

    Returns
    -------
    p : float
        One relabelling of all; two where all signs are flipped, which leaves ``|t|`` as it was.
    n : int
        How many relabellings there will be.
    exhaustive : bool
        Whether there are no more.
    """
    model = Model.of(design, contrast)
    n_all = n_labellings(model, design.blocks, method)
    n = min(n_all, n_permutations)
    mirrored = model.tests_mean and n == n_all and tail == "two-sided"
    return (1 + mirrored) / n, n, n == n_all
