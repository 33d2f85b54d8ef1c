"""Designs made from formulas and tables of participants."""

from collections.abc import Collection, Sequence
from typing import Any

import formulaic
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from commissure.inference import design_checks as checks
from commissure.inference.design import TOLERANCE, Design, block_means
from commissure.inference.grammar import Formula, read_formula
from commissure.problems import InputError


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
    factors = read.factors | set(categorical) | {group, blocks}
    complete, problems = _complete(read, participants, factors, blocks)
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


def _complete(
    read: Formula, participants: pd.DataFrame, factors: Collection[str | None], blocks: str | None
) -> tuple[pd.DataFrame, list[str]]:
    """Return the scans that have all values, and what is wrong with the others.

    Where values are missing, what else is wrong is looked for in the scans that have them all.
    """
    used = list(read.names) if blocks is None else list(dict.fromkeys((*read.names, blocks)))
    problems = list(checks.unknown_columns(used, participants))
    known = [name for name in used if name in participants]
    problems += checks.missing_values(known, participants)
    problems += checks.words_among_numbers([n for n in known if n not in factors], participants)
    if not set(used) <= set(known):
        raise InputError(problems)
    incomplete = np.zeros(len(participants), bool)
    for name in used:
        incomplete |= checks.missing(participants[name])
    complete = participants[~incomplete].reset_index(drop=True)
    if complete.empty:
        raise InputError(problems or "The table of participants has no rows.")
    return complete, problems


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
    deviations = np.abs(matrix - block_means(matrix, blocks)).max(axis=0)
    between = deviations <= TOLERANCE * np.abs(matrix).max(axis=0)
    n_kept = len(checks.independent_columns(matrix[:, between]))
    every_block = np.eye(blocks.max() + 1)[blocks]
    with_blocks = len(checks.independent_columns(np.hstack([matrix, every_block])))
    superfluous = matrix.shape[1] - len(kept)
    return with_blocks == len(kept) and superfluous == between.sum() - n_kept
