import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from commissure.executors import LocalExecutor, Task
from commissure.executors.task import attempt
from commissure.problems import InputError
from commissure.threads import available_threads
from tests.executors import works

ROOT = Path(__file__).parents[2]


def tasks(arguments, **how):
    return [Task(f"task-{i}", argument, **how) for i, argument in enumerate(arguments)]


def by_name(outcomes):
    return {outcome.name: outcome for outcome in outcomes}


def test_each_task_has_its_outcome_and_tells_where_it_is():
    told = []
    done = by_name(
        LocalExecutor(2).run(works.square, tasks(range(7)), lambda *event: told.append(event))
    )
    assert {name: outcome.value for name, outcome in done.items()} == {
        f"task-{i}": i**2 for i in range(7)
    }
    assert all(outcome.ok and outcome.seconds >= 0 for outcome in done.values())
    assert sorted(told) == [(f"task-{i}", "squaring", 0.5) for i in range(7)]


def test_nothing_to_do_is_done():
    assert list(LocalExecutor(2).run(works.square, [])) == []


def test_one_task_s_failure_is_told_and_does_not_stop_the_others():
    kinds = ["problems", "defect", "segfault", "killed", "exit", "lambda", "print", "well"]
    done = by_name(
        LocalExecutor(2).run(works.tell, [Task(kind, kind) for kind in [*kinds, *"abc"]])
    )
    assert len(done) == len(kinds) + 3
    assert {name for name, outcome in done.items() if outcome.ok} == {"print", "well", *"abc"}
    assert done["problems"].problems == ("a.nii is damaged. Copy it again.", "b.nii too.")
    assert done["problems"].error is None
    assert "KeyError: 'nothing'" in done["defect"].error
    assert "works.py" in done["defect"].error
    assert f"killed by signal {int(signal.SIGSEGV)}" in done["segfault"].error
    assert "memory" not in done["segfault"].error
    assert "killed by signal 9" in done["killed"].error
    assert "memory" in done["killed"].error
    lost = {kind for kind, outcome in done.items() if outcome.lost}
    assert lost == {"segfault", "killed", "exit"}
    assert "exit code 7" in done["exit"].error
    assert "this was the last of it" in done["exit"].error
    assert "pickle" in done["lambda"].error


def test_a_single_process_is_replaced_when_it_dies():
    dead, alive = LocalExecutor(1).run(works.tell, [Task("a", "killed"), Task("b", "well")])
    assert "killed by signal 9" in dead.error
    assert alive.value == "well"


def test_too_little_memory_is_no_defect_of_ours():
    def too_much(_argument, _report, _n_threads):
        raise MemoryError

    outcome = attempt(too_much, "a", None, print, 1)
    assert (outcome.error, outcome.lost) == ("There was too little memory.", True)


def test_what_cannot_be_sent_is_told():
    unsendable = Task("generator", (i for i in range(3)))
    done = by_name(LocalExecutor(1).run(works.square, [unsendable, Task("number", 3)]))
    assert "cannot pickle" in done["generator"].error
    assert done["number"].value == 9


def test_log_and_warnings_reach_this_process(caplog):
    with caplog.at_level(logging.INFO, "commissure"):
        (outcome,) = LocalExecutor(1).run(works.tell, [Task("a", "log")])
    assert outcome.ok
    records = {record.name: record for record in caplog.records}
    assert records["commissure.somewhere"].getMessage() == "look at this"
    assert records["commissure.somewhere"].levelno == logging.INFO
    assert "RuntimeWarning: look at that" in records["py.warnings"].getMessage()


def test_processes_work_at_the_same_time_and_are_kept(tmp_path):
    done = list(LocalExecutor(3).run(works.meet, tasks([(tmp_path, 3)] * 9)))
    assert all(outcome.ok for outcome in done)
    assert len({outcome.value for outcome in done}) == 3
    assert os.getpid() not in {outcome.value for outcome in done}


