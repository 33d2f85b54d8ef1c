"""The methods section: true of its facts, whole sentences, whatever the settings."""

import itertools
import re
from dataclasses import fields, is_dataclass, replace
from functools import cache
from io import BytesIO

import docx
import pytest

from commissure.measures import CFH, Measure
from commissure.measures.names import measure_called, measure_of_files
from commissure.records.asked import Asked
from commissure.report.methods.docx import methods_docx
from commissure.report.methods.facts import (
    Correlations,
    Demographics,
    Done,
    Group,
    Maps,
    Quality,
    Scans,
    Spread,
)
from commissure.report.methods.references import load_references, read_bibtex
from commissure.report.methods.text import methods_text, plain, spans
from commissure.report.sections.checks import prose as prose_of_report

PROGRAMS = ("commissure", "numpy", "scipy", "pandas", "nibabel", "nilearn", "numba")
VERSIONS = {name: f"{n}.71.{n}" for n, name in enumerate(PROGRAMS, start=31)}
# Every number differs from the others, so that none can stand in another's place.
RECIPE = {
    "n_trim": 7,
    "slice_timing": True,
    "resolution_mm": 3,
    "fwhm": 5.5,
    "kernel": "gaussian",
    "signals_from": "participant",
    "global_signal": True,
    "motion": 24,
    "n_acompcor": 0,
    "low": 0.013,
    "high": 0.087,
    "padding": "dft",
    "simultaneous": True,
    "censor_mm": None,
}
SCANS = Scans(
    "raw",
    n_participants=83,
    n_runs=83,
    space="MNI152NLin2009aSym",
    recipe=RECIPE,
    n_discarded=(7, 7),
    n_acquired=(231, 232),
    n_censored=(0, 0),
    tr=(2.2,),
    acquisition={"EchoTime": 0.029, "FlipAngle": 77, "MagneticFieldStrength": 1.5},
    grid=(61, 73, 62),
    versions={"greedy": "1.4.0.9", "niimath": "1.0.2026"},
)
QUALITY = Quality(
    rules={
        "exclude_motion": True,
        "mean_fd_mm": 0.21,
        "max_mm": 3.1,
        "max_degrees": 3.2,
        "least_volumes": 101,
        "least_df": 20.5,
        "least_overlap": 0.81,
        "doubtful_overlap": 0.92,
        "max_turn": 58.0,
        "max_apart": 24.0,
        "max_stretch": 1.53,
        "max_warped": 0.22,
        "max_border": 0.97,
        "doubtful_border": 0.93,
        "sure_sides": 4.5,
        "least_coverage": 0.72,
    },
    judged=frozenset(
        (
            *("motion", "volumes", "df", "overlap_epi_t1w", "overlap_epi_template"),
            *("orientation", "border"),
        )
    ),
    n_participants=83,
    n_runs=83,
    n_excluded_participants=15,
    n_excluded_runs=15,
    reasons=((("motion",), 14), (("volumes", "df"), 1)),
    n_moved=0,
    mean_fd=(Spread("patient", 0.121, 0.052, 0.193), Spread("control", 0.104, 0.041, 0.182)),
    mean_fd_power=(Spread("patient", 0.221, 0.152, 0.293), Spread("control", 0.2, 0.1, 0.3)),
    df=(Spread("patient", 42.3, 41.1, 43.6), Spread("control", 42.4, 40.2, 44.7)),
    nominal_df=(Spread("patient", 52.3, 51.1, 53.6), Spread("control", 52.4, 50.2, 54.7)),
)
MAPS = Maps(
    settings={
        "midline_mm": 3.5,
        "grey_matter": 0.23,
        "mask": None,
        "partner": "scan",
        "dtype": "float32",
    },
    space="MNI152NLin2009aSym",
    left=25_835,
    right=25_835,
    n_scans=68,
    several_runs=False,
    mask=None,
)
GROUP = Group(
    settings={
        "contrast": "group[patient] - group[control]",
        "blocks": None,
        "alpha": 0.045,
        "criterion": "size",
        "cluster_forming_p": 0.002,
        "connectivity": 18,
        "method": "freedman-lane",
        "tail": "two-sided",
        "statistics": ("size", "mass", "tfce"),
        "pareto_tail": False,
        "seed": 11,
    },
    measure=CFH,
    contrast=Asked(
        "difference", "group[patient] - group[control]", "group", ("patient", "control"), (33, 35)
    ),
    covariates=("age", "sex", "mean_fd"),
    formula=None,
    n_scans=68,
    df=63,
    threshold=2.9876,
    n_permutations=4_999,
    exhaustive=False,
    sign_flips=False,
    spreads=(("patient", 0.12), ("control", 0.1)),
    spreads_allowed_for=True,
    n_voxels=48_086,
    n_voxels_of_mask=56_734,
    n_clusters=4,
    effect_sizes=True,
    influence=True,
    atlas="Harvard-Oxford",
    regions=(),
    n_significant=2,
)
CORRELATIONS = Correlations(
    ("illness_duration", "JRS_total"), ("age", "sex"), "patient", "pearson", (30, 32), (26, 28), 4
)
DEMOGRAPHICS = (
    Demographics(("age", "education"), "mean", "Student's t test", "", None),
    Demographics(("sex",), "counts", "chi-square test", "without Yates' correction", None),
    Demographics(("SDS",), "median", "Mann-Whitney U test", "exact", None),
    Demographics(("JRS_total",), "median", "", "", "patient"),
)
DONE = Done(
    measure=CFH,
    versions=VERSIONS,
    scans=(SCANS,),
    quality=QUALITY,
    maps=MAPS,
    group=GROUP,
    correlations=CORRELATIONS,
    demographics=DEMOGRAPHICS,
    constants={
        "sure": 0.91,
        "eroded_mm": {"white": 2.1, "csf": 1.1},
        "priors": {"white_matter": 0.93, "csf": 0.72},
        "alpha_normality": 0.055,
    },
)
# Numbers that are part of a name, or of how a thing is defined.
_OF_NAMES = re.compile(r"SPM12|MNI152NLin\w+|T1-weighted|T2\*-like|liu2025|N4|tr\(V\)²/tr\(V²\)")
_VERSION = re.compile(r"\d+\.\d+\.\d+(\.\d+)?")
_OF_THE_METHOD = {24, 95, 0.5, 2}


