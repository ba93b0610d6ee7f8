"""One unit of work: the tasks it touches, the events it adds, and their one way into the tables."""

import json
from collections.abc import Callable, Iterable, Sequence

from ..core.clock import MINUTE
from ..core.events import (
    Event,
    OccurrenceSkipped,
    RunPlanned,
    TaskDeleted,
    TaskScheduled,
    TaskUpdated,
)
from ..core.evolve import evolve
from ..core.state import RunState, TaskState, wake_at
from ..core.work import Alarm
from . import sets
from .connection import Connection
from .ids import Ids
from .inflight import InFlight
from .rows import (
    EVENT_COLUMNS,
    RUN_COLUMNS,
    SELECT_RUNS,
    TASK_COLUMNS,
    event_row,
    run_change,
    run_claim,
    run_row,
    run_state,
    task_change,
    task_progress,
    task_row,
    task_state,
)
from .traits import TRAITS

_TASK_ALARMS = "tasks LEFT JOIN alarms ON alarms.task_id = tasks.id WHERE tasks.id IN"
_TASK_AND_ALARM = (*(f"tasks.{name}" for name in TASK_COLUMNS), "alarms.due_at", "alarms.id")
_LIVE_RUNS = "runs WHERE status IN ('pending', 'executing') AND task_id IN"
_AWAITS = ("task_id", "depends_on", "outcome")
_DEPENDENCY = ("task_id", "depends_on", "tenant", "outcome")
_ENTRY = ("id", "updated_at", "entry")
_ALARM = ("id", "due_at", "target", "task_id", "attempt")
_REDEFINES = frozenset({TaskScheduled, TaskUpdated, TaskDeleted})
_BEGINS = frozenset({RunPlanned, OccurrenceSkipped})

_OFTEN = 50
"""Events between two signs of life."""


NEAR = 2 * MINUTE
"""New alarms that ring later are found in time by those who look into the table."""


