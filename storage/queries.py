"""Reading for people: tasks, runs and events. Reads never change anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import fn

from ..core.clock import from_instant, to_instant
from ..core.commands import DEFAULT_TENANT, TaskRef
from ..core.errors import InvalidSchedule, UnknownRun, UnknownTask
from ..core.events import SERVICE, ClockStepped, Event
from ..core.hints import did_you_mean
from ..core.run import Run
from ..core.task import Task
from .blocks import rows_in_order
from .database import Database
from .drafts import storable
from .horizons import HISTORY, pruned_until
from .ids import LARGEST
from .models import AlarmTable, EventTable, RunTable, TaskTable
from .rows import EVENT_COLUMNS, RUN_COLUMNS, TASK_COLUMNS, event_of, run_state, task_state

LOOKED_AT = 1_000
"""Events that are looked at to find when something was recorded last."""


@dataclass(frozen=True, slots=True)
class Logged:
    """An event with its place in the log.

    Attributes:
        id: rises by one with every event.
        event: what happened.
    """

    id: int
    event: Event


class Queries:
    """What is stored, as public values.

    Args:
        database: migrated already.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def task(self, ref: TaskRef, tenant: str) -> Task:
        """The task with this key or id; a key of digits wins over an id.

        Raises:
            UnknownTask: there is none; the message names the nearest key.
        """
        wanted = ref if isinstance(ref, str | int) else ref.id
        mine, found = TaskTable.tenant == tenant, list[Task]()
        if isinstance(wanted, str) and storable(wanted):
            found = self._tasks(mine, TaskTable.key == wanted)
        task_id = _as_id(wanted)
        if not found and task_id is not None:
            found = self._tasks(mine, TaskTable.id == task_id)
        if not found:
            hint = did_you_mean(wanted, self._keys(tenant))
            raise UnknownTask(f"no task {wanted!r}{hint}")
        return found[0]

    def tasks(
        self,
        tenant: str | None = None,
        *,
        status: Sequence[str] = (),
        created_by: str | None = None,
        limit: int | None = None,
    ) -> list[Task]:
        """Tasks in the order of their ids.

        Args:
            tenant: only this one's, None for all.
            status: only these, empty for all but deleted ones.
            created_by: only those ordered by this one.
            limit: at most so many.
        """
        wanted: list[Any] = []
        if tenant is not None:
            wanted.append(TaskTable.tenant == tenant)
        if status:
            wanted.append(TaskTable.status.in_(list(status)))
        else:
            wanted.append(TaskTable.status != "deleted")
        if created_by is not None:
            wanted.append(TaskTable.created_by == created_by)
        return self._tasks(*wanted, limit=limit)

    def count_tasks(self, tenant: str | None = None) -> dict[str, int]:
        """How many tasks there are, by status; of one tenant, None for all."""
        query = TaskTable.select(TaskTable.status, fn.COUNT(TaskTable.id)).where(
            TaskTable.status != "deleted"
        )
        if tenant is not None:
            query = query.where(TaskTable.tenant == tenant)
        return dict(self._database.fetch(query.group_by(TaskTable.status)))

    def with_keys(self, keys: Sequence[str], tenant: str = DEFAULT_TENANT) -> list[Task]:
        """The tasks of one tenant that have one of these keys."""
        return self._tasks(TaskTable.tenant == tenant, TaskTable.key.in_(list(keys)))

    def next_tasks(self, tenant: str | None, limit: int) -> list[Task]:
        """The active tasks that run next, soonest first."""
        wanted: list[Any] = [TaskTable.status == "active", TaskTable.next_run_at.is_null(False)]
        if tenant is not None:
            wanted.append(TaskTable.tenant == tenant)
        return self._tasks(*wanted, limit=limit, order=TaskTable.next_run_at)

    def ahead(self) -> tuple[int, datetime | None]:
        """How many runs wait to be started, and when the next alarm rings."""
        pending = RunTable.select(fn.COUNT(RunTable.id)).where(RunTable.status == "pending")
        [(waiting,)] = self._database.fetch(pending)
        [(due_at,)] = self._database.fetch(AlarmTable.select(fn.MIN(AlarmTable.due_at)))
        return waiting, None if due_at is None else from_instant(due_at)

    def run(self, run_id: int) -> Run:
        """The run with this id.

        Raises:
            UnknownRun: there is none.
        """
        query = RunTable.select(*_columns(RunTable, RUN_COLUMNS)).where(RunTable.id == run_id)
        rows = self._database.fetch(query)
        if not rows:
            raise UnknownRun(f"no run with the id {run_id}")
        return Run.from_state(run_state(rows[0]))

    def runs(
        self,
        tenant: str | None = None,
        *,
        task_id: int | None = None,
        status: Sequence[str] = (),
        limit: int = 50,
    ) -> list[Run]:
        """Runs, the latest first.

        Args:
            tenant: only this one's, None for all.
            task_id: only this task's.
            status: only these, empty for all.
            limit: at most so many.
        """
        query = RunTable.select(*_columns(RunTable, RUN_COLUMNS))
        if tenant is not None:
            query = query.where(RunTable.tenant == tenant)
        if status:
            query = query.where(RunTable.status.in_(list(status)))
        rows = rows_in_order(self._database, query, task_id, limit=limit, latest=True)
        return [Run.from_state(run_state(row)) for row in rows]

    def runs_near(self, task_id: int, at: datetime, limit: int = 1_000) -> list[Run]:
        """What may tell of one planned moment of a task: its run, those before it, those after it.

        Args:
            task_id: the task.
            at: the moment.
            limit: so many before it, and so many after it.

        Raises:
            InvalidSchedule: the moment has no time zone.
        """
        if at.tzinfo is None:
            raise InvalidSchedule(f"{at} has no time zone: use an aware datetime")
        instant, query = to_instant(at), RunTable.select(*_columns(RunTable, RUN_COLUMNS))
        mine = query.where(RunTable.task_id == task_id, RunTable.due_at == instant)
        rows = self._database.fetch(mine)
        for latest, side in ((True, RunTable.due_at < instant), (False, RunTable.due_at > instant)):
            rows += rows_in_order(
                self._database, query.where(side), task_id, limit=limit, latest=latest
            )
        return [Run.from_state(run_state(row)) for row in rows]

    def events(
        self,
        tenant: str | None = None,
        *,
        task_id: int | None = None,
        after: int = 0,
        limit: int = 100,
        latest: bool = False,
    ) -> list[Logged]:
        """Events in the order in which they happened.

        Args:
            tenant: only this one's and the service's own, None for all.
            task_id: only this task's.
            after: only those whose id is greater.
            limit: at most so many: the first ones, or the last ones with `latest`.
            latest: which end of the log the limit keeps.
        """
        query = EventTable.select(*_columns(EventTable, EVENT_COLUMNS))
        if tenant is not None:
            query = query.where(EventTable.tenant << [tenant, SERVICE])
        rows = rows_in_order(
            self._database, query, task_id, limit=limit, latest=latest, after=after
        )
        return [Logged(row[0], event_of(row)) for row in sorted(rows)]

    def last_recorded(self) -> int | None:
        """The latest instant among the last events since the clock was set, None without events.

        Who writes without a service does not look at the clock: the very last one is not enough.
        """
        query = EventTable.select(EventTable.at, EventTable.type)
        rows = self._database.fetch(query.order_by(EventTable.id.desc()).limit(LOOKED_AT))
        stepped = next((n for n, row in enumerate(rows) if row[1] == ClockStepped.type), len(rows))
        return max((row[0] for row in rows[: stepped + 1]), default=None)

    def pruned_until(self) -> datetime | None:
        """The instant before which the history of runs is not kept any more, None for none."""
        with self._database.session() as connection:
            instant = pruned_until(connection, HISTORY)
        return None if instant is None else from_instant(instant)

    def has_entries(self) -> bool:
        """Whether anything was ever stored."""
        with self._database.session() as connection:
            return connection.execute("SELECT 1 FROM scheduler LIMIT 1").fetchone() is not None

    def _tasks(
        self, *wanted: Any, limit: int | None = None, order: Any = TaskTable.id
    ) -> list[Task]:
        query = TaskTable.select(*_columns(TaskTable, TASK_COLUMNS)).order_by(order)
        if wanted:
            query = query.where(*wanted)
        if limit is not None:
            query = query.limit(limit)
        return [Task.from_state(task_state(row)) for row in self._database.fetch(query)]

    def _keys(self, tenant: str) -> list[str]:
        query = TaskTable.select(TaskTable.key).where(
            TaskTable.tenant == tenant, TaskTable.key.is_null(False)
        )
        return [row[0] for row in self._database.fetch(query.limit(500))]


def _as_id(wanted: str | int) -> int | None:
    """The id that is meant by a number, or by text such as "12" or "#12"."""
    if isinstance(wanted, str):
        text = wanted.removeprefix("#")
        wanted = int(text) if text.isdecimal() and len(text) < 20 else -1
    return wanted if 0 < wanted <= LARGEST else None


def _columns(table: Any, names: Sequence[str]) -> list[Any]:
    return [getattr(table, name) for name in names]
