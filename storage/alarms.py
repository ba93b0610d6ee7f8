"""The alarms table: what rings next, and the raw alarms that Alarm itself keeps."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.errors import InvalidMessage
from ..core.work import Alarm
from .connection import Connection
from .database import Database
from .dialect import Permission, always
from .ids import Ids, possible


@dataclass(frozen=True, slots=True)
class RawAlarm:
    """A message for an actor at an instant, as stored.

    Attributes:
        id: the `alarm_id`.
        due_at: when it is to be delivered, microseconds UTC.
        target: registered name of the addressee.
        text: the message as JSON.
        attempt: deliveries tried so far.
    """

    id: int
    due_at: int
    target: str
    text: str
    attempt: int

    @property
    def message(self) -> Any:
        """What the addressee is told.

        Raises:
            InvalidMessage: the stored text cannot be read.
        """
        try:
            return json.loads(self.text)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidMessage(f"the message of alarm {self.id} is no JSON: {error}") from error


class AlarmStore:
    """Set-based access to the alarms.

    Args:
        database: migrated already.
        may_commit: whether its writer may still store anything; one that was replaced may not.
    """

    def __init__(self, database: Database, may_commit: Permission = always) -> None:
        self._database = database
        self._may_commit = may_commit

    def window(self, until: int, limit: int) -> list[Alarm]:
        """The next `limit` alarms due before `until`, overdue ones included."""
        with self._database.session() as connection:
            rows = connection.execute(
                "SELECT due_at, id, task_id FROM alarms WHERE due_at < ? ORDER BY due_at LIMIT ?",
                (until, limit),
            )
            return [Alarm(*row) for row in rows]

    def change(
        self, added: Sequence[tuple[int, str, str]], cancelled: Iterable[int]
    ) -> tuple[list[int], set[int]]:
        """Add raw alarms and cancel others in one transaction.

        Args:
            added: (due_at, target, message as JSON) of each new alarm.
            cancelled: ids of raw alarms to remove.

        Returns:
            The new ids in order, and the cancelled ids that existed.
        """
        with self._database.transaction(self._may_commit) as connection:
            ids = Ids(connection)
            fresh = [ids.next("alarms") for _ in added]
            connection.executemany(
                "INSERT INTO alarms (id, due_at, target, message, attempt) VALUES (?, ?, ?, ?, 0)",
                [(i, *row) for i, row in zip(fresh, added, strict=True)],
            )
            ids.save()
            gone = _returning(
                connection,
                "DELETE FROM alarms WHERE task_id IS NULL AND id IN",
                filter(possible, cancelled),
            )
        return fresh, {row[0] for row in gone}

    def claim(self, ids: Iterable[int], now: int, incarnation: str) -> list[RawAlarm]:
        """Mark due raw alarms as being delivered; those changed meanwhile are left out."""
        with self._database.transaction(self._may_commit) as connection:
            rows = connection.execute(
                "UPDATE alarms SET attempt = attempt + 1, incarnation = ? WHERE task_id IS NULL"
                " AND due_at <= ? AND id IN (SELECT value FROM json_each(?))"
                " RETURNING id, due_at, target, message, attempt",
                (incarnation, now, json.dumps(list(ids))),
            ).fetchall()
        return [RawAlarm(*row) for row in sorted(rows)]

    def settle(self, delivered: Iterable[int], postponed: Iterable[tuple[int, int]]) -> None:
        """Remove what was delivered; move the rest to (due_at, id)."""
        with self._database.transaction(self._may_commit) as connection:
            connection.executemany("DELETE FROM alarms WHERE id = ?", [(i,) for i in delivered])
            connection.executemany("UPDATE alarms SET due_at = ? WHERE id = ?", postponed)


def _returning(connection: Connection, statement: str, ids: Iterable[int]) -> list[tuple[Any, ...]]:
    return connection.execute(
        f"{statement} (SELECT value FROM json_each(?)) RETURNING id", (json.dumps(list(ids)),)
    ).fetchall()