class Unit:
    """States in memory, moved on by events, written back as sets.

    Args:
        connection: inside a write transaction.
        now: the instant of everything that happens in this unit, microseconds UTC.
        known: states that need not be read, for they are as the last transaction left them.

    Attributes:
        known: what need not be read, and what this unit finds out for the next ones.
        alive: called now and then, because years to catch up take their time.
    """

    def __init__(self, connection: Connection, now: int, known: InFlight | None = None) -> None:
        self.known = known or InFlight()
        self.now = now
        self.ids = Ids(connection, self.known.counters)
        self.tasks: dict[int, TaskState] = {}
        self.events: list[Event] = []
        self.entries: dict[int, bytes] = {}
        self.alarms: dict[int, Alarm] = {}
        self.armed: list[Alarm] = []
        self.connection = connection
        self.alive: Callable[[], object] = lambda: None
        self._told = 0
        self._new: set[int] = set()
        self._redefined: set[int] = set()
        self._changed: dict[int, TaskState] = {}
        self._to_arm: dict[int, TaskState] = {}
        self._new_runs: dict[int, RunState] = {}
        self._changed_runs: dict[int, RunState] = {}
        self._progress: dict[int, tuple[object, ...]] = {}
        self._claims: dict[int, tuple[object, ...]] = {}
        self._awaited: dict[int, dict[int, str | None]] = {}
        self._keys: dict[tuple[str, str], int] = {}
        self._sought: set[tuple[str, str]] = set()

    def load(self, task_ids: Iterable[int]) -> list[TaskState]:
        """The tasks with these ids that exist, with their unfinished runs."""
        wanted = list(dict.fromkeys(task_ids))
        missing = [i for i in wanted if i not in self.tasks]
        if missing:
            self._read(missing)
        return [self.tasks[i] for i in wanted if i in self.tasks]

    def get(self, task_id: int) -> TaskState | None:
        """The task with this id, None when there is none."""
        if task_id not in self.tasks:
            self._read([task_id])
        return self.tasks.get(task_id)

    def seek(self, tenant: str, keys: Sequence[str]) -> None:
        """Take in the tasks with these keys, so that `find` need not ask for each."""
        rows = self.connection.execute(
            "SELECT key, id FROM tasks WHERE tenant = ? AND key IN (SELECT atom FROM json_each(?))",
            (tenant, json.dumps(keys)),
        ).fetchall()
        self._keys |= {(tenant, key): task_id for key, task_id in rows}
        self._sought |= {(tenant, key) for key in keys}
        self.load(task_id for _, task_id in rows)

    def find(self, tenant: str, key: str) -> TaskState | None:
        """The task with this key, None when there is none."""
        known = self._keys.get((tenant, key))
        if known is None and (tenant, key) not in self._sought:
            row = self.connection.execute(
                "SELECT id FROM tasks WHERE tenant = ? AND key = ?", (tenant, key)
            ).fetchone()
            known = row[0] if row else None
        found = self.load([known]) if known is not None else []
        return found[0] if found and found[0].key == key else None  # deleted: the key is free

    def keys(self, tenant: str) -> list[str]:
        """Keys of a tenant's tasks, of the latest ones, for hints."""
        rows = self.connection.execute(
            "SELECT key FROM (SELECT tenant, key FROM tasks ORDER BY id DESC LIMIT 1000) AS latest"
            " WHERE tenant = ? AND key IS NOT NULL",
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
            " UNION SELECT task_id FROM runs"
            " WHERE status = 'pending' AND (attempt > 0 OR ready_at > ?)",
            (self.now,),
        )
        return [row[0] for row in rows]

    def linked(self) -> bool:
        """Whether the database knows any task that waits for another one."""
        if self.known.linked is None:
            row = self.connection.execute("SELECT 1 FROM dependencies LIMIT 1").fetchone()
            self.known.linked = row is not None
        return self.known.linked

    def note(self, event: Event) -> None:
        """Append an event that concerns the service and no task."""
        self.events.append(event)

    def record(self, task: TaskState | None, events: Sequence[Event]) -> TaskState | None:
        """Append events and move their task on."""
        if len(self.events) - self._told > _OFTEN:
            self._told = len(self.events)
            self.alive()
        for event in events:
            kind = type(event)
            if kind in _REDEFINES:
                (self._new if task is None else self._redefined).add(event.task_id)
            task, run = evolve(task, event)
            if run is None:
                continue
            if kind in _BEGINS:
                self._new_runs[run.id] = run
            elif run.id not in self._new_runs:
                self._changed_runs[run.id] = run
        if events and task is not None:
            self.events += events
            self._changed[task.id] = self._to_arm[task.id] = self.tasks[task.id] = task
            if task.key is not None:
                self._keys[task.tenant, task.key] = task.id
        return task

    def rearm(self, task: TaskState) -> None:
        """Look again at the task's alarm: it rang and must move, even if nothing was to be done."""
        self._to_arm[task.id] = task

    def flush(self) -> None:
        """Write everything: entries, events, projections, alarms."""
        entries = [(i, self.now, blob) for i, blob in self.entries.items()]
        self._insert("scheduler", _ENTRY, entries)
        fresh = self.ids.take("events", len(self.events))
        events = [event_row(i, event) for i, event in zip(fresh, self.events, strict=True)]
        for event_id, event in zip(fresh, self.events, strict=True):
            if event.task_id:
                self.tasks[event.task_id].last_event = event_id
        self.alive()
        self._insert("events", EVENT_COLUMNS, events)
        self.alive()
        self._save_tasks()
        self._insert("runs", RUN_COLUMNS, [run_row(r) for r in self._new_runs.values()])
        self.alive()
        self._save_runs()
        self._save_awaits()
        self._arm()
        self.ids.save()

    def leave(self) -> InFlight:
        """What the next transaction need not read, once this one is committed."""
        self.known.put(
            (task, self.alarms.get(task.id))
            for task in self.tasks.values()
            if task.runs or (task.run_count and task.next_at is not None)
        )
        self.known.counters = dict(self.ids.values)
        return self.known

    def _insert(self, table: str, columns: tuple[str, ...], rows: Sequence[sets.Row]) -> None:
        sets.insert(self.connection, table, columns, rows)

    def _save_tasks(self) -> None:
        new, redefined = [], []
        moved: dict[tuple[str, ...], list[sets.Row]] = {}
        for task in self._changed.values():
            if task.id in self._new:
                new.append(task_row(task))
            elif task.id in self._redefined:
                redefined.append(task_row(task))
            else:
                columns, row = task_change(self._progress[task.id], task_progress(task))
                moved.setdefault(columns, []).append(row)
        sets.update(self.connection, "tasks", TASK_COLUMNS + TRAITS, redefined)  # may free a key
        self._insert("tasks", TASK_COLUMNS + TRAITS, new)
        for columns, rows in moved.items():
            sets.update(self.connection, "tasks", columns, rows)

    def _save_runs(self) -> None:
        changed: dict[tuple[str, ...], list[sets.Row]] = {}
        for run in self._changed_runs.values():
            columns, row = run_change(self._claims.get(run.id), run)
            changed.setdefault(columns, []).append(row)
        for columns, rows in changed.items():
            sets.update(self.connection, "runs", columns, rows)

    def _save_awaits(self) -> None:
        """Write anew what the tasks wait for whose waiting changed."""
        changed = [
            task.id
            for task in self._changed.values()
            if (task.awaits or task.id in self._awaited)
            and task.awaits != self._awaited.get(task.id, {})
        ]
        if not changed:
            return
        self.connection.executemany(
            "DELETE FROM dependencies WHERE task_id = ?", [(i,) for i in changed]
        )
        rows = [
            (i, needed, self.tasks[i].tenant, outcome)
            for i in changed
            for needed, outcome in self.tasks[i].awaits.items()
        ]
        self._insert("dependencies", _DEPENDENCY, rows)
        if rows:
            self.known.linked = True

    def _arm(self) -> None:
        """Bring the alarm of each changed task to the instant that it waits for."""
        new: list[sets.Row] = []
        moved: list[sets.Row] = []
        cleared: list[int] = []
        for task in self._to_arm.values():
            due_at, alarm = wake_at(task, self.now), self.alarms.get(task.id)
            if alarm is None:
                if due_at is not None:
                    armed = Alarm(due_at, self.ids.next("alarms"), task.id)
                    self.alarms[task.id] = armed
                    new.append((armed.id, due_at, "scheduler", task.id, 0))
                    if due_at < self.now + NEAR:
                        self.armed.append(armed)
            elif due_at is None:
                del self.alarms[task.id]
                cleared.append(alarm.id)
                self.armed.append(Alarm(None, alarm.id, task.id))
            elif due_at != alarm.due_at:
                moved.append((alarm.id, due_at))
                self.alarms[task.id] = Alarm(due_at, alarm.id, task.id)
                self.armed.append(self.alarms[task.id])
        self._insert("alarms", _ALARM, new)
        sets.update(self.connection, "alarms", ("id", "due_at"), moved)
        if cleared:
            sets.delete(self.connection, "alarms", cleared)

    def _read(self, task_ids: list[int]) -> None:
        """Take tasks in, with their unfinished runs and their alarms."""
        unknown = []
        for task_id in task_ids:
            known = self.known.pop(task_id)
            if known is None:
                unknown.append(task_id)
                continue
            self._take_in(*known)
            self._claims.update((run.id, run_claim(run)) for run in known[0].runs.values())
            self._awaited[task_id] = dict(known[0].awaits)
        if unknown:
            self._read_stored(unknown)

    def _read_stored(self, task_ids: list[int]) -> None:
        after = []
        for row in sets.select(self.connection, _TASK_AND_ALARM, _TASK_ALARMS, task_ids):
            *columns, due_at, alarm_id = row
            task = task_state(columns)
            alarm = None if alarm_id is None else Alarm(due_at, alarm_id, task.id)
            self._take_in(task, alarm)
            if '"kind":"after"' in task.schedule_json:
                after.append(task.id)
        for run in map(run_state, sets.select(self.connection, RUN_COLUMNS, _LIVE_RUNS, task_ids)):
            self.tasks[run.task_id].runs[run.id] = run
            self._claims[run.id] = run_claim(run)
        if after:
            source = "dependencies WHERE task_id IN"
            for task_id, needed, outcome in sets.select(self.connection, _AWAITS, source, after):
                self.tasks[task_id].awaits[needed] = outcome
            self._awaited |= {i: dict(self.tasks[i].awaits) for i in after}

    def _take_in(self, task: TaskState, alarm: Alarm | None) -> None:
        self.tasks[task.id] = task
        self._progress[task.id] = task_progress(task)
        if alarm is not None:
            self.alarms[task.id] = alarm
        if task.key is not None:
            self._keys[task.tenant, task.key] = task.id
