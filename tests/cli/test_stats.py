"""The command as a user gives it: its findings against independent computations, its refusals."""

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from docx import Document
from scipy import ndimage, stats

from commissure import Domain
from commissure.cli import main
from commissure.files.labels import contrast_label
from commissure.report.methods.files import methods_of
from commissure.settings.group import GroupSettings
from commissure.study.group.maps_command import read_inputs
from tests.conftest import ball_image

N = 15  # a group
FORMULA = "group + age + sex"
CONTRAST = "group[patient] - group[control]"
STEM = "contrast-GroupPatientMinusGroupControl_stat-"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Write a study with a planted difference around (-9, 3, 0); return its folder."""
    folder = tmp_path_factory.mktemp("study")
    domain = Domain.from_mask(ball_image(), both_sides=False)
    rng = np.random.default_rng(11)
    patient = np.arange(2 * N) < N
    people = pd.DataFrame(
        {
            "participant_id": [f"sub-{n:02d}" for n in range(2 * N)],
            "group": np.where(patient, "patient", "control"),
            "age": rng.normal(50, 6, 2 * N).round(1),
            "sex": np.tile(["F", "M", "M"], 2 * N)[: 2 * N],
            "score": np.where(patient, rng.normal(5, 2, 2 * N).round(1), np.nan),
        }
    )
    noise = rng.standard_normal((2 * N, *ball_image().shape))
    noise = ndimage.gaussian_filter(noise, (0, 1, 1, 1))
    maps = np.stack([domain.sample(nib.Nifti1Image(n, ball_image().affine)) for n in noise])
    maps = 1 + maps / maps.std() / 10 + 0.004 * (people["age"].to_numpy() - 50)[:, None]
    planted = np.linalg.norm(domain.coordinates - (-9, 3, 0), axis=1) < 5
    maps[np.ix_(patient, planted)] += 0.3
    people.to_csv(folder / "participants.tsv", sep="\t", index=False, na_rep="n/a")
    nib.save(ball_image(), folder / "mask.nii.gz")
    rows = []
    for who, values in zip(people["participant_id"], maps, strict=True):
        name = f"{who}_space-MNI152NLin2009aSym_stat-cfh_boldmap.nii.gz"
        nib.save(domain.to_image(values), folder / name)
        rows.append({"participant_id": who, "path": name})
    # in another order than the participants
    pd.DataFrame(rows[::-1]).to_csv(folder / "maps.tsv", sep="\t", index=False)
    nib.save(domain.to_image(maps.T), folder / "all.nii.gz")
    np.save(folder / "maps.npy", maps)
    np.save(folder / "planted.npy", planted)
    return folder


def arguments(
    study,
    out,
    *more,
    maps="maps.tsv",
    people="participants.tsv",
    formula=FORMULA,
    contrast=CONTRAST,
):
    files = ["--maps", study / maps, "--participants", study / people]
    files += ["--mask", study / "mask.nii.gz", "-o", out]
    model = ["--formula", formula, "--contrast", contrast, "--n-permutations", 200, "--quiet"]
    # As ordinary least squares, the oracle; tests/study/test_spreads.py tries the default.
    model += ["--variance-groups", "none"]
    return [str(a) for a in ("stats", *files, *model, "--atlas", "none", *more)]


@pytest.fixture(scope="module")
def out(study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "findings"
    clinical = ["--clinical", "score", "--within", "patient", "--roi", "ball=sphere:9,3,0,5"]
    assert main(arguments(study, folder, *clinical)) == 0
    return folder


@pytest.fixture(scope="module")
def domain():
    return Domain.from_mask(ball_image(), both_sides=False)


def people_of(study):
    return pd.read_csv(study / "participants.tsv", sep="\t")


def regressors(people):
    columns = {"group": people["group"] == "patient", "age": people["age"]}
    return sm.add_constant(pd.DataFrame({**columns, "sex": people["sex"] == "M"}).astype(float))


def test_maps_equal_statsmodels(study, out, domain):
    maps, design = np.load(study / "maps.npy"), regressors(people_of(study))
    found = {
        name: domain.sample(nib.load(out / f"{STEM}{name}_statmap.nii.gz"))
        for name in ("t", "effect", "g")
    }
    for place in range(0, domain.n_places, 37):
        fit = sm.OLS(maps[:, place], design).fit()
        assert found["t"][place] == pytest.approx(fit.tvalues["group"], rel=1e-5)
        assert found["effect"][place] == pytest.approx(fit.params["group"], rel=1e-5)
        g = fit.tvalues["group"] * np.sqrt(2 / N) * (1 - 3 / (4 * fit.df_resid - 1))
        assert found["g"][place] == pytest.approx(g, rel=1e-3)


def test_the_planted_cluster_is_found_and_described(study, out, domain):
    maps, planted = np.load(study / "maps.npy"), np.load(study / "planted.npy")
    table = pd.read_csv(out / "clusters.tsv", sep="\t")
    first = table.iloc[0]
    assert first["significant"]
    assert first["p_corr_size"] <= 0.05
    assert first["direction"] == "positive"
    numbers = domain.sample(nib.load(out / f"{STEM}cluster_statmap.nii.gz"))
    assert planted[numbers == 1].mean() > 0.5
    assert first["voxels"] == (numbers == 1).sum()
    assert first["mm3"] == 27 * first["voxels"]
    t = domain.sample(nib.load(out / f"{STEM}t_statmap.nii.gz"))
    peak = np.flatnonzero(numbers == 1)[t[numbers == 1].argmax()]
    np.testing.assert_allclose(first[["x", "y", "z"]].astype(float), domain.coordinates[peak])
    mean = maps[:, numbers == 1].mean(axis=1)
    fit = sm.OLS(mean, regressors(people_of(study))).fit()
    assert first["mean_effect"] == pytest.approx(fit.params["group"])
    assert first["t_of_mean"] == pytest.approx(fit.tvalues["group"])
    significant = domain.sample(nib.load(out / f"{STEM}significant_statmap.nii.gz"))
    shown = np.isin(numbers, table["cluster"][table["significant"]].astype(int))
    np.testing.assert_array_equal(significant != 0, shown)


def test_influence_is_that_of_leaving_out(study, out, domain):
    people, maps = people_of(study), np.load(study / "maps.npy")
    numbers = domain.sample(nib.load(out / f"{STEM}cluster_statmap.nii.gz"))
    mean = maps[:, numbers == 1].mean(axis=1)
    design = regressors(people)
    whole = sm.OLS(mean, design).fit().tvalues["group"]
    influence = pd.read_csv(out / "influence.tsv", sep="\t", index_col="participant_id")
    for n in (0, 7, 20):
        kept = np.arange(len(people)) != n
        without = sm.OLS(mean[kept], design[kept]).fit().tvalues["group"]
        assert influence["cluster 1"].iloc[n] == pytest.approx(without - whole)


def test_regions_and_partial_correlations(study, out, domain):
    people, maps = people_of(study), np.load(study / "maps.npy")
    regions = pd.read_csv(out / "roi_values.tsv", sep="\t", index_col="participant_id")
    ball = np.linalg.norm(domain.coordinates - (9, 3, 0), axis=1) <= 5
    np.testing.assert_allclose(regions["ball"], maps[:, ball].mean(axis=1), rtol=1e-6)
    assert list(regions) == ["cluster 1", "ball"]
    table = pd.read_csv(out / "partial_correlations.tsv", sep="\t")
    patients = (people["group"] == "patient").to_numpy()
    design = regressors(people)[patients].drop(columns="group")
    for row in table.itertuples():
        rest = [
            sm.OLS(values, design).fit().resid
            for values in (regions[row.roi].to_numpy()[patients], people["score"][patients])
        ]
        assert row.r == pytest.approx(np.corrcoef(*rest)[0, 1], abs=1e-10)
        assert (row.n, row.df) == (N, N - 4)


def test_a_region_named_beforehand_is_tested(study, out, tmp_path, capsys):
    people = people_of(study)
    ball = pd.read_csv(out / "roi_values.tsv", sep="\t")["ball"]
    fit = sm.OLS(ball, regressors(people)).fit()
    row = pd.read_csv(out / "region_tests.tsv", sep="\t").iloc[0]
    assert row["region"] == "ball"
    assert row["t"] == pytest.approx(fit.tvalues["group"])
    assert row["estimate"] == pytest.approx(fit.params["group"])
    assert row["p_uncorrected"] == row["p_corr"] == pytest.approx(fit.pvalues["group"], abs=0.15)
    g = fit.tvalues["group"] * np.sqrt(2 / N) * (1 - 3 / (4 * fit.df_resid - 1))
    assert row["g"] == pytest.approx(g, rel=1e-3)
    notes = json.loads((out / "stats.json").read_text())["NotesOnRegionTests"]
    assert notes == json.loads((out / "region_tests.json").read_text())["Notes"]
    assert "named beforehand, was tested" in methods_of(out, out).text
    asked = arguments(study, tmp_path / "o", "--roi", "ball=sphere:9,3,0,5")
    assert main([a for a in asked if a != "--quiet"]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "The region named beforehand is not significant: see region_tests.tsv" in said


def test_table_1(study, out):
    people = people_of(study)
    table = pd.read_csv(out / "table1.tsv", sep="\t", index_col="variable")
    patient, control = (people["age"][people["group"] == g] for g in ("patient", "control"))
    welch = stats.ttest_ind(patient, control, equal_var=False)
    assert table.loc["age", "p"] == pytest.approx(welch.pvalue)
    assert table.loc["age", "summary_patient"] == f"{patient.mean():.2f} ({patient.std():.2f})"
    cells = [
        [cell.text for cell in row.cells] for row in Document(out / "table1.docx").tables[0].rows
    ]
    assert cells[0] == ["Variable", f"patient\n(n = {N})", f"control\n(n = {N})", "p"]
    assert [row[0].split(",")[0] for row in cells[1:]] == ["age", "sex", "score"]
    assert cells[1][1] == table.loc["age", "summary_patient"]


def test_the_record_is_complete(study, out, domain):
    record = json.loads((out / "stats.json").read_text())
    assert record["Settings"]["formula"] == FORMULA
    assert record["Permutations"] == 200
    assert record["ScansCompared"] == {"group[patient]": N, "group[control]": N}
    assert record["DegreesOfFreedom"] == 2 * N - 4
    assert record["VoxelsAnalysed"] == domain.n_places
    assert record["Space"] == "MNI152NLin2009aSym"
    for name in ("figure1.png", "figure1.svg", "partial_correlations.png", "clusters.docx"):
        assert (out / name).stat().st_size > 1000


def test_viewers_are_told_what_the_maps_are(out):
    def intent(name):
        return nib.load(out / f"{STEM}{name}_statmap.nii.gz").header.get_intent()[:2]

    df = json.loads((out / "stats.json").read_text())["DegreesOfFreedom"]
    assert intent("t") == ("t test", (df,))
    assert intent("pfwe") == ("p value", ())
    assert intent("cluster") == ("label", ())
    assert intent("effect") == ("none", ())


def test_the_table_to_paste_has_the_significant_clusters_with_their_direction(out):
    found = pd.read_csv(out / "clusters.tsv", sep="\t", dtype={"cluster": str})
    significant = set(found.loc[found["significant"], "cluster"])
    rows = [[c.text for c in r.cells] for r in Document(out / "clusters.docx").tables[0].rows]
    table = pd.DataFrame(rows[1:], columns=rows[0])
    assert set(table["Cluster"].str.rstrip("abc")) == significant
    assert set(table["Direction"]) == {"patient > control"}


def test_where_nothing_is_significant_the_nearest_are_shown_and_called_so(study, tmp_path):
    out = tmp_path / "out"
    assert main(arguments(study, out, "--set", "group.alpha=0.001")) == 0
    document = Document(out / "clusters.docx")
    assert document.paragraphs[0].text.startswith("No cluster is significant")
    assert len(document.tables[0].rows) > 1


def test_the_table_of_clusters_has_no_noise_of_last_digits(out):
    for cell in (out / "clusters.tsv").read_text().split():
        digits = cell.partition("e")[0].replace(".", "").lstrip("-0")
        assert not digits.isdigit() or len(digits) <= 10, cell


def test_one_file_with_all_maps_is_the_same(study, out, tmp_path):
    assert main(arguments(study, tmp_path / "b", maps="all.nii.gz")) == 0
    for name in (f"{STEM}pfwe_statmap.nii.gz", f"{STEM}t_statmap.nii.gz"):
        assert (tmp_path / "b" / name).read_bytes() == (out / name).read_bytes()


def test_the_same_command_gives_the_same_bytes(study, out, tmp_path):
    clinical = ["--clinical", "score", "--within", "patient", "--roi", "ball=sphere:9,3,0,5"]
    assert main(arguments(study, tmp_path / "b", *clinical, "--n-threads", "1")) == 0
    assert sorted(p.name for p in out.iterdir()) == sorted(
        p.name for p in (tmp_path / "b").iterdir()
    )
    for path in out.iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def test_places_that_a_scan_lacks_are_left_out(study, tmp_path, domain):
    img = nib.load(study / "all.nii.gz")
    data = np.asarray(img.dataobj).copy()
    lost = tuple(domain.voxels[5])
    data[(*lost, 3)] = np.nan
    data[(*domain.voxels[6], 4)] = 0
    nib.save(nib.Nifti1Image(data, img.affine), tmp_path / "all.nii.gz")
    parts = arguments(study, tmp_path / "out")
    parts[parts.index(str(study / "maps.tsv"))] = str(tmp_path / "all.nii.gz")
    assert main(parts) == 0
    record = json.loads((tmp_path / "out" / "stats.json").read_text())
    assert record["VoxelsOfMask"] - record["VoxelsAnalysed"] == 2


def test_slopes_and_nothing_found(study, tmp_path):
    out = tmp_path / "out"
    assert main(arguments(study, out, "--clinical", "score", contrast="age", formula="age")) == 0
    assert not (out / "contrast-Age_stat-g_statmap.nii.gz").exists()
    assert (out / "contrast-Age_stat-t_statmap.nii.gz").exists()


def test_an_f_contrast(study, tmp_path):
    out = tmp_path / "out"
    contrast = "age, group[patient] - group[control]"
    assert main(arguments(study, out, contrast=contrast)) == 0
    maps, design = np.load(study / "maps.npy"), regressors(people_of(study))
    two, df = nib.load(
        out / f"contrast-{contrast_label(contrast)}_stat-F_statmap.nii.gz"
    ).header.get_intent()[1]
    assert (two, df) == (2, 2 * N - 4)
    path = out / f"contrast-{contrast_label(contrast)}_stat-F_statmap.nii.gz"
    f = Domain.from_mask(ball_image()).sample(nib.load(path))
    expected = sm.OLS(maps[:, 40], design).fit().f_test("age = 0, group = 0").fvalue
    assert f[40] == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("maps", ["maps.tsv", "all.nii.gz"])
def test_a_comparison_limited_to_some_is_that_of_their_rows(study, domain, tmp_path, maps):
    how = {"formula": "group + age", "maps": maps}
    assert main(arguments(study, tmp_path / "out", "--subset", "sex=M", **how)) == 0
    people = people_of(study)
    some = (people["sex"] == "M").to_numpy()
    design = regressors(people)[some].drop(columns="sex")
    found = domain.sample(nib.load(tmp_path / "out" / f"{STEM}t_statmap.nii.gz"))
    values = np.load(study / "maps.npy")[some]
    for place in range(0, domain.n_places, 97):
        expected = sm.OLS(values[:, place], design).fit().tvalues["group"]
        assert found[place] == pytest.approx(expected, rel=1e-4)


def test_every_problem_is_told_at_once(study, tmp_path, capsys):
    bad = tmp_path / "bad"
    bad.mkdir()
    people = people_of(study)
    people.loc[2, "age"] = np.nan
    people.to_csv(bad / "participants.tsv", sep="\t", index=False, na_rep="n/a")
    maps = pd.read_csv(study / "maps.tsv", sep="\t")
    maps["path"] = str(study) + "/" + maps["path"]
    maps.loc[0, "participant_id"] = "sub-nobody"
    maps.to_csv(bad / "maps.tsv", sep="\t", index=False)
    nib.save(ball_image(), bad / "mask.nii.gz")
    more = ["--clinical", "scores", "--within", "patients", "--roi", "x"]
    assert main(arguments(bad, tmp_path / "out", *more)) == 2
    said = capsys.readouterr().err
    for words in ("sub-02", "age", "sub-nobody", "scores", "within", "nobody has group patients"):
        assert words in said
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_missing_values_do_not_hide_what_else_is_wrong(study, tmp_path, capsys):
    people = people_of(study)
    people.loc[2, "age"] = np.nan
    people.loc[4, "participant_id"] = people["participant_id"][3]
    people.to_csv(tmp_path / "participants.tsv", sep="\t", index=False, na_rep="n/a")
    parts = arguments(
        study, tmp_path / "out", contrast="group[patient] - group[ctrl]", maps="all.nii.gz"
    )
    parts[parts.index(str(study / "participants.tsv"))] = str(tmp_path / "participants.tsv")
    # Options are a border of their own, before any file is read: all that is wrong with them.
    assert main([*parts, "--alpha", "2", "--cluster-forming-p", "0.7"]) == 2
    said = capsys.readouterr().err
    for words in ("--alpha 2", "--cluster-forming-p 0.7"):
        assert words in said
    assert main(parts) == 2
    said = capsys.readouterr().err
    for words in ("missing for sub-02", "sub-03 occur", "ctrl"):
        assert words in said
    assert not (tmp_path / "out").exists()


def test_nothing_is_lost_when_scores_cannot_be_correlated(study, tmp_path, capsys):
    people = people_of(study)
    people["rare"] = people["age"].where(people.index < 3)
    people.to_csv(tmp_path / "participants.tsv", sep="\t", index=False, na_rep="n/a")
    parts = arguments(study, tmp_path / "out", "--clinical", "rare", "--within", "patient")
    parts[parts.index(str(study / "participants.tsv"))] = str(tmp_path / "participants.tsv")
    assert main(parts) == 0
    assert "too few" in " ".join(capsys.readouterr().err.split())
    assert (tmp_path / "out" / "clusters.tsv").exists()
    assert not (tmp_path / "out" / "partial_correlations.tsv").exists()


def test_what_is_too_few_is_told_before_anything_is_computed(study, tmp_path, caplog):
    people = people_of(study)
    people["rare"] = people["age"].where(people.index < 5)
    people["same"] = np.where(people["group"] == "patient", 3.0, people["age"])
    people.loc[2 * N - 2 :, "group"] = "other"
    people.to_csv(tmp_path / "participants.tsv", sep="\t", index=False, na_rep="n/a")
    scores = {"clinical": ("score", "rare", "same"), "within": "patient", "atlas": "none"}
    asked = GroupSettings(FORMULA, CONTRAST, mean_fd_covariate=False, **scores)
    read_inputs(study / "maps.tsv", tmp_path / "participants.tsv", study / "mask.nii.gz", asked)
    told = "\n".join(caplog.messages)
    assert "The score rare ([group] clinical) cannot be correlated" in told
    assert "5 complete cases are too few with 2 covariates" in told
    assert "The score score" not in told
    assert "The mean of other is not tested: 2 of at least 3 scans" in told
    assert "whatever is found: same is the same for everyone" in told


def test_words_that_are_controlled_are_levels(study, tmp_path):
    people = people_of(study)
    people["site"] = np.tile(["north", "south", "west"], 2 * N)[: 2 * N]
    people.loc[4, "site"] = np.nan
    people.to_csv(tmp_path / "participants.tsv", sep="\t", index=False, na_rep="n/a")
    clinical = ["--clinical", "score", "--within", "patient", "--clinical-covariates", "site"]
    parts = arguments(study, tmp_path / "out", *clinical, "--roi", "ball=sphere:9,3,0,5")
    parts[parts.index(str(study / "participants.tsv"))] = str(tmp_path / "participants.tsv")
    assert main(parts) == 0
    regions = pd.read_csv(tmp_path / "out" / "roi_values.tsv", sep="\t")
    row = pd.read_csv(tmp_path / "out" / "partial_correlations.tsv", sep="\t").iloc[-1]
    taken = people[(people["group"] == "patient") & people["site"].notna()]
    sites = sm.add_constant(pd.get_dummies(taken["site"], dtype=float).iloc[:, 1:])
    pair = (regions["ball"][taken.index], taken["score"])
    rest = [sm.OLS(values.to_numpy(), sites.to_numpy()).fit().resid for values in pair]
    assert (row["roi"], row["n"], row["df"]) == ("ball", N - 1, N - 1 - 4)
    assert row["r"] == pytest.approx(np.corrcoef(*rest)[0, 1], abs=1e-6)


def test_formulas_are_data_not_code(study, tmp_path, capsys):
    code = "group + __import__('os').system('true')"
    assert main(arguments(study, tmp_path / "out", formula=code)) == 2
    assert capsys.readouterr().err.startswith("commissure: ")


@pytest.mark.parametrize(
    ("contrast", "label"),
    [
        (CONTRAST, "GroupPatientMinusGroupControl"),
        ("age", "Age"),
        ("0.5 * group[a] + age", "05TimesGroupAPlusAge"),
    ],
)
def test_contrast_label(contrast, label):
    assert contrast_label(contrast) == label


def test_a_methods_section_can_be_written_of_the_findings(out):
    stats_json = json.loads((out / "stats.json").read_text())
    text = methods_of(out.parent, out).text
    assert f"patients (n = {N}) and controls (n = {N})" in text
    assert "with age and sex as covariates" in text
    assert f"{stats_json['DegreesOfFreedom']} degrees of freedom) formed clusters" in text
    assert "In all, 200 permutations were drawn at random (seed 0)" in text
    assert "in each significant cluster and in the region ball was correlated with score" in text
    assert "Table" not in text
    assert "Hedges' g" in text


@pytest.mark.parametrize(
    ("shift", "more", "label"),
    [
        (0.04, ["--no-mean-fd-covariate"], "a difference that head motion may explain"),
        (0.04, [], ""),
        (0.0, ["--no-mean-fd-covariate"], ""),
        (None, [], "a difference that head motion (which is not known) may explain"),
    ],
)
def test_what_motion_may_explain_is_no_finding(study, tmp_path, capsys, shift, more, label):
    people = people_of(study)
    if shift is not None:
        fd = np.random.default_rng(3).permutation(np.linspace(0.05, 0.15, 2 * N))
        people["mean_fd"] = fd + shift * (people["group"] == "patient")
    people.to_csv(tmp_path / "people.tsv", sep="\t", index=False, na_rep="n/a")
    out = tmp_path / "o"
    asked = arguments(study, out, *more, people=tmp_path / "people.tsv")
    assert main([a for a in asked if a != "--quiet"]) == 0
    said = capsys.readouterr().err
    record = json.loads((out / "stats.json").read_text())
    motion = record["Rivals"][0]
    assert (motion["kind"], motion["may_explain"]) == ("mean_fd", bool(label))
    notes = json.loads((out / "clusters.json").read_text())["Notes"]
    methods = methods_of(out, out).text
    last = " ".join(said.split()).rpartition("clusters are significant")[2]
    for text in (" ".join(notes), last):
        assert (f"No finding by itself, but {label}" in text) == bool(label)
    assert (f"reported as {label or 'a difference'}" in methods) == bool(label)
    if motion["value"] is not None:
        means = people.groupby("group")["mean_fd"].mean()
        assert motion["means"] == pytest.approx(means.to_dict())
        if label:
            assert f"{means['patient']:.3f} and {means['control']:.3f} mm" in last