def with_recipe(**changes):
    return replace(DONE, scans=(replace(SCANS, recipe=RECIPE | changes),))


def with_scans(**changes):
    return replace(DONE, scans=(replace(SCANS, **changes),))


def with_group(settings=None, **changes):
    group = replace(GROUP, settings=GROUP.settings | (settings or {}), **changes)
    return replace(DONE, group=group)


def with_maps(settings=None, **changes):
    return replace(DONE, maps=replace(MAPS, settings=MAPS.settings | (settings or {}), **changes))


def of_maps(measure):
    """Return what was done where others had made the maps."""
    maps = with_scans(kind="map", recipe={})
    return replace(maps, maps=None, group=replace(GROUP, measure=measure))


def with_quality(**changes):
    return replace(DONE, quality=replace(QUALITY, **changes))


def preprocessed(**changes):
    given = {"kind": "preprocessed", "space": "MNI152NLin6Asym", "grid": (), "pipeline": "fMRIPrep"}
    given |= {"pipeline_version": "23.88.1", "confounds": ("friston24", "wm_csf", "global_signal")}
    return with_scans(**given | changes)


CASES = {
    "as it is": DONE,
    "as published": replace(DONE, as_published=True),
    "spm": with_recipe(kernel="spm"),
    "not smoothed": with_recipe(fwhm=0.0),
    "priors": with_recipe(signals_from="priors"),
    "no global signal": with_recipe(global_signal=False),
    "six motion regressors": with_recipe(motion=6),
    "of fMRIPrep, six": preprocessed(recipe=RECIPE | {"motion": 6}),
    "one component": with_recipe(n_acompcor=1),
    "components": with_recipe(n_acompcor=6),
    "dpabi": with_recipe(padding="dpabi"),
    "one after the other": with_recipe(simultaneous=False),
    "both": with_recipe(simultaneous=False, padding="dpabi"),
    "no slice timing": with_recipe(slice_timing=False),
    "censored": with_scans(recipe=RECIPE | {"censor_mm": 0.44}, n_censored=(0, 19)),
    "best volumes": with_recipe(best_volumes=177),
    "best of the uncensored": with_recipe(best_volumes=177, censor_mm=0.44),
    "none censored": with_recipe(censor_mm=0.44),
    "one trimmed": with_scans(n_discarded=(1, 1)),
    "none trimmed": with_scans(n_discarded=(0, 0)),
    "some trimmed": with_scans(n_discarded=(7, 9)),
    "perhaps trimmed": with_scans(n_discarded=(0, 9)),
    "no T1w": with_scans(n_without_t1w=83),
    "no T1w, priors": with_scans(n_without_t1w=83, recipe=RECIPE | {"signals_from": "priors"}),
    "some T1w": with_scans(n_without_t1w=6),
    "distorted": with_scans(n_undistorted=61),
    "all distorted": with_scans(n_undistorted=83),
    "not distorted": with_recipe(undistort=True),
    "small tissue": with_scans(n_small_tissue=1),
    "both lacking": with_scans(n_small_tissue=4, n_without_t1w=5),
    "acquisition not known": with_scans(acquisition={}, tr=(), n_acquired=(), versions={}),
    "scanner": with_scans(acquisition={"Manufacturer": "GE", "ManufacturersModelName": "MR_750"}),
    "two TR": with_scans(tr=(2.2, 2.6), acquisition={"MultibandAccelerationFactor": 4}),
    "fmriprep": preprocessed(),
    "fmriprep, smoothed": preprocessed(done=frozenset(["smoothing"])),
    "fmriprep, from the data": preprocessed(
        space="MNI152NLin2009aSym",
        signals_from_data=True,
        recipe=RECIPE | {"signals_from": "priors"},
    ),
    "fmriprep, everything": preprocessed(
        confounds=("motion", "high_pass", "compcor", "ica_aroma", "scrub")
    ),
    "fmriprep, nothing": preprocessed(confounds=()),
    "fmriprep, brought": preprocessed(
        space="MNI152NLin2009aSym",
        space_before="MNI152NLin2009cAsym",
        n_template_t1ws=17,
        versions={"greedy": "1.4.0.9"},
    ),
    "dpabi, realigned": preprocessed(
        pipeline="DPABI",
        pipeline_version=None,
        stage="FunImgARW",
        space="MNI",
        done=frozenset(["trim"]),
    ),
    "dpabi, regressed": preprocessed(
        pipeline="DPABI",
        pipeline_version=None,
        stage="FunImgARWSC",
        space="MNI",
        done=frozenset(["trim", "smoothing", "regression"]),
    ),
    "filtered before": preprocessed(
        pipeline=None, done=frozenset(["filter"]), recipe=RECIPE | {"censor_mm": 0.44}
    ),
    "native": preprocessed(pipeline="other_tool", space=None),
    "clean": with_scans(kind="clean", recipe={}, pipeline="XCP-D", pipeline_version="0.66"),
    "clean, dpabi": with_scans(
        kind="clean", recipe={}, pipeline="DPABI", stage="FunImgARWSDCF", space="MNI"
    ),
    "maps": of_maps(Measure()),
    "vmhc": of_maps(measure_called("zVMHCMap")),
    "reho": of_maps(measure_of_files(["sub-1_stat-reho_boldmap.nii.gz"])),
    "two kinds": replace(
        DONE, scans=(SCANS, replace(SCANS, kind="clean", recipe={}, pipeline="XCP-D"))
    ),
    "motion noted": with_quality(rules=QUALITY.rules | {"exclude_motion": False}, n_moved=13),
    "motion not known": with_quality(judged=frozenset(["df"]), mean_fd=()),
    "nothing known": with_quality(judged=frozenset(), mean_fd=(), df=()),
    "nobody excluded": with_quality(n_excluded_participants=0, n_excluded_runs=0, reasons=()),
    "one excluded": with_quality(
        n_excluded_participants=1, n_excluded_runs=1, reasons=((("failed",), 1),)
    ),
    "one reason": with_quality(reasons=((("overlap",), 15),)),
    "runs": with_quality(n_runs=166, n_excluded_runs=16),
    "all runs": with_quality(n_runs=166, n_excluded_runs=0, n_excluded_participants=0, reasons=()),
    "no groups": with_quality(mean_fd=(Spread(None, 0.1, 0.1, 0.1),), df=()),
    "other groups": with_quality(mean_fd=(Spread("BSP_1", 0.1, 0.05, 0.2),)),
    "group's partner": with_maps({"partner": "group"}),
    "noise floor": with_maps({"noise_floor": 6, "noise_floor_seed": 13}),
    "matched": with_maps(
        {"match": "rarefied", "match_df": 39.5, "match_draws": 7, "match_seed": 17}
    ),
    "the finding both ways": with_maps(variants=("the global signal left in",)),
    "no floor of the group's": with_maps({"noise_floor": 6, "partner": "group"}),
    "coarse": with_recipe(warp="coarse"),
    "mask": with_maps(mask="my_mask.nii.gz"),
    "rivals": with_group(
        rivals=("patient and control differ in head motion (mean FD)",),
        called="a difference that head motion may explain",
    ),
    "rivals modelled": with_group(
        rivals=("patient and control differ in head motion, which is in the model",)
    ),
    "no midline": with_maps({"midline_mm": 0.0}),
    "other space": with_maps(space="MNI152NLin6Asym"),
    "sides differ": with_maps(left=25_835, right=25_831),
    "several runs": with_maps(several_runs=True),
    "draper-stoneman": with_group({"method": "draper-stoneman", "tail": "one-sided-each"}),
    "exhaustive": with_group(exhaustive=True, n_permutations=924),
    "one variance": with_group(spreads_allowed_for=False),
    "no spreads": with_group(spreads=()),
    "sign flips": with_group({"blocks": "participant_id"}, sign_flips=True),
    "blocks": with_group({"blocks": "participant_id"}),
    "blocks, labels": with_group({"blocks": "site", "method": "draper-stoneman"}),
    "mass": with_group({"criterion": "mass", "connectivity": 26, "statistics": ("mass",)}),
    "tfce": with_group({"criterion": "tfce"}),
    "voxel": with_group({"criterion": "voxel", "statistics": ()}),
    "voxel, F": with_group(
        {"criterion": "voxel"}, contrast=Asked("F", "group[a] - group[b], group[b] - group[c]")
    ),
    "faces": with_group({"connectivity": 6, "pareto_tail": True}),
    "no cluster": with_group(n_clusters=0, n_significant=0),
    "atlas": with_group(atlas="my_atlas.nii.gz", effect_sizes=False, influence=False),
    "all voxels": with_group(n_voxels=51_670),
    "no covariate": with_group(covariates=()),
    "one covariate": with_group(covariates=("age",)),
    "interaction": with_group(formula="group * age", contrast=Asked("other", "age:group[a]")),
    "slope": with_group(contrast=Asked("slope", "age", "age")),
    "mean": with_group(contrast=Asked("mean", "mean"), covariates=()),
    "F": with_group(contrast=Asked("F", "group[a] - group[b], group[b] - group[c]")),
    "regions": with_group(regions=("putamen", "M_1"), n_significant=0),
    "clusters and a region": with_group(regions=("putamen",)),
    "regions tested": with_group(
        regions=("putamen", "M_1"), region_tests=frozenset({"region", "t", "g"})
    ),
    "regions tested each way": with_group(
        {"tail": "one-sided-each", "method": "draper-stoneman"},
        regions=("putamen", "M_1"),
        region_tests=frozenset({"region", "t"}),
    ),
    "a region tested, F": with_group(
        contrast=Asked("F", "group[a] - group[b], group[b] - group[c]"),
        regions=("putamen",),
        region_tests=frozenset({"region", "F"}),
    ),
    "spearman": replace(
        DONE,
        correlations=replace(CORRELATIONS, method="spearman", within=None, n=(31, 31), n_tests=1),
    ),
    "no correlation": replace(
        with_group(n_significant=0), correlations=replace(CORRELATIONS, n=(), df=(), n_tests=0)
    ),
    "correlations failed": replace(DONE, correlations=replace(CORRELATIONS, n=(), df=())),
    "one group": replace(
        DONE, demographics=tuple(replace(d, test=None, only=None) for d in DEMOGRAPHICS)
    ),
    "other tests": replace(
        DONE,
        demographics=(
            Demographics(("age",), "mean", "one-way ANOVA", "", None),
            Demographics(("sex",), "counts", "Fisher's exact test", "as rare", None),
            Demographics(("SDS",), "median", "Kruskal-Wallis test", "corrected for ties", None),
            Demographics(("SAS",), "mean", "Welch's t test", "", None),
            Demographics(("site",), "counts", "", "", None),
        ),
    ),
    "participants only": replace(DONE, group=None, correlations=None, demographics=()),
    "statistics only": replace(DONE, scans=(), quality=None, maps=None),
    "nothing": Done(versions={}),
}
# All that may be chosen of the recipe, in every combination.
for choice in itertools.product(
    ("gaussian", "spm"), ("participant", "priors"), (True, False), (0, 5), ("dft", "dpabi"),
    (True, False), (None, 0.44),
):  # fmt: skip
    names = "kernel", "signals_from", "global_signal", "n_acompcor", "padding", "simultaneous"
    changed = RECIPE | dict(zip((*names, "censor_mm"), choice, strict=True))
    CASES[str(choice)] = Done(
        VERSIONS, measure=CFH, scans=(replace(SCANS, recipe=changed),), constants=DONE.constants
    )


