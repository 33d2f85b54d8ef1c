"""Who stands out of the others by what was measured."""

from collections.abc import Mapping

import numpy as np

# Robust standard deviations from the median.
_FAR = 3.0
_MAD_TO_SD = 1.4826
_LEAST = 5


def outliers(values: Mapping[str, float]) -> set[str]:
    """Return who is more than three robust standard deviations from the median.

    The robust standard deviation is 1.4826 times the median distance from the median (Leys et al.
    2013, doi 10.1016/j.jesp.2013.03.013). Of fewer than five nobody is said to stand out, nor where
    half of them are the same.

    Parameters
    ----------
    values : mapping of str to float
    """
    if len(values) < _LEAST:
        return set()
    numbers = np.array(list(values.values()))
    apart = np.abs(numbers - np.median(numbers))
    spread = _MAD_TO_SD * float(np.median(apart))
    far = apart > _FAR * spread if spread > 0 else np.zeros(len(numbers), bool)
    return {name for name, is_far in zip(values, far, strict=True) if is_far}
