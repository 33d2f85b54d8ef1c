"""Dask workers as jobs of a cluster's batch system, through dask-jobqueue."""

import logging
import shutil
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from commissure.problems import InputError

log = logging.getLogger(__name__)

BATCH_SYSTEMS = ("SLURM", "PBS", "SGE", "LSF", "HTCondor", "OAR", "Moab")


def start_jobs(settings: Mapping[str, Any]) -> Any:
    """Start a Dask scheduler here and submit jobs that are its workers.

    Parameters
    ----------
    settings : mapping
        `cluster` names the batch system, `jobs` how many jobs are submitted; all else goes to
        dask-jobqueue (`cores`, `memory`, `walltime`, `queue`, `account`, `job_script_prologue`...).

    Returns
    -------
    dask_jobqueue.JobQueueCluster

    Raises
    ------
    InputError
        With all that is wrong with the settings, or if no job can be submitted from here.
    """
    jobs = settings.get("jobs")
    cluster = make_cluster(settings)
    command = cluster.job_cls.submit_command
    if shutil.which(command) is None:
        cluster.close()
        msg = (
            f"{command} is not found, so no job can be submitted from here. Start the study where "
            "jobs are submitted, as on a login node."
        )
        raise InputError(msg)
    log.info("Submitting %d jobs to %s; the study waits for them.", jobs, settings["cluster"])
    cluster.scale(jobs=jobs)
    return cluster


def make_cluster(settings: Mapping[str, Any]) -> Any:
    """Start a Dask scheduler here that knows how to submit jobs; see `start_jobs`."""
    name, jobs = settings.get("cluster"), settings.get("jobs")
    problems = []
    if name not in BATCH_SYSTEMS:
        known = ", ".join(BATCH_SYSTEMS)
        problems.append(f"[dask] cluster must be one of {known}; it is {name!r}.")
    if type(jobs) is not int or jobs < 1:
        problems.append(f"[dask] jobs must be a whole number, 1 or more; it is {jobs!r}.")
    if problems:
        raise InputError(problems)
    try:
        jobqueue = import_module("dask_jobqueue")
    except ImportError as error:
        msg = "dask-jobqueue is not installed; install it with: pip install 'commissure[dask]'"
        raise InputError(msg) from error
    options = {key: value for key, value in settings.items() if key not in ("cluster", "jobs")}
    # Another study's scheduler may have the usual port.
    options["scheduler_options"] = {"dashboard_address": ":0"} | options.get(
        "scheduler_options", {}
    )
    try:
        return getattr(jobqueue, f"{name}Cluster")(**options)
    except (TypeError, ValueError) as error:
        msg = f"[dask] does not fit {name}: {error}"
        raise InputError(msg) from error