@cache
def written(case):
    return methods_text(CASES[case])


@cache
def read(case):
    """Return all paragraphs as people read them."""
    return prose(written(case))


def prose(methods):
    return [plain(p) for section in methods.cited for p in section.paragraphs]


def numbers_of(facts):
    """Return every number that is among the facts, however deep."""
    if isinstance(facts, bool) or facts is None:
        return set()
    if isinstance(facts, int | float):
        return {float(facts)}
    if isinstance(facts, str):
        return {float(n) for n in re.findall(r"\d+\.?\d*", facts)}
    if isinstance(facts, dict):
        return set().union(*map(numbers_of, facts.values()))
    if isinstance(facts, Measure):
        return set()
    if is_dataclass(facts):
        return set().union(*(numbers_of(getattr(facts, f.name)) for f in fields(facts)))
    return set().union(*map(numbers_of, facts))


@pytest.mark.parametrize("case", CASES)
def test_sentences_are_whole(case):
    for text in read(case):
        assert not re.search(r"  | [,.;:)]|\( |\(\)|\.\.|,\.|;\.|[{}@\\]|__", text)
        assert not re.search(r"\b(None(?! of the)|nan|True|False)\b", text)
        assert text.removesuffix("]")[-1] == "."
        assert text.count("(") == text.count(")")
        for sentence in re.split(r"(?<=[a-z0-9)]{2}\.) (?=\S)", text):
            assert sentence[0].isupper() or sentence.startswith("["), sentence


