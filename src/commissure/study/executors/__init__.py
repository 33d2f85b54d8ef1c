"""Who does the work of a study."""

from commissure.study.executors.task import Executor, Outcome, Task

__all__ = ["Executor", "Outcome", "Task"]
