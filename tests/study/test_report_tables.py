"""What the report plots of findings, against independent computations."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import ndimage, stats

from commissure import Domain
from commissure.inputs.people import Participants
from commissure.settings.group import GroupSettings
from commissure.study.group.coverage import coverage_of
from commissure.study.group.findings_files import write_findings
from commissure.study.group.inputs import check_inputs
from commissure.study.group.maps import GroupMaps
from commissure.study.group.motion_places import correlations_with_motion, motion_places
from commissure.study.group.region_tables import adjusted_tables, motion_tables, null_distributions
from commissure.study.group.statistics import find
from tests.conftest import ball_image

N = 30
CONTRAST = "group[patient] - group[control]"


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(2)
    return pd.DataFrame(
        {
            "participant_id": [f"sub-{i:02d}" for i in range(N)],
            "group": np.where(np.arange(N) < N // 2, "patient", "control"),
            "age": rng.normal(50, 6, N),
            "mean_fd": rng.gamma(4, 0.03, N),
        }
    )


@pytest.fixture(scope="module")
def make(people):
    domain = Domain.from_mask(ball_image(), both_sides=False)
    rng = np.random.default_rng(3)
    noise = ndimage.gaussian_filter(rng.standard_normal((N, *ball_image().shape)), (0, 1, 1, 1))
    maps = 1 + noise[:, *domain.voxels.T] + 0.01 * people["age"].to_numpy()[:, None]
    inside = np.linalg.norm(domain.coordinates - (-9, 3, 0), axis=1) < 6
    maps[np.ix_(people["group"] == "patient", inside)] += 0.8

    coverage, _ = coverage_of(maps, people["participant_id"], domain)

    def of(contrast=CONTRAST, formula="group + age", table=people, **more):
        settings = GroupSettings(
            formula, contrast, atlas="none", n_permutations=50, statistics=("size",), **more
        )
        inputs = check_inputs(
            lambda: Participants(table, ()),
            lambda: domain,
            lambda _table, _domain: GroupMaps(maps, domain, coverage, ("x",) * N),
            settings,
        )
        return find(inputs, settings, n_threads=1)

    return of


@pytest.mark.parametrize("contrast", [CONTRAST, f"{CONTRAST}, age"])
def test_each_column_of_each_table_is_described(make, tmp_path, contrast):
    write_findings(make(contrast, clinical=("age",), within="patient"), tmp_path)
    tables = sorted(tmp_path.glob("*.tsv"))
    assert {"clusters", "roi_values", "table1", "motion"} <= {path.stem for path in tables}
    for path in tables:
        columns = path.read_text().split("\n", 1)[0].split("\t")
        told = json.loads(path.with_suffix(".json").read_text())
        assert {name for name in told if name not in ("Notes", "Rivals")} == set(columns)
        assert all(told[name]["Description"] for name in columns)


def test_null_distributions_begin_with_what_was_observed(make):
    findings = make()
    table = null_distributions(findings)
    assert list(table) == [
        "max_t_positive",
        "max_t_negative",
        "max_cluster_size_positive",
        "max_cluster_size_negative",
    ]
    assert len(table) == 50
    assert table["max_t_positive"][0] == findings.result.t.max()
    largest = max(len(c.places) for c in findings.result.clusters if c.sign > 0)
    assert table["max_cluster_size_positive"][0] == largest


def test_adjusted_means_and_values_are_those_of_the_model(make, people):
    findings = make()
    assert findings.significant
    tables = adjusted_tables(findings)
    data = people.assign(y=findings.regions["cluster 1"].to_numpy())
    fit = smf.ols("y ~ group + age", data).fit()
    for term, row in tables["adjusted_means"].groupby("term"):
        point = pd.DataFrame({"group": [term], "age": [people["age"].mean()]})
        expected = fit.get_prediction(point).summary_frame().iloc[0]
        assert row["estimate"].item() == pytest.approx(expected["mean"])
        assert row["ci_low"].item() == pytest.approx(expected["mean_ci_lower"])
        assert row["ci_high"].item() == pytest.approx(expected["mean_ci_upper"])
        assert row["n"].item() == N // 2
    at_mean_age = fit.predict(people.assign(age=people["age"].mean())) + fit.resid
    np.testing.assert_allclose(tables["adjusted_values"]["cluster 1"], at_mean_age)


def test_a_slope_has_a_line(make, people):
    findings = make("age", rois=("ball=sphere:9,3,0,5",))
    tables = adjusted_tables(findings)
    data = people.assign(y=findings.regions["ball"].to_numpy())
    fit = smf.ols("y ~ group + age", data).fit()
    line = tables["adjusted_means"].query("region == 'ball'")
    slope = np.polyfit(line["at"], line["estimate"], 1)[0]
    assert slope == pytest.approx(fit.params["age"])
    values = tables["adjusted_values"]
    assert np.polyfit(values["age"], values["ball"], 1)[0] == pytest.approx(fit.params["age"])


def test_motion_is_correlated_in_all_and_in_each_group(make, people):
    findings = make()
    tables = motion_tables(findings)
    mean = findings.inputs.maps.data.mean(axis=1)
    found = tables["motion_correlations"].set_index(["region", "group"])
    for group, rows in {
        "all": np.ones(N, bool),
        "patient": people["group"] == "patient",
        "control": people["group"] == "control",
    }.items():
        expected = stats.pearsonr(people["mean_fd"][rows], mean[rows])
        row = found.loc[("whole map", group)]
        assert row["r"] == pytest.approx(expected.statistic)
        assert row["p"] == pytest.approx(expected.pvalue)
        assert row["n"] == rows.sum()


@pytest.mark.parametrize("formula", ["group + age", "group + age + mean_fd"])
def test_places_that_go_with_motion_are_counted(make, people, formula):
    findings = make(formula=formula)
    table = motion_tables(findings)["motion_places"].set_index("model")
    maps = findings.inputs.maps.data
    plain = [stats.pearsonr(people["mean_fd"], place) for place in maps.T]
    assert table.loc["none", "median_r"] == pytest.approx(np.median([r.statistic for r in plain]))
    share = np.mean([r.pvalue < 0.05 for r in plain])
    assert table.loc["none", "share_p_below_0.05"] == pytest.approx(share)
    design = smf.ols("mean_fd ~ group + age", people)
    fits = [
        sm.OLS(place, np.column_stack([design.exog, people["mean_fd"]])).fit() for place in maps.T
    ]
    share = np.mean([fit.pvalues[-1] < 0.05 for fit in fits])
    assert table.loc["partial", "share_p_below_0.05"] == pytest.approx(share)
    r = [fit.tvalues[-1] / np.sqrt(fit.tvalues[-1] ** 2 + fit.df_resid) for fit in fits]
    assert table.loc["partial", "median_r"] == pytest.approx(np.median(r))
    assert table.loc["partial", "median_abs_r"] == pytest.approx(np.median(np.abs(r)))
    assert list(table["df"]) == [N - 2, N - 4]
    assert "rho_with_distance" not in table
    known = replace(
        findings, inputs=replace(findings.inputs, distance=1 / (2 + findings.with_motion["none"].r))
    )
    assert motion_places(known)["rho_with_distance"][0] == pytest.approx(-1)
    of_places = {model: found.r for model, found in findings.with_motion.items()}
    np.testing.assert_allclose(of_places["none"], [found.statistic for found in plain])
    np.testing.assert_allclose(of_places["partial"], r)


@pytest.mark.parametrize(("follows", "low", "high"), [(0, 0.04, 0.06), (1, 0.15, 1)])
def test_of_maps_without_motion_one_place_in_twenty_goes_with_it(make, people, follows, low, high):
    inputs, fd = make().inputs, people["mean_fd"].to_numpy()
    noise = np.random.default_rng(7).standard_normal((N, 4000))
    maps = noise + follows * stats.zscore(fd)[:, None]
    given = replace(inputs, maps=SimpleNamespace(data=maps), distance=np.arange(4000) % 37 / 2)
    found = correlations_with_motion(given)
    table = motion_places(SimpleNamespace(inputs=given, with_motion=found))
    assert table["rho_with_distance"].abs().max() < 0.07
    assert list(table["model"]) == ["none", "partial"]
    assert table["share_p_below_0.05"].between(low, high).all()


@pytest.mark.parametrize("formula", ["group + age", "group + age + mean_fd"])
def test_the_contrast_with_and_without_motion(make, people, formula):
    findings = make(formula=formula, rois=("ball=sphere:-9,3,0,5",))
    table = motion_tables(findings)["motion_effects"].set_index("region")
    data = people.assign(y=findings.regions["ball"].to_numpy())
    for name, model in {"without": "y ~ group + age", "with": "y ~ group + age + mean_fd"}.items():
        fit = smf.ols(model, data).fit()
        t = fit.tvalues["group[T.patient]"]
        assert table.loc["ball", f"t_{name}"] == pytest.approx(t)
        assert table.loc["ball", f"df_{name}"] == fit.df_resid


def test_nothing_is_said_of_motion_that_is_not_known(make, people):
    assert motion_tables(make(table=people.drop(columns="mean_fd"))) == {}
    findings = make()
    gone = people.assign(mean_fd=people["mean_fd"].where(people.index > 0))
    inputs = replace(findings.inputs, people=replace(findings.inputs.people, table=gone))
    assert motion_tables(replace(findings, inputs=inputs)) == {}
