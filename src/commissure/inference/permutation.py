"""Permutation tests of maps: t or F, clusters and TFCE with family-wise error control."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy import stats

from commissure.inference.apart import Apart
from commissure.inference.clusters import Extent, find_clusters
from commissure.inference.glm import DesignLike, FloatArray, Model, fit, lowered
from commissure.inference.labellings import draw_labellings, given_labellings
from commissure.inference.pvalues import signed_p
from commissure.inference.relabelled import Relabelled
from commissure.inference.result import Cluster, PermutationResult
from commissure.inference.sweep import Null, NullMaker, Sweep, affordable_threads
from commissure.inference.tfce import tfce
from commissure.inference.variance_groups import RelabelledGroups, VarianceGroups
from commissure.problems import InputError
from commissure.space import Domain
from commissure.threads import one_blas_thread

METHODS = ("freedman-lane", "draper-stoneman")
TAILS = ("two-sided", "one-sided-each")
STATISTICS = ("size", "mass", "tfce")

# Relative difference of statistics that count as equal, in each precision of the products; see
# `lowered`.
_CLOSENESS = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 1e-5}


def permutation_test(
    maps: NDArray[Any],
    design: DesignLike,
    contrast: str | FloatArray,
    domain: Domain | Apart,
    n_permutations: int = 5000,
    cluster_forming_p: float = 0.001,
    connectivity: int = 18,
    method: Literal["freedman-lane", "draper-stoneman"] = "freedman-lane",
    tail: Literal["two-sided", "one-sided-each"] = "two-sided",
    statistics: Sequence[str] = STATISTICS,
    seed: int = 0,
    labellings: NDArray[Any] | None = None,
    *,
    dtype: DTypeLike = np.float64,
    variance_groups: NDArray[Any] | None = None,
    flip_signs: bool = False,
    pareto_tail: bool = False,
    n_threads: int | None = None,
    max_memory: int | None = None,
    progress: Callable[[int], None] | None = None,
    null_by: NullMaker | None = None,
) -> PermutationResult:
    """Test a contrast at every place by permutation.

    Parameters
    ----------
    maps : ndarray of shape (n_scans, n_places)
        A finite value for each scan at each place.
    design : DesignLike
        Matrix, names, contrasts in words, exchangeability blocks.
    contrast : str or ndarray of shape (n_columns,) or (n_rows, n_columns)
        In the design's words or as weights; one row is a t test, more an F test.
    domain : Domain or Apart
        The places of the maps, or values that are no neighbours (then without `statistics`).
    n_permutations : int
        Relabellings at most, the observed one included. All distinct ones are enumerated if they
        are no more than this.
    cluster_forming_p : float
        One-sided p at which places form clusters, by the model's degrees of freedom.
    connectivity : {6, 18, 26}
    method : {"freedman-lane", "draper-stoneman"}
        Draper-Stoneman, as SnPM, relabels the contrast and leaves covariates and data in place. It
        is faster, and less exact when covariates go with the contrast.
    tail : {"two-sided", "one-sided-each"}
        Only for how p is formed: whether corrected p are of both directions together, or of each
        for itself. Uncorrected p and q are of both.
    statistics : sequence of {"size", "mass", "tfce"}
        Which null distributions are made beside that of the largest t.
    seed : int
        Of the random relabellings.
    labellings : ndarray of shape (n_permutations, n_scans), optional
        Relabellings to use, the observed one first. For `draper-stoneman` boolean, membership of
        the first-named group; for `freedman-lane` orders of the design's rows, or signs.
    dtype : {float64, float32}
        Of the products of permuted maps. The observed maps are always made in float64.
    variance_groups : ndarray of shape (n_scans,), optional
        Equal values mark scans whose residuals have one variance, by `freedman-lane` only. Then t
        is Aspin and Welch's v and F is G, of which Welch's t and Welch's ANOVA are the cases
        without covariates; by default one variance is assumed for all scans.
    flip_signs : bool
        Whether the signs of residuals are flipped in place of reordering, by `freedman-lane`
        without blocks: what scans of unequal variance allow, if their errors are symmetric.
    pareto_tail : bool
        Whether small corrected p are taken from a generalised Pareto fitted to the null's tail,
        unless all relabellings are done.
    n_threads : int, optional
        All cores by default. The result does not depend on it.
    max_memory : int, optional
        Bytes that may be used beside the maps. Fewer threads are used to stay below.
    progress : callable, optional
        Called with the number of relabellings done since the last call, from any thread.
    null_by : callable, optional
        Makes the null distribution elsewhere than on this process's threads. It is called with
        the `Sweep`, whose `parts` can be made anywhere and joined by `Null.joined` with the same
        bits, and with `progress`.

    Returns
    -------
    PermutationResult

    Raises
    ------
    InputError
        With everything that is wrong with the arguments.

    Notes
    -----
    The p of a statistic is the share of the null distribution at least as large, the observed one
    included; values that differ by less than 1e-9 of themselves are ties (1e-5 in float32), or by
    twice that of the share of variance that they explain.

    Where the contrast asks whether a mean is zero (one group; differences), signs are flipped
    instead, those of all scans of an exchangeability block together.

    References
    ----------
    Winkler et al. (2014) NeuroImage 92:381; v and G: their equations 5-7.
    """
    dtype = np.dtype(dtype)
    maps = np.asarray(maps)
    _check(
        maps, design, domain, n_permutations, cluster_forming_p, method, tail, statistics, dtype,
        unequal=variance_groups is not None,
        flip_signs=flip_signs,
    )  # fmt: skip
    graph = domain.neighbours(connectivity)
    with one_blas_thread():
        model = Model.of(design, contrast)
        if labellings is None:
            relabellings = draw_labellings(
                model, design.blocks, n_permutations, method, seed, flip_signs=flip_signs
            )
        else:
            relabellings = given_labellings(labellings, model, method)
        relabelled: Relabelled | RelabelledGroups
        if variance_groups is None:
            relabelled = Relabelled(model, relabellings, method)
            t, effect, constant = fit(maps, model, n_threads)
        else:
            of_groups = VarianceGroups.of(model, variance_groups)
            relabelled = RelabelledGroups(of_groups, relabellings)
            t, effect, constant = fit(maps, model, n_threads, of_groups.statistic)
        near = lowered(t, model, _CLOSENESS[dtype])
        threshold = _threshold(model, cluster_forming_p)
        enhances = "tfce" in statistics
        n_threads = affordable_threads(
            n_threads, max_memory, len(t), model, relabelled, dtype, enhanced=enhances
        )
        sweep = Sweep.of(
            maps,
            near,
            model,
            relabelled,
            threshold,
            graph,
            one_sided=tail == "one-sided-each" and model.n_rows == 1,
            clusters="size" in statistics or "mass" in statistics,
            enhanced=enhances,
            dtype=dtype,
            n_threads=n_threads,
        )
        if null_by:
            null = null_by(sweep, progress)
        else:
            null = sweep.null(n_threads=n_threads, progress=progress)
    extents = find_clusters(t, threshold, graph) if {"size", "mass"} & set(statistics) else []
    enhanced = tfce(t, graph) if enhances else None
    _set_observed(null, t, extents, enhanced)
    # Where all relabellings are done p is known, and cannot be smaller.
    pareto_tail = pareto_tail and not relabellings.exhaustive

    n_sides = 1 if model.n_rows > 1 else 2
    max_t = null.max_t[:, :n_sides]
    size = null.max_cluster_size[:, :n_sides] if "size" in statistics else None
    mass = null.max_cluster_mass[:, :n_sides] if "mass" in statistics else None
    p_uncorrected = np.where(constant, 1, null.exceeding / relabellings.n)
    p_one_sided = None
    if sweep.one_sided:
        # Whichever direction is observed is counted: by chance it is below alpha twice as often.
        p_one_sided, p_uncorrected = p_uncorrected, np.minimum(2 * p_uncorrected, 1)
    p_fdr = np.ones(len(t))
    p_fdr[~constant] = stats.false_discovery_control(p_uncorrected[~constant])
    p_fwe, p_fwe_fitted = signed_p(max_t, t, tail, near, pareto_tail=pareto_tail)
    max_tfce = p_tfce = p_tfce_fitted = None
    if enhanced is not None:
        max_tfce = null.max_tfce[:, :n_sides]
        p_tfce, p_tfce_fitted = signed_p(
            max_tfce, enhanced, tail, tfce(near, graph), pareto_tail=pareto_tail
        )
    return PermutationResult(
        t=t,
        effect=effect,
        df=model.df,
        n_rows=model.n_rows,
        constant=constant,
        threshold=threshold,
        clusters=_with_p(
            extents, size, mass, tail, np.abs(near) - threshold, pareto_tail=pareto_tail
        ),
        max_t=max_t,
        max_cluster_size=size,
        max_cluster_mass=mass,
        max_tfce=max_tfce,
        p_uncorrected=p_uncorrected,
        p_one_sided=p_one_sided,
        p_fwe=np.where(constant, 1, p_fwe),
        p_fdr=p_fdr,
        tfce=enhanced,
        p_tfce=p_tfce,
        p_fwe_fitted=p_fwe_fitted,
        p_tfce_fitted=p_tfce_fitted,
        n_permutations=relabellings.n,
        exhaustive=relabellings.exhaustive,
        sign_flips=relabellings.signs is not None,
        method=method,
        tail=tail,
        seed=seed,
        n_variance_groups=1 if variance_groups is None else len(np.unique(variance_groups)),
    )


def _threshold(model: Model, p: float) -> float:
    if model.n_rows == 1:
        return float(stats.t.isf(p, model.df))
    return float(stats.f.isf(p, model.n_rows, model.df))


def _set_observed(
    null: Null, t: FloatArray, extents: list[Extent], enhanced: FloatArray | None
) -> None:
    """Put the observed maps' own statistics first: the products agree but for rounding."""
    null.max_t[0] = t.max(), -t.min()
    for side, sign in enumerate((1, -1)):
        of_sign = [e for e in extents if e.sign == sign]
        null.max_cluster_size[0, side] = max((e.size for e in of_sign), default=0)
        null.max_cluster_mass[0, side] = max((e.mass for e in of_sign), default=0)
    if enhanced is not None:
        null.max_tfce[0] = max(enhanced.max(), 0), max(-enhanced.min(), 0)


