"""Pruning by snapshot: what is old enough leaves, and what follows from it stays.

First old runs lose their rows, then old events are folded into the snapshots of their tasks and
leave the log. Both go through the log in order, in batches so small that the writer is never held
for long; a mark in the same transaction says how far that went. What is written is prepared before
the transaction begins: the old end of the log never changes.
"""

from collections.abc import Iterable, Sequence

from ..core.clock import DAY, HOUR
from ..core.events import Event
from ..core.evolve import ends_run
from ..core.retention import Keep
from ..core.state import ENDED, TaskState
from .connection import Connection
from .database import Database
from .dialect import Permission, always
from .folding import advance
from .horizons import (
    EVENTS,
    HISTORY,
    horizon,
    move_horizon,
    save_snapshots,
    snapshot_row,
    snapshots_of,
)
from .pace import Pace
from .rows import SELECT_EVENTS, event_of, select_in

_UNHEARD = (
    "type = 'HandlerEvent' AND (id > (SELECT coalesce(min(position), id) FROM positions)"
    " OR id IN (SELECT event_id FROM deliveries))"
)
"""Events that somebody who listens has not heard of."""

_HEARD = "heard"
_HEARD_AT_LAST = f"""
    SELECT id FROM events WHERE type = 'HandlerEvent' AND id <= ? AND NOT ({_UNHEARD}) LIMIT ?
"""


class Retention:
    """Prunes one database, batch by batch.

    Args:
        database: migrated already.
        keep: what is kept for how long.
        may_commit: whether its writer may still store anything; one that was replaced may not.

    Attributes:
        pace: how long the writer was held, and how much the next batch takes.
    """

    def __init__(self, database: Database, keep: Keep, may_commit: Permission = always) -> None:
        self._database = database
        self._keep = keep
        self._may_commit = may_commit
        self._quiet_until = 0
        self._ripe_at: dict[str, int] = {}
        self._targets: dict[str, int] = {}
        self.pace: Pace = Pace()

    def step(self, now: int) -> bool:
        """Prune one batch. Returns whether there is more to do at once."""
        if self._keep.history is None or now < self._quiet_until:
            return False
        with self._database.session() as connection:
            if self._is_young(connection, now):
                return False
            history = self._target(connection, HISTORY, self._keep.history, now)
            if history is not None:
                self._prune_history(history)
                return True
            events = self._target(connection, EVENTS, self._keep.events, now)
            if events is not None:
                self._prune_events(events)
                return True
            return self._prune_heard(connection, now)

    # ------------------------------------------------------------ how far

    def _is_young(self, connection: Connection, now: int) -> bool:
        """Whether even the oldest event is younger than the shortest time that something is kept.

        One short look, so that a service that has not been there for long does not ask for more.
        """
        keep = self._keep.history or 0
        oldest = _oldest(connection, 0)
        ripe_at = now + 1 if oldest is None else oldest + keep + 1
        if ripe_at <= now:
            return False
        self._quiet_until = _look_again(ripe_at, keep, now)
        return True

    def _target(self, connection: Connection, name: str, keep: int | None, now: int) -> int | None:
        """Up to which event to prune, None when that is done.

        What was found is remembered: as long as nothing can have become old, nothing is read.
        """
        if keep is None or now < self._ripe_at.get(name, now):
            return None
        position = horizon(connection, name)
        if position >= self._targets.get(name, 0):
            self._targets[name] = self._last_before(connection, position, now - keep)
        limit = self._targets[name]
        if name == EVENTS:  # the history needs the end of each run that it has a row of
            limit = min(limit, horizon(connection, HISTORY))
        if limit > position:
            return limit
        self._ripe_at[name] = self._next_ripe(connection, position, keep, now)
        return None

    @staticmethod
    def _last_before(connection: Connection, low: int, cutoff: int) -> int:
        """The last event that happened before an instant, found by halving.

        Where the clock was set meanwhile, it is one of the places where the log turns younger.
        """
        row = connection.execute("SELECT max(id) FROM events").fetchone()
        latest = "SELECT id, at FROM events WHERE id <= ? AND id > ? ORDER BY id DESC LIMIT 1"
        last, high = low, row[0] or 0
        while low < high:
            middle = (low + high + 1) // 2
            found = connection.execute(latest, (middle, low)).fetchone()
            if found is not None and found[1] >= cutoff:
                high = found[0] - 1
                continue
            low = middle
            last = found[0] if found else last
        return last

    @staticmethod
    def _next_ripe(connection: Connection, position: int, keep: int, now: int) -> int:
        """When the next event can have become old."""
        oldest = _oldest(connection, position)
        return _look_again(now if oldest is None else oldest + keep + 1, keep, now)

    # ------------------------------------------------------------ what leaves

    def _prune_history(self, target: int) -> None:
        with self._database.snapshot() as connection:
            after = horizon(connection, HISTORY)
            batch = self._read(connection, after, target)
        if not batch:
            return
        ended = [(event.run_id,) for _, event in batch if ends_run(event)]
        with self._database.transaction(self._may_commit) as connection:
            started = self.pace.start()
            if horizon(connection, HISTORY) != after:
                return  # it was pruned meanwhile
            connection.executemany("DELETE FROM runs WHERE id = ?", ended)
            move_horizon(connection, HISTORY, batch[-1][0], batch[-1][1].at)
        self.pace.finish(started)

    def _prune_events(self, target: int) -> None:
        with self._database.snapshot() as connection:  # a predecessor may still be committing
            after = horizon(connection, EVENTS)
            batch = self._read(connection, after, target)
            tasks, replaced = _fold(connection, batch)
        if not batch:
            return
        last, latest = batch[-1]
        snapshots = {task.id: snapshot_row(task) for task in tasks.values()}
        with self._database.transaction(self._may_commit) as connection:
            started = self.pace.start()
            if horizon(connection, EVENTS) != after:
                return  # it was pruned meanwhile
            gone = _leaving(connection, tasks.values())
            save_snapshots(connection, [snapshots[i] for i in snapshots if i not in gone])
            connection.execute(
                f"DELETE FROM events WHERE id > ? AND id <= ? AND NOT ({_UNHEARD})", (after, last)
            )
            _remove(connection, [*replaced, *(tasks[i].entry_id for i in gone)], gone)
            move_horizon(connection, EVENTS, last, latest.at)
        self.pace.finish(started)

    def _prune_heard(self, connection: Connection, now: int) -> bool:
        """Remove what was kept only because somebody had not heard of it."""
        if now < self._ripe_at.get(_HEARD, now):
            return False
        limits = (horizon(connection, EVENTS), self.pace.size)
        heard = connection.execute(_HEARD_AT_LAST, limits).fetchall()
        if not heard:
            self._ripe_at[_HEARD] = now + HOUR
            return False
        with self._database.transaction(self._may_commit):
            started = self.pace.start()
            connection.executemany("DELETE FROM events WHERE id = ?", heard)
        self.pace.finish(started)
        return True

    def _read(self, connection: Connection, after: int, target: int) -> list[tuple[int, Event]]:
        """The next batch of the log; nothing when somebody was faster."""
        statement = f"{SELECT_EVENTS} WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
        rows = connection.execute(statement, (after, target, self.pace.size)).fetchall()
        return [(row[0], event_of(row)) for row in rows]


