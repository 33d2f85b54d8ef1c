"""The settings files of examples/ fit a study that has their columns."""

from pathlib import Path

import numpy as np
import pytest

from commissure.cli import main
from tests.study.studies import write_derivatives

FILES = sorted((Path(__file__).parents[2] / "examples" / "studies").glob("*.toml"))
N = 10  # the scans of `write_derivatives` allow no more


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    return write_derivatives(tmp_path_factory.mktemp("once") / "in", N)


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    return write_derivatives(tmp_path_factory.mktemp("twice") / "in", 5, ("before", "after"))


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    rng = np.random.default_rng(3)
    path = tmp_path_factory.mktemp("people") / "participants.tsv"
    columns = ("participant_id", "group", "stage", "age", "sex", "site", "severity", "mood")
    rows = ["\t".join(columns)]
    for i in range(N):
        patient = i % 2 == 0
        stage = ("control", "early", "late")[i % 3]
        cells = (f"sub-{i + 1:02d}", "patient" if patient else "control", stage)
        cells += (f"{rng.normal(50, 9):.1f}", "FM"[i // 2 % 2], "AB"[i // 5])
        cells += (f"{rng.normal(5, 2):.1f}" if patient else "n/a", f"{rng.normal(20, 4):.1f}")
        rows.append("\t".join(cells))
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_is_accepted(once, twice, people, tmp_path, file, capsys):
    folder = twice if file.stem == "paired" else once
    command = ["check", str(folder), str(tmp_path / "out"), "all", "--config", str(file)]
    # Of these runs, which came clean, motion is not known.
    command += ["--set", "group.mean_fd_covariate=false"]
    command += [] if folder is twice else ["--participants", str(people)]
    assert main(command) == 0, capsys.readouterr().err


def test_every_example_is_told_of():
    said = FILES[0].with_name("README.md").read_text()
    assert FILES
    assert all(f"`{file.name}`" in said for file in FILES)