# What is said as the sum or difference of facts, and in other units.
DERIVED = {
    "runs": {150},
    "both lacking": {9},
    "sides differ": {51_666},
    "all runs": {166},
}


@pytest.mark.parametrize("case", CASES)
def test_every_number_is_one_of_the_facts(case):
    known = numbers_of(CASES[case]) | _OF_THE_METHOD | DERIVED.get(case, set())
    known |= {2 * MAPS.left, 1000 * SCANS.acquisition["EchoTime"]}
    known |= {QUALITY.n_runs - QUALITY.n_excluded_runs}
    known |= {round(n, digits) for n in known for digits in (1, 2)}
    for section in written(case).sections:
        for paragraph in section.paragraphs:
            text = re.sub(r"@\w+", "", paragraph)
            text = _VERSION.sub("", _OF_NAMES.sub("", plain(text)))
            found = {float(n.replace(",", "")) for n in re.findall(r"\d[\d,]*(?:\.\d+)?", text)}
            assert found <= known


@pytest.mark.parametrize("case", CASES)
def test_everything_cited_is_in_the_bibliography_and_nothing_else(case):
    methods = written(case)
    assert set(read_bibtex(methods.bibtex)) == set(methods.keys)
    assert set(methods.keys) <= set(load_references())
    assert len(methods.references) == len(methods.keys)
    for paragraph in read(case):
        assert "@" not in paragraph.replace("\\@", "")


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (
            "the finding both ways",
            "also cleaned and mapped with the global signal left in, and the contrast",
        ),
        ("as it is", "kernel of 5.5 mm full width"),
        ("as it is", "(0.013–0.087 Hz)"),
        ("as it is", "The first 7 volumes of each run were discarded"),
        ("as it is", "between 231 and 232 volumes per run; repetition time 2.2 s; echo time 29 ms"),
        ("as it is", "flip angle 77°; 1.5-T scanner"),
        ("as it is", "61 × 73 × 62 voxels of 3 mm"),
        ("distorted", "distortion was corrected in 61 of the 83 runs: a smooth field of shifts"),
        ("all distorted", "distortion was corrected: a smooth field of shifts along one axis"),
        ("not distorted", "white matter; none was found that could be corrected"),
        ("as it is", "No correction for susceptibility-induced geometric distortion was applied."),
        ("as it is", "(probability above 0.91, eroded by about 2.1 mm in white matter and 1.1 mm"),
        (
            "as it is",
            "exceeded 0.21 mm, (ii) the centre of the head was displaced by more than 3.1 mm",
        ),
        ("as it is", "more than 3.2°"),
        ("as it is", "fewer than 101 volumes remained, (iv) fewer than 20.5 effective degrees"),
        ("as it is", "was below 0.81."),
        ("as it is", "Of 83 participants, 15 were excluded (14 for excessive head motion; one for"),
        ("as it is", "one for too few volumes and too few degrees of freedom)."),
        ("as it is", "0.12 mm in patients (range 0.05–0.19 mm) and 0.10 mm in controls (range"),
        (
            "as it is",
            "six parameters (Power et al., 2012), it was 0.22 mm in patients (range",
        ),
        (
            "best volumes",
            "the 177 of each run with the least framewise displacement",
        ),
        ("best volumes", "the others took no part in the regression, were replaced for the filter"),
        ("matched", "random subspaces of time with 39.5 effective degrees of freedom"),
        ("matched", "of 7 such projections (seed 17) was averaged."),
        ("as it is", "This bias was not corrected; the effective degrees of freedom are given"),
        ("as it is", "estimated from their autocorrelation (cf. Bayley and Hammersley, 1946;"),
        ("as it is", "was 42.3 in patients (range 41.1–43.6) and 42.4 in controls (range 40.2–44"),
        ("as it is", "was 52.3 in patients (range 51.1–53.6) and 52.4 in controls (range 50.2–54"),
        ("as it is", "exceeded 0.23 in the MNI152NLin2009aSym template"),
        (
            "as it is",
            "within 3.5 mm of the midline (|x| ≤ 3.5 mm): 25,835 voxels in each hemisphere",
        ),
        ("as it is", "patients (n = 33) and controls (n = 35) were compared"),
        ("as it is", "age, sex and mean framewise displacement as covariates"),
        ("as it is", "the 48,086 of 51,670 voxels"),
        ("as it is", "In all, 4,999 permutations were drawn at random (seed 11)"),
        ("as it is", "|t| > 2.99 (uncorrected p < 0.002, one-sided; 63 degrees of freedom)"),
        ("as it is", "shared a face or an edge."),
        ("as it is", "corrected p ≤ 0.045 were considered significant. The test was two-sided"),
        ("as it is", "(n = 30–32, 26–28 degrees of freedom;"),
        ("as it is", "The two-sided p-values of the 4 tests were adjusted"),
        ("as it is", "(p ≥ 0.055)"),
        (
            "as it is",
            "Age and education (mean and standard deviation) were compared between groups w",
        ),
        ("as it is", "with the Mann-Whitney U test (exact)."),
        ("as it is", "JRS total (median and range) was not compared, as only patients had values."),
        ("as it is", "commissure 31.71.31 (The commissure developers, 2026)"),
        ("as it is", "NumPy 32.71.32 (Harris et al., 2020)"),
        ("as it is", "greedy (version 1.4.0.9, Yushkevich et al., 2016)"),
        ("as published", "those of that study as far as it states them (preset “liu2025”"),
        ("spm", "kernel that SPM12 uses for a full width at half maximum (FWHM) of 5.5 mm"),
        ("not smoothed", "The images were not smoothed spatially."),
        ("no global signal", "The global signal was not regressed out."),
        ("one component", "the first principal component of white matter and of CSF (aCompCor"),
        ("components", "the first six principal components of white matter and of CSF (aCompCor"),
        ("both", "The residuals were then band-pass filtered (0.013–0.087 Hz)"),
        ("both", "padded with zeros to the next power of two, as in DPABI (Yan et al., 2016)"),
        ("no slice timing", "No correction for slice acquisition time was applied."),
        ("censored", "(Power et al., 2012) above 0.44 mm were censored"),
        ("censored", "This concerned between 0 and 19 volumes per run."),
        ("none censored", "No volume exceeded this limit."),
        ("one trimmed", "The first volume of each run was discarded"),
        ("none trimmed", "No volume was discarded"),
        ("some trimmed", "The first 7 to 9 volumes of each run were discarded"),
        (
            "no T1w",
            "corrected for intensity non-uniformity (N4, Tustison et al., 2010), was regist",
        ),
        ("no T1w", "As there were no T1-weighted images, an average of the realigned functional"),
        ("some T1w", "For the 6 runs without a T1-weighted image, an average"),
        (
            "some T1w",
            "In 6 runs without a T1-weighted image, white matter and CSF signals were read wh",
        ),
        (
            "small tissue",
            "In 1 run with too little tissue left after erosion, white matter and CSF sig",
        ),
        ("both lacking", "In 9 runs without a T1-weighted image or with too little tissue"),
        ("fmriprep", "had been preprocessed with fMRIPrep 23.88.1 (Esteban et al., 2019)"),
        ("fmriprep", "were taken in MNI152NLin6Asym space"),
        ("fmriprep", "tables of confounds that fMRIPrep provides"),
        ("fmriprep, brought", "were taken in MNI152NLin2009cAsym space"),
        (
            "fmriprep, brought",
            "interpolated once (cubic B-splines) to 3 mm voxels of the symmetric",
        ),
        ("fmriprep, brought", "the mean of 17 participants"),
        ("fmriprep, brought", "with greedy (version 1.4.0.9, Yushkevich et al., 2016)"),
        ("fmriprep, smoothed", "had been smoothed before and were not smoothed again"),
        ("fmriprep, everything", "24 motion regressors, anatomical noise components (aCompCor"),
        (
            "dpabi, realigned",
            "DPABI (Yan et al., 2016) up to the stage FunImgARW (slice timing corr",
        ),
        ("dpabi, regressed", "Nuisance covariates had been regressed out before; a linear trend"),
        ("filtered before", "had been band-pass filtered before and were not filtered again"),
        ("clean", "already been denoised with XCP-D 0.66 (Mehta et al., 2024)"),
        ("motion noted", "were only noted (13 of the 68 runs analysed)."),
        ("motion not known", "Head motion was not known"),
        ("nobody excluded", "None of the 83 participants was excluded."),
        ("one excluded", "one was excluded (for data that could not be processed)."),
        ("one reason", "15 were excluded (for unsatisfactory registration)."),
        ("runs", "Of 166 runs of 83 participants, 16 were excluded"),
        ("runs", "which left 150 runs of 68 participants."),
        ("other groups", "0.10 mm in group BSP 1 (range 0.05–0.20 mm)"),
        ("group's partner", "summed over all 68 scans"),
        ("maps", "from maps that had been computed before"),
        ("maps", "Describe here what they show and how they were made."),
        ("maps", "Maps of patients (n = 33) and controls"),
        ("maps", "the mean of the maps in each significant cluster"),
        ("vmhc", "of voxel-mirrored homotopic connectivity (VMHC, Zuo et al., 2010) (Fisher z)"),
        ("vmhc", "VMHC maps of patients (n = 33) and controls"),
        ("vmhc", "the mean VMHC in each significant cluster"),
        ("reho", "regional homogeneity (ReHo, Zang et al., 2004) that had been"),
        ("noise floor", "the mean CFH of six surrogates"),
        ("noise floor", "(seed 13)"),
        ("coarse", "(maximising local cross-correlation, without the finest level). Grey"),
        ("mask", "within a mask (my_mask.nii.gz), without"),
        ("other space", "interpolated to the grid of the data"),
        ("other space", "No symmetric template was needed"),
        ("draper-stoneman", "Draper–Stoneman procedure"),
        (
            "draper-stoneman",
            "each one-sided at this level, without correction for the two directions",
        ),
        ("exhaustive", "All 924 distinct permutations were carried out."),
        ("sign flips", "jointly within each participant (Winkler"),
        ("mass", "The mass of each (the sum of |t| above this threshold)"),
        ("mass", "shared a face, an edge or a corner."),
        ("faces", "shared a face."),
        ("faces", "generalised Pareto"),
        ("F", "“group[a] - group[b], group[b] - group[c]” were tested jointly (F test)"),
        ("F", "F > 2.99 (uncorrected p < 0.002; 63 residual degrees of freedom)"),
        ("interaction", "(CFH ~ group * age)"),
        ("slope", "The association of CFH with age across 68 scans"),
        ("regions", "the mean CFH (z) in the regions putamen and M_1 was correlated"),
        ("clusters and a region", "in each significant cluster and in the region putamen"),
        ("regions tested", "in the regions putamen and M_1, named beforehand, was tested with"),
        ("regions tested", "same permutations; its p-value was corrected for the two regions by"),
        ("regions tested", "the largest |t|. [Say how these regions were chosen, without these"),
        ("regions tested", "these maps.] Their effect sizes are Hedges' g"),
        ("regions tested", "in units of the standard deviation pooled over all scans."),
        ("regions tested each way", "distribution of the largest t in its direction. [Say how"),
        ("a region tested, F", "the region putamen, named beforehand, was tested with the same"),
        ("a region tested, F", "same permutations. [Say how this region was chosen, without these"),
        ("rivals", "Patient and control differ in head motion (mean FD)."),
        ("rivals", "is therefore reported as a difference that head motion may explain, not as a"),
        ("rivals modelled", "differ in head motion, which is in the model."),
        ("spearman", "Across all scans"),
        ("spearman", "partial Spearman correlation (on the ranks of all variables)"),
        ("no correlation", "as no cluster was significant, none was computed."),
        ("one group", "Age and education are given as mean and standard deviation."),
        (
            "other tests",
            "Age (mean and standard deviation) was compared between groups with a one-",
        ),
    ],
)
def test_what_was_done_is_said(case, said):
    assert said in "\n".join(read(case))


