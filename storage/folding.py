"""The log folded again, task by task: bounded memory, however long the log is."""

from collections.abc import Callable, Iterator
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import TypeAlias

from ..core.errors import UnknownEvent
from ..core.events import Event
from ..core.evolve import evolve
from ..core.state import RunState, TaskState
from .connection import Connection
from .horizons import EVENTS, HISTORY, all_snapshots, horizon
from .rows import EVENT_COLUMNS, event_of

PAGE = 2_000

_FORGET = "DROP TABLE IF EXISTS log_by_task"
_ORDER = "CREATE TEMPORARY TABLE log_by_task (place INTEGER PRIMARY KEY, event_id BIGINT NOT NULL)"
_FILL = (
    "INSERT INTO log_by_task (place, event_id)"
    " SELECT row_number() OVER (ORDER BY task_id, id), id FROM events WHERE id > ? AND task_id > 0"
)
_PAGE = (
    f"SELECT place, {', '.join(EVENT_COLUMNS)} FROM log_by_task JOIN events ON id = event_id"
    f" WHERE place > ? ORDER BY place LIMIT {PAGE}"
)
_TASK_ID = EVENT_COLUMNS.index("task_id")

Seen = Callable[[int], object]
"""Told how many events were read since it was told last."""


_Part: TypeAlias = tuple[int, int, TaskState | Event]
"""A task's id, the place in the log (0 for a snapshot), and what lies there."""


def fold(connection: Connection, seen: Seen = lambda _: None) -> Iterator[RunState | TaskState]:
    """Fold the log from nothing, or from the snapshots of what was pruned.

    Args:
        connection: sees one state of the database until the end.
        seen: told of the progress.

    Yields:
        For each task, in the order of their ids: every `RunState` that the history still has,
        then the `TaskState`.

    Raises:
        UnknownEvent: the log cannot be read, or its events do not fit together.
    """
    after = horizon(connection, EVENTS)
    pruned = horizon(connection, HISTORY)
    begun: Iterator[_Part] = ((task.id, 0, task) for task in all_snapshots(connection))
    parts: Iterator[_Part] = merge(begun, _events(connection, after, seen), key=itemgetter(0, 1))
    for task_id, group in groupby(parts, key=itemgetter(0)):
        task: TaskState | None = None
        for _, event_id, part in group:
            if isinstance(part, TaskState):
                task = part
                continue
            task, run = advance(task, part, event_id)
            if run is not None and run.id not in task.runs and event_id > pruned:
                yield run
        if task is None:
            raise UnknownEvent(f"the log has nothing of task {task_id}")
        yield from task.runs.values()
        yield task


def advance(
    task: TaskState | None, event: Event, event_id: int
) -> tuple[TaskState, RunState | None]:
    """One step of a fold.

    Raises:
        UnknownEvent: the event does not fit what came before it.
    """
    try:
        moved, run = evolve(task, event)
    except (KeyError, LookupError) as error:
        raise UnknownEvent(
            f"event {event_id} of the log, {event.type} of task {event.task_id}, does not fit what"
            f" came before it ({error}): events are missing, restore the database from a backup"
        ) from error
    moved.last_event = event_id
    return moved, run


def _events(connection: Connection, after: int, seen: Seen) -> Iterator[_Part]:
    """The events after an id that concern tasks: task by task, each in order.

    They are sorted once, in a table of this connection's own: the log has no index for it.
    """
    connection.execute(_FORGET)
    connection.execute(_ORDER)
    connection.execute(_FILL, (after,))  # what concerns the service itself has the task id 0
    last = 0
    while rows := connection.execute(_PAGE, (last,)).fetchall():
        for _, *row in rows:
            yield (row[_TASK_ID], row[0], event_of(row))
        last = rows[-1][0]
        seen(len(rows))
    connection.execute(_FORGET)
