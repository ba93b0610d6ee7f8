"""Tasks with unfinished runs, as the last transaction left them: they need not be read again."""

from collections.abc import Iterable
from typing import TypeAlias

from ..core.state import TaskState
from ..core.work import Alarm

Known: TypeAlias = tuple[TaskState, Alarm | None]
"""A task with its unfinished runs, and its alarm."""

MOST = 2_000
"""More than may execute at once; what is left out is read again."""


class InFlight:
    """What is known without reading.

    A unit of work takes states out and changes them. Should it fail, they are gone from here, and
    are read again.
    """

    def __init__(self) -> None:
        self._known: dict[int, Known] = {}

    def pop(self, task_id: int) -> Known | None:
        """Take a task out; None when it must be read."""
        return self._known.pop(task_id, None)

    def put(self, tasks: Iterable[Known]) -> None:
        """Keep tasks as they are stored now; not what callers were given and may change."""
        for task, alarm in tasks:
            shared = task.metadata or any(run.result is not None for run in task.runs.values())
            if not shared:
                self._known[task.id] = task, alarm
        while len(self._known) > MOST:
            del self._known[next(iter(self._known))]
