"""Relabellings of scans under the null hypothesis: distinct, the observed one first."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commissure.inference.glm import FloatArray, Model
from commissure.problems import InputError

# Values of a regressor that agree to this many digits are the same value.
_DIGITS = 9
_DRAWN_AT_ONCE = 1000

IntArray = NDArray[np.intp] | NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Labellings:
    """Relabellings, each as the rows of the design that the scans take.

    Attributes
    ----------
    orders : ndarray of int, shape (n_permutations, n_scans), or None
        Row of the design that each scan takes.
    signs : ndarray of {-1, 1}, shape (n_permutations, n_scans), or None
        Sign that each scan's row takes, where signs are flipped in place of reordering.
    invariant : ndarray of shape (n_scans, k)
        Orthonormal columns that no relabelling changes.
    exhaustive : bool
        Whether they are all there are.
    """

    orders: IntArray | None
    signs: NDArray[np.int8] | None
    invariant: FloatArray
    exhaustive: bool

    @property
    def n(self) -> int:
        """How many they are."""
        return len(self._given)

    @property
    def _given(self) -> NDArray[Any]:
        if self.orders is not None:
            return self.orders
        assert self.signs is not None  # noqa: S101  (one of both is there)
        return self.signs

    def apply(self, columns: FloatArray, which: slice) -> FloatArray:
        """Relabel columns of shape (n_scans, k); returns (n_permutations, n_scans, k)."""
        if self.orders is not None:
            return np.asarray(columns[self.orders[which]])
        return np.asarray(columns * self._given[which, :, None])


def draw_labellings(
    model: Model,
    blocks: NDArray[Any] | None,
    n_permutations: int,
    method: str,
    seed: int,
    *,
    flip_signs: bool = False,
) -> Labellings:
    """Return distinct relabellings: all, if they are no more than asked for, or a random sample.

    What is relabelled are the rows of the design (Freedman-Lane) or of its tested part
    (Draper-Stoneman); scans whose rows are equal are not told apart. Where the contrast asks
    whether a mean is zero, signs are flipped, those of a block of scans together (scans of one
    participant are not independent of each other); else rows are reordered within blocks. So they
    are on demand, where there are no blocks: scans of unequal variance cannot be exchanged, and
    keep theirs when they are flipped (Winkler et al. 2014, independent and symmetric errors).

    Parameters
    ----------
    model : Model
    blocks : ndarray of shape (n_scans,), or None
        Exchangeability blocks.
    n_permutations : int
        How many at most, the observed labelling included.
    method : {"freedman-lane", "draper-stoneman"}
    seed : int
    flip_signs : bool
        Whether signs are flipped in place of reordering, where there are no blocks.

    Raises
    ------
    InputError
        If there is nothing to relabel.
    """
    n_scans = len(model.matrix)
    rng = np.random.default_rng(seed)
    blocks = _numbered(blocks, n_scans)
    if _flips_signs(model, blocks, flip_signs=flip_signs):
        signs, exhaustive = _draw_signs(_units(blocks), n_permutations, rng)
        return Labellings(None, signs, _invariant(n_scans), exhaustive)
    classes = _classes(model, method)
    n_all = n_labellings(model, blocks, method)
    if n_all == 1:
        msg = (
            "No two scans can be exchanged: within each exchangeability block all scans are alike "
            "in the design. Check the blocks and the contrast."
        )
        raise InputError(msg)
    exhaustive = n_all <= n_permutations
    if exhaustive:
        arranged = _all_arrangements(classes, blocks)
    else:
        arranged = _random_arrangements(classes, blocks, n_permutations, rng)
    return Labellings(
        _orders(classes, arranged, blocks), None, _invariant(n_scans, blocks), exhaustive
    )


def n_labellings(
    model: Model, blocks: NDArray[Any] | None, method: str, *, flip_signs: bool = False
) -> int:
    """Return how many distinct relabellings there are, the observed one among them.

    Parameters
    ----------
    model, blocks, method, flip_signs
        See `draw_labellings`.
    """
    blocks = _numbered(blocks, len(model.matrix))
    if _flips_signs(model, blocks, flip_signs=flip_signs):
        return int(2 ** len(np.unique(_units(blocks))))
    classes = _classes(model, method)
    return math.prod(_n_arrangements(classes[blocks == b]) for b in range(blocks.max() + 1))


def _flips_signs(model: Model, blocks: IntArray, *, flip_signs: bool) -> bool:
    return model.tests_mean or (flip_signs and blocks.max() == 0)


def _numbered(blocks: NDArray[Any] | None, n_scans: int) -> IntArray:
    given = np.zeros(n_scans) if blocks is None else blocks
    return np.asarray(np.unique(given, return_inverse=True)[1])


def _units(blocks: IntArray) -> IntArray:
    """Return whose sign is flipped together: each block's, or each scan's own."""
    return np.arange(len(blocks)) if blocks.max() == 0 else blocks


def _classes(model: Model, method: str) -> IntArray:
    """Return which scans are alike in what is relabelled, shape (n_scans,)."""
    rows = model.matrix if method == "freedman-lane" else model.tested
    scale = np.abs(rows).max(axis=0)
    rows = np.round(rows / np.where(scale > 0, scale, 1), _DIGITS) + 0.0
    return np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)


def given_labellings(labellings: NDArray[Any], model: Model, method: str) -> Labellings:
    """Check labellings that a user gives, and return them.

    Parameters
    ----------
    labellings : ndarray of shape (n_permutations, n_scans)
        Boolean, membership of the first-named group, for `draper-stoneman`; integer, orders of
        the design's rows or signs of -1 and 1, for `freedman-lane`. The first is the observed.
    model : Model
    method : {"freedman-lane", "draper-stoneman"}

    Raises
    ------
    InputError
        With all that is wrong with them.
    """
    labellings = np.asarray(labellings)
    n_scans = len(model.matrix)
    if labellings.ndim != 2 or labellings.shape[1] != n_scans or not len(labellings):
        msg = (
            f"labellings has shape {labellings.shape}; it needs a row for each permutation and a "
            f"column for each of the {n_scans} scans."
        )
        raise InputError(msg)
    if method == "draper-stoneman":
        return _given_groups(labellings, model)
    if not np.issubdtype(labellings.dtype, np.integer):
        msg = (
            "labellings for freedman-lane are whole numbers: the order of the design's rows "
            f"(from 0) or signs (-1 and 1); they are {labellings.dtype}."
        )
        raise InputError(msg)
    if np.isin(labellings, (-1, 1)).all():
        if not (labellings[0] == 1).all():
            raise InputError("The first labelling must be the observed one: all signs 1.")
        return Labellings(None, labellings.astype(np.int8), _invariant(n_scans), exhaustive=False)
    wrong = np.flatnonzero((np.sort(labellings, axis=1) != np.arange(n_scans)).any(axis=1))
    problems = []
    if wrong.size:
        problems.append(
            f"{wrong.size} of {len(labellings)} labellings (the first is number {wrong[0]}) are "
            f"no orders of the rows 0 to {n_scans - 1}, each once."
        )
    if not (labellings[0] == np.arange(n_scans)).all():
        problems.append("The first labelling must be the observed one: 0, 1, 2, ...")
    if problems:
        raise InputError(problems)
    one_block = np.zeros(n_scans, dtype=np.intp)
    return Labellings(
        labellings.astype(np.intp), None, _invariant(n_scans, one_block), exhaustive=False
    )


def _given_groups(labellings: NDArray[Any], model: Model) -> Labellings:
    """Return the row orders that membership of the first-named group means."""
    if labellings.dtype != np.bool_:
        msg = (
            "labellings for draper-stoneman are boolean (True: in the first-named group); they "
            f"are {labellings.dtype}."
        )
        raise InputError(msg)
    values = np.unique(np.round(model.tested / np.abs(model.tested).max(), _DIGITS))
    if model.n_rows > 1 or len(values) != 2:
        msg = (
            "Boolean labellings need a contrast of two groups; the tested part of this design has "
            f"{len(values)} different values. Leave out labellings, or compare two groups."
        )
        raise InputError(msg)
    first = model.tested[:, 0] > model.tested.mean()
    problems = []
    if not (labellings[0] == first).all():
        problems.append(
            "The first labelling must be the observed one: True for the "
            f"{first.sum()} scans of the first-named group, False for the others."
        )
    wrong = np.flatnonzero(labellings.sum(axis=1) != first.sum())
    if wrong.size:
        problems.append(
            f"{wrong.size} of {len(labellings)} labellings (the first is number {wrong[0]}) do "
            f"not have {first.sum()} scans in the first-named group."
        )
    if problems:
        raise InputError(problems)
    one_block = np.zeros(len(first), dtype=np.intp)
    arranged = labellings.astype(np.intp)
    orders = _orders(arranged[0], arranged, one_block)
    return Labellings(orders, None, _invariant(len(first), one_block), exhaustive=False)


def _invariant(n_scans: int, blocks: IntArray | None = None) -> FloatArray:
    """Return the constant of each block of scans that are reordered, none for flipped signs."""
    if blocks is None:
        return np.zeros((n_scans, 0))
    members = blocks[:, None] == np.arange(blocks.max() + 1)
    return np.asarray(members / np.sqrt(members.sum(axis=0)))


def _draw_signs(
    units: IntArray, n_permutations: int, rng: np.random.Generator
) -> tuple[NDArray[np.int8], bool]:
    n_units = int(units.max()) + 1
    exhaustive = 2**n_units <= n_permutations
    if exhaustive:
        signs = np.array(list(product((1, -1), repeat=n_units)), dtype=np.int8)
    else:
        observed = np.ones(n_units, dtype=np.int8)

        def drawn() -> NDArray[np.int8]:
            flips = rng.integers(0, 2, (_DRAWN_AT_ONCE, n_units), dtype=np.int8)
            return 1 - 2 * flips

        signs = _distinct(observed, drawn, n_permutations)
    return signs[:, units], exhaustive


def _random_arrangements(
    classes: IntArray, blocks: IntArray, n_permutations: int, rng: np.random.Generator
) -> IntArray:
    by_block = np.argsort(blocks, kind="stable")

    def drawn() -> IntArray:
        keys = blocks + rng.random((_DRAWN_AT_ONCE, len(classes)))
        arranged = np.empty(keys.shape, dtype=np.int32)
        arranged[:, by_block] = classes[np.argsort(keys, axis=1)]
        return arranged

    return _distinct(classes.astype(np.int32), drawn, n_permutations)


def _distinct(
    observed: NDArray[Any], drawn: Callable[[], NDArray[Any]], n_wanted: int
) -> NDArray[Any]:
    """Return the observed row and random others, each once."""
    rows = np.empty((n_wanted, len(observed)), observed.dtype)
    rows[0], n_found = observed, 1
    # Of thousands of scans the rows themselves would be much to remember twice.
    known = {sha256(rows[0].tobytes()).digest()}
    while n_found < n_wanted:
        for row in drawn():
            digest = sha256(row.tobytes()).digest()
            if digest not in known and n_found < n_wanted:
                known.add(digest)
                rows[n_found] = row
                n_found += 1
    return rows


def _n_arrangements(classes: IntArray) -> int:
    counts = np.unique(classes, return_counts=True)[1]
    return math.factorial(len(classes)) // math.prod(math.factorial(int(c)) for c in counts)


def _all_arrangements(classes: IntArray, blocks: IntArray) -> IntArray:
    members = [np.flatnonzero(blocks == b) for b in range(blocks.max() + 1)]
    each = [[list(a) for a in _multiset_permutations(sorted(classes[m]))] for m in members]
    arranged = np.array([np.concatenate(parts) for parts in product(*each)], dtype=np.intp)
    back = np.argsort(np.concatenate(members))
    arranged = arranged[:, back]
    observed = (arranged == classes).all(axis=1)
    return np.concatenate([arranged[observed], arranged[~observed]])


def _multiset_permutations(values: list[Any]) -> Iterator[list[Any]]:
    """Yield each distinct order of sorted values, in lexicographic order."""
    values = list(values)
    while True:
        yield list(values)
        rise = next((i for i in range(len(values) - 2, -1, -1) if values[i] < values[i + 1]), None)
        if rise is None:
            return
        swap = next(j for j in range(len(values) - 1, rise, -1) if values[j] > values[rise])
        values[rise], values[swap] = values[swap], values[rise]
        values[rise + 1 :] = values[:rise:-1]


def _orders(classes: IntArray, arranged: IntArray, blocks: IntArray) -> IntArray:
    """Return, for each arrangement of classes, rows of those classes within the blocks."""
    n_classes = int(classes.max()) + 1
    source = np.argsort(blocks * n_classes + classes, kind="stable").astype(np.int32)
    orders = np.empty(arranged.shape, dtype=np.int32)
    for start in range(0, len(arranged), _DRAWN_AT_ONCE):
        some = arranged[start : start + _DRAWN_AT_ONCE]
        target = np.argsort(blocks * n_classes + some, axis=1, kind="stable")
        of_some = orders[start : start + _DRAWN_AT_ONCE]
        np.put_along_axis(of_some, target, np.broadcast_to(source, some.shape), axis=1)
    return orders
