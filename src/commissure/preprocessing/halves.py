"""The two halves of a run, cleaned each by itself, for measures that are cross-validated."""

import math

import numpy as np
from numpy.typing import NDArray

from commissure.preprocessing.cleaning import cleaning_operator
from commissure.preprocessing.filtering import Padding
from commissure.problems import InputError


def halves(n_volumes: int, tr: float, gap: float) -> tuple[slice, slice]:
    """Return the volumes of a run's two halves: as many in each, and between them a gap.

    Parameters
    ----------
    n_volumes : int
    tr : float
        In s.
    gap : float
        Least time between the last volume of the first half and the first of the second, in s.

    Raises
    ------
    InputError
        If the gap is negative or leaves less than 3 volumes in a half.
    """
    if not (math.isfinite(tr) and tr > 0):
        msg = f"The repetition time must be a number of seconds above 0; it is {tr}."
        raise InputError(msg)
    if not gap >= 0:
        msg = f"The gap between the halves must be 0 s or more; it is {gap:g} s."
        raise InputError(msg)
    # A gap of whole volumes is that, whatever the last bit of the quotient is.
    left_out = max(math.ceil(round(gap / tr, 6)) - 1, 0) if gap < n_volumes * tr else n_volumes
    length = (n_volumes - left_out) // 2
    if length < 3:
        msg = (
            f"A gap of {gap:g} s leaves {max(length, 0)} of {n_volumes} volumes (TR {tr:g} s) in "
            "each half; a correlation needs at least 3. Make the gap shorter."
        )
        raise InputError(msg)
    return slice(0, length), slice(n_volumes - length, n_volumes)


def half_operators(
    regressors: NDArray[np.float64],
    *,
    tr: float,
    low: float,
    high: float,
    gap: float = 20.0,
    padding: Padding = "dft",
    simultaneous: bool = True,
    trend: bool = True,
    kept: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the operators that cut the halves out of a run and clean each by itself.

    Parameters
    ----------
    regressors : ndarray of shape (n_volumes, k)
        Of the whole run.
    tr, gap : float
        In s, see `halves`.
    low, high, padding, simultaneous, trend, kept
        See `cleaning_operator`; `kept` of the whole run.

    Returns
    -------
    first, second : ndarray of shape (n_kept, n_volumes)
        To be given to `apply_operator` with the series of the whole run. Columns of volumes outside
        the half are zero. `nominal_degrees_of_freedom` tells how much is left of each.

    Raises
    ------
    InputError
        As `halves`, and as `cleaning_operator` for either half.

    Notes
    -----
    Each half loses as many dimensions to the regressors as the whole run would. Of 220 volumes at
    TR 2 s in 0.01-0.1 Hz a half has about 38, of which the 28 of Friston-24, three mean signals and
    a trend leave 10.
    """
    n_volumes = len(regressors)
    if kept is None:
        kept = np.ones(n_volumes, dtype=np.bool_)
    operators, problems = [], []
    for half, word in zip(halves(n_volumes, tr, gap), ("first", "second"), strict=True):
        try:
            clean = cleaning_operator(
                regressors[half],
                tr=tr,
                low=low,
                high=high,
                padding=padding,
                simultaneous=simultaneous,
                trend=trend,
                kept=kept[half],
            )
        except InputError as error:
            problems += [f"In the {word} half of the run: {problem}" for problem in error.problems]
        else:
            operator = np.zeros((len(clean), n_volumes))
            operator[:, half] = clean
            operators.append(operator)
    if problems:
        raise InputError(problems)
    return operators[0], operators[1]
