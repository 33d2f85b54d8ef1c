"""How the work of a study runs: in processes on this machine, or by Dask on several."""

from commissure.study.executors.dask import DaskExecutor
from commissure.study.executors.local import LocalExecutor
from commissure.study.executors.permutation_batches import null_by
from commissure.study.executors.task import Executor, OnEvent, Outcome, Report, Task, Work

__all__ = [
    "DaskExecutor",
    "Executor",
    "LocalExecutor",
    "OnEvent",
    "Outcome",
    "Report",
    "Task",
    "Work",
    "null_by",
]
