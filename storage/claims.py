"""Which waiting runs start now: claimed in the same transaction, before anything is called."""

import sqlite3
from operator import itemgetter

from ..core.decide import claim, claimable
from ..core.outcomes import unplannable
from ..core.state import RunState, TaskState
from ..core.work import Start
from .rows import select_in
from .unit import Unit

_BACKLOG = """
    SELECT runs.task_id FROM runs JOIN tasks ON tasks.id = runs.task_id
    WHERE runs.status = 'pending' AND runs.ready_at <= ?
      AND (tasks.status = 'active' OR (runs.cause <> 'schedule' AND tasks.status <> 'quarantined'))
      AND (runs.cause <> 'schedule' OR instr(tasks.policy, '"overlap":"allow"')
           OR NOT EXISTS (SELECT 1 FROM runs AS other
                          WHERE other.task_id = runs.task_id AND other.status = 'executing'))
    ORDER BY {order} runs.ready_at LIMIT ?
"""
"""Waiting runs that may start; those behind another run of their task must not crowd them out."""

_AHEAD = """
    SELECT 1 FROM runs JOIN tasks ON tasks.id = runs.task_id
    LEFT JOIN alarms ON alarms.task_id = runs.task_id
    WHERE runs.status = 'pending' AND runs.ready_at > ?
      AND (tasks.status = 'active' OR (runs.cause <> 'schedule' AND tasks.status <> 'quarantined'))
      AND (alarms.due_at IS NULL OR alarms.due_at > runs.ready_at)
    LIMIT 1
"""
"""Runs that were ready before the clock was set back: their alarm has rung already."""

_RANKED = """instr(tasks.policy, '"priority":')"""
_BY_RANK = f"""
    CASE WHEN {_RANKED} AND json_valid(tasks.policy)
    THEN json_extract(tasks.policy, '$.priority') ELSE 0 END DESC,
"""
"""Looks at every waiting run: asked for only once a task has said how important it is."""


class Claims:
    """Hands out attempts as long as there are slots; what is left waits in the database.

    Args:
        incarnation: the life of the service that will make the attempts.
    """

    def __init__(self, incarnation: str) -> None:
        self.incarnation = incarnation
        self.backlog = True
        self._ranked: bool | None = None

    def take(self, unit: Unit, connection: sqlite3.Connection, slots: int) -> list[Start]:
        """Claim up to `slots` runs, the most important and longest waiting first."""
        if slots > 0 and self.backlog:
            self._load_backlog(unit, connection, slots)
        if any('"priority":' in task.policy_json for task in unit.tasks.values()):
            self._ranked = True
        waiting = [place for task in list(unit.tasks.values()) for place in _places(unit, task)]
        waiting.sort(key=itemgetter(0))
        claimed: list[tuple[TaskState, RunState]] = []
        for _, task, run in waiting:
            if not claimable(task, run, unit.now):
                continue
            if len(claimed) >= slots:
                self.backlog = True
                break
            unit.record(task, [claim(task, run, unit.now, self.incarnation)])
            claimed.append((task, run))
        return _starts(connection, unit, claimed)

    def _load_backlog(self, unit: Unit, connection: sqlite3.Connection, slots: int) -> None:
        if self._ranked is None:
            found = connection.execute(f"SELECT 1 FROM tasks WHERE {_RANKED} LIMIT 1").fetchone()
            self._ranked = found is not None
        statement = _BACKLOG.format(order=_BY_RANK if self._ranked else "")
        rows = connection.execute(statement, (unit.now, slots + 1)).fetchall()
        ahead = connection.execute(_AHEAD, (unit.now,)).fetchone()
        self.backlog = len(rows) > slots or ahead is not None
        unit.load(row[0] for row in rows)


def _places(unit: Unit, task: TaskState) -> list[tuple[tuple[int, int, int], TaskState, RunState]]:
    """The task's runs that may start, each with its rank; a task that cannot be read has none."""
    try:
        return [
            ((-task.policy.priority, run.ready_at, run.id), task, run)
            for run in task.runs.values()
            if claimable(task, run, unit.now)
        ]
    except Exception as error:  # noqa: BLE001 - one unreadable task must not stop the others
        unit.record(task, unplannable(task, error, unit.now))
        return []


def _blob(stored: object) -> bytes:
    """The entry as bytes, whatever somebody else wrote there; it is verified before it is read."""
    return stored if isinstance(stored, bytes) else str(stored).encode(errors="replace")


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
            blob=_blob(blobs.get(task.entry_id, b"")),
            due_at=run.due_at,
            missed=run.missed,
            timeout=task.policy.timeout,
            priority=task.policy.priority,
            previous=run.result,
        )
        for task, run in claimed
    ]
