"""How far the log and the history were pruned: marks that the fold goes by.

Events up to the mark `EVENTS` live on in snapshots only. Runs whose last event lies at or before
the mark `HISTORY` have no row any more.
"""

import json
from collections.abc import Iterable, Iterator

from ..core.errors import UnknownEvent
from ..core.snapshot import VERSION, from_snapshot, to_snapshot
from ..core.state import TaskState, to_json
from .connection import Connection
from .rows import select_in

EVENTS = "events"
HISTORY = "history"

PAGE = 1_000

_SNAPSHOTS = "SELECT task_id, version, state FROM snapshots"
_SAVE = (
    "INSERT INTO snapshots (task_id, version, state) VALUES (?, ?, ?)"
    " ON CONFLICT (task_id) DO UPDATE SET version = excluded.version, state = excluded.state"
)


def horizon(connection: Connection, name: str) -> int:
    """The id of the last event up to which was pruned, 0 for none."""
    row = connection.execute("SELECT position FROM horizons WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row else 0


def pruned_until(connection: Connection, name: str) -> int | None:
    """The instant of the last event up to which was pruned, None for none."""
    row = connection.execute("SELECT at FROM horizons WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row else None


def move_horizon(connection: Connection, name: str, position: int, at: int) -> None:
    """Note, in the transaction that prunes, how far that went, and of when the last event was."""
    connection.execute(
        "INSERT INTO horizons (name, position, at) VALUES (?, ?, ?) ON CONFLICT (name)"
        " DO UPDATE SET position = excluded.position, at = excluded.at",
        (name, position, at),
    )


def all_snapshots(connection: Connection) -> Iterator[TaskState]:
    """Every snapshot, in the order of the tasks' ids."""
    last = -1
    page = f"{_SNAPSHOTS} WHERE task_id > ? ORDER BY task_id LIMIT {PAGE}"
    while rows := connection.execute(page, (last,)).fetchall():
        yield from map(_state, rows)
        last = rows[-1][0]


def snapshots_of(connection: Connection, ids: Iterable[int]) -> dict[int, TaskState]:
    """The snapshots of these tasks, by id; those that have none are left out."""
    rows = select_in(connection, f"{_SNAPSHOTS} WHERE task_id IN", ids)
    return {row[0]: _state(row) for row in rows}


def save_snapshots(connection: Connection, rows: Iterable[tuple[int, int, str]]) -> None:
    """Write snapshots, new or moved on."""
    connection.executemany(_SAVE, rows)


def snapshot_row(task: TaskState) -> tuple[int, int, str]:
    """A task as the row of its snapshot."""
    return (task.id, VERSION, to_json(to_snapshot(task)))


def _state(row: tuple[int, int, str]) -> TaskState:
    task_id, version, text = row
    try:
        return from_snapshot(version, json.loads(text))
    except UnknownEvent as error:
        raise UnknownEvent(f"task {task_id}: {error}") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise UnknownEvent(
            f"task {task_id}: its snapshot is damaged ({error}): restore the database from a backup"
        ) from error
