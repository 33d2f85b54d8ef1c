"""What CFH would be without any coupling between the hemispheres."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import DTypeLike, NDArray

from commissure.measures.compression import find_bases
from commissure.measures.kernel import cross_maxima
from commissure.measures.sides import (
    checked_dtype,
    fisher_z,
    pack_sides,
    unit_series,
    usable_sides,
)
from commissure.measures.surrogates import nearest_rotation, phase_randomised
from commissure.problems import InputError
from commissure.space import Domain
from commissure.threads import one_blas_thread

Surrogates = Literal["rotation", "phase"]


@dataclass(frozen=True, eq=False)
class NoiseFloor:
    """CFH of surrogates of a scan that have no coupling between the hemispheres.

    Attributes
    ----------
    mean_z, sd_z : ndarray of shape (n_places,)
        Mean and standard deviation, over the surrogates, of each place's CFH (Fisher z); NaN where
        there is none.
    n_surrogates : int
    """

    mean_z: NDArray[np.float64]
    sd_z: NDArray[np.float64]
    n_surrogates: int

    def excess(self, z: NDArray[Any]) -> NDArray[np.float64]:
        """Return how far a CFH map exceeds its floor, Fisher z, shape (n_places,).

        Notes
        -----
        It tells where there is more than chance gives, not how strong the coupling is: the stronger
        it is, the less chance adds to the maximum, so the floor takes off too much there. For a
        correlation that is hardly biased see `cross_validated_cfh`.
        """
        excess: NDArray[np.float64] = z - self.mean_z
        return excess


def noise_floor(
    series: NDArray[Any],
    domain: Domain,
    *,
    n_surrogates: int = 10,
    surrogates: Surrogates = "rotation",
    seed: int = 0,
    dtype: DTypeLike = np.float32,
    n_threads: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> NoiseFloor:
    """CFH of surrogates that keep all coupling within a hemisphere and have none between.

    Parameters
    ----------
    series : ndarray of shape (n_places, n_volumes)
        Clean time series at the places of the domain.
    domain : Domain
    n_surrogates : int
        Each costs as much time as CFH itself. 10 tell the mean to a third of a standard deviation.
    surrogates : {"rotation", "phase"}
        ``phase``: the phases of one hemisphere are randomised, the same for all its places and
        independent of the other's [1]_. Each spectrum and each correlation within a hemisphere
        stays as it is. But if nuisance signals were regressed out of the series, the surrogates
        have more dimensions than the series, and the floor is too low. ``rotation``: the rotation
        of the space the series span whose correlations are most like those of ``phase``. Each
        correlation within a hemisphere stays as it is, and so do the dimensions that cleaning has
        left; spectra stay roughly.
    seed : int
        Of the random phases. The first surrogates are the same however many there are.
    dtype : {float32, float64}
    n_threads : int, optional
        By default all cores. The result does not depend on it.
    progress : callable, optional
        Called with the share of the work that is done.

    Returns
    -------
    NoiseFloor

    Raises
    ------
    InputError
        As `cfh`, and if there are fewer than 2 surrogates or the seed is negative.

    Notes
    -----
    Only the difference of the hemispheres' phases has an effect, so only the right is changed.
    Where places are no more than dimensions, the space cleaning left cannot be told from them, and
    ``rotation`` is ``phase``; with less than four places a dimension it is up to 0.05 (z) too high.
    Series that lack dimensions for another reason than cleaning get a floor that is too high.
    Regression of the global signal couples the hemispheres negatively, which surrogates do not
    show: with it the floor is up to 0.07 (r) too high.

    References
    ----------
    .. [1] Prichard D, Theiler J (1994) Generating surrogate data for time series with several
       simultaneously measured variables. Physical Review Letters 73:951-954.
    """
    z = surrogate_maps(
        series,
        domain,
        n_surrogates=n_surrogates,
        surrogates=surrogates,
        seed=seed,
        dtype=dtype,
        n_threads=n_threads,
    )
    mean = squares = np.zeros(domain.n_places)
    for number, one in enumerate(z, start=1):
        # Welford's running mean and sum of squared deviations.
        deviation = one - mean
        mean = mean + deviation / number
        squares = squares + deviation * (one - mean)
        if progress is not None:
            progress(number / n_surrogates)
    return NoiseFloor(mean, np.sqrt(squares / (n_surrogates - 1)), n_surrogates)


def surrogate_maps(
    series: NDArray[Any],
    domain: Domain,
    *,
    n_surrogates: int,
    surrogates: Surrogates = "rotation",
    seed: int = 0,
    dtype: DTypeLike = np.float32,
    n_threads: int | None = None,
) -> Iterator[NDArray[np.float64]]:
    """Yield the CFH map (Fisher z, shape (n_places,)) of each surrogate; see `noise_floor`.

    Parameters
    ----------
    series, domain, n_surrogates, surrogates, seed, dtype, n_threads
        As there.
    """
    precision = _checked(dtype, n_surrogates, surrogates, seed)
    rng = np.random.default_rng(seed)
    # Not more than one BLAS thread: the last bits may depend on how many there are.
    with one_blas_thread():
        unit = unit_series(series, domain, n_threads)
        left, right = usable_sides(domain, unit.usable)
        bases = find_bases(unit, np.concatenate([left, right]), precision)
        within = surrogates == "rotation" and bases[0].shape[1] < len(left) + len(right)
        rows, columns, basis = pack_sides(
            unit, left, right, precision, n_threads, bases if within else bases[-1:]
        )
        weights = _second_moment(rows) + _second_moment(columns) if within else None
        for _ in range(n_surrogates):
            rotation = nearest_rotation(basis.T @ phase_randomised(basis, rng), weights)
            rotated = np.matmul(rotation.astype(precision), columns)
            found = cross_maxima([rows], [rotated], len(left), len(right), n_threads=n_threads)
            z = np.full(domain.n_places, np.nan)
            z[left], z[right] = fisher_z(found.row_max), fisher_z(found.column_max)
            yield z


def _checked(
    dtype: DTypeLike, n_surrogates: int, surrogates: Surrogates, seed: int
) -> np.dtype[Any]:
    problems = []
    if n_surrogates < 2:
        problems.append(f"n_surrogates must be 2 or more; it is {n_surrogates}.")
    if seed < 0:
        problems.append(f"seed must be 0 or more; it is {seed}.")
    if surrogates not in get_args(Surrogates):
        problems.append(f'surrogates must be "rotation" or "phase"; it is {surrogates!r}.')
    if problems:
        raise InputError(problems)
    return checked_dtype(dtype)


def _second_moment(packed: NDArray[Any]) -> NDArray[np.float64]:
    """Return the sum over packed series of x xᵀ, shape (rank, rank)."""
    moment: NDArray[np.float64] = np.tensordot(packed, packed, ((0, 2), (0, 2))).astype(np.float64)
    return moment
