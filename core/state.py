"""What a decision needs to know: one task and its unfinished runs, folded from events.

These records are mutable on purpose: a unit of work owns its copies and `evolve` moves them from
event to event. Nobody else changes them; what users see are the frozen `Task` and `Run`. There are
thousands of them in a burst, and no cycles: the garbage collector need not look at any.
"""

import json
from functools import lru_cache
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from .options import checked_policy
from .policy import Policy
from .schedule import Schedule, schedule_from_dict

TaskStatus = Literal[
    "active", "paused", "completed", "failed", "cancelled", "quarantined", "deleted"
]
RunStatus = Literal[
    "pending", "executing", "succeeded", "failed", "timed_out", "cancelled", "skipped"
]

GONE: frozenset[str] = frozenset({"cancelled", "deleted"})
"""Task statuses that somebody asked for: nothing of the task is called any more."""

ENDED: frozenset[str] = frozenset({"completed", "failed", *GONE})
"""Task statuses of tasks that plan nothing any more."""

LIVE: frozenset[str] = frozenset({"pending", "executing"})
"""Run statuses that are not a disposition yet."""

PLANNED: frozenset[str] = frozenset({"schedule", "dependency"})
"""Causes of runs that the task's own rule made."""

TASK_ARROWS: dict[str | None, frozenset[str]] = {
    None: frozenset({"active", "paused"}),
    "active": frozenset({"paused", "completed", "failed", "cancelled", "quarantined", "deleted"}),
    "paused": frozenset({"active", "completed", "failed", "cancelled", "quarantined", "deleted"}),
    "quarantined": frozenset({"active", "completed", "failed", "cancelled", "deleted"}),
    "completed": frozenset({"active", "paused", "quarantined", "deleted"}),
    "failed": frozenset({"active", "paused", "completed", "quarantined", "deleted"}),
    "cancelled": frozenset({"active", "paused", "deleted"}),
    "deleted": frozenset(),
}
"""Where a task may go from each status; None is before its first order. A paused or quarantined
task ends when its last run does; one that has ended is ordered again, resumed, or run by hand."""

RUN_ARROWS: dict[str | None, frozenset[str]] = {
    None: frozenset({"pending", "skipped"}),
    "pending": frozenset({"executing", "cancelled", "failed"}),
    "executing": frozenset({"pending", "succeeded", "failed", "timed_out", "cancelled"}),
    "succeeded": frozenset(),
    "failed": frozenset(),
    "timed_out": frozenset(),
    "cancelled": frozenset(),
    "skipped": frozenset(),
}
"""Where a run may go from each status. It fails without an attempt when what it needs failed."""


class RunState(Struct, gc=False):
    """One occurrence on its way to its disposition. Instants are microseconds, UTC.

    Attributes:
        id: integer id of the run.
        task_id: its task.
        tenant: whose task it is.
        due_at: the planned instant, unique for the task.
        ready_at: when it may start: `due_at`, or later when it waits for a retry.
        status: where it is now.
        cause: why it exists: `schedule`, `dependency` (others ended), `manual` (run now) or `retry`
            (of a failed run).
        reason: why it was skipped, cancelled or held.
        waits_for: the limit that keeps it from starting, None for none.
        rank: its place among those that wait for the same, lower is first.
        attempt: attempts claimed so far.
        fence: rises with every claim; a result with an older one is refused.
        incarnation: the life of the service that claimed it.
        started_at: when the latest attempt began.
        finished_at: when the latest attempt ended.
        error: what went wrong in the latest attempt.
        result: what the latest attempt returned, JSON-able.
        missed: earlier planned instants that this run stands for.
        count: how many occurrences this row stands for (ranges of skipped ones).
    """

    id: int
    task_id: int
    tenant: str
    due_at: int
    ready_at: int
    status: RunStatus = "pending"
    cause: str = "schedule"
    reason: str | None = None
    waits_for: str | None = None
    rank: int | None = None
    attempt: int = 0
    fence: int = 0
    incarnation: str | None = None
    started_at: int | None = None
    finished_at: int | None = None
    error: str | None = None
    result: Any = None
    missed: tuple[int, ...] = ()
    count: int = 1

    @property
    def planned(self) -> bool:
        """Whether the task's own rule made it, and nobody by hand."""
        return self.cause in PLANNED


