"""The init command: the file that it writes is one that check accepts."""

import builtins
import sys

import numpy as np
import pytest

from commissure.cli import main
from commissure.cli.main import BAD_INPUT
from commissure.settings.reading import read_settings
from tests.study.studies import write_derivatives

N = 10


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    return write_derivatives(tmp_path_factory.mktemp("study") / "in", N)


@pytest.fixture(scope="module")
def visits(tmp_path_factory):
    return write_derivatives(tmp_path_factory.mktemp("visits") / "in", 5, sessions=("1", "2"))


def table_of(path, **columns):
    rng = np.random.default_rng(0)
    given = {"age": rng.integers(20, 70, N)} | columns
    lines = ["\t".join(["participant_id", *given])]
    for i in range(N):
        cells = [str(values[i % len(values)]) for values in given.values()]
        lines.append("\t".join([f"sub-{i + 1:02d}", *cells]))
    path.write_text("\n".join(lines) + "\n")
    return path


def init(folder, tmp_path, *more):
    file = tmp_path / "study.toml"
    code = main(["init", str(folder), "-o", str(file), *map(str, more)])
    return code, file


TABLES = {
    "two groups": ({"dx": ["HC", "MDD"]}, "dx + age", "dx[MDD] - dx[HC]"),
    "coded sex": (
        {"group": ["patient", "control"], "sex": [1, 1, 2]},
        "group + age + sex",
        "group[patient] - group[control]",
    ),
    "sex that says what the group does": (
        {"group": ["patient", "control"], "sex": ["F", "M"]},
        "group + age",
        "group[patient] - group[control]",
    ),
    "three groups": (
        {"diagnosis": ["AD", "control", "MCI"]},
        "diagnosis + age",
        "diagnosis[AD] - diagnosis[control], diagnosis[MCI] - diagnosis[control]",
    ),
    "one group": ({}, "age", "mean"),
    "a code for what is missing": (
        {"group": ["a", "b"], "iq": [99, 101, 105, 99, 110, 95, 100, 120, 111, -999]},
        "group + age",
        "group[a] - group[b]",
    ),
    "blanks in a name": (
        {"group": ["a", "b"], "years of education": [9, 12, 13]},
        "group + age",
        "group[a] - group[b]",
    ),
    "an age that some have not": (
        {"group": ["a", "b"], "age": ["n/a", 31, 45, 27]},
        "group",
        "group[a] - group[b]",
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_what_is_written_is_accepted(scans, tmp_path, capsys, case):
    columns, formula, contrast = TABLES[case]
    people = table_of(tmp_path / "people.tsv", **columns)
    code, file = init(scans, tmp_path, "--participants", people, "--yes")
    assert code == 0, capsys.readouterr().err
    asked = read_settings(None, file).group
    assert (asked.formula, asked.contrast) == (formula, contrast)
    assert not asked.mean_fd_covariate  # of runs that came clean it is not known
    check = ["check", str(scans), str(tmp_path / "out"), "--participants", str(people)]
    assert main([*check, "--config", str(file)]) == 0


def test_scores_are_those_that_one_group_has(scans, tmp_path):
    severity = [3, "n/a", 5, "n/a", 9, "n/a", 2, "n/a"]
    people = table_of(tmp_path / "people.tsv", group=["patient", "control"], severity=severity)
    asked = read_settings(None, init(scans, tmp_path, "--participants", people, "-y")[1]).group
    assert (asked.clinical, asked.within) == (("severity",), "patient")


def test_several_scans_of_a_person_are_paired(visits, tmp_path):
    code, file = init(visits, tmp_path, "--yes")
    assert code == 0
    asked = read_settings(None, file).group
    assert asked.blocks == "participant_id"
    assert asked.contrast == "session_id[2] - session_id[1]"
    assert main(["check", str(visits), str(tmp_path / "out"), "--config", str(file)]) == 0


def answering(monkeypatch, *answers):
    given = iter(answers)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(builtins, "input", lambda _question: next(given))


def test_six_questions(scans, tmp_path, monkeypatch):
    people = table_of(tmp_path / "people.tsv", group=["a", "b", "c"], mood=[2.5, 3, 7, 9, 4])
    answering(monkeypatch, "", "c, a", "-", "mood", "c", "liu2025")
    code, file = init(scans, tmp_path, "--participants", people)
    assert code == 0
    settings = read_settings(None, file)
    assert settings.preset == "liu2025"
    assert settings.group.formula == "group"
    assert settings.group.contrast == "group[c] - group[a]"
    assert (settings.group.clinical, settings.group.within) == (("mood",), "c")


def test_an_answer_that_is_none_is_refused_and_nothing_is_written(
    scans, tmp_path, monkeypatch, capsys
):
    people = table_of(tmp_path / "people.tsv", group=["a", "b"])
    answering(monkeypatch, "", "", "weight", "-", "")
    code, file = init(scans, tmp_path, "--participants", people)
    assert code == BAD_INPUT
    assert "weight" in capsys.readouterr().err
    assert not file.exists()


def test_a_file_that_is_there_stays(scans, tmp_path, capsys):
    (tmp_path / "study.toml").write_text("mine")
    code, file = init(scans, tmp_path, "--yes")
    assert code == BAD_INPUT
    assert "-o" in capsys.readouterr().err
    assert file.read_text() == "mine"
