"""Designs made from formulas, and contrasts of adjusted means."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import formulaic
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from commissure.inference import design_checks as checks
from commissure.inference.contrasts import Quantity, Weights, read_contrast, what_is_asked
from commissure.inference.glm import tested_columns
from commissure.inference.grammar import Formula, read_formula
from commissure.problems import InputError
from commissure.records.asked import Asked

# Of the length of a contrast's regressor, or of a row of a contrast.
_TOLERANCE = 1e-8


@dataclass(frozen=True, eq=False)
class Design:
    """A design matrix, and what contrasts of it mean.

    Attributes
    ----------
    matrix : ndarray of shape (n_scans, n_columns)
        Of full column rank.
    names : tuple of str
        What the columns are called.
    factors : mapping of str to tuple of str
        The formula's factors and their levels.
    covariates : tuple of str
        The formula's continuous columns.
    blocks : ndarray of int of shape (n_scans,), or None
        The exchangeability block of each scan.
    block_name : str or None
        The column the blocks are from.
    notes : tuple of str
        What is doubtful, though it can be computed.

    Notes
    -----
    With blocks, scans are exchanged within a block only (a participant's own scans, say). So only
    effects within blocks can be tested: conditions, visits, what changes between them, and
    interactions with these. `contrast` refuses what compares blocks with one another, wholly or in
    part (how blocks differ by chance never enters the null), but for a mean, which is tested by
    flipping the signs of whole blocks. Blocks are no term of the model: name the column in the
    formula too (``condition + participant_id``) to take the blocks' own means away.
    Then terms that differ between blocks only (the group, the age) are explained by the blocks,
    and the columns that became superfluous are left out of `matrix`.
    """

    matrix: NDArray[np.float64]
    names: tuple[str, ...]
    factors: Mapping[str, tuple[str, ...]]
    covariates: tuple[str, ...]
    blocks: NDArray[np.intp] | None
    block_name: str | None
    notes: tuple[str, ...]
    _table: pd.DataFrame = field(repr=False)
    _spec: Any = field(repr=False)
    # What the kept columns make of all columns, shape (n_columns, n_all), and which they are.
    _expansion: NDArray[np.float64] = field(repr=False)
    _kept: NDArray[np.intp] = field(repr=False)

    def contrast(self, text: str) -> NDArray[np.float64]:
        """Return the weights of the columns that test a contrast.

        Parameters
        ----------
        text : str
            ``"group[patient] - group[control]"``: levels of factors are adjusted means, with
            weights where wanted (``"(group[a] + group[b]) / 2 - group[c]"``).
            ``"age"``: the slope of a covariate. ``"age:group[patient] - age:group[control]"``:
            slopes at levels; ``"group[patient]:sex[F]"``: the mean of a cell.
            ``"mean"``, or ``"1"``: the adjusted mean of all (of one group: the one-sample test).
            A list with commas is an F test.

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
            Of full row rank.

        Raises
        ------
        InputError
            If the text is not understood, names columns or levels that are not there, is not
            estimable, or if nothing would change when scans are exchanged within blocks.

        Notes
        -----
        An adjusted mean is what the model predicts at a level with the covariates at their means
        over all scans and the other factors balanced (every combination of levels weighs the
        same), as in R's emmeans. A slope is averaged over balanced factors too; where slopes
        depend on another covariate, it is at its mean. So a contrast means the same however the
        factors are coded, with or without an intercept.

        References
        ----------
        Searle SR, Speed FM, Milliken GA (1980) Population marginal means in the linear model.
        The American Statistician 34:216-221.
        """
        rows = read_contrast(text, self.factors, self.covariates)
        weights = np.stack([self._weights(row) for row in rows])
        weights = self._of_kept_columns(weights, text)
        length = np.linalg.norm(weights, axis=1)
        if (length < _TOLERANCE).any():
            msg = (
                f"The contrast {text!r} has a row that compares nothing: its weights cancel. Name "
                "two levels, or a covariate."
            )
            raise InputError(msg)
        if np.linalg.matrix_rank(weights / length[:, None], tol=_TOLERANCE) < len(weights):
            msg = (
                f"The rows of the contrast {text!r} follow from one another; leave out those that "
                "say nothing new (three groups need two differences)."
            )
            raise InputError(msg)
        self._check_blocks(weights, text)
        return weights

    def tested_part(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what Draper-Stoneman relabels for a contrast.

        Parameters
        ----------
        weights : ndarray of shape (n_rows, n_columns)
            See `contrast`.

        Returns
        -------
        ndarray of shape (n_scans, n_rows)
            Made from the terms of what the contrast names only, so that covariates and other
            factors keep their places; the same for every coding of the factors.
        """
        weights = weights @ self._expansion
        used = np.abs(weights).max(axis=0) > _TOLERANCE * np.abs(weights).max()
        terms = [
            ({str(name) for name in term.factors} - {"1"}, at)
            for term, at in self._spec.term_indices.items()
        ]
        named = set().union(*(names for names, at in terms if used[at].any()))
        part = [column for names, at in terms if names <= named for column in at]
        return tested_columns((self.matrix @ self._expansion)[:, part], weights[:, part])

    def asked(self, text: str) -> Asked:
        """Return what a contrast asks, for those who tell of it."""
        rows = read_contrast(text, self.factors, self.covariates)
        return what_is_asked(text, rows, lambda quantity: int(self._scans_of(quantity).sum()))

    def scans_compared(self, text: str) -> dict[str, int]:
        """Count the scans of each mean or slope that a contrast names, in the order of naming.

        Returns
        -------
        dict of str to int
            Such as ``{"group[patient]": 30, "group[control]": 30}``.
        """
        rows = read_contrast(text, self.factors, self.covariates)
        counts = {}
        for quantity in (q for row in rows for q in row):
            counts[str(quantity)] = int(self._scans_of(quantity).sum())
        return counts

    def _scans_of(self, quantity: Quantity) -> NDArray[np.bool_]:
        at = np.ones(len(self._table), bool)
        for factor, level in quantity.levels:
            at &= (self._table[factor] == level).to_numpy()
        return at

    def _weights(self, row: Weights) -> NDArray[np.float64]:
        return np.asarray(sum(weight * self._predicted(q) for q, weight in row.items()))

    def _predicted(self, quantity: Quantity) -> NDArray[np.float64]:
        """Return the weights of all columns that predict a quantity."""
        fixed = dict(quantity.levels)
        # The model is linear in each covariate, so a slope is a difference between 1 and 0.
        values: dict[str, Sequence[Any]] = {
            name: (0.0, 1.0) if name in quantity.slopes else (self._table[name].mean(),)
            for name in self.covariates
        }
        for name, levels in self.factors.items():
            values[name] = (fixed[name],) if name in fixed else levels
        points = pd.DataFrame(list(product(*values.values())), columns=list(values))
        for name, levels in self.factors.items():
            points[name] = pd.Categorical(points[name], categories=levels)
        rows = np.asarray(self._spec.get_model_matrix(points, context={}), float)
        for name in quantity.slopes:
            rows = rows * (2 * points[name].to_numpy() - 1)[:, None]
        balanced = np.prod([len(v) for name, v in values.items() if name not in quantity.slopes])
        return np.asarray(rows.sum(axis=0) / balanced)

    def _of_kept_columns(self, weights: NDArray[np.float64], text: str) -> NDArray[np.float64]:
        """Express weights of all columns by the kept ones, which span the same space."""
        kept = weights[:, self._kept]
        # All columns = kept columns @ expansion, so what is estimable is a multiple of it.
        off = np.abs(kept @ self._expansion - weights).max(axis=1)
        if (off > _TOLERANCE * np.abs(weights).max(initial=1)).any():
            msg = (
                f"The contrast {text!r} is not estimable: what it compares differs between blocks "
                f"({self.block_name}) only, and the formula has a mean for each block. Compare "
                "scans within blocks, or leave the blocks' column out of the formula."
            )
            raise InputError(msg)
        return kept

    def _check_blocks(self, weights: NDArray[np.float64], text: str) -> None:
        """Raise if what a contrast tests differs between blocks too, and is no mean."""
        if self.blocks is None:
            return
        q, r = np.linalg.qr(self.matrix)
        regressors = q @ np.linalg.solve(r.T, weights.T)
        length = np.linalg.norm(regressors, axis=0)
        # What the contrast makes of maps that are 1 everywhere.
        if np.abs(regressors.sum(axis=0) / length).max() > _TOLERANCE:
            return
        between = _block_means(regressors, self.blocks)
        within = np.linalg.norm(regressors - between, axis=0)
        if (np.linalg.norm(between, axis=0) < _TOLERANCE * length).all():
            return
        if (within < _TOLERANCE * length).all():
            msg = (
                f"The contrast {text!r} compares nothing within the blocks of {self.block_name}: "
                "exchanging scans within them would change nothing. Compare the blocks themselves "
                "with one map each (one session, say) and no blocks."
            )
        else:
            msg = (
                f"The contrast {text!r} compares blocks of {self.block_name} with one another, not "
                "only scans within them. Scans are exchanged within blocks only, so how much "
                "blocks differ by chance would not count, and far too small p would come out. Name "
                f"{self.block_name} in the formula too, so that only what changes within blocks is "
                "compared; what differs between blocks is compared with one map each (one session, "
                "say) and no blocks."
            )
        raise InputError(msg)

    def effective_size(self, text: str) -> float:
        """Return the n of a contrast of means, as `hedges_g` counts it.

        Each mean that a contrast names is of n scans and has a weight w: 1 / n of all together is
        the sum of w**2 / n, where no scan is in two of them.
        """
        (row,) = read_contrast(text, self.factors, self.covariates)
        of_scans = np.zeros(len(self._table))
        for quantity, weight in row.items():
            at = self._scans_of(quantity)
            of_scans[at] += weight / at.sum()
        return float(1 / (of_scans @ of_scans))


def design_matrix(
    formula: str,
    participants: pd.DataFrame,
    *,
    categorical: Collection[str] = (),
    group: str = "group",
    blocks: str | None = None,
) -> Design:
    """Make a design from a formula and a table with a row for each scan.

    Parameters
    ----------
    formula : str
        Names of columns, ``+ : * ^ ( )`` and ``C()`` only, with or without ``cfh ~`` before it.
        There is an intercept unless ``0 +`` or ``- 1`` takes it away; ``"1"`` is the design of
        one group's mean. It is data, never code: nothing in it is evaluated.
    participants : DataFrame with n_scans rows
        Its columns are what the formula may name.
    categorical : collection of str
        Columns of numbers that are factors all the same (as participants.json declares them).
        Columns of text are factors anyway, and those that stand in ``C()``.
    group : str
        The column of the groups: a factor even when it is coded 1 and 2.
    blocks : str, optional
        The column whose equal values mark scans that may be exchanged (see `Design`); a factor
        where the formula names it.

    Returns
    -------
    Design

    Raises
    ------
    InputError
        With all that is wrong: the formula, unknown columns, missing values, factors of one
        level, covariates that separate the groups and not by chance, columns that depend on one
        another, too few scans, scans that the design fits exactly.

    Notes
    -----
    Factors are coded by treatment, covariates are left as they are; what a contrast means depends
    on neither.
    """
    read = read_formula(formula, [str(name) for name in participants.columns])
    used = list(read.names) if blocks is None else list(dict.fromkeys((*read.names, blocks)))
    factors = read.factors | set(categorical) | {group, blocks}
    problems = list(checks.unknown_columns(used, participants))
    known = [name for name in used if name in participants]
    problems += checks.missing_values(known, participants)
    problems += checks.words_among_numbers([n for n in known if n not in factors], participants)
    if not set(used) <= set(known):
        raise InputError(problems)

    # Where values are missing, what else is wrong is looked for in the scans that have them all.
    incomplete = np.zeros(len(participants), bool)
    for name in used:
        incomplete |= checks.missing(participants[name])
    complete = participants[~incomplete].reset_index(drop=True)
    if complete.empty:
        raise InputError(problems or "The table of participants has no rows.")
    table = pd.DataFrame(index=complete.index)
    for name in read.names:
        column = complete[name]
        is_factor = name in factors or not checks.is_covariate(column)
        table[name] = _factor(column) if is_factor else column.astype(float)
    constant = list(checks.one_value_only(table))
    if constant:
        raise InputError(problems + constant)
    codes = None if blocks is None else pd.factorize(complete[blocks])[0]
    if blocks is not None and codes is not None:
        problems += checks.blocks_of_one(codes, blocks)

    matrix, names, spec = _all_columns(read, table)
    kept = checks.independent_columns(matrix)
    if len(kept) < len(names) and (codes is None or not _blocks_explain(matrix, kept, codes)):
        problems += checks.dependent_columns(matrix, names, kept)
    is_factor_of = table.dtypes == "category"
    separated = list(checks.separated_groups(table, group))
    design = Design(
        matrix=np.ascontiguousarray(matrix[:, kept]),
        names=tuple(names[j] for j in kept),
        factors={n: tuple(table[n].cat.categories) for n in read.names if is_factor_of[n]},
        covariates=tuple(n for n in read.names if not is_factor_of[n]),
        blocks=codes,
        block_name=blocks,
        notes=tuple(said for said, by_chance in separated if by_chance),
        _table=table,
        _spec=spec,
        _expansion=_expansion(matrix, kept),
        _kept=kept,
    )
    problems += (said for said, by_chance in separated if not by_chance)
    few = list(checks.too_few_scans(design.matrix))
    problems += few or checks.fitted_alone(design.matrix, design.names, checks.scan_names(complete))
    if problems:
        raise InputError(problems)
    return design


def match_maps(
    participants: pd.DataFrame, maps: pd.DataFrame, *, on: Sequence[str] = ("participant_id",)
) -> pd.DataFrame:
    """Put the table of maps into the order of the participants.

    Parameters
    ----------
    participants, maps : DataFrame
        Each with the columns `on`.
    on : sequence of str
        What tells one row from another (for repeated scans the session too).

    Returns
    -------
    DataFrame
        The rows of `maps` in the order of the rows of `participants`.

    Raises
    ------
    InputError
        Listing participants without a map, maps without a participant, and what is there twice.
    """
    tables = {"participants": participants, "table of maps": maps}
    lacking = [
        f"There is no column {name!r} in the {what}; the columns are {', '.join(map(str, table))}."
        for what, table in tables.items()
        for name in on
        if name not in table
    ]
    if lacking:
        raise InputError(lacking)
    keys = {
        what: pd.MultiIndex.from_frame(table[list(on)].astype(str))
        for what, table in tables.items()
    }
    problems = list(checks.unmatched(keys))
    if problems:
        raise InputError(problems)
    order = keys["table of maps"].get_indexer(keys["participants"])
    return maps.iloc[order].reset_index(drop=True)


def _factor(column: pd.Series) -> pd.Series:
    """Make a factor whose levels are text, in the order of its values."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        values = list(column.cat.remove_unused_categories().cat.categories)
    else:
        values = sorted(column.unique(), key=None if checks.is_covariate(column) else str)
    levels = dict.fromkeys(map(_level_name, values))
    named = pd.Categorical(column.astype(object).map(_level_name), categories=list(levels))
    return pd.Series(named, index=column.index)


def _all_columns(
    formula: Formula, table: pd.DataFrame
) -> tuple[NDArray[np.float64], tuple[str, ...], Any]:
    """Return the columns of a formula, their names, and formulaic's way to make them again."""
    try:
        model = formulaic.Formula(formula.text).get_model_matrix(table, context={})
    except formulaic.errors.FormulaicError as error:
        msg = f"The formula {formula.text!r} is not understood: {error}."
        raise InputError(msg) from error
    names = tuple(map(str, model.columns))
    if not names:
        msg = f"The formula {formula.text!r} has no column. The design of one group's mean is 1."
        raise InputError(msg)
    return np.ascontiguousarray(model.to_numpy(float)), names, model.model_spec


def _level_name(value: object) -> str:
    """Return what a contrast calls a level: 1 for 1.0 too."""
    if isinstance(value, float | np.floating) and value.is_integer():
        return str(int(value))
    return str(value)


def _block_means(values: NDArray[np.float64], blocks: NDArray[np.intp]) -> NDArray[np.float64]:
    sums = np.zeros((blocks.max() + 1, values.shape[1]))
    np.add.at(sums, blocks, values)
    return np.asarray((sums / np.bincount(blocks)[:, None])[blocks])


def _expansion(matrix: NDArray[np.float64], kept: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the weights with which independent columns make all columns."""
    expansion = np.zeros((len(kept), matrix.shape[1]))
    expansion[:, kept] = np.eye(len(kept))
    others = np.setdiff1d(np.arange(matrix.shape[1]), kept)
    if len(others):
        q, r = np.linalg.qr(matrix[:, kept])
        expansion[:, others] = np.linalg.solve(r, q.T @ matrix[:, others])
    return expansion


def _blocks_explain(
    matrix: NDArray[np.float64], kept: NDArray[np.intp], blocks: NDArray[np.intp]
) -> bool:
    """Tell whether the model has a mean for each block, and needs no column less but for that."""
    deviations = np.abs(matrix - _block_means(matrix, blocks)).max(axis=0)
    between = deviations <= _TOLERANCE * np.abs(matrix).max(axis=0)
    n_kept = len(checks.independent_columns(matrix[:, between]))
    every_block = np.eye(blocks.max() + 1)[blocks]
    with_blocks = len(checks.independent_columns(np.hstack([matrix, every_block])))
    superfluous = matrix.shape[1] - len(kept)
    return with_blocks == len(kept) and superfluous == between.sum() - n_kept