@pytest.mark.parametrize(
    ("case", "not_said"),
    [
        ("as it is", "SPM12"),
        ("as it is", "DPABI"),
        ("as it is", "Draper"),
        ("as it is", "liu2025"),
        ("as it is", "named beforehand"),
        ("regions", "named beforehand"),
        ("regions tested each way", "Their effect sizes"),
        ("a region tested, F", "corrected for the one"),
        ("as it is", "censored"),
        ("as it is", "aCompCor"),
        ("draper-stoneman", "Freedman"),
        ("draper-stoneman", "two-sided: "),
        ("both", "Lindquist"),
        ("no global signal", "(global signal)"),
        ("no T1w", "deformable"),
        ("no T1w", "participant's own tissue"),
        ("priors", "unsmoothed"),
        ("not smoothed", "Gaussian kernel"),
        ("fmriprep", "Sladky"),
        ("fmriprep", "greedy"),
        ("dpabi, regressed", "24 motion regressors"),
        ("dpabi, regressed", "in one step"),
        ("filtered before", "for the filter"),
        ("filtered before", "Hz"),
        ("clean", "band-pass"),
        ("as it is", "surrogates"),
        ("as it is", "finest"),
        ("no floor of the group's", "surrogates"),
        ("maps", "Pearson's r"),
        ("maps", "CFH"),
        ("maps", "Liu et al."),
        ("maps", "homotopic"),
        ("vmhc", "CFH"),
        ("vmhc", "Liu et al."),
        ("vmhc", "homotopic voxels"),
        ("vmhc", "biased upwards"),
        ("reho", "CFH"),
        ("reho", "Fisher z)"),
        ("motion noted", "exceeded 0.21 mm, (ii)"),
        ("no cluster", "Hedges"),
        ("no cluster", "Oxford"),
        ("mass", "TFCE"),
        ("F", "one-sided"),
        ("F", "two-sided:"),
        ("no midline", "midline"),
        ("rivals modelled", "therefore reported"),
        ("participants only", "Group analysis"),
        ("statistics only", "T1-weighted"),
    ],
)
def test_what_was_not_done_is_not_said(case, not_said):
    assert not_said not in "\n".join(read(case))