def _with_p(
    extents: list[Extent],
    max_size: NDArray[Any] | None,
    max_mass: NDArray[Any] | None,
    tail: str,
    near_excess: FloatArray,
    *,
    pareto_tail: bool,
) -> tuple[Cluster, ...]:
    sign = np.array([e.sign for e in extents])
    measured = {}
    for name, null in (("size", max_size), ("mass", max_mass)):
        if null is None:
            measured[name] = [(None, False)] * len(extents)
            continue
        values = np.array([getattr(e, name) for e in extents], dtype=np.float64)
        near = None
        if name == "mass":
            near = np.array([max(near_excess[e.places].sum(), 0) for e in extents])
        p, fitted = signed_p(
            null.astype(np.float64), values, tail, near, pareto_tail=pareto_tail, sign=sign
        )
        measured[name] = list(zip(p.tolist(), fitted.tolist(), strict=True))
    return tuple(
        Cluster(**vars(extent), p_size=s[0], p_mass=m[0], p_size_fitted=s[1], p_mass_fitted=m[1])
        for extent, s, m in zip(extents, measured["size"], measured["mass"], strict=True)
    )


def _check(
    maps: NDArray[Any],
    design: DesignLike,
    domain: Domain | Apart,
    n_permutations: int,
    cluster_forming_p: float,
    method: str,
    tail: str,
    statistics: Sequence[str],
    dtype: np.dtype[Any],
    *,
    unequal: bool,
    flip_signs: bool,
) -> None:
    """Raise with all that is wrong with the arguments."""
    problems = []
    n_scans = len(design.matrix)
    if maps.shape != (n_scans, domain.n_places):
        problems.append(
            f"maps has shape {maps.shape}; the design has {n_scans} scans and the domain "
            f"{domain.n_places} places, so it must be ({n_scans}, {domain.n_places})."
        )
    elif bad := [(scan, n) for scan, n in enumerate(_n_not_finite(maps)) if n]:
        scans = ", ".join(f"scan {scan} ({n})" for scan, n in bad[:10])
        more = f" and {len(bad) - 10} more" if len(bad) > 10 else ""
        problems.append(
            f"{len(bad)} of {n_scans} maps have values that are not finite (places): {scans}{more}."
            " Leave these places or these scans out."
        )
    problems += option_problems(n_permutations, cluster_forming_p, method, tail, statistics, dtype)
    for name, asked in (("variance_groups need", unequal), ("flip_signs needs", flip_signs)):
        if asked and method != "freedman-lane":
            problems.append(f"{name} the method freedman-lane; it is {method}.")
    if problems:
        raise InputError(problems)


