"""Sentences come from values: studies of many kinds, what their pages must say and never say."""

import re
from dataclasses import replace

import pandas as pd
import pytest

from commissure.measures import CFH, Measure
from commissure.measures.names import measure_called, measure_of_files
from commissure.report.contents import Findings, Participant, Run, Study
from commissure.report.page.parts import Details, Figure, Table, Text
from commissure.report.page.study import study_page
from tests.report.asked import asked_record

SETTINGS = {
    "formula": "group + age",
    "contrast": "group[patient] - group[control]",
    "group": "group",
    "blocks": None,
    "alpha": 0.05,
    "criterion": "size",
    "cluster_forming_p": 0.001,
    "tail": "two-sided",
    "clinical": ["score"],
    "clinical_covariates": None,
    "within": "patient",
}
CLUSTERS = pd.DataFrame(
    {
        "cluster": ["1", "2"],
        "direction": ["positive", "negative"],
        "peak_t": [5.1, -4.2],
        "x": [-30.0, 30.0],
        "y": [0.0, 0.0],
        "z": [8.0, 8.0],
        "voxels": [53.0, 20.0],
        "mm3": [1431.0, 540.0],
        "p_corr_size": [0.004, 0.04],
        "p_corr_mass": [0.004, 0.04],
        "significant": [True, False],
    }
)
OF_VOXELS = CLUSTERS.drop(columns=["p_corr_size", "p_corr_mass"]).assign(
    p_corr_voxel=[0.004, 0.04], p_corr_tfce=[0.002, 0.03]
)
SCORES = pd.DataFrame(
    {
        "roi": ["cluster 1", "cluster 1"],
        "score": ["score", "other"],
        "r": [0.5, 0.1],
        "ci_low": [0.1, -0.3],
        "ci_high": [0.7, 0.4],
        "p": [0.01, 0.6],
        "q": [0.02, 0.6],
        "n": [20, 20],
        "note": ["", ""],
    }
)
ROIS = pd.DataFrame({"participant_id": ["a"], "cluster 1": [1.0]})
REGIONS = pd.DataFrame(
    {
        "region": ["putamen", "insula"],
        "voxels": [1200, 41],
        "voxels_without_data": [0, 7],
        "estimate": [-0.2, 0.03],
        "t": [-3.1, 0.4],
        "df": [5, 5],
        "p_uncorrected": [0.004, 0.66],
        "p_corr": [0.008, 0.81],
        "significant": [True, False],
        "g": [-0.8, 0.1],
        "g_low": [-1.4, -0.5],
        "g_high": [-0.2, 0.7],
    }
)
FIGURES = {
    name: Figure(name, name, "", "data:,") for name in ("means", "null", "motion", "freedom")
}


def people(**columns):
    table = pd.DataFrame(
        {
            "participant_id": [f"sub-{i}" for i in range(8)],
            "group": ["patient"] * 5 + ["control"] * 3,
            "mean_fd": [0.1] * 7 + [0.2],
        }
    )
    return table.assign(**columns)


def study(settings=None, record=None, tables=None, settings_of_study=None, **changes):
    settings = SETTINGS | (settings or {})
    record = {
        "Settings": settings,
        "Asked": asked_record(settings["contrast"]),
        "Scans": 8,
        "ScansOfGroups": {"patient": 5, "control": 3},
        "Permutations": 5000,
        "SignFlips": False,
        "ClusterFormingThreshold": 3.2,
        "VoxelsAnalysed": 900,
        "DegreesOfFreedom": 5,
        "Measure": CFH.record,
        "Units": {"age": "year", "score": "points"},
        **(record or {}),
    }
    found = {"clusters": CLUSTERS, "participants": people(), "roi_values": ROIS}
    found |= {"partial_correlations": SCORES} | (tables or {})
    everyone = tuple(
        Participant(f"sub-{i}", f"sub-{i}.html", None, (Run("", "done", True),)) for i in range(8)
    )
    whole = Study("s", everyone, Findings(record, found), settings=settings_of_study or {})
    return replace(whole, **changes)


def page_text(study):
    """Return all that a page says, but for pictures."""
    page = study_page(study, FIGURES if study.findings else {}, {}, None)
    said = [page.title, page.subtitle, *page.lead, *(f"{n} {what}" for n, what in page.tiles)]
    said += [notice.text for notice in page.notices]

    def read(parts):
        for part in parts:
            if isinstance(part, Text):
                said.append(part.text)
            elif isinstance(part, Table):
                said.extend([part.caption, *part.columns])
                said.extend(str(getattr(c, "text", c)) for row in part.rows for c in row)
            elif isinstance(part, Details):
                said.append(part.summary)
                read(part.parts)

    for section in page.sections:
        said.append(section.title)
        read(section.parts)
    return "\n".join(said)


