"""One unit of work: the tasks it touches, the events it adds, and their one way into the tables."""

import sqlite3
from collections.abc import Iterable, Sequence

from ..core.events import Event
from ..core.evolve import evolve
from ..core.state import RunState, TaskState, wake_at
from ..core.work import Alarm
from .ids import Ids
from .rows import (
    APPEND_EVENT,
    SAVE_RUN,
    SAVE_TASK,
    SELECT_RUNS,
    SELECT_TASKS,
    event_row,
    run_row,
    run_state,
    select_in,
    task_row,
    task_state,
)

_LIVE_RUNS = f"{SELECT_RUNS} WHERE status IN ('pending', 'executing') AND task_id IN"
_AWAITS = "SELECT task_id, depends_on, outcome FROM dependencies WHERE task_id IN"
_SAVE_AWAITS = "INSERT INTO dependencies (task_id, depends_on, tenant, outcome) VALUES (?, ?, ?, ?)"
_ALARM = (
    "INSERT INTO alarms (id, due_at, target, task_id, attempt) VALUES (?, ?, 'scheduler', ?, 0)"
    " ON CONFLICT (task_id) DO UPDATE SET due_at = excluded.due_at"
)


class Unit:
    """States in memory, moved on by events, written back as sets.

    Args:
        connection: inside a write transaction.
        now: the instant of everything that happens in this unit, microseconds UTC.
    """

    def __init__(self, connection: sqlite3.Connection, now: int) -> None:
        self.now = now
        self.ids = Ids(connection)
        self.tasks: dict[int, TaskState] = {}
        self.events: list[Event] = []
        self.entries: dict[int, bytes] = {}
        self.alarms: dict[int, Alarm] = {}
        self.armed: list[Alarm] = []
        self.connection = connection
        self._changed: dict[int, TaskState] = {}
        self._to_arm: dict[int, TaskState] = {}
        self._changed_runs: dict[int, RunState] = {}
        self._awaited: dict[int, dict[int, str | None]] = {}
        self._keys: dict[tuple[str, str], int] = {}

    def load(self, task_ids: Iterable[int]) -> list[TaskState]:
        """The tasks with these ids that exist, with their unfinished runs."""
        wanted = list(dict.fromkeys(task_ids))
        missing = [i for i in wanted if i not in self.tasks]
        if missing:
            self._add(select_in(self.connection, f"{SELECT_TASKS} WHERE id IN", missing))
        return [self.tasks[i] for i in wanted if i in self.tasks]

    def find(self, tenant: str, key: str) -> TaskState | None:
        """The task with this key, None when there is none."""
        known = self._keys.get((tenant, key))
        if known is None:
            rows = self.connection.execute(
                f"{SELECT_TASKS} WHERE tenant = ? AND key = ?", (tenant, key)
            ).fetchall()
            known = rows[0][0] if rows else None
            self._add([row for row in rows if row[0] not in self.tasks])
        task = self.tasks.get(known) if known is not None else None
        return task if task is not None and task.key == key else None  # deleted: the key is free

    def keys(self, tenant: str) -> list[str]:
        """Keys of a tenant's tasks, the latest ones, for hints."""
        rows = self.connection.execute(
            "SELECT key FROM tasks WHERE tenant = ? AND key IS NOT NULL ORDER BY id DESC LIMIT 500",
            (tenant,),
        )
        return [row[0] for row in rows]

    def run(self, run_id: int) -> RunState | None:
        """The run with this id, ended or not."""
        rows = self.connection.execute(f"{SELECT_RUNS} WHERE id = ?", (run_id,)).fetchall()
        return run_state(rows[0]) if rows else None

    def executing(self) -> list[int]:
        """The tasks that have a run executing."""
        rows = self.connection.execute(
            "SELECT DISTINCT task_id FROM runs WHERE status = 'executing'"
        )
        return [row[0] for row in rows]

    def timed(self) -> list[int]:
        """The tasks whose next moment depends on what the clock shows, beyond a single instant."""
        rows = self.connection.execute(
            "SELECT id FROM tasks WHERE status IN ('active', 'paused') AND next_run_at IS NOT NULL"
            " AND kind NOT IN ('once', 'now')"
            " UNION SELECT task_id FROM runs WHERE status = 'pending' AND attempt > 0"
        )
        return [row[0] for row in rows]

    def note(self, event: Event) -> None:
        """Append an event that concerns the service and no task."""
        self.events.append(event)

    def record(self, task: TaskState | None, events: Sequence[Event]) -> TaskState | None:
        """Append events and move their task on."""
        for event in events:
            task, run = evolve(task, event)
            self.events.append(event)
            self._changed[task.id] = self._to_arm[task.id] = self.tasks[task.id] = task
            if run is not None:
                self._changed_runs[run.id] = run
            if task.key is not None:
                self._keys[task.tenant, task.key] = task.id
        return task

    def rearm(self, task: TaskState) -> None:
        """Look again at the task's alarm: it rang and must move, even if nothing was to be done."""
        self._to_arm[task.id] = task

    def flush(self) -> None:
        """Write everything: entries, events, projections, alarms."""
        run = self.connection.executemany
        if self.entries:
            run(
                "INSERT INTO scheduler (id, updated_at, entry) VALUES (?, ?, ?)",
                [(i, self.now, blob) for i, blob in self.entries.items()],
            )
        if self.events:
            fresh = self.ids.stream("events")
            run(APPEND_EVENT, [event_row(next(fresh), event) for event in self.events])
            run(SAVE_TASK, [task_row(task) for task in self._changed.values()])
            run(SAVE_RUN, [run_row(r) for r in self._changed_runs.values()])
        self._save_awaits()
        self._arm()
        self.ids.save()

    def _save_awaits(self) -> None:
        """Write anew what the tasks wait for whose waiting changed."""
        changed = [
            task.id
            for task in self._changed.values()
            if task.awaits != self._awaited.get(task.id, {})
        ]
        if not changed:
            return
        run = self.connection.executemany
        run("DELETE FROM dependencies WHERE task_id = ?", [(i,) for i in changed])
        run(
            _SAVE_AWAITS,
            [
                (i, needed, self.tasks[i].tenant, outcome)
                for i in changed
                for needed, outcome in self.tasks[i].awaits.items()
            ],
        )

    def _arm(self) -> None:
        """Bring the alarm of each changed task to the instant that it waits for."""
        set_: list[tuple[int, int, int]] = []
        cleared: list[tuple[int]] = []
        for task in self._to_arm.values():
            due_at, alarm = wake_at(task, self.now), self.alarms.get(task.id)
            if alarm is not None and alarm.due_at == due_at:
                continue
            if due_at is not None:
                alarm_id = alarm.id if alarm else self.ids.next("alarms")
                set_.append((alarm_id, due_at, task.id))
                self.alarms[task.id] = Alarm(due_at, alarm_id, task.id)
                self.armed.append(self.alarms[task.id])
            elif alarm is not None:
                cleared.append((alarm.id,))
                self.armed.append(Alarm(None, alarm.id, task.id))
        self.connection.executemany(_ALARM, set_)
        self.connection.executemany("DELETE FROM alarms WHERE id = ?", cleared)

    def _add(self, rows: list[tuple[object, ...]]) -> None:
        """Take loaded tasks in, with their unfinished runs and their alarms."""
        if not rows:
            return
        for row in rows:
            task = task_state(row)
            self.tasks[task.id] = task
            if task.key is not None:
                self._keys[task.tenant, task.key] = task.id
        ids = [int(str(row[0])) for row in rows]
        for run in map(run_state, select_in(self.connection, _LIVE_RUNS, ids)):
            self.tasks[run.task_id].runs[run.id] = run
        after = [i for i in ids if '"kind":"after"' in self.tasks[i].schedule_json]
        for task_id, needed, outcome in select_in(self.connection, _AWAITS, after) if after else ():
            self.tasks[task_id].awaits[needed] = outcome
        self._awaited |= {i: dict(self.tasks[i].awaits) for i in after}
        alarms = "SELECT due_at, id, task_id FROM alarms WHERE task_id IN"
        for alarm in select_in(self.connection, alarms, ids):
            self.alarms[alarm[2]] = Alarm(*alarm)
