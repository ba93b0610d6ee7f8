"""Every task with all that belongs to it, page by page: what examinations go through."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..core.state import GONE, TaskState, wake_at
from .connection import Connection
from .database import Database
from .rows import SELECT_RUNS, SELECT_TASKS, run_state, select_in, task_state
from .sets import blobs

PAGE = 500


@dataclass(frozen=True, slots=True)
class Counted:
    """One task as it is stored.

    Attributes:
        task: with its unfinished runs, without what it waits for.
        blob: its signed entry, None when there is none.
        rings_at: when its alarm rings, None when it has none.
    """

    task: TaskState
    blob: bytes | None
    rings_at: int | None

    def alarm_problem(self, now: int) -> str | None:
        """What is wrong with its alarm, None when it rings as it should.

        One that rings too early does no harm: the task is looked at, and waits again.
        """
        if any(run.status == "executing" for run in self.task.runs.values()):
            return None  # the end of that run looks at the task again
        needed, rings_at = wake_at(self.task, now), self.rings_at
        if needed is not None and rings_at is None:
            return "it has something to do and no alarm, so it would sleep for ever"
        if needed is not None and rings_at is not None and rings_at > needed:
            return "its alarm rings after its time"
        if needed is None and rings_at is not None and rings_at > now:
            return "its alarm rings for nothing"
        return None


def census(
    connection: Connection, condition: str = "1 = 1", *, entries: bool = True
) -> Iterator[Counted]:
    """All tasks, or those that meet a condition in SQL, in the order of their ids.

    Args:
        connection: may write what was counted.
        condition: on the columns of the table `tasks`.
        entries: whether the signed entries are wanted, too.
    """
    last = -1
    page = f"{SELECT_TASKS} WHERE id > ? AND ({condition}) ORDER BY id LIMIT {PAGE}"
    while rows := connection.execute(page, (last,)).fetchall():
        yield from _counted(connection, [task_state(row) for row in rows], entries=entries)
        last = rows[-1][0]


def _counted(connection: Connection, tasks: list[TaskState], *, entries: bool) -> Iterator[Counted]:
    ids = {task.id: task for task in tasks}
    unfinished = f"{SELECT_RUNS} WHERE status IN ('pending', 'executing') AND task_id IN"
    for run in map(run_state, select_in(connection, unfinished, ids)):
        ids[run.task_id].runs[run.id] = run
    alarms = dict(select_in(connection, "SELECT task_id, due_at FROM alarms WHERE task_id IN", ids))
    wanted = {task.entry_id for task in tasks} if entries else ()
    stored = blobs(connection, "scheduler", "entry", wanted) if wanted else {}
    for task in tasks:
        yield Counted(task, stored.get(task.entry_id), alarms.get(task.id))


def callers(connection: Connection, target: str, after: int, limit: int) -> list[int]:
    """The tasks that call something and may run again: their ids, those after an id."""
    gone = ", ".join(f"'{status}'" for status in sorted(GONE))
    rows = connection.execute(
        f"SELECT id FROM tasks WHERE handler = ? AND status NOT IN ({gone}) AND id > ?"
        " ORDER BY id LIMIT ?",
        (target, after, limit),
    )
    return [row[0] for row in rows]


def called(database: Database) -> list[str]:
    """What tasks call, for hints."""
    with database.session() as connection:
        rows = connection.execute("SELECT DISTINCT handler FROM tasks LIMIT 1000")
        return [row[0] for row in rows]
