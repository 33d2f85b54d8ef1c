"""What is significant, by each criterion: against scipy's labels, in files, report and methods."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from commissure import Domain
from commissure.inference import Cluster, judged
from commissure.inputs.people import Participants
from commissure.report.contents import Findings
from commissure.report.methods.group import group_facts
from commissure.settings.group import GroupSettings
from commissure.study.group.coverage import coverage_of
from commissure.study.group.findings_files import write_findings
from commissure.study.group.inputs import check_inputs
from commissure.study.group.maps import GroupMaps
from commissure.study.group.statistics import find
from tests.conftest import ball_image

N = 24


@pytest.fixture(scope="module")
def study():
    people = pd.DataFrame(
        {"participant_id": [f"sub-{i:02d}" for i in range(N)], "group": ["a", "b"] * (N // 2)}
    )
    domain = Domain.from_mask(ball_image(), both_sides=False)
    rng = np.random.default_rng(3)
    maps = rng.standard_normal((N, domain.n_places))
    for centre, height in (((-9, 3, 0), 1.6), ((9, 3, 0), -1.6)):
        inside = np.linalg.norm(domain.coordinates - centre, axis=1) < 5
        maps[np.ix_(people["group"] == "a", inside)] += height
    coverage, _ = coverage_of(maps, people["participant_id"], domain)

    def of(criterion, effect=True, source="x", contrast="group[a] - group[b]", **more):
        values = maps if effect else np.random.default_rng(4).standard_normal(maps.shape)
        settings = GroupSettings(
            "group", contrast, atlas="none", n_permutations=99, criterion=criterion,
            **more,
        )  # fmt: skip
        inputs = check_inputs(
            lambda: Participants(people, ()),
            lambda: domain,
            lambda _table, _domain: GroupMaps(values, domain, coverage, (source,) * N),
            settings,
        )
        return find(inputs, settings, n_threads=1)

    return of


@pytest.mark.parametrize("criterion", ["tfce", "voxel"])
def test_significant_voxels_form_clusters(study, criterion):
    findings = study(criterion)
    result, domain = findings.result, findings.inputs.maps.domain
    p = result.p_tfce if criterion == "tfce" else result.p_fwe
    expected = set()
    for sign in (1, -1):
        image = np.zeros(domain.grid.shape, bool)
        image[tuple(domain.voxels.T)] = (p <= 0.05) & (np.sign(result.t) == sign)
        labels, n = ndimage.label(image, ndimage.generate_binary_structure(3, 2))
        at = labels[tuple(domain.voxels.T)]
        expected |= {frozenset(np.flatnonzero(at == k)) for k in range(1, n + 1)}
    assert {1, -1} == {cluster.sign for cluster in result.clusters}
    assert {frozenset(cluster.places) for cluster in result.clusters} == expected
    assert findings.significant == tuple(range(len(expected)))
    rows = findings.clusters[findings.clusters["voxels"].notna()]
    assert rows["significant"].all()
    smallest = [p[cluster.places].min() for cluster in result.clusters]
    np.testing.assert_array_equal(rows[f"p_corr_{criterion}"].to_numpy(float), smallest)
    assert not {"p_corr_size", "p_corr_mass"} & set(rows)


def test_clusters_have_the_smallest_p_of_their_voxels_beside_their_own(study):
    findings = study("size")
    clusters, result = findings.result.clusters, findings.result
    rows = findings.clusters[findings.clusters["voxels"].notna()]
    for name, p in (("voxel", result.p_fwe), ("tfce", result.p_tfce)):
        smallest = [p[cluster.places].min() for cluster in clusters]
        np.testing.assert_array_equal(rows[f"p_corr_{name}"].to_numpy(float), smallest)
    assert list(rows["significant"]) == [cluster.p_size <= 0.05 for cluster in clusters]


@pytest.mark.parametrize("criterion", ["size", "mass", "tfce", "voxel"])
@pytest.mark.parametrize("effect", [True, False])
def test_files_say_which_p_is_the_criterion(study, tmp_path, criterion, effect):
    findings = study(criterion, effect)
    write_findings(findings, tmp_path)
    record = json.loads((tmp_path / "stats.json").read_text())
    assert record["Criterion"] == criterion
    table = pd.read_csv(tmp_path / "clusters.tsv", sep="\t")
    assert f"p_corr_{criterion}" in table
    if effect:
        # Tables are written to ten digits.
        least = table[f"p_corr_{criterion}"].min()
        assert record["SmallestP"] == pytest.approx(least, rel=1e-9)
        assert least < 0.05
    else:
        assert record["SmallestP"] >= 0.05
        assert not findings.significant
    of = {"pfwe": "voxel", "ptfce": "tfce", "p": None, "pfdr": None}
    for name, its in of.items():
        [sidecar] = tmp_path.glob(f"*_stat-{name}_statmap.json")
        assert json.loads(sidecar.read_text())["IsCriterion"] == (its == criterion)
    assert group_facts(record, table).settings["criterion"] == criterion
    assert Findings(record, {"clusters": table}).criterion == criterion


def test_sidecars_say_of_which_directions_p_is(study, tmp_path):
    write_findings(study("size", tail="one-sided-each"), tmp_path)
    said = {}
    for name in ("p", "pfdr", "pfwe", "ptfce", "ponesided"):
        [sidecar] = tmp_path.glob(f"*_stat-{name}_statmap.json")
        said[name] = json.loads(sidecar.read_text())["Directions"]
    assert said["p"] == said["pfdr"] == "both together"
    for name in ("pfwe", "ptfce", "ponesided"):
        assert said[name].startswith("each for itself")


def test_a_p_of_just_alpha_is_significant(study):
    findings = study("size")
    result = replace(
        findings.result,
        clusters=(
            Cluster(1, np.array([0]), 1, 1.0, 0, 4.0, p_size=1 / 20, p_mass=2 / 40),
            Cluster(1, np.array([5]), 1, 1.0, 5, 4.0, p_size=21 / 400, p_mass=21 / 400),
        ),
        p_fwe=np.where(np.arange(len(findings.result.t)) == 7, 50 / 1000, 51 / 1000),
    )
    graph = findings.inputs.maps.domain.neighbours(18)
    assert judged(result, "size", 0.05, graph)[1] == (0,)
    assert judged(result, "mass", 0.05, graph)[1] == (0,)
    by_voxel, significant = judged(result, "voxel", 0.05, graph)
    assert significant == (0,)
    assert by_voxel.clusters[0].places.tolist() == [7]
