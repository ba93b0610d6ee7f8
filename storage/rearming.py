"""Alarms that do not agree with their tasks, set anew."""

from ..core.state import wake_at
from .census import census
from .connection import Connection
from .ids import Ids


def rearm(connection: Connection, now: int) -> int:
    """Give each task the alarm that it needs, and nobody else one. Returns how many were wrong.

    Args:
        connection: inside a write transaction.
        now: the present instant.
    """
    stray = (
        "SELECT id FROM alarms WHERE task_id IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.id = alarms.task_id)"
    )
    gone = connection.execute(stray).fetchall()
    connection.executemany("DELETE FROM alarms WHERE id = ?", gone)
    ids, wrong = Ids(connection), len(gone)
    for counted in census(connection, entries=False):
        if counted.alarm_problem(now) is None:
            continue
        wrong += 1
        task_id, due_at = counted.task.id, wake_at(counted.task, now)
        connection.execute("DELETE FROM alarms WHERE task_id = ?", (task_id,))
        if due_at is not None:
            connection.execute(
                "INSERT INTO alarms (id, due_at, target, task_id, attempt)"
                " VALUES (?, ?, 'scheduler', ?, 0)",
                (ids.next("alarms"), due_at, task_id),
            )
    ids.save()
    return wrong
