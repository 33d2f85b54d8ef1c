"""CFH without the bias of a maximum: partners found in random halves of a run's dimensions."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray
from scipy.linalg import helmert

from commissure.measures.cross_validated import cross_validated_cfh
from commissure.measures.matching import temporal_basis
from commissure.measures.measure import MapSettings, Measure, Output, Precision, ScanMaps
from commissure.measures.sides import fisher_z
from commissure.problems import InputError
from commissure.space import Domain
from commissure.threads import one_blas_thread

# Of fewer dimensions a correlation says nothing.
_LEAST_DIMENSIONS = 6


@dataclass(frozen=True)
class CrossValidatedSettings(MapSettings):
    """How cross-validated CFH is made; see `commissure.measures.cross_validated_cfh`.

    Attributes
    ----------
    splits : int
        Random splits of a run's dimensions; each takes as long as CFH.
    seed : int
        Of the splits.
    dtype : {"float32", "float64"}
        Precision of the search.
    """

    splits: Annotated[int, Ge(1), Le(1000)] = 4
    seed: Annotated[int, Ge(0), Le(2**63 - 1)] = 0
    dtype: Precision = "float32"


def _maps(
    series: NDArray[Any],
    domain: Domain,
    settings: CrossValidatedSettings,
    n_threads: int | None = None,
) -> ScanMaps:
    """Map one scan: the mean r over splits and both directions, then Fisher's z."""
    basis = temporal_basis(series)
    n = basis.shape[1]
    if n < _LEAST_DIMENSIONS:
        msg = (
            f"The series span {n} dimensions of time; cross-validation needs {_LEAST_DIMENSIONS} "
            "or more. Take a longer scan, or a wider band."
        )
        raise InputError(msg)
    if n >= np.isfinite(series).all(axis=1).sum():
        # Then the space is that of these few series, not of time, and its halves are no more
        # independent: without coupling r is below 0.
        msg = (
            f"The series of {len(series)} places span {n} dimensions of time; cross-validation "
            "needs more places than that. Take a larger mask or finer voxels."
        )
        raise InputError(msg)
    rng = np.random.default_rng(settings.seed)
    centred = series - series.mean(axis=1, keepdims=True)
    total: Any = 0
    for _ in range(settings.splits):
        directions, _ = np.linalg.qr(rng.standard_normal((n, n)))
        # One dimension more than the directions: a correlation takes the mean away.
        with one_blas_thread():
            first, second = (
                centred @ (basis @ part @ helmert(part.shape[1] + 1))
                for part in (directions[:, : n // 2], directions[:, n // 2 :])
            )
        found = cross_validated_cfh(
            first, second, domain, dtype=settings.dtype, n_threads=n_threads
        )
        total = total + found.mean_r
    z = fisher_z(np.asarray(total / settings.splits, np.float64))
    median = np.nanmedian(z)
    return ScanMaps(
        {"cfhcv": z},
        found.constant,
        found.nonfinite,
        counts={"DimensionsOfHalf": n // 2},
        summary=f"median cross-validated CFH z = {median:.2f} (r = {np.tanh(median):.2f})",
    )


CFHCV = Measure(
    stat="cfhcv",
    name="CFH-CV",
    long_name="cross-validated connectivity between functionally homotopic voxels",
    unit="Fisher z",
    references=("liu2025",),
    meaning=(
        "CFH-CV (cross-validated CFH) says of each place how strongly its activity goes with that "
        "of its best match in the other half, where the match is found in one half of the data and "
        "looked at in the other."
    ),
    high="It is near 0 where the halves of the brain share nothing, unlike CFH.",
    settings=CrossValidatedSettings,
    outputs=(
        Output(
            "cfhcv",
            "Cross-validated CFH: correlation of each voxel with the partner that an orthogonal "
            "half of the dimensions of the series names, mean over random halves and both "
            "directions, Fisher z-transformed.",
            "arbitrary (Fisher z)",
            "CFH-CV (Fisher z)",
            "viridis",
        ),
    ),
    of_scan=_maps,
)
