"""Several scans of a person: people are counted as people, and what is not tested is refused."""

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from commissure import Domain
from commissure.cli import main
from tests.conftest import ball_image

N = 12


@pytest.fixture
def stats(tmp_path, capsys):
    domain = Domain.from_mask(ball_image(), both_sides=False)
    rng = np.random.default_rng(5)
    of_people = rng.standard_normal((N, domain.n_places)).repeat(2, axis=0)
    maps = 1 + of_people + rng.standard_normal((2 * N, domain.n_places)) / 3
    nib.save(ball_image(), tmp_path / "mask.nii.gz")
    nib.save(domain.to_image(maps.T), tmp_path / "maps.nii.gz")
    table = pd.DataFrame(
        {
            "participant_id": np.repeat([f"sub-{n:02d}" for n in range(N)], 2),
            "session_id": np.tile(["before", "after"], N),
            "group": np.repeat(["patient", "control"], N),
            "age": np.repeat(rng.integers(20, 60, N), 2),
            "mood": rng.normal(size=2 * N).round(2),
        }
    )
    table.to_csv(tmp_path / "participants.tsv", sep="\t", index=False)

    def run(formula, contrast, *more):
        files = ["--maps", tmp_path / "maps.nii.gz", "--mask", tmp_path / "mask.nii.gz"]
        files += ["--participants", tmp_path / "participants.tsv", "-o", tmp_path / "out"]
        model = ["--formula", formula, "--contrast", contrast, "--blocks", "participant_id"]
        rest = ["--atlas", "none", "--n-permutations", "40", *more]
        code = main(["stats", *map(str, files), *model, *rest])
        return code, " ".join(capsys.readouterr().err.split()), tmp_path / "out"

    return run


def test_table_1_has_a_row_a_person_and_there_is_no_g(stats):
    code, err, out = stats("session_id * group + age", "session_id[after] - session_id[before]")
    assert code == 0, err
    table = pd.read_csv(out / "table1.tsv", sep="\t", index_col="variable")
    assert list(table.index) == ["age"]
    assert (table.loc["age", "n_patient"], table.loc["age", "n_control"]) == (N / 2, N / 2)
    assert "Hedges g is left out" in err
    assert not list(out.glob("*stat-g_statmap.nii.gz"))
    assert "g" not in pd.read_csv(out / "clusters.tsv", sep="\t")
    record = json.loads((out / "stats.json").read_text())
    levels = {about["Column"]: about.get("Levels") for about in record["Design"]}
    assert levels["session_id"] == {"before": N, "after": N}
    assert "Hedges g" in " ".join(record["Notes"])


@pytest.mark.parametrize(
    ("contrast", "more", "said"),
    [
        (
            "group[patient]:session_id[after] - group[control]:session_id[after]",
            [],
            "no blocks",
        ),
        ("session_id[after] - session_id[before]", ["--clinical", "age"], "clinical"),
        ("session_id[after] - session_id[before]", ["--table1", "mood"], "differs between the"),
    ],
)
def test_what_would_count_scans_as_people_is_refused(stats, contrast, more, said):
    code, err, out = stats("session_id * group", contrast, *more)
    assert code == 2
    assert said in err
    assert not out.exists()
