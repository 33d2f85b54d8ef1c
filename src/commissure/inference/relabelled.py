"""What each relabelling multiplies the maps by."""

import numpy as np

from commissure.inference.glm import FloatArray, Model
from commissure.inference.labellings import Labellings

# A product has at most this many rows: enough to keep BLAS busy, and the result stays in cache.
_MOST_ROWS = 192
_MOST_AT_ONCE, _LEAST_AT_ONCE = 128, 4
# Squares of lengths that differ by less are equal.
_SAME = 1e-9


class Relabelled:
    """The rows of the products that give the statistic of each relabelling.

    With the maps in a basis of what nuisance leaves, each place at length 1, let c be its products
    with the tested part and s those with the nuisance part, relabelled and orthonormal. Then
    |c|^2 is the share of the place's variance that is explained, |s|^2 the share that a second
    fit of the nuisance part takes, and t^2 / df = |c|^2 / (1 - |c|^2 - |s|^2).

    - Draper-Stoneman relabels the tested part, then projects nuisance out of it: s = 0.
    - Freedman-Lane relabels the residuals, which is to relabel the whole design against them. The
      part of nuisance that no relabelling changes has no product with residuals, and is left out.

    Attributes
    ----------
    n_columns : int
        Products a permutation: of the tested part first, then of nuisance.
    n_at_once : int
        Permutations a product. Fixed by the model, since BLAS may sum in another order in other
        shapes.

    References
    ----------
    Freedman & Lane (1983) J Bus Econ Stat 1:292; Draper & Stoneman (1966) Technometrics 8:695;
    Winkler et al. (2014) NeuroImage 92:381.
    """

    def __init__(self, model: Model, labellings: Labellings, method: str) -> None:
        self.labellings = labellings
        self._basis = model.residual_basis
        self._n_tested = model.n_rows
        self._permutes_nuisance = method == "freedman-lane"
        if self._permutes_nuisance:
            turned, kept, _ = np.linalg.svd(model.nuisance_basis.T @ labellings.invariant)
            n_invariant = int((kept > 1 - 1e-9).sum())
            nuisance = model.nuisance_basis @ turned[:, n_invariant:]
            self._columns = np.hstack([model.tested_basis, nuisance])
        else:
            self._columns = model.tested
        self.n_columns = self._columns.shape[1]
        self.n_at_once: int = min(_MOST_AT_ONCE, max(_LEAST_AT_ONCE, _MOST_ROWS // self.n_columns))

    def rows(self, which: slice) -> FloatArray:
        """Return the left side of the product for up to `n_at_once` relabellings.

        Shape (n_columns * n_at_once, n_dimensions), relabellings the faster index; zero rows
        stand for those that are missing from the last product.
        """
        relabelled = self.labellings.apply(self._columns, which)
        padded = np.zeros((self.n_at_once, *relabelled.shape[1:]))
        padded[: len(relabelled)] = relabelled
        rows = padded.transpose(2, 0, 1).reshape(-1, len(self._basis)) @ self._basis
        return rows if self._permutes_nuisance else self._orthonormal(rows)

    def n_same(self, *, directed: bool) -> int:
        """Count the relabellings that give the observed statistic, whatever the data.

        They keep the space of the tested part, and take nothing for nuisance.

        Parameters
        ----------
        directed : bool
            Whether one row must keep its sign too.
        """
        n_same, n_rows = 0, self._n_tested
        observed = self.rows(slice(0, 1)).reshape(self.n_columns, self.n_at_once, -1)[:n_rows, 0]
        for start in range(0, self.labellings.n, self.n_at_once):
            rows = self.rows(slice(start, start + self.n_at_once))
            rows = rows.reshape(self.n_columns, self.n_at_once, -1)
            along = np.einsum("rnd,od->nro", rows[:n_rows], observed)
            same = np.square(along).sum(axis=(1, 2)) > n_rows - _SAME
            same &= np.square(rows[n_rows:]).sum(axis=(0, 2)) < _SAME
            if directed and n_rows == 1:
                same &= along[:, 0, 0] > 0
            n_same += int(same.sum())
        return n_same

    def _orthonormal(self, rows: FloatArray) -> FloatArray:
        """Make the tested parts orthonormal; what lies inside nuisance becomes zero."""
        smallest = 1e-9 * np.linalg.norm(self._columns)
        if self.n_columns == 1:
            length = np.linalg.norm(rows, axis=1, keepdims=True)
            return np.asarray(rows * (length > smallest) / np.maximum(length, smallest))
        tested = rows.reshape(self.n_columns, self.n_at_once, -1).transpose(1, 2, 0)
        left, size, right = np.linalg.svd(tested, full_matrices=False)
        outside = size > smallest
        basis = (left * outside[:, None, :]) @ right
        return np.ascontiguousarray(basis.transpose(2, 0, 1)).reshape(rows.shape)
