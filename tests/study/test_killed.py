"""A worker killed in the middle: it is told whose and what to do, and another run finishes it."""

import pytest

from commissure.executors import DaskExecutor, LocalExecutor
from commissure.report.reading import read_study
from commissure.study import run as study_run
from commissure.study.run import run_study
from tests.executors.test_dask import scheduler_with_workers
from tests.study import killed
from tests.study.studies import Inline, files_of, study_of, write_derivatives


@pytest.fixture(autouse=True, scope="module")
def no_report():
    """Reports take long and have their own tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study_run, "write_report", lambda _out, *, wait: None)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_derivatives(tmp_path_factory.mktemp("killed") / "in", n=3)


@pytest.fixture(scope="module")
def expected(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("killed") / "out"
    run_study(study_of(folder, out), "participant", Inline())
    return files_of(out)


def check(folder, out, executor, expected, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(study_run, "participant_task", killed.killed_in_the_middle)
        outcome = run_study(study_of(folder, out), "participant", executor)
    assert list(outcome.failed) == [killed.VICTIM]
    said = outcome.failed[killed.VICTIM]
    assert said.startswith("The process was killed by signal 9 (Killed), probably for lack of mem")
    assert "It was at: maps sub-02_task-rest" in said
    assert "Run the same command again" in said
    assert "[execution] mem_gb" in said
    # The others are done, and of this one nothing lies about but what it had put in place.
    assert not list((out / ".commissure/staging").glob("*/.commissure-*"))
    found = files_of(out)
    others = {k: v for k, v in expected.items() if k.startswith(("sub-01/", "sub-03/"))}
    assert {k: found.get(k) for k in others} == others
    states = {who.participant_id: who.state for who in read_study(out).participants}
    assert states == {"sub-01": "done", "sub-02": "failed", "sub-03": "done"}
    assert "killed by signal 9" in (out / "quality.tsv").read_text()
    again = run_study(study_of(folder, out), "participant", Inline())
    assert again.n_done == 2
    assert not again.failed
    assert files_of(out) == expected


def test_a_process_on_this_machine(folder, expected, tmp_path, monkeypatch):
    with LocalExecutor(1) as executor:
        check(folder, tmp_path / "out", executor, expected, monkeypatch)


@pytest.mark.slow
def test_a_process_beside_a_dask_worker(folder, expected, tmp_path, monkeypatch):
    with (
        scheduler_with_workers(tmp_path, "--no-nanny", n_workers=1) as (address, *_),
        DaskExecutor(address) as executor,
    ):
        check(folder, tmp_path / "out", executor, expected, monkeypatch)
