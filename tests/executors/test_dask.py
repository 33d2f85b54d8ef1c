"""With a real scheduler and two workers, processes of their own, on this machine."""

import json
import logging
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, closing, contextmanager

import numpy as np
import pytest

import commissure
from commissure.executors import DaskExecutor, LocalExecutor, Task, dask, dask_worker
from commissure.executors.permutation_batches import null_by
from commissure.inference import permutation_test
from commissure.problems import InputError
from commissure.sources import sources
from tests.executors import works
from tests.executors.test_local import ROOT, by_name, is_running, pids_in, tasks, wait_for
from tests.inference.brute_force import PlainDesign, box_domain, smooth_maps

distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")


@contextmanager
def running(*command, **environment):
    process = subprocess.Popen(
        [sys.executable, "-m", *command], cwd=ROOT, env=os.environ | environment,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def scheduler_with_workers(folder, *options, n_workers=2, **environment):
    """Give the address of a scheduler, its process, and its workers."""
    file = folder / "scheduler.json"
    scheduler = ("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0")
    quiet = ("--scheduler-file", str(file), "--no-dashboard")
    worker = ("distributed.cli.dask_worker", "--local-directory", str(folder), "--nthreads", "1")
    with ExitStack() as stack:
        process = stack.enter_context(running(*scheduler, *quiet, **environment))
        workers = [
            stack.enter_context(running(*worker, *quiet, *options)) for _ in range(n_workers)
        ]
        wait_for(lambda: file.exists() and file.read_text().strip().endswith("}"))
        address = json.loads(file.read_text())["address"]
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(n_workers, timeout=120)
        yield address, process, workers


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dask")
    with scheduler_with_workers(folder, "--no-nanny") as (address, *_):
        yield address


def test_outcomes_are_those_of_the_local_executor(scheduler):
    told = []
    kinds = [Task(kind, kind) for kind in ("problems", "defect", "segfault", "killed", "well")]
    with DaskExecutor(scheduler) as executor:
        done = by_name(executor.run(works.tell, kinds))
        local = by_name(LocalExecutor(2).run(works.tell, kinds))
        assert set(done) == set(local)
        for name, outcome in done.items():
            assert outcome.value == local[name].value
            assert outcome.problems == local[name].problems
            assert outcome.error == local[name].error
        squares = executor.run(works.square, tasks(range(5)), lambda *event: told.append(event))
        assert {o.name: o.value for o in squares} == {f"task-{i}": i**2 for i in range(5)}
    assert sorted(told) == [(f"task-{i}", "squaring", 0.5) for i in range(5)]


def test_log_comes_home_and_threads_are_as_asked_for(scheduler, caplog):
    with DaskExecutor(scheduler, n_threads=3) as executor:
        (outcome,) = executor.run(works.surroundings, [Task("a", None)])
        _, n_threads, blas, omp = outcome.value
        assert (n_threads, blas, omp) == (3, {1}, "3")
        with caplog.at_level(logging.INFO, "commissure"):
            (outcome,) = executor.run(works.tell, [Task("a", "log")])
    assert outcome.ok
    assert "not at this" not in caplog.messages
    assert "look at this" in caplog.messages


def test_other_versions_of_libraries_are_told_and_of_commissure_refused(
    scheduler, caplog, monkeypatch
):
    here = dask.versions()
    with DaskExecutor(scheduler) as executor:
        monkeypatch.setattr(dask, "versions", lambda: here | {"numpy": "1.0"})
        assert all(outcome.ok for outcome in executor.run(works.square, tasks(range(4))))
        told = [message for message in caplog.messages if "numpy" in message]
        assert 1 <= len(told) <= 2  # once a worker
        assert f"has numpy {here['numpy']} (the study 1.0)" in told[0]
        monkeypatch.setattr(dask, "versions", lambda: here | {"commissure": "99"})
        (outcome,) = executor.run(works.square, [Task("a", 1)])
    assert "Install the same version" in outcome.problems[0]


def test_other_code_of_the_same_version_is_refused(scheduler, monkeypatch):
    changed = sources() | {"measures/cfh.py": "mended"}
    monkeypatch.setattr(dask_worker, "sources", lambda: changed)
    monkeypatch.setattr(dask, "versions", dask_worker.versions.__wrapped__)
    with DaskExecutor(scheduler) as executor:
        (outcome,) = executor.run(works.square, [Task("a", 1)])
    assert "start the worker again" in outcome.problems[0]
    assert outcome.problems[0].count(commissure.__version__) == 2


@pytest.mark.parametrize(
    "how", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_study_survives_the_death_of_a_worker_with_the_same_numbers(tmp_path, how):
    killed = []

    def kill_worker(*_):
        worker, process = (tmp_path / "0.attempts").read_text().split()
        killed.append(int(process))
        os.kill(int(worker), how)

    given = [Task(f"sub-{i}", (tmp_path, i)) for i in range(6)]
    with (
        scheduler_with_workers(tmp_path, "--no-nanny") as (address, _, workers),
        DaskExecutor(address) as executor,
    ):
        done = by_name(executor.run(works.sums_the_second_time, given, kill_worker))
        wait_for(lambda: [worker.poll() for worker in workers].count(None) == 1)
    assert len(killed) == 1
    wait_for(lambda: not is_running(killed[0]))
    assert len((tmp_path / "0.attempts").read_text().splitlines()) == 2
    local = by_name(LocalExecutor(2).run(works.sums, tasks(range(6))))
    for i in range(6):
        outcome = done[f"sub-{i}"]
        assert outcome.ok
        for found, expected in zip(outcome.value, local[f"task-{i}"].value, strict=True):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
def test_permutation_batches_have_the_bits_of_threads(scheduler, tmp_path):
    rng = np.random.default_rng(2)
    domain = box_domain((8, 8, 8))
    maps = smooth_maps(rng, 20, domain)
    design = PlainDesign(np.column_stack([np.repeat([1.0, 0], 10), np.ones(20), rng.random(20)]))

    def run(**how):
        return permutation_test(maps, design, "column0", domain, 800, cluster_forming_p=0.05, **how)

    threads = run()
    with DaskExecutor(scheduler) as executor:
        batches = run(null_by=null_by(executor, tmp_path))
    for name, value in vars(threads).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(getattr(batches, name), value, err_msg=name)


def test_what_is_not_wanted_any_more_is_stopped(scheduler, tmp_path):
    def stop_listening(*_):
        raise KeyboardInterrupt

    with DaskExecutor(scheduler) as executor:
        outcomes = executor.run(works.stay, tasks([tmp_path] * 5), stop_listening)
        with pytest.raises(KeyboardInterrupt), closing(outcomes):
            next(outcomes)
        pids = [int(file.stem) for file in tmp_path.glob("*.pids")]
        assert pids
        wait_for(lambda: not any(map(is_running, pids)))
        (outcome,) = executor.run(works.square, [Task("a", 3)])
    assert outcome.value == 9


_STUDY = """
import sys
from commissure.executors import DaskExecutor, Task
from tests.executors import works
with DaskExecutor(sys.argv[1]) as executor:
    list(executor.run(works.stay, [Task(str(i), sys.argv[2]) for i in range(5)]))
"""


def test_nothing_goes_on_when_the_study_is_killed(scheduler, tmp_path):
    study = subprocess.Popen([sys.executable, "-c", _STUDY, scheduler, str(tmp_path)], cwd=ROOT)
    processes, programs = pids_in(tmp_path, 2)
    study.kill()
    study.wait()
    wait_for(lambda: not any(map(is_running, processes + programs)))
    assert len(list(tmp_path.glob("*.pids"))) == 2


@pytest.mark.slow
def test_a_task_that_kills_every_worker_is_given_up(tmp_path):
    with (
        scheduler_with_workers(
            tmp_path, n_workers=1, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="1"
        ) as (address, *_),
        DaskExecutor(address) as executor,
    ):
        (outcome,) = executor.run(works.kill_parent, [Task("a", None)])
        assert "All Dask workers that had it died" in outcome.error
        assert outcome.lost
        (outcome,) = executor.run(works.square, [Task("a", 3)])
        assert outcome.value == 9


@pytest.mark.slow
def test_the_loss_of_the_scheduler_is_told(tmp_path):
    with scheduler_with_workers(tmp_path, "--no-nanny") as (address, scheduler, _):

        def kill_scheduler(*_):
            scheduler.kill()

        with DaskExecutor(address, timeout=2) as executor:
            done = list(executor.run(works.stay, tasks([tmp_path] * 3), kill_scheduler))
        pids = [int(file.stem) for file in tmp_path.glob("*.pids")]
        wait_for(lambda: not any(map(is_running, pids)))
    assert len(done) == 3
    assert all("connection to the Dask scheduler was lost" in outcome.error for outcome in done)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense", "tcp://no.such.host:1"])
def test_a_scheduler_that_does_not_answer_is_told(address):
    with pytest.raises(InputError, match=f"{address} cannot be reached"):
        DaskExecutor(address, timeout=0.5)


def test_what_is_missing_or_wrong_is_told(monkeypatch):
    for how in ({}, {"scheduler": "tcp://a:1", "jobs": {"cluster": "SLURM"}}):
        with pytest.raises(InputError, match="either the address of a scheduler"):
            DaskExecutor(**how)
    with pytest.raises(InputError, match="n_threads must be 1 or more"):
        DaskExecutor("tcp://a:1", n_threads=0)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'commissure\[dask\]'"):
        DaskExecutor("tcp://a:1")
