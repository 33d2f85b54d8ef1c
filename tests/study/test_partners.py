"""Where partners lie, by loops over every place and every relabelling."""

from collections import Counter
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from commissure.inference import design_matrix, permutation_test
from commissure.inference.apart import Apart
from commissure.study.group.partners import partner_findings, region_partners, write_partners
from tests.study.studies import domain

N = 8


class Halves:
    """An atlas that knows front and back."""

    regions = ("back", "front")

    def likeliest(self, positions):
        return (np.atleast_2d(positions)[:, 1] > 0).astype(int)


@pytest.fixture(scope="module")
def world():
    """Return places of two regions, and partners that lie 10 mm further back in four scans."""
    places = domain()
    rng = np.random.default_rng(0)
    left = np.flatnonzero(places.coordinates[:, 0] < 0)[:9]
    right = np.flatnonzero(places.coordinates[:, 0] > 0)[20:27]
    mirror = places.coordinates * (-1, 1, 1)
    partners = mirror + rng.normal(0, 2, (N, places.n_places, 3))
    partners[: N // 2, left, 1] -= 10
    return places, {"cluster 1": left, "other": right}, partners


def by_hand(places, partners):
    """Return mean displacement and median shift of one scan, place by place."""
    apart, shifts = [], []
    for (x, y, z), (px, py, pz) in zip(places, partners, strict=True):
        apart.append((abs(px) - abs(x) if px * x < 0 else -abs(px) - abs(x), py - y, pz - z))
        shifts.append(np.sqrt((px + x) ** 2 + (py - y) ** 2 + (pz - z) ** 2))
    return np.mean(apart, axis=0), np.median(shifts)


@pytest.mark.parametrize("region", ["cluster 1", "other"])
def test_displacement_and_shift_are_those_of_each_place(world, region):
    places, regions, partners = world
    inside = regions[region]
    found = region_partners(places.coordinates[inside], partners[:, inside], Halves())
    for scan in range(N):
        apart, shift = by_hand(places.coordinates[inside], partners[scan, inside])
        assert_allclose(found.displacement[scan], apart, atol=1e-9)
        assert_allclose(found.shift[scan], shift)
        assert_allclose(found.position[scan], partners[scan, inside].mean(axis=0), atol=1e-9)
        labels = Counter("front" if y > 0 else "back" for y in partners[scan, inside, 1])
        assert found.label[scan] == min(labels, key=lambda name: (-labels[name], name))


def test_a_region_of_both_sides_is_folded():
    places = np.array([[-20.0, 0, 0], [24, 0, 0], [28, 0, 0]])
    partners = np.array([[[25.0, 3, 0], [-29, 3, 0], [-33, 3, 0]]])  # each 5 mm further out
    found = region_partners(places, partners, None)
    assert_allclose(found.displacement, [[5, 3, 0]])
    assert_allclose(found.position, [[-29, 3, 0]])  # the middle, on the side of most partners
    assert found.label == ("",)


def test_p_is_the_share_of_relabellings_with_as_large_a_t(world):
    places, regions, partners = world
    people = pd.DataFrame({"group": ["a"] * (N // 2) + ["b"] * (N // 2)})
    people["participant_id"] = [f"sub-{i}" for i in range(N)]
    design = design_matrix("group", people)
    contrast = design.contrast("group[a] - group[b]")

    def test(values):
        return permutation_test(
            values, design, contrast, Apart(values.shape[1]), n_permutations=1000, statistics=()
        )

    found = partner_findings(regions, places, lambda at: partners[:, at], None, test)
    values = np.column_stack([of.displacement for of in found.regions.values()])

    def t(first):
        first = list(first)
        others = [i for i in range(N) if i not in first]
        a, b = values[first], values[others]
        pooled = (a.var(axis=0, ddof=1) + b.var(axis=0, ddof=1)) / 2
        return np.abs(a.mean(axis=0) - b.mean(axis=0)) / np.sqrt(pooled * 2 / (N // 2))

    largest = np.array([t(first).max() for first in combinations(range(N), N // 2)])
    observed = t(range(N // 2)).reshape(2, 3).max(axis=1)
    by_count = [(largest >= one - 1e-9).mean() for one in observed]
    assert_allclose(found.p, by_count)
    assert found.p[0] == 2 / 70
    assert found.p[1] > 0.1


def test_what_is_written_says_where_and_how_many(world, tmp_path):
    places, regions, partners = world
    found = partner_findings(
        regions,
        places,
        lambda at: partners[:, at],
        Halves(),
        lambda values: type("Result", (), {"p_fwe": np.linspace(0.01, 0.9, values.shape[1])}),
    )
    people = pd.DataFrame({"participant_id": [f"sub-{i}" for i in range(N)]})
    first = np.arange(N) < N // 2
    write_partners(found, people, {"a": first, "b": ~first}, tmp_path)
    table = pd.read_csv(tmp_path / "partners.tsv", sep="\t")
    assert list(table["group"]) == ["a", "b", "a", "b"]
    row, other = table.iloc[0], table.iloc[1]
    assert row["forwards_mm"] == pytest.approx(-10, abs=1.5)
    assert other["forwards_mm"] == pytest.approx(0, abs=1.5)
    labels = Counter(found.regions["cluster 1"].label[: N // 2])
    assert row["share"] == labels[row["partner_region"]] / (N // 2)
    assert (tmp_path / "partners.json").exists()
    scans = pd.read_csv(tmp_path / "partners_of_scans.tsv", sep="\t")
    assert len(scans) == 2 * N