def _oldest(connection: Connection, after: int) -> int | None:
    """About when the first event after a place in the log happened, None when there is none.

    One of a time when the clock was wrong must not pass for it: a few are looked at.
    """
    first = "SELECT at FROM events WHERE id > ? ORDER BY id LIMIT 100"
    few = connection.execute(f"SELECT min(at) FROM ({first}) AS few", (after,))
    found: int | None = few.fetchone()[0]
    return found


def _look_again(ripe_at: int, keep: int, now: int) -> int:
    """When something becomes old: not at once for each event, and within a day, come what may.

    An event of a time when the clock was wrong may lie years ahead.
    """
    return min(max(ripe_at, now + min(keep // 100, HOUR)), now + DAY)


def _fold(
    connection: Connection, batch: Sequence[tuple[int, Event]]
) -> tuple[dict[int, TaskState], list[int]]:
    """The snapshots that a batch moves on, and the entries that it replaced by others."""
    tasks = snapshots_of(connection, {event.task_id for _, event in batch})
    replaced: list[int] = []
    for event_id, event in batch:
        if not event.task_id:
            continue  # it concerns the service
        before = tasks.get(event.task_id)
        entry_id = before.entry_id if before else None
        task, _ = advance(before, event, event_id)
        tasks[task.id] = task
        if entry_id is not None and task.entry_id != entry_id:
            replaced.append(entry_id)
    return tasks, replaced


def _leaving(connection: Connection, tasks: Iterable[TaskState]) -> set[int]:
    """The tasks of which nothing is left to tell, and that nobody can name any more."""
    ended = {
        task.id: task.last_event
        for task in tasks
        if not task.runs
        and (task.status == "deleted" or (task.key is None and task.status in ENDED))
    }
    if not ended:
        return set()
    lives_on = dict(select_in(connection, "SELECT id, last_event FROM tasks WHERE id IN", ended))
    needed = "SELECT depends_on FROM dependencies WHERE depends_on IN"
    kept = {i for i, last in ended.items() if lives_on.get(i, 0) > last}
    return ended.keys() - kept - {row[0] for row in select_in(connection, needed, ended)}


def _remove(connection: Connection, entries: Iterable[int], tasks: Iterable[int]) -> None:
    connection.executemany("DELETE FROM scheduler WHERE id = ?", [(i,) for i in entries])
    ids = [(i,) for i in tasks]
    connection.executemany("DELETE FROM tasks WHERE id = ?", ids)
    connection.executemany("DELETE FROM dependencies WHERE task_id = ?", ids)
    connection.executemany("DELETE FROM snapshots WHERE task_id = ?", ids)
