"""What the last transactions left, and what need not be read again: ids, tasks, entries."""

from collections.abc import Iterable
from typing import TypeAlias

from ..core.state import TaskState
from ..core.work import Alarm

Known: TypeAlias = tuple[TaskState, Alarm | None]
"""A task with its unfinished runs, and its alarm."""

MOST = 10_000
"""Tasks, of about a kilobyte each; those that were touched longest ago are read again."""

SMALL = 1_024
"""Bytes of an entry that is kept."""


class InFlight:
    """What is known without reading.

    A unit of work takes states out and changes them. Should it fail, they are gone from here, and
    are read again.

    Attributes:
        counters: the last id of each table.
        linked: whether any task waits for another one, None when nobody has looked yet.
    """

    def __init__(self) -> None:
        self._known: dict[int, Known] = {}
        self._entries: dict[int, bytes] = {}
        self.counters: dict[str, int] = {}
        self.linked: bool | None = None

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

    def entries(self, entry_ids: Iterable[int]) -> dict[int, bytes]:
        """Those of these signed entries that are known; their rows never change."""
        known = self._entries
        return {i: known[i] for i in entry_ids if i in known}

    def keep(self, entry_id: int, blob: bytes) -> None:
        """Remember the entry of a task that will ring again."""
        if len(blob) <= SMALL:
            self._entries[entry_id] = blob
            if len(self._entries) > MOST:
                del self._entries[next(iter(self._entries))]
