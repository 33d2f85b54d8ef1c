"""What is recorded of each run: when, with what, on which files; nothing of who and where."""

import getpass
import hashlib
import json
import platform
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import metadata

import pytest

import commissure
from commissure.settings.description import tables_of_results
from commissure.settings.reading import read_settings
from commissure.study import provenance
from commissure.study.provenance import recorded
from commissure.workspace.keys import hash_of
from commissure.workspace.ledger import Ledger
from commissure.workspace.written import Written

SETTINGS = read_settings("recommended", changes={"group": {"seed": 17}})
COMMAND = ["run", "bids", "out", "all", "--preset", "recommended"]


@pytest.fixture
def study(tmp_path):
    """Return the input and the output folder of a study with one input and two maps."""
    bids, out = tmp_path / "bids", tmp_path / "out"
    for name, content in {
        bids / "sub-01" / "bold.nii.gz": b"in",
        tmp_path / "mask.nii": b"mask",
        out / "sub-01" / "func" / "sub-01_stat-cfh_boldmap.nii.gz": b"map",
        out / "group" / "contrast-A_stat-t_statmap.nii.gz": b"t",
        out / "group" / "figure1.png": b"no map",
    }.items():
        name.parent.mkdir(parents=True, exist_ok=True)
        name.write_bytes(content)
    ledger = Ledger(out, "sub-01")
    ledger.stamp(bids / "sub-01" / "bold.nii.gz")
    ledger.stamp(tmp_path / "mask.nii")
    ledger.write()
    return bids, out


def read(out):
    return json.loads((out / "provenance.json").read_text())


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def test_a_run_is_recorded_with_all_it_depends_on(study):
    bids, out = study
    before = datetime.now(UTC) - timedelta(seconds=1)
    with recorded(out, bids, COMMAND, SETTINGS):
        pass
    content = read(out)
    (run,) = content["Runs"]
    assert run["Command"] == ["commissure", *COMMAND]
    started, finished = (datetime.fromisoformat(run[name]) for name in ("Started", "Finished"))
    assert before <= started <= finished <= datetime.now(UTC)
    assert run["Ended"] == "completed"
    assert run["Seed"] == 17
    assert run["Python"] == platform.python_version()
    assert run["Versions"]["commissure"] == commissure.__version__
    assert run["Versions"]["greedy"] == metadata.version("picsl_greedy")
    assert run["Versions"]["niimath"] == metadata.version("niimath")
    assert content["Inputs"] == {
        "sub-01/bold.nii.gz": sha256(b"in"),
        "mask.nii": sha256(b"mask"),
    }
    assert content["Outputs"] == {
        "group/contrast-A_stat-t_statmap.nii.gz": sha256(b"t"),
        "sub-01/func/sub-01_stat-cfh_boldmap.nii.gz": sha256(b"map"),
    }


def test_the_settings_are_recorded_by_the_hash_that_is_written_with_the_results(study):
    bids, out = study
    with recorded(out, bids, COMMAND, SETTINGS):
        pass
    tables = tables_of_results(SETTINGS)
    assert read(out)["Runs"][0]["SettingsHash"] == hash_of(tables)
    more = replace(SETTINGS, execution=replace(SETTINGS.execution, n_procs=7))
    assert tables_of_results(more) == tables


def test_every_run_of_a_resumed_study_has_its_entry(study):
    bids, out = study

    def fail(error):
        with recorded(out, bids, COMMAND, SETTINGS):
            assert read(out)["Runs"][-1]["Ended"] is None
            raise error

    with pytest.raises(RuntimeError):
        fail(RuntimeError())
    with pytest.raises(KeyboardInterrupt):
        fail(KeyboardInterrupt())
    with recorded(out, bids, ["run", "again"], SETTINGS):
        pass
    assert [run["Ended"] for run in read(out)["Runs"]] == ["failed", "stopped", "completed"]
    assert read(out)["Runs"][2]["Command"] == ["commissure", "run", "again"]


def test_runs_at_the_same_time_keep_their_entries(study):
    bids, out = study
    with recorded(out, bids, ["a"], SETTINGS), recorded(out, bids, ["b"], SETTINGS):
        pass
    assert [(run["Command"][1], run["Ended"]) for run in read(out)["Runs"]] == [
        ("a", "completed"),
        ("b", "completed"),
    ]


def test_a_killed_run_has_a_beginning_only(study):
    bids, out = study
    unfinished = recorded(out, bids, COMMAND, SETTINGS)
    unfinished.__enter__()
    (run,) = read(out)["Runs"]
    assert (run["Finished"], run["Ended"]) == (None, None)


def test_neither_user_nor_machine_are_named(study, monkeypatch):
    bids, out = study
    monkeypatch.chdir(bids.parent)
    with recorded(out, bids, ["run", "bids", "out"], SETTINGS):
        pass
    content = read(out)
    text = json.dumps(content)
    assert str(bids.parent) not in text
    for name in (getpass.getuser(), platform.node()):
        assert f'"{name}"' not in text
        assert f"/{name}/" not in text


def test_a_map_is_not_read_again_that_is_as_a_step_wrote_it(study, monkeypatch):
    bids, out = study

    def make(folder):
        path = folder / "sub-02" / "func" / "sub-02_stat-cfh_boldmap.nii.gz"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"other")
        return {}

    Ledger(out, "sub-02").do("maps x", "key", make)
    read_anew = []
    of = Written.of
    monkeypatch.setattr(Written, "of", lambda path: read_anew.append(path.name) or of(path))
    with recorded(out, bids, COMMAND, SETTINGS):
        pass
    outputs = read(out)["Outputs"]
    assert outputs["sub-02/func/sub-02_stat-cfh_boldmap.nii.gz"] == sha256(b"other")
    assert "sub-02_stat-cfh_boldmap.nii.gz" not in read_anew
    assert "sub-01_stat-cfh_boldmap.nii.gz" in read_anew


def test_a_run_of_some_people_looks_at_nobody_else(study, monkeypatch):
    bids, out = study
    with recorded(out, bids, COMMAND, SETTINGS):
        pass
    before = read(out)
    ledger = Ledger(out, "sub-02")
    (bids / "bold2.nii").write_bytes(b"in2")
    ledger.stamp(bids / "bold2.nii")
    ledger.write()
    opened = []
    monkeypatch.setattr(
        provenance, "Ledger", lambda out, who: opened.append(who) or Ledger(out, who)
    )
    with recorded(out, bids, COMMAND, SETTINGS, of=["sub-02"]):
        pass
    assert opened == ["sub-02"]
    content = read(out)
    assert content["Inputs"] == before["Inputs"] | {"bold2.nii": sha256(b"in2")}
    assert content["Outputs"] == before["Outputs"]
