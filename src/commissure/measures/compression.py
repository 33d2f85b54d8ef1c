"""Series made comparable and short: unit norm, in a basis of the space they span.

Band-passed series span far fewer dimensions than they have volumes. In an orthonormal basis of
that space every dot product is a sum over those dimensions only, and is the same (Parseval).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commissure.measures.kernel import pack
from commissure.threads import map_threads

# Series handled at a time; a multiple of every panel width (6, 8, 16), and small enough for the
# cache. Fixed, so that results do not depend on the number of threads.
_CHUNK = 480

# Values beyond it are as good as infinite, deviations below its inverse as good as none: what is
# made of them would overflow or lose its digits.
_LARGEST = 1e300

# What leaving dimensions out may change a correlation by, far below the precision's own error.
_ALLOWED_LOSS = {np.dtype(np.float32): 1e-8, np.dtype(np.float64): 1e-13}


@dataclass(frozen=True, eq=False)
class UnitSeries:
    """Series seen as centred and of unit norm, without a copy of them.

    Attributes
    ----------
    series : ndarray of shape (n_places, n_volumes)
        As given.
    mean, norm : ndarray of shape (n_places,)
        Of each series, and of each after its mean is removed.
    nonfinite, constant : boolean ndarray of shape (n_places,)
        Series that have no correlation.
    """

    series: NDArray[Any]
    mean: NDArray[np.float64]
    norm: NDArray[np.float64]
    nonfinite: NDArray[np.bool_]
    constant: NDArray[np.bool_]

    @classmethod
    def of(cls, series: NDArray[Any], n_threads: int | None = None) -> "UnitSeries":
        """Measure the series (n_places, n_volumes)."""

        def measure(rows: slice) -> tuple[NDArray[Any], ...]:
            part = series[rows].astype(np.float64)
            largest = np.abs(part).max(axis=1)
            # NaN is not below the limit either.
            nonfinite = np.logical_not(largest < _LARGEST)
            part[nonfinite] = largest[nonfinite] = 0
            mean = part.mean(axis=1)
            part -= mean[:, None]
            # Scaled by the largest deviation, so that squares neither overflow nor vanish.
            deviation = np.abs(part).max(axis=1)
            # Deviations that rounding alone can make are none.
            rounding = part.shape[1] * np.finfo(np.float64).eps * largest
            constant = np.asarray(deviation <= np.maximum(rounding, 1 / _LARGEST))
            deviation[constant] = 1
            part /= deviation[:, None]
            norm = deviation * np.sqrt(np.einsum("ij,ij->i", part, part))
            norm[constant] = 1
            return mean, norm, nonfinite, constant & np.logical_not(nonfinite)

        measured = zip(*map_threads(measure, _chunks(len(series)), n_threads), strict=True)
        mean, norm, nonfinite, constant = (np.concatenate(parts) for parts in measured)
        return cls(series, mean, norm, nonfinite, constant)

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Series that have a correlation, shape (n_places,)."""
        return ~(self.nonfinite | self.constant)

    def __getitem__(self, places: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the unit series of some places."""
        part = self.series[places].astype(np.float64)
        part -= self.mean[places, None]
        part /= self.norm[places, None]
        return part

    def correlation(
        self, places: NDArray[np.intp], others: NDArray[np.intp], n_threads: int | None = None
    ) -> NDArray[np.float64]:
        """Return the correlation of each place with its other, shape of `places`."""

        def correlate(rows: slice) -> NDArray[np.float64]:
            r: NDArray[np.float64] = np.einsum("ij,ij->i", self[places[rows]], self[others[rows]])
            return r

        return np.concatenate(map_threads(correlate, _chunks(len(places)), n_threads))


def find_bases(
    unit: UnitSeries, places: NDArray[np.intp], dtype: np.dtype[Any]
) -> list[NDArray[np.float64]]:
    """Find orthonormal bases of the space the series span, the shortest first.

    They are taken from a sample of the series; `shorten` checks that they hold for every one. The
    last is of all volumes, and holds for any.

    Returns
    -------
    list of ndarray of shape (n_volumes, rank)
        Directions in ascending order of what the series have in them: a dot product that sums its
        small terms first loses least to rounding.
    """
    n_volumes = unit.series.shape[1]
    sample = unit[places[:: max(1, len(places) // (4 * n_volumes))]]
    _, directions = np.linalg.eigh(sample.T @ sample)
    # What each series loses when the first k + 1 directions are left out.
    lost = np.cumsum(np.square(sample @ directions), axis=1).max(axis=0)
    n_left_out = int((lost <= _ALLOWED_LOSS[dtype] / 4).sum())
    short = [np.ascontiguousarray(directions[:, n_left_out:])] if n_left_out else []
    return [*short, directions]


def shorten(
    unit: UnitSeries,
    places: NDArray[np.intp],
    basis: NDArray[np.float64],
    width: int,
    dtype: np.dtype[Any],
    n_threads: int | None = None,
) -> NDArray[Any] | None:
    """Pack the unit series of some places, in the basis, for the kernel.

    Returns
    -------
    ndarray of shape (n_panels, rank, width), or None if a series does not lie in the basis: then
    a correlation could change by more than is allowed (by Cauchy-Schwarz, the product of the
    norms of what two series leave outside).
    """
    packed = np.empty((-(-len(places) // width), basis.shape[1], width), dtype)

    def write(rows: slice) -> bool:
        n = len(places[rows])
        # Filled up to a fixed shape: BLAS may sum another shape in another order.
        full = np.zeros((_CHUNK, len(basis)))
        full[:n] = unit[places[rows]]
        part = (full @ basis)[:n]
        lost = 1 - np.einsum("ij,ij->i", part, part)
        if lost.max() > _ALLOWED_LOSS[dtype]:
            return False
        panels = pack(part.astype(dtype), width)
        first = rows.start // width
        packed[first : first + len(panels)] = panels
        return True

    fits = map_threads(write, _chunks(len(places)), n_threads)
    return packed if all(fits) else None


def _chunks(n: int) -> Iterator[slice]:
    return (slice(start, min(start + _CHUNK, n)) for start in range(0, n, _CHUNK))