def test_threads_are_divided_and_blas_has_one():
    def seen(**how):
        return list(LocalExecutor(**how).run(works.surroundings, tasks(range(2))))

    for how, expected in (
        ({"n_procs": 2}, max(1, available_threads() // 2)),
        ({"n_procs": 1, "n_threads": 5}, 5),
    ):
        for outcome in seen(**how):
            _, n_threads, blas, omp = outcome.value
            assert n_threads == expected
            assert omp == str(expected)
            assert blas == {1}


def test_numbers_do_not_depend_on_how_many_work():
    alone = by_name(LocalExecutor(1, n_threads=2).run(works.sums, tasks(range(4))))
    many = by_name(LocalExecutor(3, n_threads=1).run(works.sums, tasks(range(4))))
    for name, outcome in alone.items():
        for one, other in zip(outcome.value, many[name].value, strict=True):
            np.testing.assert_array_equal(one, other)


def test_no_more_work_at_a_time_than_memory_allows(tmp_path):
    executor = LocalExecutor(4, max_memory=2_500_000)
    done = list(executor.run(works.meet, tasks([(tmp_path, 2)] * 8, n_bytes=1_000_000)))
    assert len({outcome.value for outcome in done}) == 2


def test_a_task_that_does_not_fit_is_refused_before_anything_is_done(tmp_path):
    given = [Task("small", tmp_path, 10**9), Task("large", tmp_path, 5 * 10**9)]
    with pytest.raises(InputError, match=r"large needs about 5\.0 GB.*4\.0 GB are allowed") as told:
        LocalExecutor(2, max_memory=4 * 10**9).run(works.square, given)
    assert len(told.value.problems) == 1


def test_all_numbers_that_are_wrong_are_told():
    with pytest.raises(InputError) as told:
        LocalExecutor(0, n_threads=-1)
    assert len(told.value.problems) == 2


def is_running(pid):
    status = Path(f"/proc/{pid}/stat")
    if status.parent.parent.joinpath("self").exists():  # a zombie has ended
        return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def pids_in(folder, n):
    wait_for(lambda: len(list(folder.glob("*.pids"))) == n)
    files = list(folder.glob("*.pids"))
    return [int(f.stem) for f in files], [int(f.read_text()) for f in files]


_STUDY = """
import sys
from commissure.executors import LocalExecutor, Task
from tests.executors import works
tasks = [Task(str(i), sys.argv[1]) for i in range(5)]
for outcome in LocalExecutor(2).run(works.stay, tasks):
    print(outcome)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(
    "how", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow), signal.SIGKILL]
)
def test_nothing_goes_on_when_the_study_is_stopped(tmp_path, how):
    study = subprocess.Popen(
        [sys.executable, "-c", _STUDY, str(tmp_path)], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    workers, programs = pids_in(tmp_path, 2)
    assert all(map(is_running, workers + programs))
    study.send_signal(how)
    assert study.wait(120) != 0
    wait_for(lambda: not any(map(is_running, workers + programs)))
    if how == signal.SIGINT:
        assert len(list(tmp_path.glob("*.cleaned"))) == 2
    assert len(list(tmp_path.glob("*.pids"))) == 2


@pytest.mark.parametrize("work", [works.stay, pytest.param(works.deaf, marks=pytest.mark.slow)])
def test_nothing_goes_on_when_nobody_listens_any_more(tmp_path, work):
    def stop_listening(*_):
        raise RuntimeError("enough")

    outcomes = LocalExecutor(2).run(work, tasks([tmp_path] * 5), stop_listening)
    with pytest.raises(RuntimeError, match="enough"), closing(outcomes):
        next(outcomes)
    pids = [int(f.stem) for f in tmp_path.glob("*.pids")]
    assert pids
    assert not any(map(is_running, pids))


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_what_a_killed_process_had_started_is_ended_too(tmp_path):
    told = []

    def kill_it(*_):
        workers, programs = pids_in(tmp_path, 1)
        told.extend(programs)
        os.kill(workers[0], signal.SIGKILL)

    (outcome,) = LocalExecutor(1).run(works.stay, [Task("a", tmp_path)], kill_it)
    assert "killed by signal 9" in outcome.error
    wait_for(lambda: not any(map(is_running, told)))