def option_problems(
    n_permutations: int,
    cluster_forming_p: float,
    method: str,
    tail: str,
    statistics: Sequence[str],
    dtype: DTypeLike,
) -> list[str]:
    """Say what is wrong with the options of `permutation_test`."""
    problems = []
    if n_permutations < 2:
        problems.append(f"n_permutations must be 2 or more; it is {n_permutations}.")
    if not 0 < cluster_forming_p < 0.5:
        problems.append(f"cluster_forming_p must be between 0 and 0.5; it is {cluster_forming_p}.")
    for name, value, known in (("method", method, METHODS), ("tail", tail, TAILS)):
        if value not in known:
            problems.append(f"{name} must be one of {', '.join(known)}; it is {value!r}.")
    if unknown := [s for s in statistics if s not in STATISTICS]:
        problems.append(
            f"statistics may be {', '.join(STATISTICS)}; {', '.join(map(repr, unknown))} is not."
        )
    if np.dtype(dtype) not in _CLOSENESS:
        problems.append(f"dtype must be float64 or float32; it is {dtype}.")
    return problems


def _n_not_finite(maps: NDArray[Any]) -> list[int]:
    # A scan at a time: a mask of all maps would be as large as they are.
    return [int(np.count_nonzero(~np.isfinite(scan))) for scan in maps]
