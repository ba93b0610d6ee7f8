"""Which waiting runs start now: claimed in the same transaction, before anything is called."""

from collections.abc import Mapping
from operator import itemgetter
from types import MappingProxyType

from ..core.decide import claim, claimable
from ..core.deferral import postpone
from ..core.limits import AGEING, rank
from ..core.outcomes import unplannable
from ..core.state import PLANNED, RunState, TaskState
from ..core.work import Start
from . import sets
from .connection import Connection
from .limiter import Limiter, has_limits
from .unit import Unit

_BY_RULE = ", ".join(map(repr, sorted(PLANNED)))
_BY_HAND = f"runs.cause NOT IN ({_BY_RULE})"

_BACKLOG = """
    SELECT runs.task_id FROM runs JOIN tasks ON tasks.id = runs.task_id
    WHERE runs.status = 'pending' AND runs.waits_for IS NULL AND runs.ready_at <= ?
      AND (tasks.status = 'active' OR (tasks.status <> 'quarantined' AND {by_hand}))
      AND ({by_hand} OR tasks.instances IS NULL
           OR (SELECT count(*) FROM runs AS other
               WHERE other.task_id = runs.task_id AND other.status = 'executing')
              < tasks.instances)
      AND ({by_hand} OR tasks.policy LIKE '%"overlap":"allow"%'
           OR NOT EXISTS (SELECT 1 FROM runs AS earlier
               WHERE earlier.task_id = runs.task_id AND earlier.status IN ('pending', 'executing')
                 AND earlier.due_at < runs.due_at AND earlier.cause IN ({planned})))
    ORDER BY {order} runs.ready_at LIMIT ? OFFSET ? /*! FOR UPDATE OF runs SKIP LOCKED */
"""
"""Waiting runs that may start; those behind another run of their task must not crowd them out, and
what somebody else has locked is left to that one."""

_AHEAD = """
    SELECT 1 FROM runs JOIN tasks ON tasks.id = runs.task_id
    LEFT JOIN alarms ON alarms.task_id = runs.task_id
    WHERE runs.status = 'pending' AND runs.ready_at > ?
      AND (tasks.status = 'active' OR (tasks.status <> 'quarantined' AND {by_hand}))
      AND (alarms.due_at IS NULL OR alarms.due_at > runs.ready_at)
    LIMIT 1
"""
"""Runs that were ready before the clock was set back: their alarm has rung already."""

_RANKED = "SELECT 1 FROM tasks WHERE priority <> 0 LIMIT 1"
_BY_RANK = f"runs.ready_at - {AGEING} * tasks.priority,"
"""Looks at every waiting run: asked for only once a task has said how important it is."""


BATCH = 500
"""Runs looked at together when those at the head of the queue wait for their limits."""

MOST_ROUNDS = 8
"""How often in one transaction; the rest follows with the next one."""


