"""The real command, killed, run twice at once, and spread over Dask: the same files in the end."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.executors.test_dask import scheduler_with_workers
from tests.executors.test_local import wait_for
from tests.study.studies import CHANGES, files_of, write_derivatives

pytestmark = pytest.mark.slow

N_KILLS = 20


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Write a study of 8 participants and its settings, and the files it comes to."""
    root = tmp_path_factory.mktemp("interrupted")
    folder = write_derivatives(root / "in", n=8)
    changes = {table: dict(values) for table, values in CHANGES.items()}
    changes["group"]["n_permutations"] = 400
    lines = []
    for table, values in changes.items():
        lines.append(f"[{table}]")
        lines += [f"{name} = {_toml(value)}" for name, value in values.items()]
    settings = root / "study.toml"
    settings.write_text("\n".join(lines) + "\n")
    started = time.monotonic()
    assert start(folder, root / "straight", settings).wait() == 0
    return folder, settings, files_of(root / "straight"), time.monotonic() - started


def _toml(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def start(folder, out, settings, *options):
    command = [sys.executable, "-m", "commissure", "run", str(folder), str(out), "all", "--quiet"]
    return subprocess.Popen([*command, "--config", str(settings), *options], start_new_session=True)


def test_killed_at_random_moments_it_comes_to_the_same_files(study, tmp_path):
    folder, settings, expected, seconds = study
    rng = random.Random(5)  # noqa: S311
    n_kills = n_folders = 0
    while n_kills < N_KILLS:
        out = tmp_path / f"out{n_folders}"
        n_folders += 1
        while True:
            run = start(folder, out, settings, "--n-procs", "2")
            try:
                run.wait(timeout=rng.uniform(1, seconds))
                # Another load of the machine: kills are to come before the end.
                seconds *= 0.7
            except subprocess.TimeoutExpired:
                run.send_signal(signal.SIGKILL)
                run.wait()
                n_kills += 1
                # And each is given more time, or a busy machine would get nowhere.
                seconds *= 1.1
                continue
            assert run.returncode == 0
            break
        assert files_of(out) == expected
        assert not list((out / ".commissure" / "staging").glob("*/.commissure-*"))


def test_two_runs_at_once_share_the_work(study, tmp_path):
    folder, settings, expected, _ = study
    runs = [start(folder, tmp_path / "out", settings, "--n-procs", "1") for _ in range(2)]
    assert [run.wait() for run in runs] == [0, 0]
    assert files_of(tmp_path / "out") == expected


def test_on_dask_with_a_worker_killed_it_comes_to_the_same_files(study, tmp_path):
    folder, settings, expected, _ = study
    out = tmp_path / "out"
    with scheduler_with_workers(tmp_path, "--no-nanny") as (address, _, workers):
        run = start(folder, out, settings, "--executor", "dask", "--scheduler", address)
        wait_for(lambda: any(out.glob("sub-*/func/*_boldmap.nii.gz")), 300)
        workers[0].kill()
        assert run.wait() == 0
    assert files_of(out) == expected


def test_a_disk_that_may_not_be_written_is_said(study, tmp_path):
    folder, settings, _, _ = study
    command = [sys.executable, "-m", "commissure", "run", str(folder)]
    out = tmp_path / "file"
    out.write_text("not a folder")
    said = subprocess.run(
        [*command, str(out / "out"), "all", "--config", str(settings)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 2
    assert "Traceback" not in said.stderr
    assert str(out) in said.stderr


def test_little_room_is_said_and_the_next_run_goes_on(study, tmp_path):
    folder, settings, expected, _ = study
    out = tmp_path / "out"
    # 40 KB: text fits, images do not
    command = [sys.executable, "-m", "commissure", "run", str(folder), str(out), "all"]
    limited = ["bash", "-c", 'ulimit -f 40; exec "$@"', "-", *command, "--config", str(settings)]
    said = subprocess.run(
        limited, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "200"}
    )
    assert said.returncode in (1, 2)
    assert "Traceback" not in said.stderr
    assert "File too large" in said.stderr
    assert start(folder, out, settings).wait() == 0
    assert files_of(out) == expected
