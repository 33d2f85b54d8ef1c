"""What contrasts of a design mean: adjusted means, compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from commissure.inference.contrasts import Quantity, Weights, read_contrast, what_is_asked
from commissure.inference.glm import tested_columns
from commissure.problems import InputError
from commissure.records.asked import Asked

# Of the length of a contrast's regressor, or of a row of a contrast.
TOLERANCE = 1e-8


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
        if (length < TOLERANCE).any():
            msg = (
                f"The contrast {text!r} has a row that compares nothing: its weights cancel. Name "
                "two levels, or a covariate."
            )
            raise InputError(msg)
        if np.linalg.matrix_rank(weights / length[:, None], tol=TOLERANCE) < len(weights):
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
        used = np.abs(weights).max(axis=0) > TOLERANCE * np.abs(weights).max()
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
        if (off > TOLERANCE * np.abs(weights).max(initial=1)).any():
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
        if np.abs(regressors.sum(axis=0) / length).max() > TOLERANCE:
            return
        between = block_means(regressors, self.blocks)
        within = np.linalg.norm(regressors - between, axis=0)
        if (np.linalg.norm(between, axis=0) < TOLERANCE * length).all():
            return
        if (within < TOLERANCE * length).all():
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


def block_means(values: NDArray[np.float64], blocks: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the mean of each row's block, shape (n_scans, n_columns)."""
    sums = np.zeros((blocks.max() + 1, values.shape[1]))
    np.add.at(sums, blocks, values)
    return np.asarray((sums / np.bincount(blocks)[:, None])[blocks])