class Claims:
    """Hands out attempts as long as there are slots; what is left waits in the database.

    Args:
        incarnation: the life of the service that will make the attempts.
        capacities: how much there is of each resource.
    """

    def __init__(
        self, incarnation: str, capacities: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self.incarnation = incarnation
        self._capacities = capacities
        self.backlog = True
        self._ranked: bool | None = None

    def take(self, unit: Unit, connection: Connection, slots: int) -> list[Start]:
        """Claim up to `slots` runs, the most important and longest waiting first."""
        limiter = Limiter(unit, connection, self._capacities, _BY_HAND)
        claimed: list[tuple[TaskState, RunState]] = []
        sweeping, seen, batch = slots > 0 and self.backlog, 0, slots + 1
        if sweeping:
            limiter.sweep()
        for _ in range(MOST_ROUNDS):
            if sweeping:
                self._load_backlog(unit, connection, batch, seen)
            self._claim(unit, limiter, slots, claimed)
            if not (sweeping and self.backlog) or len(claimed) >= slots:
                break
            seen, batch = seen + batch, max(batch, BATCH)
        return _starts(connection, unit, claimed)

    def _claim(
        self,
        unit: Unit,
        limiter: Limiter,
        slots: int,
        claimed: list[tuple[TaskState, RunState]],
    ) -> None:
        """Claim what the unit has, as far as slots and limits go."""
        special = [task for task in unit.tasks.values() if task.policy_json != "{}"]
        if any('"priority":' in task.policy_json for task in special):
            self._ranked = True
        if slots > 0 and has_limits(special):
            limiter.load_waiting(slots)
        busy = [task for task in unit.tasks.values() if task.runs]
        waiting = [place for task in busy for place in _places(unit, task)]
        waiting.sort(key=itemgetter(0))
        for _, task, run in waiting:
            if len(task.runs) > 1 and not claimable(task, run, unit.now):
                continue  # for one that was claimed just now
            if len(claimed) >= slots:
                self.backlog = True
                break
            if limiter.hold_back(task, run):
                continue
            limiter.take(task)
            unit.record(task, [claim(task, run, unit.now, self.incarnation)])
            claimed.append((task, run))

    def _load_backlog(self, unit: Unit, connection: Connection, batch: int, seen: int) -> None:
        if self._ranked is None:
            found = connection.execute(_RANKED).fetchone()
            self._ranked = found is not None
        statement = _BACKLOG.format(
            order=_BY_RANK if self._ranked else "", by_hand=_BY_HAND, planned=_BY_RULE
        )
        rows = connection.execute(statement, (unit.now, batch, seen)).fetchall()
        ahead = connection.execute(_AHEAD.format(by_hand=_BY_HAND), (unit.now,)).fetchone()
        self.backlog = len(rows) >= batch or ahead is not None
        unit.load(row[0] for row in rows)


def _place(task: TaskState, run: RunState) -> tuple[int, int]:
    """Where it stands among those that wait; what waits for a limit keeps its place."""
    place = rank(task.policy.priority, run.ready_at) if run.rank is None else run.rank
    return (place, run.id)


def _usual(task: TaskState, now: int) -> RunState | None:
    """The only run of a task, when it waits and no rule keeps it: the case of almost every task."""
    if len(task.runs) != 1 or task.policy_json != "{}" or task.status != "active":
        return None
    (run,) = task.runs.values()
    return run if run.status == "pending" and run.ready_at <= now and run.rank is None else None


def _places(unit: Unit, task: TaskState) -> list[tuple[tuple[int, int], TaskState, RunState]]:
    """The task's runs that may start, each with its rank; a task that cannot be read has none."""
    run = _usual(task, unit.now)
    if run is not None:
        return [((run.ready_at, run.id), task, run)]
    try:
        unit.record(task, postpone(task, unit.now))
        return [
            (_place(task, run), task, run)
            for run in task.runs.values()
            if claimable(task, run, unit.now)
        ]
    except Exception as error:  # noqa: BLE001 - one unreadable task must not stop the others
        unit.record(task, unplannable(task, error, unit.now))
        return []


def _starts(
    connection: Connection, unit: Unit, claimed: list[tuple[TaskState, RunState]]
) -> list[Start]:
    if not claimed:
        return []
    wanted = {task.entry_id for task, _ in claimed}
    blobs = unit.entries | unit.known.entries(wanted)
    missing = wanted - blobs.keys()
    if missing:
        blobs |= sets.blobs(connection, "scheduler", "entry", missing)
        for task, _ in claimed:
            if task.next_at is not None and task.entry_id in missing:
                unit.known.keep(task.entry_id, blobs.get(task.entry_id, b""))
    return [_start(task, run, blobs.get(task.entry_id, b"")) for task, run in claimed]


def _start(task: TaskState, run: RunState, blob: bytes) -> Start:
    policy = task.policy
    return Start(
        run_id=run.id,
        fence=run.fence,
        attempt=run.attempt,
        task_id=task.id,
        key=task.key,
        tenant=task.tenant,
        target=task.target,
        entry_id=task.entry_id,
        blob=blob,
        due_at=run.due_at,
        missed=run.missed,
        timeout=policy.timeout,
        priority=policy.priority,
        previous=run.result,
        once=policy.delivery == "at_most_once",
    )
