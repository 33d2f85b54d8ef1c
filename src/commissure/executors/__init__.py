"""How the work of a study runs: in processes on this machine, or by Dask on several.

Each worker imports this, so `permutation_batches`, which only the group stage needs, is not here.
"""

from commissure.executors.dask import DaskExecutor
from commissure.executors.local import LocalExecutor
from commissure.executors.task import Executor, OnEvent, Outcome, Report, Task, Work

__all__ = [
    "DaskExecutor",
    "Executor",
    "LocalExecutor",
    "OnEvent",
    "Outcome",
    "Report",
    "Task",
    "Work",
]