NOTHING = {"clusters": CLUSTERS.assign(significant=False, p_corr_size=0.5)}
F = CLUSTERS.drop(columns="direction").rename(columns={"peak_t": "peak_F"})
NO_SCORE = SCORES.assign(p=float("nan"), q=float("nan"), r=float("nan"))
BUSY = (
    Participant("sub-0", "", None, (Run("", "done", True),)),
    Participant("sub-1", "", None, (Run("", "waiting"),)),
)
DONE = BUSY[:1]
UNKNOWN = {"Measure": Measure().record}
VMHC = {"Measure": measure_called("VMHC").record}

CASES = {
    "alpha 0.01": (
        study({"alpha": 0.01}),
        ["at most 1 %", "all but 1 of 100", "false discovery rate of 0.01", "none of 2 partial"],
        ["0.05 ", "95 of 100", "at most 5 %", "all but 5"],
    ),
    "alpha 0.05": (
        study(),
        ["at most 5 %", "all but 5 of 100", "1 of 2 partial", "both directions together"],
        ["each direction"],
    ),
    "each direction": (
        study({"tail": "one-sided-each"}, tables=NOTHING),
        ["each direction for itself", "up to 10 of 100", "p ≤ 0.05 in each direction"],
        ["both directions"],
    ),
    "F": (
        study({"contrast": "group[a] - group[b], group[b] - group[c]"}, tables={"clusters": F}),
        ["CFH was related to group[a] - group[b], group[b] - group[c] in 1 region", "beyond F"],
        ["each direction", "both directions", "one-sided", "higher in"],
    ),
    "F, nothing": (
        study(
            {"contrast": "a[x] - a[y], b"},
            tables={"clusters": F.assign(significant=False)},
        ),
        ["No region showed a significant effect of “a[x] - a[y], b”"],
        ["groups", "differed significantly"],
    ),
    "slope": (
        study({"contrast": "age", "formula": "age"}, {"ScansOfGroups": {"all": 8}}),
        [
            "CFH was higher with higher age in 1 region",
            "Where CFH goes with age",
            "8 were analysed",
        ],
        ["were compared", "groups", "of each group", "difference"],
    ),
    "slope, nothing": (
        study({"contrast": "age", "formula": "age"}, tables=NOTHING),
        ["In no region was CFH significantly related to age", "no proof that there is no effect"],
        ["differed", "groups are the same"],
    ),
    "one group": (
        study(
            {"contrast": "mean", "formula": "1", "within": None},
            {"SignFlips": True, "ScansOfGroups": {"all": 8}},
            {"participants": people().drop(columns="group")},
        ),
        ["CFH was above 0 in 1 region", "5,000 sign flips", "signs of maps were flipped"],
        ["groups", "were compared", "of each group", "shuffled"],
    ),
    "regions named beforehand": (
        study(tables={"region_tests": REGIONS}),
        [
            "Of the 2 regions named beforehand, 1 is significant: putamen (lower in patient than",
            "in control, t = -3.10, corrected p = 0.008).",
            "Hedges g [95 % CI]",
            "41 of 48",
        ],
        ["there is nothing to plot", "insula ("],
    ),
    "no such region differs": (
        study(tables={"region_tests": REGIONS.assign(p_corr=[0.5, 0.2], significant=False)}),
        ["No region of the 2 named beforehand is significant; the strongest is insula (higher in"],
        ["is significant:"],
    ),
    "one such region, F": (
        study(
            {"contrast": "group[a] - group[b], group[b] - group[c]"},
            tables={
                "clusters": F,
                "region_tests": REGIONS[:1]
                .drop(columns=["estimate", "t", "g", "g_low", "g_high"])
                .assign(F=6.2, df_contrast=2),
            },
        ),
        [
            "The region named beforehand is significant: putamen (F = 6.20, corrected p = 0.008).",
            "F (df)",
            "6.20\N{NO-BREAK SPACE}(2,\N{NO-BREAK SPACE}5)",
        ],
        ["Hedges g", "estimate", "direction"],
    ),
    "no region named": (study(), ["there is nothing to plot"], ["named beforehand"]),
    "mass": (
        study({"criterion": "mass"}),
        ["largest cluster of most mass", "one of as much mass is found"],
        ["one as large is"],
    ),
    "coarse voxels": (
        study(record={"VoxelSizeMm": 6.0}),
        ["Voxels are coarse", "larger than need be"],
        [],
    ),
    "coarse voxels, mass": (
        study({"criterion": "mass"}, {"VoxelSizeMm": 6.0}),
        [],
        ["Voxels are coarse"],
    ),
    "voxels": (
        study({"criterion": "voxel"}, tables={"clusters": OF_VOXELS}),
        [
            "A voxel is significant if a t as large is found",
            "how large the largest t was",
            "corrected p (tfce; not the criterion)",
            "corrected p (voxel)",
        ],
        ["largest cluster", "form clusters; a cluster"],
    ),
    "voxels by TFCE, nothing": (
        study(
            {"criterion": "tfce"},
            {"SmallestP": 0.21},
            {"clusters": OF_VOXELS.iloc[:0], "roi_values": ROIS[["participant_id"]]},
        ),
        ["how large the largest TFCE value was", "voxel-wise corrected p ≤ 0.05", "p = 0.21"],
        ["largest cluster", "the strongest cluster"],
    ),
    "repeated": (
        study({"blocks": "participant_id"}, tables={"participants": people(participant_id="a")}),
        ["8 scans were compared", "within each participant_id only"],
        ["Each dot is a participant"],
    ),
    "coded levels": (
        study(
            {"contrast": "group[1] - group[2]"},
            tables={"participants": people(group=[1.0] * 5 + [2.0] * 3)},
        ),
        ["higher in 1 than in 2", "(5 1 and 3 2)"],
        ["1.0", "2.0"],
    ),
    "levels in the order of the contrast": (
        study({"contrast": "group[control] - group[patient]"}),
        ["(3 control and 5 patient)", "higher in control than in patient"],
        ["(5 patient"],
    ),
    "no score asked for": (
        study({"clinical": []}, tables={"partial_correlations": pd.DataFrame()}),
        ["o clinical score was asked for"],
        ["could be correlated", "No region was found"],
    ),
    "no region": (
        study(
            tables=NOTHING
            | {"partial_correlations": pd.DataFrame(), "roi_values": ROIS[["participant_id"]]}
        ),
        ["no region was found or asked for, so no clinical score was correlated"],
        ["there are regions"],
    ),
    "too few people": (
        study(tables={"partial_correlations": NO_SCORE.assign(note="3 are too few for 2")}),
        ["there are regions, but no clinical score could be correlated", "3 are too few for 2"],
        ["no region was found", "No region was found"],
    ),
    "too few people, noted": (
        study(
            record={"Notes": ["Another."], "NotCorrelated": ["4 are too few."]},
            tables={"partial_correlations": NO_SCORE[:0]},
        ),
        ["there are regions, but no clinical score could be correlated", "4 are too few"],
        ["no region was found", "No region was found"],
    ),
    "one correlation": (
        study(tables={"partial_correlations": SCORES[:1]}),
        ["one partial correlation with a clinical score is significant"],
        ["1 of 1", "strongest"],
    ),
    "nothing held constant": (
        study({"clinical_covariates": []}),
        ["with nothing held constant"],
        ["formula's covariates"],
    ),
    "units": (study(), ["score (points)"], ["score (nan)"]),
    "motion of some": (
        study(tables={"participants": people(mean_fd=[0.1] * 6 + [float("nan")] * 2)}),
        ["ead motion is not known of 2 of 8 scans"],
        ["Head motion is not known and"],
    ),
    "motion of nobody": (
        study(tables={"participants": people().drop(columns="mean_fd")}),
        ["Head motion is not known;"],
        ["not known of"],
    ),
    "no variant": (
        study(settings_of_study={"variants": {}}),
        ["none was asked for"],
        ["came clean"],
    ),
    "a variant that not everyone has": (
        study(settings_of_study={"variants": {"noGSR": {"name": "the global signal left in"}}}),
        ["runs that came clean have none"],
        ["none was asked for"],
    ),
    "the design as it was fitted": (
        study(
            record={
                "Design": [
                    {
                        "Column": "group",
                        "Kind": "factor",
                        "Because": "it has words",
                        "Missing": 0,
                        "Levels": {"control": 3, "patient": 5},
                        "Reference": "control",
                    },
                    {"Column": "age", "Kind": "number", "Because": "declared", "Missing": 1},
                ]
            }
        ),
        [
            "control (reference): 3, patient: 5",
            "it has words",
            "age (year)\nnumber\n-\n1\ndeclared",
        ],
        [],
    ),
    "half done": (
        study(participants=BUSY, findings=None),
        [
            "1 of 2 participants is finished",
            "still to be done (sub-1)",
            "it goes on where it stopped",
        ],
        ["were compared", "scans compared", "analysed", "Nobody was left out."],
    ),
    "participants done": (
        study(participants=DONE, findings=None),
        ["group stage has not been run yet", "Run the group stage: commissure run ... group"],
        ["same command", "were compared", "scans compared"],
    ),
    "group stage failed": (
        study(participants=DONE, findings=None, group_failures=("One.", "Two.")),
        ["The group stage could not be done: One. Two.", "run the group stage again"],
        ["same command", "were compared", "Run the group stage:"],
    ),
    "failed after findings": (
        study(group_failures=("One.",)),
        ["could not be done when it was last run, so the findings below are of a run before"],
        [],
    ),
    "stale": (
        study(stale=("[group] alpha was 0.05, it is 0.01 now",)),
        ["made with other settings: [group] alpha was 0.05, it is 0.01 now. Run the group stage"],
        [],
    ),
    "somebody new": (
        study(participants=(*study().participants, replace(BUSY[0], participant_id="sub-9"))),
        ["who is good enough has changed since: sub-9 could be added"],
        ["8 are good enough"],
    ),
    "VMHC": (
        study(record=VMHC),
        [
            "VMHC study s",
            "VMHC was higher in patient",
            "Mean VMHC of each group",
            "mean VMHC of each",
        ],
        ["CFH was", "CFH is", "mean CFH", "Mean CFH", "homotopic voxels", "never 0 by chance"],
    ),
    "unknown maps": (
        study(record=UNKNOWN, tables=NOTHING),
        ["Study s", "Mean of the maps of each group", "Where the value of the maps differs"],
        ["CFH was", "CFH is", "mean CFH", "Mean CFH", "homotopic", "never 0 by chance"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_page_says_what_its_values_say(case):
    study, said, never = CASES[case]
    text = page_text(study)
    assert not [part for part in said if part not in text]
    assert not [line for line in text.splitlines() for part in never if part in line]


@pytest.mark.parametrize("case", CASES)
def test_no_sentence_is_broken(case):
    for line in page_text(CASES[case][0]).splitlines():
        assert not re.search(r"\b(None|nan|\{|\})\b| {2}|\(\)|\.\.$| ,|\b1 \w+s were\b", line), line


@pytest.mark.parametrize(
    ("files", "short", "unit"),
    [
        (
            ["bids::sub-1/func/sub-1_task-rest_stat-cfh_desc-clean_boldmap.nii.gz"],
            "CFH",
            "Fisher z",
        ),
        (["a/sub-1_stat-cfh_boldmap.nii.gz", "b/sub-2_stat-cfh_boldmap.nii"], "CFH", "Fisher z"),
        (["Results/VMHC_FunImgARCW/zVMHCMap_Sub_001.nii"], "VMHC", "Fisher z"),
        (["ResultsS/ReHo_FunImgARCWF/szReHoMap_1.nii"], "ReHo", "standardised"),
        (["x/mfALFFMap_1.nii"], "fALFF", "divided by the mean"),
        (["x/ALFFMap_1.nii"], "ALFF", ""),
        (["x/zDegreeCentrality_PositiveWeightedSumBrainMap_1.nii"], "DC", "standardised"),
        (["all.nii.gz, volume 1", "all.nii.gz, volume 2"], "", ""),
        (["sub-1_stat-alff_boldmap.nii.gz", "sub-2_stat-reho_boldmap.nii.gz"], "", ""),
        (["/study of CFH/stat-cfh/map1.nii"], "", ""),
        ([], "", ""),
    ],
)
def test_names_of_files_tell_the_measure(files, short, unit):
    found = measure_of_files(files)
    assert (found.name, found.unit) == (short, unit)


def tables_of(study, anchor):
    (section,) = (s for s in study_page(study, FIGURES, {}, None).sections if s.anchor == anchor)
    parts = [inner for part in section.parts for inner in getattr(part, "parts", (part,))]
    return [part for part in parts if isinstance(part, Table)]


@pytest.mark.parametrize("named", [False, True])
def test_effect_sizes_of_clusters_are_told_to_be_circular_where_they_stand(named):
    clusters = CLUSTERS.assign(g=1.0, g_low=0.5, g_high=1.5)
    record = {"NoteOnEffectSizes": "They are circular."}
    more = {"region_tests": REGIONS} if named else {}
    tables = tables_of(study(record=record, tables={"clusters": clusters} | more), "differences")
    assert [table.caption for table in tables] == [
        "Significant clusters",
        "Clusters that are not significant",
    ]
    for table in tables:
        (note,) = table.notes
        assert note.startswith("They are circular.")
        assert ("were not selected in this way" in note) == named
        assert ("name the region beforehand" in note) != named


def test_the_notes_on_regions_stand_under_their_table():
    notes = ["Corrected over the 2 regions.", "n: 5 and 3."]
    whole = study(record={"NotesOnRegionTests": notes}, tables={"region_tests": REGIONS})
    (table,) = tables_of(whole, "effects")
    assert list(table.notes) == notes
    assert [row[0] for row in table.rows] == ["putamen", "insula"]
