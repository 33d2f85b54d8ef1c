"""The table of clusters: where they are, how large, how sure, what is there."""

from collections.abc import Mapping, Sequence
from string import ascii_lowercase
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from commissure.inference.effects import SELECTED_PEAK_NOTE
from commissure.space.atlas import Atlas
from commissure.space.domain import Domain

_TOLERANCE_MM = 1e-6


class ClusterLike(Protocol):
    """What the table needs of a cluster."""

    @property
    def sign(self) -> int:
        """1 where the statistic is positive, -1 where negative."""

    @property
    def places(self) -> NDArray[np.intp]:
        """The domain's places it consists of."""


def cluster_table(
    statistic_map: NDArray[np.float64],
    clusters: Sequence[ClusterLike],
    domain: Domain,
    *,
    p_corr: Mapping[str, Sequence[float]] | None = None,
    atlas: Atlas | None = None,
    statistic: str = "t",
    connectivity: int = 18,
    n_peaks: int = 3,
    apart_mm: float = 8.0,
) -> pd.DataFrame:
    """Make the table of clusters and their peaks.

    Parameters
    ----------
    statistic_map : ndarray of shape (n_places,)
    clusters : sequence of ClusterLike
        Numbered from 1 in the order given.
    domain : Domain
    p_corr : mapping of str to sequence of float, optional
        Corrected p of each cluster by the name of its column, such as ``p_corr_size``.
    atlas : Atlas, optional
        Without one, the columns of labels are left out.
    statistic : str
        ``"t"`` or ``"F"``, for the name of the peaks' column.
    connectivity : {6, 18, 26}
        What neighbours are, of whom a peak has none that is larger.
    n_peaks : int
        How many peaks a cluster is given at most, the first included (SPM gives 3).
    apart_mm : float
        Least distance between the peaks of a cluster (SPM's is 8).

    Returns
    -------
    DataFrame
        A row for each cluster (``"1"``), followed by its sub-peaks (``"1a"``, ``"1b"``), which
        have no size and p. Columns: ``cluster``, ``direction`` (``positive`` or ``negative``; not
        for F), ``peak_t``, ``x``, ``y``, ``z`` (mm), ``voxels``, ``mm3``, those of `p_corr`,
        ``peak_label``, ``extent_labels``. ``attrs["notes"]`` has sentences to be shown with it:
        on selection, and on the atlas's licence and space.
    """
    p_corr = p_corr or {}
    graph = domain.neighbours(connectivity)
    voxel_mm3 = abs(float(np.linalg.det(domain.grid.affine[:3, :3])))
    rows: list[dict[str, Any]] = []
    for i, cluster in enumerate(clusters):
        heights = cluster.sign * statistic_map
        peaks = find_peaks(heights, cluster.places, domain.coordinates, graph, n_peaks, apart_mm)
        for suffix, peak in zip(("", *ascii_lowercase), peaks, strict=False):
            x, y, z = domain.coordinates[peak]
            row = {
                "cluster": f"{i + 1}{suffix}",
                "direction": "positive" if cluster.sign > 0 else "negative",
                f"peak_{statistic}": statistic_map[peak],
                "x": x,
                "y": y,
                "z": z,
            }
            if not suffix:
                row["voxels"] = len(cluster.places)
                row["mm3"] = len(cluster.places) * voxel_mm3
                row |= {name: values[i] for name, values in p_corr.items()}
            if atlas:
                row["peak_label"] = atlas.at(domain.coordinates[peak])[0]
                row["extent_labels"] = (
                    "" if suffix else atlas.shares(domain.coordinates[cluster.places])
                )
            rows.append(row)
    columns = ["cluster", "direction", f"peak_{statistic}", "x", "y", "z", "voxels", "mm3"]
    columns += [*p_corr, *(("peak_label", "extent_labels") if atlas else ())]
    table = pd.DataFrame(rows, columns=columns).astype({"voxels": "Int64"})
    if statistic == "F":
        table = table.drop(columns="direction")
    table.attrs["notes"] = [SELECTED_PEAK_NOTE, *([atlas.note] if atlas and atlas.note else [])]
    return table


def find_peaks(
    heights: NDArray[np.float64],
    places: NDArray[np.intp],
    coordinates: NDArray[np.float64],
    graph: sparse.csr_array,
    n_peaks: int,
    apart_mm: float,
) -> list[int]:
    """Find the highest local maxima of a cluster that are some way apart.

    Parameters
    ----------
    heights : ndarray of shape (n_places,)
    places : ndarray of shape (size,)
        The cluster.
    coordinates : ndarray of shape (n_places, 3)
        In mm.
    graph : scipy.sparse.csr_array of shape (n_places, n_places)
        Neighbours.
    n_peaks : int
        The most to be found.
    apart_mm : float
        Least distance from every higher peak found.

    Returns
    -------
    list of int
        Places, the highest first, of equal ones the first place. A local maximum has no higher
        neighbour in the cluster.
    """
    of_cluster = graph[places][:, places]
    neighbour = np.repeat(heights[places], np.diff(of_cluster.indptr))
    other = heights[places][of_cluster.indices]
    row = np.repeat(np.arange(len(places)), np.diff(of_cluster.indptr))
    is_peak = np.ones(len(places), bool)
    is_peak[row[other > neighbour]] = False
    candidates = np.sort(places[is_peak])
    peaks: list[int] = []
    for place in candidates[np.argsort(-heights[candidates], kind="stable")]:
        distances = np.linalg.norm(coordinates[peaks] - coordinates[place], axis=1)
        if len(peaks) < n_peaks and (distances >= apart_mm - _TOLERANCE_MM).all():
            peaks.append(int(place))
    return peaks
