"""Whether left and right of an EPI are those of its T1w.

Heads are nearly symmetric, their folds are not: where the T1w is laid on the EPI as it is, the
border of white matter shows better than where it is laid on it mirrored. If it is the other way
round, left and right are exchanged in one of the two images.
"""

import numpy as np
from numpy.typing import NDArray

from commissure.preprocessing.border import LEAST_POINTS, Border, border_costs, refine_by_border
from commissure.preprocessing.registration import Image, Warp, rigid_map
from commissure.preprocessing.registration_checks import brain_places

_BLOCK_MM = 20.0  # within it the border shows alike, further apart not


def sides_agree(epi: Image, matrix: NDArray[np.float64], border: Border, warp: Warp) -> float:
    """Return how surely left and right of an EPI are those of a T1w: large yes, far below 0 no.

    Parameters
    ----------
    epi : Image
        Corrected for bias; zero where nothing is known.
    matrix : ndarray of shape (4, 4)
        mm (T1w) to mm (EPI).
    border : Border
        Of the T1w.
    warp : Warp
        From the template, which is symmetric, to the T1w.

    Returns
    -------
    float
        By how much the border shows better than mirrored, as a mean over the border by its standard
        error from blocks of 2 cm; 0 where too little is seen.
    """
    places = brain_places()
    mirror = rigid_map(warp.to_moving(places), warp.to_moving(places * [-1, 1, 1]), mirrored=True)
    mirrored = refine_by_border(epi, matrix @ mirror, border)
    better = border_costs(epi, mirrored, border) - border_costs(epi, matrix, border)
    seen = np.isfinite(better)
    if seen.sum() < LEAST_POINTS:
        return 0.0
    better = better[seen]
    blocks = np.floor(border.white[seen] / _BLOCK_MM).astype(int)
    _, block = np.unique(blocks, axis=0, return_inverse=True)
    sums = np.bincount(block.ravel(), better - better.mean())
    return float(better.sum() / np.sqrt((sums**2).sum()))
