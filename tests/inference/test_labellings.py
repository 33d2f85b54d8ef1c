from math import comb, factorial

import numpy as np
import pytest

from commissure.inference.glm import Model
from commissure.inference.labellings import draw_labellings, given_labellings
from commissure.problems import InputError
from tests.inference.brute_force import PlainDesign, as_matrices, distinct, orders

GROUP = np.array([1.0, 0, 1, 0, 0, 1, 0])
AGE = np.array([30.0, 41, 52, 30, 41, 52, 30])
BLOCKS = np.array([1, 1, 2, 2, 0, 0, 0])


def two_groups(*columns):
    return Model.of(PlainDesign(np.column_stack([GROUP, np.ones(7), *columns])), "column0")


def one_group(n_scans=5):
    return Model.of(PlainDesign(np.ones((n_scans, 1))), "column0")


@pytest.mark.parametrize("method", ["freedman-lane", "draper-stoneman"])
@pytest.mark.parametrize("blocks", [None, BLOCKS])
@pytest.mark.parametrize("columns", [(), (AGE,)])
def test_enumeration_is_complete_and_distinct(method, blocks, columns):
    model = two_groups(*columns)
    rows = model.matrix if method == "freedman-lane" else model.tested
    expected = distinct(as_matrices(orders(7, blocks)), rows)
    found = draw_labellings(model, blocks, len(expected), method, seed=0)
    assert found.exhaustive
    assert found.n == len(expected)
    relabelled = found.apply(rows, slice(None))
    np.testing.assert_array_equal(relabelled[0], rows)
    assert {r.round(9).tobytes() for r in relabelled} == {
        (p @ rows).round(9).tobytes() for p in expected
    }
    np.testing.assert_array_equal(np.sort(found.orders, axis=1), np.tile(range(7), (found.n, 1)))
    if blocks is not None:
        np.testing.assert_array_equal(blocks[found.orders], np.tile(blocks, (found.n, 1)))


def test_the_number_of_relabellings_is_known():
    groups = draw_labellings(two_groups(), None, 1000, "draper-stoneman", 0)
    assert groups.n == comb(7, 3)
    with_age = draw_labellings(two_groups(AGE), None, 5000, "freedman-lane", 0)
    # Three rows (group, age) come twice.
    assert with_age.n == factorial(7) // factorial(2) ** 3
    flips = draw_labellings(one_group(), None, 1000, "freedman-lane", 0)
    assert flips.n == 2**5
    assert len(np.unique(flips.signs, axis=0)) == 2**5


@pytest.mark.parametrize("method", ["freedman-lane", "draper-stoneman"])
def test_a_sample_is_distinct_seeded_and_starts_with_the_observed(method):
    model = two_groups(AGE)
    rows = model.matrix if method == "freedman-lane" else model.tested
    sample = draw_labellings(model, BLOCKS, 9, method, seed=3)
    assert not sample.exhaustive
    assert sample.n == 9
    relabelled = sample.apply(rows, slice(None))
    assert len({r.tobytes() for r in relabelled}) == 9
    np.testing.assert_array_equal(relabelled[0], rows)
    np.testing.assert_array_equal(BLOCKS[sample.orders], np.tile(BLOCKS, (9, 1)))
    again = draw_labellings(model, BLOCKS, 9, method, seed=3)
    other = draw_labellings(model, BLOCKS, 9, method, seed=4)
    np.testing.assert_array_equal(again.orders, sample.orders)
    assert (other.orders != sample.orders).any()


def test_a_sample_is_uniform():
    model = two_groups()
    in_first = sum(
        (
            draw_labellings(model, None, 11, "draper-stoneman", s).apply(
                GROUP[:, None], slice(1, 11)
            )
        ).sum(axis=0)[:, 0]
        for s in range(300)
    )
    # Beside the observed one, C(7, 3) - 1 = 34 labellings; C(6, 2) of the 35 hold any scan.
    share = (15 - GROUP) / 34
    sd = np.sqrt(3000 * share * (1 - share))
    assert (np.abs(in_first - 3000 * share) < 4 * sd).all()


def test_signs_of_a_block_are_flipped_together():
    found = draw_labellings(one_group(7), BLOCKS, 100, "freedman-lane", 0)
    assert found.n == 2**3
    for block in range(3):
        assert (np.ptp(found.signs[:, block == BLOCKS], axis=1) == 0).all()
    sample = draw_labellings(one_group(40), None, 50, "freedman-lane", 0)
    assert len(np.unique(sample.signs, axis=0)) == 50
    assert (sample.signs[0] == 1).all()


def test_nothing_to_exchange_is_refused():
    with pytest.raises(InputError, match="No two scans can be exchanged"):
        draw_labellings(two_groups(), np.arange(7), 100, "draper-stoneman", 0)


@pytest.mark.parametrize(
    ("labellings", "method", "words"),
    [
        (np.ones((3, 4), bool), "draper-stoneman", "column for each of the 7 scans"),
        (np.ones((3, 7)), "draper-stoneman", "are boolean"),
        (np.ones((3, 7)), "freedman-lane", "whole numbers"),
        (np.array([GROUP == 0]), "draper-stoneman", "must be the observed one"),
        (np.array([GROUP == 1, GROUP >= 0]), "draper-stoneman", "1 of 2 labellings"),
        (np.array([range(7), [0, 0, 1, 2, 3, 4, 5]]), "freedman-lane", "number 1"),
        (np.array([[1, 0, 2, 3, 4, 5, 6]]), "freedman-lane", "must be the observed one"),
        (-np.ones((1, 7), int), "freedman-lane", "all signs 1"),
    ],
)
def test_wrong_labellings_are_refused(labellings, method, words):
    with pytest.raises(InputError, match=words):
        given_labellings(labellings, two_groups(AGE), method)


def test_boolean_labellings_need_two_groups():
    model = Model.of(PlainDesign(np.column_stack([AGE, np.ones(7)])), "column0")
    with pytest.raises(InputError, match="3 different values"):
        given_labellings(np.array([GROUP == 1]), model, "draper-stoneman")
