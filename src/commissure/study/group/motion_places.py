"""How many places of the maps go with head motion, before and after the model (as QC-FC does)."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from commissure.inputs.people import MEAN_FD
from commissure.study.group.findings import GroupFindings

_P = 0.05


def motion_places(findings: GroupFindings, fd: NDArray[np.float64]) -> pd.DataFrame:
    """Return over the places how maps correlate with mean FD, as they are and beside the model.

    Parameters
    ----------
    findings : GroupFindings
    fd : ndarray of shape (n_scans,)
        Of people: no two scans of one.

    Returns
    -------
    DataFrame
        ``model`` ("none", and "partial": what all else in the model leaves), ``n, df``, the median
        of r and of its size over the places, and the share of the places with p < 0.05, uncorrected
        (0.05 by chance). Without a model that cannot be fitted beside mean FD.

    References
    ----------
    Ciric R et al. (2017) NeuroImage 154:174, of edges.
    """
    design, maps = findings.inputs.design, findings.inputs.maps.data
    others = [i for i, name in enumerate(design.names) if MEAN_FD not in name.split(":")]
    models = {"none": np.ones((len(fd), 1)), "partial": design.matrix[:, others]}
    rows = []
    for model, matrix in models.items():
        df = len(fd) - int(np.linalg.matrix_rank(matrix)) - 1
        left = fd - matrix @ (np.linalg.pinv(matrix) @ fd)
        if df < 1 or left @ left < 1e-20 * (fd @ fd):
            continue
        of_maps = maps - matrix @ (np.linalg.pinv(matrix) @ maps)
        size = np.linalg.norm(of_maps, axis=0)
        r = (left @ of_maps)[size > 0] / (np.linalg.norm(left) * size[size > 0])
        critical = stats.t.isf(_P / 2, df)
        share = float((np.abs(r) > critical / np.sqrt(df + critical**2)).mean())
        rows.append(
            {"model": model, "n": len(fd), "df": df}
            | {"median_r": np.median(r), "median_abs_r": np.median(np.abs(r))}
            | {"share_p_below_0.05": share}
        )
    return pd.DataFrame(rows)
