"""Which waiting runs start now: claimed in the same transaction, before anything is called."""

import sqlite3

from ..core.decide import claim, claimable
from ..core.state import RunState, TaskState
from ..core.work import Start
from .rows import select_in
from .unit import Unit

_BACKLOG = """
    SELECT runs.task_id FROM runs JOIN tasks ON tasks.id = runs.task_id
    WHERE runs.status = 'pending' AND runs.ready_at <= ?
      AND (tasks.status = 'active' OR (runs.cause <> 'schedule' AND tasks.status <> 'quarantined'))
    ORDER BY runs.ready_at LIMIT ?
"""


class Claims:
    """Hands out attempts as long as there are slots; what is left waits in the database.

    Args:
        incarnation: the life of the service that will make the attempts.
    """

    def __init__(self, incarnation: str) -> None:
        self.incarnation = incarnation
        self.backlog = True

    def take(self, unit: Unit, connection: sqlite3.Connection, slots: int) -> list[Start]:
        """Claim up to `slots` runs, the most important and longest waiting first."""
        if slots > 0 and self.backlog:
            self._load_backlog(unit, connection, slots)
        waiting = [
            (task, run)
            for task in unit.tasks.values()
            for run in task.runs.values()
            if run.status == "pending" and run.ready_at <= unit.now
        ]
        waiting.sort(key=lambda pair: (-pair[0].policy.priority, pair[1].ready_at, pair[1].id))
        claimed: list[tuple[TaskState, RunState]] = []
        for task, run in waiting:
            if not claimable(task, run, unit.now):
                continue
            if len(claimed) >= slots:
                self.backlog = True
                break
            unit.record(task, [claim(task, run, unit.now, self.incarnation)])
            claimed.append((task, run))
        return _starts(connection, unit, claimed)

    def _load_backlog(self, unit: Unit, connection: sqlite3.Connection, slots: int) -> None:
        rows = connection.execute(_BACKLOG, (unit.now, slots + 1)).fetchall()
        self.backlog = len(rows) > slots
        unit.load(row[0] for row in rows)


def _starts(
    connection: sqlite3.Connection, unit: Unit, claimed: list[tuple[TaskState, RunState]]
) -> list[Start]:
    if not claimed:
        return []
    wanted = {task.entry_id for task, _ in claimed} - unit.entries.keys()
    blobs = dict(unit.entries)
    if wanted:
        blobs |= dict(select_in(connection, "SELECT id, entry FROM scheduler WHERE id IN", wanted))
    return [
        Start(
            run_id=run.id,
            fence=run.fence,
            attempt=run.attempt,
            task_id=task.id,
            key=task.key,
            tenant=task.tenant,
            target=task.target,
            entry_id=task.entry_id,
            blob=bytes(blobs.get(task.entry_id, b"")),
            due_at=run.due_at,
            missed=run.missed,
            timeout=task.policy.timeout,
            priority=task.policy.priority,
            previous=run.result,
        )
        for task, run in claimed
    ]
