"""The one p that says what is significant: of clusters, or of places, which form clusters then."""

from dataclasses import replace
from typing import Literal

import numpy as np
from scipy import sparse

from commissure.inference.clusters import find_clusters
from commissure.inference.result import Cluster, PermutationResult

Criterion = Literal["size", "mass", "tfce", "voxel"]


def judged(
    result: PermutationResult, criterion: Criterion, alpha: float, graph: sparse.csr_array
) -> tuple[PermutationResult, tuple[int, ...]]:
    """Tell which clusters are significant.

    Parameters
    ----------
    result : PermutationResult
    criterion : {"size", "mass", "tfce", "voxel"}
        By the p of clusters, or by that of places after TFCE or as they are.
    alpha : float
        Family-wise error rate. A p that equals it counts: p is that small in a share alpha of data
        without any effect at most.
    graph : scipy.sparse.csr_array of shape (n_places, n_places)
        Neighbours.

    Returns
    -------
    result : PermutationResult
        With the clusters that the criterion is about: those that were tested, or neighbouring
        significant places of one sign, whose `mass` is their sum of ``|t|``.
    significant : tuple of int
        Which of them are, from 0.
    """
    if criterion in ("tfce", "voxel"):
        p = result.p_tfce if criterion == "tfce" else result.p_fwe
        assert p is not None  # noqa: S101 - see `settings.group.option_problems`
        extents = find_clusters(np.where(p <= alpha, result.t, 0), 0, graph)
        clusters = tuple(Cluster(**vars(extent)) for extent in extents)
        return replace(result, clusters=clusters), tuple(range(len(clusters)))
    p_of = [cluster_p(result, cluster)[criterion] for cluster in result.clusters]
    return result, tuple(i for i, p in enumerate(p_of) if p <= alpha)


def cluster_p(result: PermutationResult, cluster: Cluster) -> dict[str, float]:
    """Return a cluster's corrected p by the criteria there are; of places, the smallest p."""
    p = {
        "size": cluster.p_size,
        "mass": cluster.p_mass,
        "tfce": None if result.p_tfce is None else result.p_tfce[cluster.places].min(),
        "voxel": result.p_fwe[cluster.places].min(),
    }
    return {name: float(value) for name, value in p.items() if value is not None}


def smallest_of(result: PermutationResult, criterion: Criterion) -> float:
    """Return the smallest corrected p of a map by a criterion; 1 where there is no cluster."""
    if criterion in ("tfce", "voxel"):
        p = result.p_tfce if criterion == "tfce" else result.p_fwe
        return 1.0 if p is None else float(p.min())
    return min((cluster_p(result, c)[criterion] for c in result.clusters), default=1.0)
