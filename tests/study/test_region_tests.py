"""The contrast on regions named beforehand, beside statsmodels, SciPy and enumeration."""

import json
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from docx import Document
from scipy import stats

from commissure import Domain
from commissure.inputs.people import Participants
from commissure.settings.group import GroupSettings
from commissure.study.group.coverage import coverage_of
from commissure.study.group.inputs import check_inputs
from commissure.study.group.maps import GroupMaps
from commissure.study.group.region_tests import write_region_tests
from commissure.study.group.statistics import find
from tests.conftest import ball_image

DOMAIN = Domain.from_mask(ball_image(), both_sides=False)
ROIS = ("left=sphere:-9,3,0,5", "right=sphere:9,3,0,5", "top=sphere:0,0,9,4")
DIFFERENCE = "group[patient] - group[control]"


def places_of(x, y, z, radius):
    return np.linalg.norm(DOMAIN.coordinates - (x, y, z), axis=1) <= radius


PLACES = {
    "left": places_of(-9, 3, 0, 5),
    "right": places_of(9, 3, 0, 5),
    "top": places_of(0, 0, 9, 4),
}


def people_of(*sizes, levels=("patient", "control", "other"), seed=0):
    group = np.repeat(levels[: len(sizes)], sizes)
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "participant_id": [f"sub-{i:02d}" for i in range(len(group))],
            "group": group,
            "age": rng.normal(50, 6, len(group)),
        }
    )


def maps_of(people, effect=0.8, spread=None, seed=1):
    rng = np.random.default_rng(seed)
    own = np.ones(len(people)) if spread is None else people["group"].map(spread).to_numpy()
    # What a region has in common; its places alone would hardly vary in their mean.
    maps = 3 + 0.3 * rng.standard_normal((len(people), DOMAIN.n_places)) * own[:, None]
    for inside in PLACES.values():
        maps[:, inside] += (rng.standard_normal(len(people)) * own)[:, None]
    maps[np.ix_(people["group"] == "patient", PLACES["left"])] += effect
    return maps + 0.01 * people["age"].to_numpy()[:, None]


def found(people, maps, contrast=DIFFERENCE, formula="group + age", **more):
    coverage, everywhere = coverage_of(maps, people["participant_id"], DOMAIN)
    chosen = {"n_permutations": 2000, "statistics": ("size",), "rois": ROIS} | more
    chosen = {"variance_groups": "none", "atlas": "none"} | chosen
    settings = GroupSettings(formula, contrast, **chosen)
    kept = GroupMaps(maps[:, everywhere], DOMAIN.restrict(everywhere), coverage, ("x",) * len(maps))
    inputs = check_inputs(
        lambda: Participants(people, ()), lambda: DOMAIN, lambda _table, _domain: kept, settings
    )
    return find(inputs, settings, n_threads=1)


def means_of(maps):
    return {name: maps[:, inside].mean(axis=1) for name, inside in PLACES.items()}


def test_estimate_t_and_p_are_those_of_least_squares():
    people = people_of(14, 17)
    maps = maps_of(people)
    table = found(people, maps).region_tests.set_index("region")
    assert list(table.index) == ["left", "right", "top"]
    for name, values in means_of(maps).items():
        fit = smf.ols("y ~ group + age", people.assign(y=values)).fit()
        row, term = table.loc[name], "group[T.patient]"
        assert row["estimate"] == pytest.approx(fit.params[term])
        assert row["t"] == pytest.approx(fit.tvalues[term])
        assert row["df"] == fit.df_resid
        # Of 2000 relabellings; the normal errors make both tests the same.
        p = fit.pvalues[term]
        assert row["p_uncorrected"] == pytest.approx(p, abs=5 * np.sqrt(p * (1 - p) / 2000) + 2e-3)
        assert row["voxels"] == PLACES[name].sum()
        assert row["voxels_without_data"] == 0


def test_f_of_three_groups_and_of_weights_is_that_of_least_squares():
    people = people_of(9, 12, 10)
    maps = maps_of(people)
    joint = "group[patient] - group[control], group[other] - group[control]"
    weighted = "(group[patient] + group[other]) / 2 - group[control]"
    table = found(people, maps, joint).region_tests.set_index("region")
    of_weights = found(people, maps, weighted).region_tests.set_index("region")
    assert not {"estimate", "t", "g"} & set(table)
    for name, values in means_of(maps).items():
        fit = smf.ols("y ~ group + age", people.assign(y=values)).fit()
        expected = fit.f_test("group[T.other] = 0, group[T.patient] = 0")
        row = table.loc[name]
        assert row["F"] == pytest.approx(expected.fvalue)
        assert (row["df_contrast"], row["df"]) == (expected.df_num, expected.df_denom)
        p = expected.pvalue
        assert row["p_uncorrected"] == pytest.approx(p, abs=5 * np.sqrt(p * (1 - p) / 2000) + 2e-3)
        expected = fit.t_test("(group[T.other] + group[T.patient]) / 2 = 0")
        row = of_weights.loc[name]
        assert row["t"] == pytest.approx(expected.tvalue.item())
        assert row["estimate"] == pytest.approx(expected.effect.item())
        df = fit.df_resid
        scale = np.sqrt(0.25 / 9 + 0.25 / 10 + 1 / 12) * (1 - 3 / (4 * df - 1))
        assert row["g"] == pytest.approx(expected.tvalue.item() * scale, rel=1e-3)


