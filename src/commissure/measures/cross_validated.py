"""CFH with the partner found in one part of a run and r read in another."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from commissure.measures.sides import (
    checked_dtype,
    find_partners,
    fisher_z,
    partner_r,
    unit_series,
    usable_sides,
)
from commissure.space import Domain
from commissure.threads import one_blas_thread


@dataclass(frozen=True, eq=False)
class CrossValidatedCFH:
    """The cross-validated CFH map of one run.

    Attributes
    ----------
    z : ndarray of shape (n_places,)
        Mean of the Fisher z of r read in the second part with the partner found in the first, and
        in the first with the partner found in the second; NaN where there is none.
    mean_r : ndarray of shape (n_places,)
        Mean of the two r.
    first_partner, second_partner : ndarray of int, shape (n_places,)
        Place of the partner found in either part, -1 where there is none.
    nonfinite, constant : boolean ndarray of shape (n_places,)
        Places left out because their series, in either part, has a value that is not finite, or has
        one value only.
    """

    z: NDArray[Any]
    mean_r: NDArray[Any]
    first_partner: NDArray[np.intp]
    second_partner: NDArray[np.intp]
    nonfinite: NDArray[np.bool_]
    constant: NDArray[np.bool_]

    @property
    def r(self) -> NDArray[Any]:
        """The correlation that `z` is of, shape (n_places,)."""
        r: NDArray[Any] = np.tanh(self.z)
        return r


def cross_validated_cfh(
    first: NDArray[Any],
    second: NDArray[Any],
    domain: Domain,
    *,
    dtype: DTypeLike = np.float32,
    n_threads: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> CrossValidatedCFH:
    """For each place, the correlation with the partner that another part of the run names.

    Parameters
    ----------
    first, second : ndarray of shape (n_places, n_volumes)
        Clean time series of two parts of a run, separated by a gap and cleaned each by itself (see
        `commissure.preprocessing.half_operators`). They may differ in length.
    domain : Domain
    dtype : {float32, float64}
        Precision of the correlations, see `cfh`.
    n_threads : int, optional
        By default all cores. The result does not depend on it.
    progress : callable, optional
        Called with the share of the work that is done.

    Returns
    -------
    CrossValidatedCFH

    Raises
    ------
    InputError
        As `cfh`.

    Notes
    -----
    The noise that made a place the partner in one part is not there in the other, so r is hardly
    biased: without coupling its expectation is 0. What it estimates is the correlation at the
    partner that was found, which lies below that at the best one, the further the shorter the parts
    are.
    """
    precision = checked_dtype(dtype)
    report = progress or (lambda _share: None)
    # Not more than one BLAS thread: the last bits may depend on how many there are.
    with one_blas_thread():
        parts = [unit_series(part, domain, n_threads) for part in (first, second)]
        nonfinite = parts[0].nonfinite | parts[1].nonfinite
        constant = (parts[0].constant | parts[1].constant) & ~nonfinite
        left, right = usable_sides(domain, ~(nonfinite | constant))
        partners, both = [], []
        for number, (part, other) in enumerate((parts, parts[::-1])):
            partner = find_partners(part, left, right, domain, precision, n_threads)
            partners.append(partner)
            both.append(partner_r(other, partner, precision, n_threads))
            report((number + 1) / 2)
    z, r = (fisher_z(both[0]) + fisher_z(both[1])) / 2, (both[0] + both[1]) / 2
    return CrossValidatedCFH(z, r, partners[0], partners[1], nonfinite, constant)
