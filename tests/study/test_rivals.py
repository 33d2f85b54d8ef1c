"""What else goes with a contrast, against statsmodels, and when that is called no finding."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from commissure import Domain
from commissure.clinical import table1
from commissure.inference import design_matrix, hedges_correction
from commissure.inputs.people import Participants
from commissure.records.rivals import RIVAL_LIMITS, rivals_in, rivals_to_json
from commissure.settings.group import GroupSettings
from commissure.study.group.coverage import coverage_of
from commissure.study.group.findings import Inputs
from commissure.study.group.maps import GroupMaps
from commissure.study.group.rivals import rivals_of
from tests.conftest import ball_image

N = 40
CONTRAST = "group[patient] - group[control]"


def people(moved=0.0, seed=0):
    rng = np.random.default_rng(seed)
    patient = np.arange(N) < N // 2
    return pd.DataFrame(
        {
            "participant_id": [f"sub-{i:02d}" for i in range(N)],
            "group": np.where(patient, "patient", "control"),
            "age": rng.normal(50, 6, N),
            "mean_fd": rng.gamma(20, 0.005, N) + moved * patient,
        }
    )


def inputs_of(table, formula="group + age", contrast=CONTRAST, lacking=None, **more):
    domain = Domain.from_mask(ball_image(), both_sides=False)
    maps = np.random.default_rng(1).standard_normal((N, domain.n_places))
    for scan, n in enumerate(() if lacking is None else lacking):
        maps[scan, :n] = np.nan
    coverage, everywhere = coverage_of(maps, list(table["participant_id"]), domain)
    settings = GroupSettings(formula, contrast)
    design = design_matrix(formula, table, group="group")
    weights = design.contrast(contrast)
    kept = GroupMaps(maps[:, everywhere], domain, coverage, ("x",) * N)
    summary = table1(table, "group", ["age"])
    inputs = Inputs(Participants(table, ()), design, weights, kept, None, {}, summary, None, **more)
    return inputs, settings


def rivals(*args, **more):
    return {rival.kind: rival for rival in rivals_of(*inputs_of(*args, **more))}


@pytest.mark.parametrize(("moved", "state"), [(0.0, "alike"), (0.05, "beyond")])
def test_a_difference_in_motion_is_that_of_the_model_of_the_maps(moved, state):
    table = people(moved)
    rival = rivals(table)["mean_fd"]
    fit = smf.ols("mean_fd ~ C(group, Treatment('control')) + age", table).fit()
    t = fit.tvalues.iloc[1]
    assert rival.p == pytest.approx(fit.pvalues.iloc[1])
    scale = np.sqrt(2 / (N / 2)) * hedges_correction(fit.df_resid)
    assert rival.value == pytest.approx(t * scale)
    assert (rival.effect, rival.limit) == ("g", RIVAL_LIMITS.g)
    means = table.groupby("group")["mean_fd"].mean()
    assert rival.means == pytest.approx({"patient": means["patient"], "control": means["control"]})
    assert rival.state == state
    assert rival.may_explain == (state == "beyond")


@pytest.mark.parametrize("slope", [0.0, 0.004])
def test_of_a_slope_it_is_the_partial_correlation(slope):
    table = people()
    table["mean_fd"] += slope * table["age"]
    rival = rivals(table, contrast="age")["mean_fd"]
    left = [smf.ols(f"{name} ~ group", table).fit().resid for name in ("age", "mean_fd")]
    assert rival.value == pytest.approx(stats.pearsonr(*left).statistic)
    assert rival.p == pytest.approx(smf.ols("mean_fd ~ group + age", table).fit().pvalues["age"])
    assert (rival.effect, rival.limit, rival.means) == ("r", RIVAL_LIMITS.r, {})
    assert rival.state == ("beyond" if slope else "alike")


@pytest.mark.parametrize("moved", [0.0, 0.05])
def test_of_an_f_test_it_is_the_multiple_correlation(moved):
    table = people(moved)
    rival = rivals(table, contrast=f"{CONTRAST}, age")["mean_fd"]
    fit = smf.ols("mean_fd ~ group + age", table).fit()
    assert rival.value == pytest.approx(np.sqrt(fit.rsquared))
    assert rival.p == pytest.approx(fit.f_pvalue)


@pytest.mark.parametrize("moved", [0.0, 0.05])
def test_what_is_in_the_model_was_allowed_for(moved):
    table = people(moved)
    rival = rivals(table, formula="group + age + mean_fd")["mean_fd"]
    assert replace(rival, state="x") == replace(rivals(table)["mean_fd"], state="x")
    assert rival.state == "modelled"
    assert not rival.may_explain


def test_motion_that_is_not_known_may_explain_all():
    table = people()
    gone = rivals(table.drop(columns="mean_fd"))["mean_fd"]
    assert (gone.state, gone.n_unknown, gone.n, gone.may_explain) == ("unknown", N, N, True)
    some = rivals(table.assign(mean_fd=table["mean_fd"].where(table.index > 1)))["mean_fd"]
    assert (some.state, some.n_unknown, some.may_explain) == ("unknown", 2, True)
    assert some.value is None


@pytest.mark.parametrize(("matched", "state"), [(None, "beyond"), (30.0, "matched")])
def test_degrees_of_freedom_can_be_matched(matched, state):
    df = np.where(np.arange(N) < N // 2, 40.0, 50.0) + np.random.default_rng(5).normal(size=N)
    rival = rivals(people(), qualities={"effective_df": df}, matched_df=matched)["effective_df"]
    assert rival.state == state
    assert rival.means == pytest.approx(
        {"patient": df[: N // 2].mean(), "control": df[N // 2 :].mean()}
    )


def test_the_noise_floor_is_only_told_where_there_is_one():
    assert "noise_floor" not in rivals(people())
    floor = np.random.default_rng(5).normal(0.4, 0.01, N)
    floor[: N // 2] += 0.1
    assert rivals(people(), qualities={"noise_floor": floor})["noise_floor"].state == "beyond"


@pytest.mark.parametrize("less", [0.0, 10.0])
def test_what_does_not_vary_within_the_groups_is_seen(less):
    df = 50 - less * (np.arange(N) < N // 2)
    rival = rivals(people(), qualities={"effective_df": df})["effective_df"]
    assert (rival.state, rival.value) == (("beyond", -1.0) if less else ("alike", 0.0))


@pytest.mark.parametrize(("lost", "state"), [(0, "alike"), (30, "beyond")])
def test_coverage_is_the_share_of_the_places_that_a_scan_lacks(lost, state):
    lacking = np.where(np.arange(N) < N // 2, lost, 0) + np.arange(N) % 3
    rival = rivals(people(), lacking=lacking)["coverage"]
    n_places = Domain.from_mask(ball_image(), both_sides=False).n_places
    assert rival.means["patient"] == pytest.approx(100 * lacking[: N // 2].mean() / n_places)
    assert rival.state == state


@pytest.mark.parametrize("contrast", ["mean", "group[patient]"])
def test_a_mean_compares_nothing(contrast):
    assert rivals(people(0.05), contrast=contrast) == {}


def test_motion_that_is_asked_for_is_no_rival():
    found = rivals(people(), formula="group + mean_fd", contrast="mean_fd")
    assert "mean_fd" not in found
    assert "coverage" in found


def test_a_null_is_beyond_the_limits_as_often_as_p_says():
    beyond = [rivals(people(seed=seed))["mean_fd"].state == "beyond" for seed in range(400)]
    assert 0.02 < np.mean(beyond) < 0.085


def test_the_record_gives_them_back():
    found = rivals_of(*inputs_of(people(0.05)))
    record = rivals_to_json(found)
    assert rivals_in({"Rivals": record}) == found
    assert [r["may_explain"] for r in record] == [r.may_explain for r in found]
    assert rivals_in({}) == ()
