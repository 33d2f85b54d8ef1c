"""What a permutation test finds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from commissure.inference.clusters import Extent
from commissure.inference.glm import FloatArray


@dataclass(frozen=True, eq=False)
class Cluster(Extent):
    """A cluster of the observed map, with its corrected p-values.

    Attributes
    ----------
    p_size, p_mass : float or None
        Family-wise error corrected, by size and by mass; None where not asked for, and for
        clusters of places that are significant themselves.
    p_size_fitted, p_mass_fitted : bool
        Whether the p comes from a generalised Pareto tail.
    """

    p_size: float | None = None
    p_mass: float | None = None
    p_size_fitted: bool = False
    p_mass_fitted: bool = False


@dataclass(frozen=True, eq=False)
class PermutationResult:
    """What a permutation test finds.

    Null distributions have a row for each relabelling, the observed one first, and columns for
    + and - (one column for F); None where the statistic was not asked for.

    Attributes
    ----------
    t : ndarray of shape (n_places,)
        t, or F for a contrast of several rows; 0 at constant places.
    effect : ndarray of shape (n_places,), or (n_rows, n_places) for F
        The contrast's estimate, in the maps' units.
    df : int
        Residual degrees of freedom.
    n_rows : int
        Independent rows of the contrast: 1 for t; the first degrees of freedom of F.
    constant : ndarray of bool, shape (n_places,)
        Places without variance beside the nuisance: they have t = 0, p = 1, and no part in the FDR.
    threshold : float
        t (or F) beyond which places form clusters.
    clusters : tuple of Cluster
        The largest first; empty unless size or mass was asked for.
    max_t, max_cluster_size, max_cluster_mass, max_tfce : ndarray, shape (n_permutations, 2)
        Null distributions.
    p_uncorrected, p_fwe, p_fdr : ndarray of shape (n_places,)
        Of each place: by its own permuted values, of both directions; by `max_t`, as `tail` says;
        Benjamini-Hochberg q of the first.
    p_one_sided : ndarray of shape (n_places,), or None
        For `one-sided-each`: by its own permuted values in the direction observed, as SnPM's maps
        of p; half of `p_uncorrected`.
    tfce, p_tfce : ndarray of shape (n_places,), or None
        The enhanced map, and its family-wise error corrected p.
    p_fwe_fitted, p_tfce_fitted : ndarray of bool
        Where p comes from a generalised Pareto tail.
    n_permutations : int
        Relabellings done, the observed one among them.
    exhaustive : bool
        Whether they are all there are.
    sign_flips : bool
        Whether signs were flipped in place of reordering.
    method, tail : str
    seed : int
    n_variance_groups : int
        Groups of scans with a variance of their own; with more than one, t is v and F is G.
    """

    t: FloatArray
    effect: FloatArray
    df: int
    n_rows: int
    constant: NDArray[np.bool_]
    threshold: float
    clusters: tuple[Cluster, ...]
    max_t: FloatArray
    max_cluster_size: NDArray[np.int64] | None
    max_cluster_mass: FloatArray | None
    max_tfce: FloatArray | None
    p_uncorrected: FloatArray
    p_fwe: FloatArray
    p_fdr: FloatArray
    tfce: FloatArray | None
    p_tfce: FloatArray | None
    p_fwe_fitted: NDArray[np.bool_]
    p_tfce_fitted: NDArray[np.bool_] | None
    n_permutations: int
    exhaustive: bool
    sign_flips: bool
    method: str
    tail: str
    seed: int
    n_variance_groups: int = 1
    p_one_sided: FloatArray | None = None
