"""What can be wrong in the tables between the tasks: alarms, ids, listeners."""

from collections.abc import Iterator

from ..core.findings import Finding
from .connection import Connection

_IDS = {"scheduler": "id", "events": "id", "runs": "id", "alarms": "id", "deliveries": "id"}

_BEHIND = """
    SELECT name, position,
           (SELECT count(*) FROM events WHERE type = 'HandlerEvent' AND id > position)
    FROM positions ORDER BY name
"""


def stray_alarms(connection: Connection) -> Iterator[Finding]:
    """Alarms of tasks that do not exist."""
    rows = connection.execute(
        "SELECT id, task_id FROM alarms WHERE task_id IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.id = alarms.task_id)"
    )
    for alarm_id, task_id in rows.fetchall():
        text = f"alarm {alarm_id} is of task {task_id}, which does not exist: `tocsin rebuild`"
        yield Finding("alarms", text)


def spent_ids(connection: Connection) -> Iterator[Finding]:
    """Ids that would be given out a second time."""
    for table, column in _IDS.items():
        last = connection.execute(f"SELECT max({column}) FROM {table}").fetchone()[0]
        row = connection.execute("SELECT value FROM counters WHERE name = ?", (table,)).fetchone()
        given = row[0] if row else 0
        if last is not None and last > given:
            yield Finding(
                "ids",
                f"the counter of {table} stands at {given}, but there is a row {last}: restore"
                " the database from a backup",
            )


def listeners(connection: Connection) -> Iterator[Finding]:
    """Who has not heard everything: those events are kept until they have."""
    for name, _, behind in connection.execute(_BEHIND).fetchall():
        if behind:
            yield Finding(
                "listeners",
                f"{name} has not heard of {behind} events, which are kept for it",
                level="note",
            )