@pytest.mark.parametrize("tail", ["two-sided", "one-sided-each"])
def test_p_is_counted_over_all_relabellings(tail):
    people = people_of(4, 5)
    maps = maps_of(people)
    table = found(people, maps, formula="group", tail=tail).region_tests.set_index("region")
    values = np.column_stack(list(means_of(maps).values()))
    t = []
    for first in combinations(range(9), 4):
        inside = np.isin(np.arange(9), first)
        t.append(stats.ttest_ind(values[inside], values[~inside]).statistic)
    t = np.array(t)
    assert len(t) == 126
    observed = t[0]  # the first four are the patients
    signed = np.abs(t) if tail == "two-sided" else t * np.sign(observed)
    # In the direction of each region, whichever region is largest in it.
    largest = np.stack(
        [(np.abs(t) if tail == "two-sided" else t * sign).max(axis=1) for sign in np.sign(observed)]
    ).T
    least = np.abs(observed) * (1 - 1e-9)
    np.testing.assert_allclose(table["t"], observed)
    directions = 1 if tail == "two-sided" else 2
    p = np.minimum(directions * (signed >= least).mean(axis=0), 1)
    np.testing.assert_allclose(table["p_uncorrected"], p)
    np.testing.assert_allclose(table["p_corr"], (largest >= least).mean(axis=0))


def test_one_region_needs_no_correction_and_has_the_relabellings_of_the_maps():
    people = people_of(8, 9)
    maps = maps_of(people)
    one = DOMAIN.coordinates[PLACES["left"]][0]
    findings = found(people, maps, rois=("place=sphere:{},{},{},0.1".format(*one),))
    row, place = findings.region_tests.iloc[0], np.flatnonzero(PLACES["left"])[0]
    assert row["p_corr"] == row["p_uncorrected"] == findings.result.p_uncorrected[place]
    assert row["t"] == pytest.approx(findings.result.t[place], rel=1e-12)


@pytest.mark.parametrize("method", ["freedman-lane", "draper-stoneman"])
def test_the_scheme_of_the_maps_is_used(method):
    people = people_of(6, 7)
    maps = maps_of(people)
    place = np.flatnonzero(~np.logical_or.reduce(list(PLACES.values())))[0]
    maps[:, place] = means_of(maps)["left"]
    findings = found(people, maps, method=method, n_permutations=300)
    left = findings.region_tests.iloc[0]
    assert left["p_uncorrected"] == findings.result.p_uncorrected[place]
    assert left["t"] == pytest.approx(findings.result.t[place])


def test_g_is_the_difference_over_the_pooled_standard_deviation():
    people = people_of(11, 16)
    maps = maps_of(people)
    table = found(people, maps, formula="group").region_tests.set_index("region")
    for name, values in means_of(maps).items():
        a, b = values[:11], values[11:]
        pooled = np.sqrt((10 * a.var(ddof=1) + 15 * b.var(ddof=1)) / 25)
        g = (a.mean() - b.mean()) / pooled * (1 - 3 / (4 * 25 - 1))
        row = table.loc[name]
        assert row["g"] == pytest.approx(g, rel=1e-3)
        # The limits are where the observed t is a quantile of the noncentral t.
        scale = row["g"] / row["t"]
        assert stats.nct.sf(row["t"], 25, row["g_low"] / scale) == pytest.approx(0.025, rel=1e-4)
        assert stats.nct.cdf(row["t"], 25, row["g_high"] / scale) == pytest.approx(0.025, rel=1e-4)


def test_groups_of_another_variance_have_welchs_t_and_the_g_of_the_pooled_one(tmp_path):
    people = people_of(8, 24)
    maps = maps_of(people, spread={"patient": 3, "control": 1})
    findings = found(people, maps, formula="group", variance_groups="auto")
    table = findings.region_tests.set_index("region")
    for name, values in means_of(maps).items():
        welch = stats.ttest_ind(values[:8], values[8:], equal_var=False)
        row = table.loc[name]
        assert np.sign(row["t"]) == np.sign(welch.statistic)
        assert 2 * stats.t.sf(abs(row["t"]), 30) == pytest.approx(welch.pvalue, rel=0.05)
        student = stats.ttest_ind(values[:8], values[8:]).statistic
        g = student * np.sqrt(1 / 8 + 1 / 24) * (1 - 3 / (4 * 30 - 1))
        assert row["g"] == pytest.approx(g, rel=1e-3)
    write_region_tests(findings, tmp_path)
    notes = json.loads((tmp_path / "region_tests.json").read_text())["Notes"]
    assert any("pooled" in note for note in notes)


