"""Which tasks run after which: stored as pairs, found by either end."""

from collections.abc import Collection, Iterator

from ..core.dependencies import (
    Ended,
    depend,
    dependency_ended,
    endings,
    find_cycle,
    is_end,
)
from ..core.errors import UnknownTask
from ..core.events import Event
from ..core.outcomes import unplannable
from ..core.schedule import After, Schedule
from ..core.state import TaskState
from .lookup import the_task
from .rows import select_in
from .unit import Unit

_NEEDED = "SELECT depends_on, task_id FROM dependencies WHERE task_id IN"
_WAITING = "SELECT depends_on, task_id FROM dependencies WHERE depends_on IN"


class Links:
    """The dependencies of one unit of work.

    Args:
        unit: holds the tasks; what it changed already counts.
    """

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._seen = 0

    def check(self, task: TaskState | None, schedule: Schedule, tenant: str) -> None:
        """See that a task, None for a new one, may run on this schedule.

        Raises:
            UnknownTask: it names a task that does not exist.
            DependencyCycle: the task would wait for itself.
        """
        needed = self._named(schedule, tenant)
        if needed and task is not None:
            find_cycle(task.id, needed, self._needed_by)

    def connect(self, task: TaskState) -> None:
        """Let the task wait for what its schedule names.

        Raises:
            UnknownTask: it names a task that does not exist.
            DependencyCycle: the task would wait for itself.
        """
        if not task.awaits and '"kind":"after"' not in task.schedule_json:
            return
        needed = self._named(task.schedule, task.tenant)
        if needed:
            find_cycle(task.id, needed, self._needed_by)
        self._unit.record(task, depend(task, needed, self._unit.now))

    def moved(self, task: TaskState | None, schedule: Schedule) -> bool:
        """Whether the names of an unchanged schedule mean other tasks by now."""
        if task is None or not isinstance(schedule, After):
            return False
        try:
            return set(self._named(schedule, task.tenant)) != task.awaits.keys()
        except UnknownTask:  # it may come with the same message; else the order is refused later
            return False

    def _named(self, schedule: Schedule, tenant: str) -> tuple[int, ...]:
        names = schedule.tasks if isinstance(schedule, After) else ()
        tasks = [the_task(self._unit, name, tenant) for name in names]
        for task in tasks:
            if task.status == "deleted":
                raise UnknownTask(f"task {task.name} was deleted: nothing can run after it")
        return tuple(dict.fromkeys(task.id for task in tasks))

    def cascade(self) -> None:
        """Tell those that wait what ended in this unit, and those that wait for them in turn."""
        unit, fresh = self._unit, self._unit.ids.stream("runs")
        while news := self._news():
            waiting = self._waiting_for({event.task_id for event in news})
            unit.load(task_id for ids in waiting.values() for task_id in ids)
            heard = [event for event in news if event.task_id in waiting]
            for each in endings(heard, unit.tasks):
                for task_id in sorted(waiting.get(each.task_id, ())):
                    self._tell(unit.tasks[task_id], each, fresh)

    def _tell(self, task: TaskState, ended: Ended, fresh: Iterator[int]) -> None:
        unit = self._unit
        try:
            events = dependency_ended(task, ended, unit.now, fresh)
        except Exception as error:  # noqa: BLE001 - one unreadable task must not stop the others
            events = unplannable(task, error, unit.now)
        unit.record(task, events)

    def _news(self) -> list[Event]:
        """What ended since the last look."""
        fresh = self._unit.events[self._seen :]
        self._seen += len(fresh)
        return [event for event in fresh if is_end(event)]

    def _waiting_for(self, task_ids: Collection[int]) -> dict[int, set[int]]:
        """Those that wait, by what they wait for: as stored, and as changed in this unit."""
        found: dict[int, set[int]] = {}
        linked = self._unit.linked()
        rows = select_in(self._unit.connection, _WAITING, task_ids) if linked else []
        for needed, task_id in rows:
            if task_id not in self._unit.tasks:
                found.setdefault(needed, set()).add(task_id)
        waiting = [task for task in self._unit.tasks.values() if task.awaits]
        for task in waiting:
            for needed in task.awaits.keys() & set(task_ids):
                found.setdefault(needed, set()).add(task.id)
        return found

    def _needed_by(self, task_ids: Collection[int]) -> set[int]:
        loaded = {i for i in task_ids if i in self._unit.tasks}
        found = {needed for i in loaded for needed in self._unit.tasks[i].awaits}
        rows = select_in(self._unit.connection, _NEEDED, set(task_ids) - loaded)
        return found | {needed for needed, _ in rows}
