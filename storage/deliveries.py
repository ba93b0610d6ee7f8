"""How far each listener has heard, and what it has to hear again."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..core.clock import from_instant
from ..core.published import LONGEST_DELAY, Published
from .database import Database
from .ids import Ids
from .rows import select_in

_NEW = """
    SELECT id, at, tenant, task_id, run_id, data FROM events
    WHERE type = 'HandlerEvent' AND id > ? ORDER BY id LIMIT ?
"""
_FIRST = """
    NOT EXISTS (SELECT 1 FROM deliveries AS e
                WHERE e.name = d.name AND e.task_id = d.task_id AND e.event_id < d.event_id)
"""
_AGAIN = f"""
    SELECT event_id, attempt FROM deliveries AS d
    WHERE name = ? AND (due_at <= ? OR due_at > ?) AND {_FIRST}
    ORDER BY due_at, event_id LIMIT ?
"""
"""What is due again: of each task only the first, for its events are told in order.

What is further ahead than any delay is due, too: the clock was set back since it was written."""


@dataclass(frozen=True, slots=True)
class Missed:
    """An event that a listener has not heard: it failed, or waits behind one that did.

    Attributes:
        event: the event.
        due_at: when to tell it (again), microseconds UTC.
        attempt: which attempt that will be.
        error: what went wrong.
    """

    event: Published
    due_at: int
    attempt: int
    error: str | None = None


class Deliveries:
    """Positions of listeners in the log.

    Args:
        database: migrated already.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, name: str, *, replay: bool) -> int:
        """How far a listener has heard; a new one begins at the end of the log, or at its start."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT position FROM positions WHERE name = ?", (name,)
            ).fetchone()
            if row is None:
                last = "SELECT coalesce(max(id), 0) FROM events"
                row = (0,) if replay else connection.execute(last).fetchone()
                connection.execute(
                    "INSERT INTO positions (name, position) VALUES (?, ?)", (name, row[0])
                )
        return int(row[0])

    def new(self, after: int, limit: int) -> list[Published]:
        """Published events after a position, in order, of all types."""
        with self._database.session() as connection:
            rows = connection.execute(_NEW, (after, limit)).fetchall()
        return [_published(row) for row in rows]

    def behind(self, name: str) -> set[int]:
        """The tasks of which a listener has not heard everything up to its position."""
        with self._database.session() as connection:
            rows = connection.execute(
                "SELECT DISTINCT task_id FROM deliveries WHERE name = ?", (name,)
            ).fetchall()
        return {row[0] for row in rows}

    def again(self, name: str, now: int, limit: int) -> list[Published]:
        """What a listener is to be told again now."""
        with self._database.session() as connection:
            due = (name, now, now + LONGEST_DELAY, limit)
            attempts = dict(connection.execute(_AGAIN, due).fetchall())
            rows = select_in(
                connection,
                "SELECT id, at, tenant, task_id, run_id, data FROM events WHERE id IN",
                attempts,
            )
        return [_published(row, attempts[row[0]]) for row in sorted(rows)]

    def advance(self, name: str, position: int, missed: Sequence[Missed]) -> None:
        """A listener has heard everything up to a position, but for what it missed."""
        with self._database.transaction() as connection:
            ids = Ids(connection)
            connection.execute("UPDATE positions SET position = ? WHERE name = ?", (position, name))
            connection.executemany(
                "INSERT INTO deliveries (id, name, event_id, task_id, due_at, attempt, error)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        ids.next("deliveries"),
                        name,
                        m.event.id,
                        m.event.task_id,
                        m.due_at,
                        m.attempt,
                        m.error,
                    )
                    for m in missed
                ],
            )
            ids.save()

    def settle(self, name: str, heard: Iterable[int], missed: Sequence[Missed]) -> None:
        """Forget what was heard at last; write down what failed again."""
        with self._database.transaction() as connection:
            connection.executemany(
                "DELETE FROM deliveries WHERE name = ? AND event_id = ?",
                [(name, event_id) for event_id in heard],
            )
            connection.executemany(
                "UPDATE deliveries SET due_at = ?, attempt = ?, error = ?"
                " WHERE name = ? AND event_id = ?",
                [(m.due_at, m.attempt, m.error, name, m.event.id) for m in missed],
            )

    def next_due(self, names: Sequence[str]) -> int | None:
        """When one of these listeners is to be told something again, None for never."""
        if not names:
            return None
        with self._database.session() as connection:
            (due_at,) = connection.execute(
                f"SELECT min(due_at) FROM deliveries AS d WHERE {_FIRST}"
                f" AND name IN ({', '.join('?' * len(names))})",
                tuple(names),
            ).fetchone()
        return None if due_at is None else int(due_at)


def _published(row: tuple[int, int, str, int, int | None, str], attempt: int = 1) -> Published:
    event_id, at, tenant, task_id, run_id, data = row
    told = json.loads(data)
    return Published(
        event_id, told["name"], told["payload"], task_id, run_id, tenant, from_instant(at), attempt
    )
