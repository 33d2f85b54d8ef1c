"""How far CFH exceeds its noise floor, place by place, and how sure that is."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import DTypeLike, NDArray

from commissure.measures.cfh import cfh
from commissure.measures.measure import MapSettings, Measure, Output, Precision, ScanMaps
from commissure.measures.noise_floor import surrogate_maps
from commissure.space import Domain

# At which places are counted.
ALPHA = 0.05


@dataclass(frozen=True, eq=False)
class AboveFloor:
    """CFH of one scan beside that of surrogates without coupling between the hemispheres.

    Attributes
    ----------
    score : ndarray of shape (n_places,)
        CFH (Fisher z) less its mean over the surrogates, in standard deviations of one more of
        them: their own, times the root of 1 + 1 / n for the mean that n of them tell. NaN where
        there is no CFH.
    p : ndarray of shape (n_places,)
        Share of the surrogates and the scan whose CFH is at least that of the scan: 1 / (n + 1) or
        more, of each place alone.
    nonfinite, constant : boolean ndarray of shape (n_places,)
        Places left out because their series has a value that is not finite, or has one value only.
    """

    score: NDArray[np.float64]
    p: NDArray[np.float64]
    nonfinite: NDArray[np.bool_]
    constant: NDArray[np.bool_]

    @property
    def above(self) -> NDArray[np.bool_]:
        """Which places have p of 5 % or less, shape (n_places,)."""
        return self.p <= ALPHA + 1e-9

    @property
    def share(self) -> float:
        """Their share of the places with p; 5 % are expected without coupling."""
        return float(self.above[np.isfinite(self.p)].mean())


def above_floor(
    series: NDArray[Any],
    domain: Domain,
    *,
    n_surrogates: int = 19,
    seed: int = 0,
    dtype: DTypeLike = np.float32,
    n_threads: int | None = None,
) -> AboveFloor:
    """Compare CFH with that of surrogates of the scan, see `noise_floor`.

    Parameters
    ----------
    series : ndarray of shape (n_places, n_volumes)
        Clean time series at the places of the domain.
    domain : Domain
    n_surrogates : int
        Each costs as much time as CFH. 19 are the fewest that can tell 5 %.
    seed : int
        Of their phases.
    dtype : {float32, float64}
        Precision of the search.
    n_threads : int, optional
        By default all cores. The result does not depend on it.

    Raises
    ------
    InputError
        As `noise_floor`.
    """
    own = cfh(series, domain, dtype=dtype, n_threads=n_threads)
    z = own.z.astype(np.float64)
    maps = surrogate_maps(
        series, domain, n_surrogates=n_surrogates, seed=seed, dtype=dtype, n_threads=n_threads
    )
    surrogates = np.stack(list(maps))
    sd = surrogates.std(axis=0, ddof=1) * np.sqrt(1 + 1 / n_surrogates)
    score = (z - surrogates.mean(axis=0)) / sd
    p = (1 + (surrogates >= z).sum(axis=0)) / (n_surrogates + 1)
    return AboveFloor(score, np.where(np.isfinite(z), p, np.nan), own.nonfinite, own.constant)


@dataclass(frozen=True)
class AboveFloorSettings(MapSettings):
    """How CFH is compared with its noise floor; see `commissure.measures.above_floor`.

    Attributes
    ----------
    surrogates : int
        Surrogates without coupling between the hemispheres; each takes as long as CFH.
    seed : int
        Of their phases.
    dtype : {"float32", "float64"}
        Precision of the search.
    """

    surrogates: Annotated[int, Ge(2), Le(1000)] = 19
    seed: Annotated[int, Ge(0), Le(2**63 - 1)] = 0
    dtype: Precision = "float32"


def _maps(
    series: NDArray[Any],
    domain: Domain,
    settings: AboveFloorSettings,
    n_threads: int | None = None,
) -> ScanMaps:
    """Map one scan, series of shape (n_places, n_volumes)."""
    result = above_floor(
        series,
        domain,
        n_surrogates=settings.surrogates,
        seed=settings.seed,
        dtype=settings.dtype,
        n_threads=n_threads,
    )
    return ScanMaps(
        {"cfhabove": result.score, "cfhabovep": result.p},
        result.constant,
        result.nonfinite,
        counts={"AboveNoiseFloor": int(result.above.sum())},
        summary=f"{100 * result.share:.0f} % of them above the noise floor (5 % by chance)",
    )


CFH_ABOVE = Measure(
    stat="cfhabove",
    name="CFH above its floor",
    long_name="CFH above its noise floor",
    unit="standard deviations of surrogates",
    references=("prichard1994",),
    meaning=(
        "CFH above its floor says of each place how much stronger its best match in the other half "
        "is than the best match that chance alone gives in this scan."
    ),
    high=(
        "It is near 0 where the halves of the brain share nothing, however few volumes are left of "
        "a scan; above 2 or 3 there is coupling. It is no strength of coupling."
    ),
    settings=AboveFloorSettings,
    outputs=(
        Output(
            "cfhabove",
            "CFH (Fisher z) less its mean over surrogates of the scan that have no coupling "
            "between the hemispheres, in standard deviations of a surrogate.",
            "arbitrary (standard deviations)",
            "CFH above its floor (SD)",
            "viridis",
        ),
        Output(
            "cfhabovep",
            "Share of the surrogates and the scan whose CFH at a voxel is at least that of the "
            "scan: p of each voxel alone, not corrected.",
            "arbitrary (p)",
        ),
    ),
    of_scan=_maps,
)
