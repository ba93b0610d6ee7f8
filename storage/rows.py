"""How states, runs and events lie in their tables: tuples in column order, both ways."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from ..core.errors import UnknownEvent
from ..core.events import Event, event_from_data, to_data
from ..core.state import RunState, TaskState, to_json
from .connection import Connection
from .traits import traits

TASK_COLUMNS = (
    "id", "tenant", "key", "handler", "entry_id", "digest", "schedule", "policy", "status",
    "reason", "next_run_at", "planned_until", "rewinds", "scheduled_at", "last_run_at",
    "last_status", "run_count", "created_at", "updated_at", "created_by", "metadata", "last_event",
)  # fmt: skip

RUN_COLUMNS = (
    "id", "task_id", "tenant", "due_at", "ready_at", "status", "cause", "reason", "waits_for",
    "rank", "attempt", "fence", "incarnation", "started_at", "finished_at", "error", "result",
    "missed", "count",
)  # fmt: skip

EVENT_COLUMNS = ("id", "at", "type", "version", "tenant", "task_id", "run_id", "data")

SELECT_TASKS = f"SELECT {', '.join(TASK_COLUMNS)} FROM tasks"
SELECT_RUNS = f"SELECT {', '.join(RUN_COLUMNS)} FROM runs"
SELECT_EVENTS = f"SELECT {', '.join(EVENT_COLUMNS)} FROM events"


TASK_PROGRESS = (
    "id", "status", "reason", "next_run_at", "planned_until", "last_run_at", "last_status",
    "run_count", "updated_at", "last_event",
)  # fmt: skip
"""What changes in a task while its definition stays as it is."""

TASK_PLANNED = ("id", "next_run_at", "planned_until", "updated_at", "last_event")
"""What of it changes when an occurrence is planned."""

TASK_RAN = ("id", "last_run_at", "last_status", "run_count", "updated_at", "last_event")
"""What of it changes when a run ends and its task goes on."""

TASK_ENDED = ("id", "status", *TASK_RAN[1:])
"""What of it changes when its last run ends, and the task with it."""

RUN_PROGRESS = (
    "id", "ready_at", "status", "reason", "waits_for", "rank", "attempt", "fence", "incarnation",
    "started_at", "finished_at", "error", "result",
)  # fmt: skip
"""What changes in a run once it is planned."""

RUN_ENDED = (
    "id", "status", "reason", "incarnation", "started_at", "finished_at", "error", "result",
)  # fmt: skip
"""What of it changes when an attempt ends for good."""


def task_row(task: TaskState) -> tuple[Any, ...]:
    """A task as its row, with its traits."""
    return (
        task.id, task.tenant, task.key, task.target, task.entry_id, task.digest,
        task.schedule_json, task.policy_json, task.status, task.reason, task.next_at,
        task.planned_until, task.rewinds, task.scheduled_at, task.last_run_at, task.last_status,
        task.run_count, task.created_at, task.updated_at, task.created_by,
        to_json(task.metadata) if task.metadata else "{}", task.last_event,
        *traits(task.schedule_json, task.policy_json),
    )  # fmt: skip


def task_progress(task: TaskState) -> tuple[Any, ...]:
    """The columns `TASK_PROGRESS` of a task."""
    return (
        task.id, task.status, task.reason, task.next_at, task.planned_until, task.last_run_at,
        task.last_status, task.run_count, task.updated_at, task.last_event,
    )  # fmt: skip


def task_change(
    before: tuple[Any, ...], after: tuple[Any, ...]
) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """The columns to be written, and their values, of a task whose progress was another one.

    What stays is left out: an index is written anew for each of its columns that is set, also to
    the same value.
    """
    ran, planned = before[5:8] != after[5:8], before[3:5] != after[3:5]
    if before[2] != after[2] or (ran and planned):
        return TASK_PROGRESS, after
    if before[1] != after[1]:
        return (TASK_PROGRESS, after) if planned else (TASK_ENDED, (*after[:2], *after[5:]))
    if ran:
        return TASK_RAN, (after[0], *after[5:])
    return TASK_PLANNED, (after[0], *after[3:5], *after[8:])


def task_state(row: Sequence[Any]) -> TaskState:
    """A row as a task, still without its runs."""
    *plain, metadata, last_event = row
    about = _loads(metadata, {"unreadable": metadata}) if metadata != "{}" else {}
    values = [*plain, about, last_event]
    return TaskState(*values)


def run_row(run: RunState) -> tuple[Any, ...]:
    """A run as its row."""
    return (
        run.id, run.task_id, run.tenant, run.due_at, run.ready_at, run.status, run.cause,
        run.reason, run.waits_for, run.rank, run.attempt, run.fence, run.incarnation,
        run.started_at, run.finished_at, run.error,
        None if run.result is None else to_json(run.result),
        to_json(run.missed) if run.missed else "[]", run.count,
    )  # fmt: skip


def run_claim(run: RunState) -> tuple[Any, ...]:
    """What stays as it is when an attempt of a run ends for good."""
    return run.ready_at, run.waits_for, run.rank, run.attempt, run.fence


def run_change(
    before: tuple[Any, ...] | None, run: RunState
) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """The columns to be written, and their values, of a run.

    Args:
        before: its `run_claim` as it is stored, None when that is unknown.
        run: as it is now.
    """
    result = None if run.result is None else to_json(run.result)
    if before == run_claim(run):
        return RUN_ENDED, (
            run.id, run.status, run.reason, run.incarnation, run.started_at, run.finished_at,
            run.error, result,
        )  # fmt: skip
    return RUN_PROGRESS, (
        run.id, run.ready_at, run.status, run.reason, run.waits_for, run.rank, run.attempt,
        run.fence, run.incarnation, run.started_at, run.finished_at, run.error, result,
    )  # fmt: skip


def run_state(row: Sequence[Any]) -> RunState:
    """A row as a run."""
    *plain, result, missed, count = row
    values = [
        *plain,
        None if result is None else _loads(result, result),
        tuple(_loads(missed, ())) if missed != "[]" else (),
        count,
    ]
    return RunState(*values)


def _loads(text: Any, otherwise: Any) -> Any:
    """Stored JSON; what cannot be read costs nobody else its row, and stays in the log."""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return otherwise


def event_row(event_id: int, event: Event) -> tuple[Any, ...]:
    """An event as its row."""
    return (
        event_id, event.at, event.type, event.version, event.tenant, event.task_id, event.run_id,
        to_json(to_data(event)),
    )  # fmt: skip


def event_of(row: Sequence[Any]) -> Event:
    """A row as an event.

    Raises:
        UnknownEvent: it cannot be read, or a newer Tocsin wrote it.
    """
    event_id, at, kind, version, tenant, task_id, run_id, data = row
    common = {"at": at, "tenant": tenant, "task_id": task_id, "run_id": run_id}
    try:
        return event_from_data(kind, version, common, json.loads(data))
    except UnknownEvent as error:
        raise UnknownEvent(f"event {event_id} of the log: {error}") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise UnknownEvent(
            f"event {event_id} of the log is damaged ({error}): restore the database from a backup"
        ) from error


def select_in(connection: Connection, statement: str, ids: Iterable[int]) -> list[tuple[Any, ...]]:
    """The rows of a statement that ends in `IN`, for any number of ids."""
    return connection.execute(
        f"{statement} (SELECT value FROM json_each(?))", (json.dumps(list(ids)),)
    ).fetchall()
