"""Jobs of a batch system, of which nothing is here but a stand-in for its commands."""

import os
import re

import pytest

from commissure.executors import DaskExecutor
from commissure.executors.batch_system import make_cluster
from commissure.problems import InputError
from tests.executors import works
from tests.executors.test_local import ROOT, by_name, is_running, tasks, wait_for

pytest.importorskip("dask_jobqueue", reason="the extra dask is not installed")

SLURM = {
    "cluster": "SLURM",
    "jobs": 2,
    "cores": 1,
    "job_cpu": 4,
    "memory": "6 GB",
    "walltime": "02:00:00",
    "queue": "long",
    "account": "stroke",
    "job_script_prologue": ["module load python"],
    "scheduler_options": {"host": "127.0.0.1"},
}

_SBATCH = """#!/bin/sh
cp "$1" {folder}/$$.sh
setsid sh {folder}/$$.sh > /dev/null 2>&1 &
echo $! > {folder}/$!.job
echo "Submitted batch job $!"
"""
_SCANCEL = """#!/bin/sh
kill -TERM -- "-$1"
"""


@pytest.mark.parametrize(
    ("name", "more", "lines"),
    [
        (
            "SLURM",
            SLURM,
            ["#SBATCH -p long", "#SBATCH -A stroke", "#SBATCH -t 02:00:00",
             "#SBATCH --cpus-per-task=4", "#SBATCH --mem=6G", "module load python"],
        ),
        (
            "PBS",
            {"resource_spec": "select=1:ncpus=4:mem=6gb", "queue": "long"},
            ["#PBS -q long", "#PBS -l select=1:ncpus=4:mem=6gb"],
        ),
        ("SGE", {"resource_spec": "h_vmem=6G", "queue": "long"}, ["#$ -q long", "#$ -l h_vmem=6G"]),
    ],
)  # fmt: skip
def test_the_job_asks_for_what_the_table_says(name, more, lines):
    host = {"scheduler_options": {"host": "127.0.0.1"}}
    settings = {"jobs": 2, "cores": 1, "memory": "6 GB"} | more | host | {"cluster": name}
    with make_cluster(settings) as cluster:
        script = cluster.job_script()
    for line in lines:
        assert line in script.splitlines()
    (command,) = re.findall(r"^.*dask_worker .*$", script, re.MULTILINE)
    assert "tcp://127.0.0.1:" in command
    assert "--nthreads 1 " in command


@pytest.mark.slow
def test_a_study_runs_on_jobs_and_ends_them(tmp_path, monkeypatch):
    for name, text in (("sbatch", _SBATCH), ("scancel", _SCANCEL)):
        command = tmp_path / name
        command.write_text(text.format(folder=tmp_path))
        command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    settings = SLURM | {"job_script_prologue": [f"cd {ROOT}"]}
    with DaskExecutor(jobs=settings, n_threads=4) as executor:
        done = by_name(executor.run(works.surroundings, tasks(range(4))))
        wait_for(lambda: len(list(tmp_path.glob("*.job"))) == 2)
    assert all(outcome.value[1] == 4 for outcome in done.values())
    jobs = [int(file.stem) for file in tmp_path.glob("*.job")]
    wait_for(lambda: not any(map(is_running, jobs)))


def test_a_machine_that_cannot_submit_jobs_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="sbatch is not found"):
        DaskExecutor(jobs=SLURM)


# What dask-jobqueue leaves of a cluster that it refused to make.
@pytest.mark.filterwarnings("ignore:unclosed cluster with a broken:ResourceWarning")
def test_all_that_is_wrong_with_the_table_is_told():
    with pytest.raises(InputError) as told:
        make_cluster({"cluster": "slurm", "jobs": 0})
    assert len(told.value.problems) == 2
    assert "one of SLURM, PBS" in told.value.problems[0]
    with pytest.raises(InputError, match=r"does not fit SLURM.*cores"):
        make_cluster({"cluster": "SLURM", "jobs": 1, "memory": "6 GB"})
    with pytest.raises(InputError, match=r"does not fit SLURM.*wall_time"):
        make_cluster(SLURM | {"wall_time": "1"})
