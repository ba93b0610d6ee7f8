"""Limits over all runs: who holds what now, and whose turn it is when something is given back."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType

from ..core import events as e
from ..core.limits import Limit, Usage, Wait, limits_of, rank
from ..core.state import RunState, TaskState, parse_policy
from .connection import Connection
from .unit import Unit

_HELD = """
    SELECT tasks.handler, tasks.policy, count(*) FROM runs JOIN tasks ON tasks.id = runs.task_id
    WHERE runs.status = 'executing' AND runs.task_id NOT IN (SELECT value FROM json_each(?))
      AND tasks.limited = 1
    GROUP BY tasks.handler, tasks.policy
"""

_MAY_RUN = "(tasks.status = 'active' OR (tasks.status <> 'quarantined' AND {by_hand}))"

_NEXT = f"""
    SELECT runs.task_id FROM runs JOIN tasks ON tasks.id = runs.task_id
    WHERE runs.status = 'pending' AND runs.waits_for = ? AND runs.ready_at <= ? AND {_MAY_RUN}
    ORDER BY runs.rank LIMIT ?
"""

_GROUPS = """
    WITH RECURSIVE groups (name) AS (
        SELECT min(waits_for) FROM runs WHERE status = 'pending' AND waits_for IS NOT NULL
        UNION ALL
        SELECT (SELECT min(waits_for) FROM runs
                WHERE status = 'pending' AND waits_for IS NOT NULL AND waits_for > groups.name)
        FROM groups WHERE groups.name IS NOT NULL)
    SELECT name FROM groups WHERE name IS NOT NULL
"""
"""What runs wait for, each once, without a look at every one of them."""

_FIRST = """
    SELECT min(ready_at) FROM runs
    WHERE status = 'pending' AND waits_for = ? AND ready_at > ?
      AND task_id NOT IN (SELECT value FROM json_each(?))
