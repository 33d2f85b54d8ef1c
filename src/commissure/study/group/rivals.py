"""What else than an effect may explain a contrast: motion, degrees of freedom, floor, coverage."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from commissure.inference import hedges_g
from commissure.inference.grammar import read_formula
from commissure.inputs.people import MEAN_FD
from commissure.records.rivals import RIVAL_LIMITS, Rival, RivalKind, RivalState
from commissure.settings.group import GroupSettings
from commissure.study.group.findings import Inputs
from commissure.study.group.groups import members, scanned_again

_KINDS: tuple[RivalKind, ...] = ("mean_fd", "effective_df", "noise_floor", "coverage")
# A comparison of scans that are all equal to 1 gives 0, but for rounding.
_OF_EQUALS = 1e-6
# As a share of the squares of values.
_ROUNDING = 1e-20
# Of which nothing need be said where no scan has any.
_ONLY_IF_KNOWN = "noise_floor"


def rivals_of(inputs: Inputs, settings: GroupSettings) -> tuple[Rival, ...]:
    """Return what else differs along the contrast, whether or not it is in the model.

    Each is tested as the maps are, with the same contrast in the same model without it: what is
    then found of it is what leaving it out of the model adds to the maps' contrast.

    Parameters
    ----------
    inputs : Inputs
    settings : GroupSettings

    Returns
    -------
    tuple of Rival
        One of each kind; empty for a mean, which compares nothing.
    """
    of_equals = (inputs.contrast @ np.linalg.pinv(inputs.design.matrix)).sum(axis=1)
    if np.abs(of_equals).max() > _OF_EQUALS:
        return ()
    asked = inputs.design.asked(settings.contrast)
    rivals = [
        _rival(kind, _values(kind, inputs), inputs, settings)
        for kind in _KINDS
        if kind not in asked.columns
    ]
    return tuple(r for r in rivals if r.kind != _ONLY_IF_KNOWN or r.n_unknown < r.n)


def _values(kind: RivalKind, inputs: Inputs) -> NDArray[np.float64]:
    """Return it of each scan; NaN where it is not known."""
    table, coverage = inputs.people.table, inputs.maps.coverage
    if kind == "coverage":
        return 100 * coverage.lacking / coverage.n_any
    if kind in inputs.qualities:
        return inputs.qualities[kind]
    column = MEAN_FD if kind == "mean_fd" else kind
    try:
        return table[column].to_numpy(np.float64)
    except (KeyError, ValueError):  # there is none, or it has words
        return np.full(len(table), np.nan)


def _rival(
    kind: RivalKind, values: NDArray[np.float64], inputs: Inputs, settings: GroupSettings
) -> Rival:
    table, design = inputs.people.table, inputs.design
    asked = design.asked(settings.contrast)
    unknown = ~np.isfinite(values)
    found = None if unknown.any() else _along(kind, values, inputs)
    as_g = asked.kind == "difference" and not scanned_again(table)
    # Of what does not vary within groups there is no standard deviation to measure it in.
    as_g = as_g and (found is None or abs(found.r) < 1)
    value = None if found is None else found.r
    if found is not None and as_g:
        value = float(hedges_g(found.t, found.df, (design.effective_size(settings.contrast),)))
    levels = members(table, asked.factor) if asked.kind == "difference" else {}
    means = {
        level: float(values[levels[level]].mean())
        for level in asked.levels
        if level in levels and not unknown.any()
    }
    rival = Rival(
        kind,
        "alike",
        "g" if as_g else "r",
        value,
        None if found is None else found.p,
        RIVAL_LIMITS.g if as_g else RIVAL_LIMITS.r,
        means,
        int(unknown.sum()),
        len(values),
    )
    return replace(rival, state=_state(rival, inputs, settings))


def _state(rival: Rival, inputs: Inputs, settings: GroupSettings) -> RivalState:
    if rival.n_unknown:
        return "unknown"
    if rival.kind in read_formula(settings.formula).names:
        return "modelled"
    if rival.kind == "effective_df" and inputs.matched_df is not None:
        return "matched"
    return "beyond" if rival.is_beyond else "alike"


@dataclass(frozen=True)
class _Along:
    """The contrast on something: t (sqrt F), partial or multiple correlation, p, residual df."""

    t: float
    r: float
    p: float | None
    df: int


def _along(kind: RivalKind, values: NDArray[np.float64], inputs: Inputs) -> _Along | None:
    """Test the contrast on something by the model without it; None where that cannot be."""
    others = [i for i, name in enumerate(inputs.design.names) if kind not in name.split(":")]
    matrix, contrast = inputs.design.matrix[:, others], inputs.contrast[:, others]
    inverse, n_rows = np.linalg.pinv(matrix), len(contrast)
    df = len(matrix) - int(np.linalg.matrix_rank(matrix))
    independent = np.linalg.matrix_rank(contrast) == n_rows
    if not independent or df < 1 or not np.allclose(contrast @ inverse @ matrix, contrast):
        return None
    estimator = contrast @ inverse
    estimate = estimator @ values
    explained = float(estimate @ np.linalg.solve(estimator @ estimator.T, estimate))
    left = float(np.square(values - matrix @ (inverse @ values)).sum())
    sign = float(np.sign(estimate[0])) if n_rows == 1 else 1.0
    rounding = _ROUNDING * float(np.square(values).sum())
    if explained <= rounding:
        return _Along(0.0, 0.0, None, df)
    if left <= rounding:
        return _Along(sign * np.inf, sign, 0.0, df)
    f = explained / left * df / n_rows
    r = sign * np.sqrt(explained / (explained + left))
    return _Along(sign * np.sqrt(f), float(r), float(stats.f.sf(f, n_rows, df)), df)