class TaskState(Struct, gc=False):
    """One task, with its unfinished runs. Instants are microseconds, UTC.

    Attributes:
        id: the `scheduler_id`.
        tenant: whose task it is.
        key: the user's name for it, unique per tenant.
        target: what it calls, in one word.
        entry_id: the row of the signed entry.
        digest: fingerprint of the entry's content.
        schedule_json: the bound schedule.
        policy_json: what differs from the default policy.
        status: where it is in its life.
        reason: why it is paused, cancelled, failed or quarantined.
        next_at: the next planned occurrence.
        planned_until: the latest instant that became a run or a skip; nothing earlier is ever
            planned again, not even after the clock was set back.
        rewinds: how often the clock was set back under it. Its instants are that many
            microseconds later, so that a time that the clock shows again is another occurrence.
        scheduled_at: when the schedule was given.
        last_run_at: when it last succeeded.
        last_status: how its last run ended.
        run_count: runs that were executed to an end.
        created_at: when it was first scheduled.
        updated_at: when an event last changed it.
        created_by: `embedded`, `config`, `cli`, or a name.
        metadata: the user's own JSON.
        last_event: the place in the log of what last happened to it, 0 when nobody knows.
        runs: unfinished runs by id.
        awaits: the tasks it waits for by id, each with how it ended in this round, None before.
    """

    id: int
    tenant: str
    key: str | None
    target: str
    entry_id: int
    digest: str
    schedule_json: str
    policy_json: str
    status: TaskStatus
    reason: str | None
    next_at: int | None
    planned_until: int | None
    rewinds: int
    scheduled_at: int
    last_run_at: int | None
    last_status: str | None
    run_count: int
    created_at: int
    updated_at: int
    created_by: str
    metadata: dict[str, Any]
    last_event: int = 0
    runs: dict[int, RunState] = field(default_factory=dict)
    awaits: dict[int, str | None] = field(default_factory=dict)

    @property
    def schedule(self) -> Schedule:
        """The rule when next."""
        return parse_schedule(self.schedule_json)

    @property
    def policy(self) -> Policy:
        """The rules around the occurrences."""
        return parse_policy(self.policy_json)

    @property
    def name(self) -> str:
        """How people and log lines call it."""
        return self.key if self.key is not None else f"#{self.id}"


_encode = msgspec.json.Encoder(order="sorted").encode


@lru_cache(maxsize=10_000)  # those that ring in turn must all fit; 350 bytes each
def parse_schedule(text: str) -> Schedule:
    """The schedule behind its JSON text; parsed once for equal texts."""
    return schedule_from_dict(msgspec.json.decode(text))


@lru_cache(maxsize=1024)
def parse_policy(text: str) -> Policy:
    """The policy behind its JSON text; parsed once for equal texts."""
    return checked_policy(Policy.from_dict(json.loads(text)))


def to_json(value: Any) -> str:
    """The one JSON form that is stored and compared: compact, sorted."""
    try:
        return _encode(value).decode()
    except (TypeError, UnicodeEncodeError, RecursionError):  # such as a number for a name
        return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def to_json_bytes(value: Any) -> bytes:
    """The same, of values that may hold half a character, which no text in a database may."""
    try:
        return _encode(value)
    except (TypeError, UnicodeEncodeError, RecursionError):
        return to_json(value).encode(errors="surrogatepass")


def wake_at(task: TaskState, now: int) -> int | None:
    """When the task must next be looked at: its occurrence or a waiting retry, None for never.

    Runs that are ready but wait for a free slot need no alarm: the slot that frees up takes them.
    """
    if task.status == "quarantined":
        return None  # it holds all its runs until it is resumed
    if not task.runs:
        return task.next_at if task.status == "active" else None
    waiting = [r.ready_at for r in task.runs.values() if r.status == "pending" and r.ready_at > now]
    if task.status != "active":
        waiting = [
            r.ready_at
            for r in task.runs.values()
            if r.status == "pending" and r.ready_at > now and not r.planned
        ]
    elif task.next_at is not None:
        waiting.append(task.next_at)
    return min(waiting) if waiting else None