"""


class Limiter:
    """The limits in one transaction.

    Args:
        unit: the tasks in it.
        connection: inside the write transaction.
        capacities: how much there is of each resource.
        by_hand: SQL that tells runs that people asked for.
    """

    def __init__(
        self,
        unit: Unit,
        connection: Connection,
        capacities: Mapping[str, int] = MappingProxyType({}),
        by_hand: str = "",
    ) -> None:
        self._unit = unit
        self._connection = connection
        self._capacities = capacities
        self._next = _NEXT.format(by_hand=by_hand)
        self._usage: Usage | None = None
        self._rung: set[str] = set()

    def sweep(self) -> None:
        """Load the first of those that wait for each limit."""
        for (name,) in self._connection.execute(_GROUPS).fetchall():
            self._load_next(name, 1)

    def load_waiting(self, slots: int) -> None:
        """Load those whose turn it may be: all that the tasks of this unit share limits with."""
        for limit in self._limits_in_play():
            free = min(slots, self._used(limit).free(limit, self._now))
            self._load_next(limit.name, free + 1)  # one more: it asks for the next turn

    def hold_back(self, task: TaskState, run: RunState) -> bool:
        """Whether the run has to wait; if so, it is written down for what and until when."""
        limits = self._limits(task)
        if not limits:
            return False
        for limit in limits:
            usage = self._used(limit)
        wait = usage.wait(limits, self._now)
        if wait is not None:
            self._defer(task, run, wait)
        return wait is not None

    def take(self, task: TaskState) -> None:
        """Note that a run of the task starts."""
        limits = self._limits(task)
        if not limits:
            return
        for limit in limits:
            self._used(limit).take([limit], self._now)
            if limit.period:
                self._note_start(limit)

    @property
    def _now(self) -> int:
        return self._unit.now

    def _limits(self, task: TaskState) -> tuple[Limit, ...]:
        if task.policy_json == "{}":
            return ()
        return limits_of(task.policy, task.target, self._capacities)

    def _limits_in_play(self) -> list[Limit]:
        found: dict[str, Limit] = {}
        for task in self._unit.tasks.values():
            with suppress(Exception):  # a task that cannot be read limits nobody
                for limit in self._limits(task):
                    known = found.setdefault(limit.name, limit)
                    found[limit.name] = max(known, limit, key=lambda each: each.most)
        return list(found.values())

    def _load_next(self, name: str, most: int) -> None:
        rows = self._connection.execute(self._next, (name, self._now, most)).fetchall()
        self._unit.load(row[0] for row in rows)

    def _defer(self, task: TaskState, run: RunState, wait: Wait) -> None:
        name, ready_at = wait.limit.name, run.ready_at
        if wait.until is not None and not self._rings_by(name, wait.until):
            ready_at = wait.until
            self._rung.add(name)
        if (run.waits_for, run.ready_at) == (name, ready_at):
            return
        place = rank(task.policy.priority, run.ready_at) if run.rank is None else run.rank
        event = e.RunDeferred(
            at=self._now, tenant=task.tenant, task_id=task.id, run_id=run.id,
            ready_at=ready_at, waits_for=name, rank=place,
        )  # fmt: skip
        self._unit.record(task, [event])

    def _rings_by(self, name: str, until: int) -> bool:
        """Whether one of those that wait for a rate is woken in time already."""
        if name in self._rung:
            return True
        known = json.dumps(list(self._unit.tasks))
        (first,) = self._connection.execute(_FIRST, (name, self._now, known)).fetchone()
        waiting = [
            run.ready_at
            for task in self._unit.tasks.values()
            for run in task.runs.values()
            if run.status == "pending" and run.waits_for == name and run.ready_at > self._now
        ]
        return any(at <= until for at in ([] if first is None else [first]) + waiting)

    # ------------------------------------------------------------ what is in use

    def _used(self, limit: Limit) -> Usage:
        """What is in use, at least of this limit."""
        if self._usage is None:
            self._usage = Usage()
            self._count_executing(self._usage)
        if limit.period and limit.name not in self._usage.starts:
            rows = self._connection.execute(
                "SELECT at FROM starts WHERE name = ? ORDER BY at DESC LIMIT ?",
                (limit.name, limit.most),
            ).fetchall()
            self._usage.starts[limit.name] = self._up_to_now(limit.name, [row[0] for row in rows])
        return self._usage

    def _up_to_now(self, name: str, starts: list[int]) -> list[int]:
        """When they were, in order; set back, the clock must not keep them from growing old."""
        if max(starts, default=0) > self._now:
            self._connection.execute(
                "UPDATE starts SET at = ? WHERE name = ? AND at > ?", (self._now, name, self._now)
            )
        return sorted(min(at, self._now) for at in starts)

    def _count_executing(self, usage: Usage) -> None:
        known = json.dumps(list(self._unit.tasks))
        stored = self._connection.execute(_HELD, (known,)).fetchall()
        here = [
            (
                task.target,
                task.policy_json,
                sum(r.status == "executing" for r in task.runs.values()),
            )
            for task in self._unit.tasks.values()
        ]
        for target, policy, count in [*stored, *here]:
            if not count:
                continue
            with suppress(Exception):  # what cannot be read holds nothing that could be counted
                limits = limits_of(parse_policy(policy), target, self._capacities)
                for limit in limits:
                    usage.held[limit.name] += 0 if limit.period else limit.amount * count

    def _note_start(self, limit: Limit) -> None:
        """Write the start down, and forget those that the rate does not look at any more."""
        run = self._connection.execute
        run(
            "INSERT INTO starts (id, name, at) VALUES (?, ?, ?)",
            (self._unit.ids.next("starts"), limit.name, self._now),
        )
        run(
            "DELETE FROM starts WHERE name = ? AND at <= ?",
            (limit.name, self._now - limit.period),
        )


def has_limits(tasks: Iterable[TaskState]) -> bool:
    """Whether any of these tasks says a limit; cheap, and right for those that cannot be read."""
    words = ('"concurrency"', '"rate"', '"resources"')
    return any(word in task.policy_json for task in tasks for word in words)