def test_repeated_scans_are_exchanged_within_people_and_have_no_g():
    people = people_of(5, 5, levels=("before", "after"))
    people["participant_id"] = [f"sub-{i}" for i in (*range(5), *range(5))]
    people["session_id"] = np.repeat(["1", "2"], 5)
    rng = np.random.default_rng(5)
    maps = maps_of(people.assign(age=0.0)) + np.tile(rng.normal(0, 3, 5), 2)[:, None]
    findings = found(
        people,
        maps,
        "group[before] - group[after]",
        "group + participant_id",
        blocks="participant_id",
    )
    table = findings.region_tests.set_index("region")
    assert "g" not in table
    values = np.column_stack(list(means_of(maps).values()))
    differences = values[:5] - values[5:]
    signs = np.array(np.meshgrid(*[[1, -1]] * 5, indexing="ij")).reshape(5, -1).T
    t = np.array([stats.ttest_1samp(differences * s[:, None], 0).statistic for s in signs])
    np.testing.assert_allclose(table["t"], t[0])
    least = np.abs(t[0]) * (1 - 1e-9)
    np.testing.assert_allclose(table["p_uncorrected"], (np.abs(t) >= least).mean(axis=0))
    largest = np.abs(t).max(axis=1)[:, None]
    np.testing.assert_allclose(table["p_corr"], (largest >= least).mean(axis=0))


def test_the_mean_of_one_group_is_tested_against_zero():
    people = people_of(9, levels=("patient",))
    maps = maps_of(people) - 3
    row = found(people, maps, "mean", "1").region_tests.iloc[0]
    values = means_of(maps)["left"]
    assert row["t"] == pytest.approx(stats.ttest_1samp(values, 0).statistic)
    g = values.mean() / values.std(ddof=1) * (1 - 3 / (4 * 8 - 1))
    assert row["g"] == pytest.approx(g, rel=2e-3)


def test_a_slope_has_no_g():
    people = people_of(9, 9)
    findings = found(people, maps_of(people), "age")
    assert "g" not in findings.region_tests
    assert "estimate" in findings.region_tests


def test_places_that_somebody_lacks_are_counted_and_told():
    people = people_of(9, 9)
    maps = maps_of(people)
    lost = np.flatnonzero(PLACES["right"])[:3]
    maps[4, lost] = np.nan
    findings = found(people, maps)
    table = findings.region_tests.set_index("region")
    assert table.loc["right", "voxels_without_data"] == 3
    assert table.loc["right", "voxels"] == PLACES["right"].sum() - 3
    assert table.loc["left", "voxels_without_data"] == 0
    told = [note for note in findings.notes if note.startswith("The region right ")]
    assert len(told) == 1
    assert "at 3 of them not all scans have data" in told[0]


def test_a_region_that_does_not_vary_has_no_effect():
    people = people_of(6, 6)
    maps = maps_of(people)
    maps[:, PLACES["top"]] = 1.0
    row = found(people, maps).region_tests.set_index("region").loc["top"]
    assert (row["t"], row["p_uncorrected"], row["p_corr"]) == (0, 1, 1)
    assert np.isnan(row["g"])


def test_files_say_what_is_in_them(tmp_path):
    people = people_of(8, 9)
    findings = found(people, maps_of(people))
    write_region_tests(findings, tmp_path)
    table = pd.read_csv(tmp_path / "region_tests.tsv", sep="\t")
    pd.testing.assert_frame_equal(table, findings.region_tests, check_dtype=False)
    sidecar = json.loads((tmp_path / "region_tests.json").read_text())
    assert {"Notes", *table} == set(sidecar)
    notes = " ".join(sidecar["Notes"])
    for part in ("2,000 permutations (freedman-lane)", "the 3 regions", "two-sided", DIFFERENCE):
        assert part in notes
    printed = Document(tmp_path / "region_tests.docx").tables[0]
    assert [row.cells[0].text for row in printed.rows] == ["Region", "left", "right", "top"]


def test_without_regions_nothing_is_written(tmp_path):
    people = people_of(6, 6)
    findings = found(people, maps_of(people), rois=())
    write_region_tests(findings, tmp_path)
    assert findings.region_tests is None
    assert not list(tmp_path.iterdir())
