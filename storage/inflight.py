"""What the last transaction left: ids, and tasks with unfinished runs; not to be read again."""

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

    Attributes:
        counters: the last id of each table.
    """

    def __init__(self) -> None:
        self._known: dict[int, Known] = {}
        self.counters: dict[str, int] = {}

    def pop(self, task_id: int) -> Known | None:
        """Take a task out; None when it must be read."""
        return self._known.pop(task_id, None)

    def put(self, tasks: Iterable[Known]) -> None:
        """Keep tasks as they are stored now; not what callers were given and may change."""
        for task, alarm in tasks:
            shared = bool(task.metadata)
            for run in task.runs.values():
                shared = shared or run.result is not None
            if not shared:
                self._known[task.id] = task, alarm
        while len(self._known) > MOST:
            del self._known[next(iter(self._known))]
