"""How maps go with head motion over people, place by place."""

import numpy as np
import pandas as pd
from scipy import stats

from commissure.inputs.people import MEAN_FD
from commissure.study.group.findings import GroupFindings, Inputs, WithMotion
from commissure.study.group.groups import scanned_again

_P = 0.05
# Places at once: a copy of all maps would be as large as they are.
_AT_ONCE = 4096


def correlations_with_motion(inputs: Inputs) -> dict[str, WithMotion]:
    """Return how maps correlate with mean FD at each place, as they are and beside the model.

    Parameters
    ----------
    inputs : Inputs

    Returns
    -------
    dict of WithMotion
        ``none``, and ``partial``: what all else in the model leaves. Without a model that cannot be
        fitted beside mean FD; empty where motion is not known, or a person has several scans.

    References
    ----------
    Ciric R et al. (2017) NeuroImage 154:174, of edges.
    """
    people, maps = inputs.people.table, inputs.maps.data
    if not motion_known(people) or scanned_again(people):
        return {}
    fd = people[MEAN_FD].to_numpy(float)
    design = inputs.design
    others = [i for i, name in enumerate(design.names) if MEAN_FD not in name.split(":")]
    models = {"none": np.ones((len(fd), 1)), "partial": design.matrix[:, others]}
    found = {}
    for model, matrix in models.items():
        df = len(fd) - int(np.linalg.matrix_rank(matrix)) - 1
        left = fd - matrix @ (np.linalg.pinv(matrix) @ fd)
        if df < 1 or left @ left < 1e-20 * (fd @ fd):
            continue
        r = np.full(maps.shape[1], np.nan)
        inverse = np.linalg.pinv(matrix)
        for start in range(0, len(r), _AT_ONCE):
            some = maps[:, start : start + _AT_ONCE]
            of_maps = some - matrix @ (inverse @ some)
            size = np.linalg.norm(of_maps, axis=0)
            with np.errstate(invalid="ignore", divide="ignore"):
                of_some = (left @ of_maps) / (np.linalg.norm(left) * size)
            r[start : start + _AT_ONCE] = np.where(size > 0, of_some, np.nan)
        found[model] = WithMotion(r, df)
    return found


def motion_known(people: pd.DataFrame) -> bool:
    """Whether mean FD is known of all, and differs."""
    fd = people.get(MEAN_FD, pd.Series(dtype=float))
    return len(fd) > 0 and not fd.isna().any() and bool((fd != fd.iloc[0]).any())


def motion_places(findings: GroupFindings) -> pd.DataFrame:
    """Return over the places how maps correlate with mean FD.

    Returns
    -------
    DataFrame
        ``model, n, df`` (see `correlations_with_motion`), the median of r and of its size over the
        places, the share of the places with p < 0.05, uncorrected (0.05 by chance), and where
        partners are known Spearman's correlation over the places of r with the partner's mean
        distance.
    """
    distance = findings.inputs.distance
    rows = []
    for model, found in findings.with_motion.items():
        inside = np.isfinite(found.r)
        r = found.r[inside]
        critical = stats.t.isf(_P / 2, found.df)
        share = float((np.abs(r) > critical / np.sqrt(found.df + critical**2)).mean())
        row = {"model": model, "n": len(findings.inputs.people.table), "df": found.df}
        row |= {"median_r": np.median(r), "median_abs_r": np.median(np.abs(r))}
        row |= {"share_p_below_0.05": share}
        if distance is not None:
            known = inside & np.isfinite(distance)
            row["rho_with_distance"] = stats.spearmanr(found.r[known], distance[known]).statistic
        rows.append(row)
    return pd.DataFrame(rows)