def test_names_that_users_give_stay_as_they_are():
    name = "a*b_c [d] <e> `f` @liu2025 $g$ \\h"
    done = replace(
        with_maps(mask=name),
        correlations=replace(CORRELATIONS, scores=(name,), within=name),
        group=replace(GROUP, atlas=name, contrast=Asked("other", name), formula=name),
    )
    methods = methods_text(done)
    text = "\n".join(prose(methods))
    assert text.count(name) == 4
    assert text.count(name.replace("_", " ")) == 2
    assert set(read_bibtex(methods.bibtex)) == set(methods.keys)


def test_each_format_is_for_its_readers():
    methods = written("as it is")
    assert methods.pandoc.startswith("---\nbibliography: methods.bib\n---\n\n# Methods\n\n## Im")
    assert "[CFH, @liu2025]" in methods.pandoc
    assert "*p* ≤ 0.045" in methods.pandoc
    assert methods.markdown.startswith("# Methods\n\n## Image preprocessing\n\nResting")
    assert "(CFH, Liu et al., 2025)" in methods.markdown
    assert "*p* ≤ 0.045" in methods.markdown
    assert "\n- Ashburner, J., and Friston, K. J. (2005)." in methods.markdown
    assert "(CFH, Liu et al., 2025)" in methods.text
    assert "p ≤ 0.045" in methods.text
    references = methods.text.partition("References\n\n")[2].strip().split("\n\n")
    assert references == methods.references
    assert references[2].startswith("Ashburner, J., and Friston, K. J. (2005).")


def test_the_report_shows_the_text_without_marks():
    done = with_maps(mask="my_mask*.nii.gz")
    methods = methods_text(done)
    shown = prose_of_report(methods.markdown)
    assert [text for kind, text in shown if kind == "p"] == prose(methods)
    assert [text for kind, text in shown if kind == "li"] == methods.references
    assert [text for kind, text in shown if kind == "h"] == [
        "Methods",
        *(section.heading for section in methods.sections),
        "References",
    ]


def test_italics_are_told_apart():
    assert spans(r"a *b* c\*d *e f*.") == [
        ("a ", False),
        ("b", True),
        (" c*d ", False),
        ("e f", True),
        (".", False),
    ]


def test_the_word_file_has_the_same_text_and_the_same_bytes():
    methods = written("as it is")
    content = methods_docx(methods)
    assert content == methods_docx(methods)
    paragraphs = docx.Document(BytesIO(content)).paragraphs
    assert [p.text for p in paragraphs if p.style.name == "Normal"] == [
        *prose(methods),
        *methods.references,
    ]
    italics = {run.text for p in paragraphs for run in p.runs if run.italic}
    assert {"p", "t", "n", "V", "V²"} <= italics
