"""The heart: what a command means for a task, as events. Pure, so every rule is a table of cases.

Each function takes the task as it is, the present instant (microseconds, UTC) and, where it makes
runs, a supply of fresh run ids. It returns the events that follow and changes nothing. No events
means that nothing is to be done.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field

from . import events as e
from .deferral import is_open
from .dependencies import dependencies_met
from .errors import InvalidTask, TaskEnded
from .limits import rank
from .missed import INEXACT
from .occurrences import due_occurrences, first_occurrence
from .once import Now
from .options import checked_policy
from .overlap import may_join
from .planning import plan
from .policy import Policy
from .schedule import Schedule
from .state import ENDED, GONE, RunState, TaskState, parse_policy, to_json

_NOW = to_json(Now().to_dict())
"""How "as soon as possible" is written before it is bound."""


class NewTask(Struct, gc=False):
    """A `NewEntry` made ready: its schedule as asked, its entry as it would be stored.

    Attributes:
        schedule: the rule as it was written, not bound yet.
        timezone: the zone of schedules and phrases that name none.
        entry_id: the row that the entry gets if it is stored.
        digest: fingerprint of the entry's content.
        policy_json: what differs from the default policy.
        relinked: whether what it runs after is another task by now, under the same name.
    """

    tenant: str
    key: str | None
    target: str
    entry_id: int
    digest: str
    schedule: Schedule
    timezone: str
    policy_json: str
    created_by: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    paused: bool = False
    revive: bool = True
    relinked: bool = False
    _bound: Schedule | None = None

    def bound(self, now: int) -> Schedule:
        """The schedule as it is meant at this moment, always the same one.

        Raises:
            InvalidSchedule: the rule makes no sense at that moment.
        """
        if self._bound is None:
            self._bound = self.schedule.bind(now, self.timezone)
        return self._bound


def schedule_task(new: NewTask, task: TaskState | None, now: int) -> list[e.Event]:
    """Create the task, update it, or leave it alone when nothing about it changed."""
    if task is None:
        return [_scheduled(new, new.entry_id, None, now)]
    if task.status == "cancelled":
        return [_scheduled(new, task.id, task.planned_until, now)] if new.revive else []
    if not new.relinked and _same_schedule(new, task, now) and _same_rest(new, task):
        return []
    if task.status in ENDED:
        return [_scheduled(new, task.id, task.planned_until, now)]
    return [_redefined(new, task, now), *_reranked(task, parse_policy(new.policy_json), now)]


def pause(task: TaskState, reason: str | None, now: int) -> list[e.Event]:
    """Stop planning occurrences; a run that is executing goes on.

    A task that was stored paused has no reason yet: it may be given one.
    """
    _refuse_ended(task, "paused")
    if task.status == "quarantined":
        return []
    if task.status == "paused" and (task.reason is not None or reason is None):
        return []
    return [e.TaskPaused(at=now, tenant=task.tenant, task_id=task.id, reason=reason)]


def resume(
    task: TaskState, now: int, ids: Iterator[int], *, catch_up: bool = False
) -> list[e.Event]:
    """Go on; also with a recurring task that failed and was disabled.

    What a recurring task missed meanwhile is recorded as skipped; with `catch_up`, its policy
    decides what of it still runs, as after a downtime.
    """
    if task.status == "active":
        return []
    if task.status != "failed":
        _refuse_ended(task, "resumed")
    _require_readable(task)
    if task.status == "failed":
        return [_revived(task, now)]
    next_at, events = task.next_at, list[e.Event]()
    passed = next_at is not None and next_at <= now and task.schedule.recurring
    if next_at is not None and passed and not catch_up:
        skipped = _skip_until_now(task, next_at, now, next(ids))
        next_at, events = skipped.next_at, [skipped]
    resumed = e.TaskResumed(at=now, tenant=task.tenant, task_id=task.id, next_at=next_at)
    return [*events, resumed, *dependencies_met(task, now, ids)]


def cancel(task: TaskState, reason: str | None, now: int) -> list[e.Event]:
    """End the task and every run that waits; executing ones are asked to stop."""
    if task.status in ENDED:
        return []
    common: dict[str, Any] = {"at": now, "tenant": task.tenant, "task_id": task.id}
    runs = _called_off(task, reason or "the task was cancelled", now)
    return [*runs, e.TaskCancelled(**common, reason=reason)]


def delete(task: TaskState, reason: str | None, now: int) -> list[e.Event]:
    """Take the task from the lists and free its key; what waits or runs ends as in `cancel`."""
    if task.status == "deleted":
        return []
    common: dict[str, Any] = {"at": now, "tenant": task.tenant, "task_id": task.id}
    runs = _called_off(task, reason or "the task was deleted", now)
    return [*runs, e.TaskDeleted(**common, key=task.key, reason=reason)]


def update(
    task: TaskState,
    now: int,
    *,
    schedule: Schedule | None,
    policy: Mapping[str, Any] | None,
    metadata: Mapping[str, Any] | None,
    timezone: str = "UTC",
) -> list[e.Event]:
    """Change parts of the definition. `schedule` is bound; `policy` holds what changes."""
    _refuse_ended(task, "updated")
    merged, reranked = None, list[e.Event]()
    if policy is not None:
        changed = Policy.from_dict({**task.policy.to_dict(), **policy})
        reranked = _reranked(task, changed, now)
        merged = to_json(checked_policy(changed).bound(timezone).to_dict())
    next_at = task.next_at
    if schedule is not None:
        next_at = first_occurrence(schedule, now, task.planned_until)
    return [
        e.TaskUpdated(
            at=now, tenant=task.tenant, task_id=task.id, next_at=next_at,
            schedule=None if schedule is None else to_json(schedule.to_dict()),
            policy=merged, metadata=None if metadata is None else as_json(metadata),
        ),
        *reranked,
    ]  # fmt: skip


def run_now(
    task: TaskState,
    now: int,
    ids: Iterator[int],
    *,
    cause: str = "manual",
    reason: str | None = None,
) -> list[e.Event]:
    """Add a run beside the schedule."""
    if task.status in GONE:
        raise TaskEnded(f"task {task.name} is {task.status}: schedule it again to run it")
    due_at = now + task.rewinds
    if task.planned_until is not None:
        due_at = max(due_at, task.planned_until + 1)
    while task.next_at is not None and due_at - task.rewinds == _planned_from(
        task, due_at - task.rewinds
    ):
        due_at += 1  # that instant belongs to the schedule
    return [
        e.RunPlanned(
            at=now, tenant=task.tenant, task_id=task.id, run_id=next(ids),
            due_at=due_at, ready_at=now, next_at=task.next_at, cause=cause, reason=reason,
        )
    ]  # fmt: skip


def trigger(task: TaskState, now: int, ids: Iterator[int]) -> list[e.Event]:
    """The task's alarm rang: plan what is due."""
    return plan(task, now, ids) if task.status == "active" else []


def claimable(task: TaskState, run: RunState, now: int) -> bool:
    """Whether the waiting run may start now, a free slot given."""
    if run.status != "pending" or run.ready_at > now:
        return False
    if task.status != "active" and run.planned:
        return False
    if task.status == "quarantined":
        return False
    return may_join(task, run) and is_open(task, run, now)


def claim(task: TaskState, run: RunState, now: int, incarnation: str) -> e.RunStarted:
    """Take the run: the attempt exists from this event on, before anything is called."""
    return e.RunStarted(
        at=now, tenant=task.tenant, task_id=task.id, run_id=run.id,
        attempt=run.attempt + 1, fence=run.fence + 1, incarnation=incarnation,
    )  # fmt: skip


def _called_off(task: TaskState, reason: str, now: int) -> list[e.Event]:
    """The end of every run that waits."""
    return [
        e.RunCancelled(
            at=now, tenant=task.tenant, task_id=task.id, run_id=run.id, reason=reason
        )
        for run in task.runs.values()
        if run.status == "pending"
    ]  # fmt: skip


def _planned_from(task: TaskState, instant: int) -> int | None:
    """The first instant that the schedule may plan, not before `instant`."""
    if task.next_at is None or instant <= task.next_at:
        return task.next_at
    return task.schedule.next_instant(instant - 1)


def _scheduled(new: NewTask, task_id: int, planned_until: int | None, now: int) -> e.TaskScheduled:
    bound = new.bound(now)
    return e.TaskScheduled(
        at=now, tenant=new.tenant, task_id=task_id, key=new.key, target=new.target,
        entry_id=new.entry_id, digest=new.digest, schedule=to_json(bound.to_dict()),
        policy=new.policy_json,
        next_at=first_occurrence(bound, now, planned_until),
        created_by=new.created_by, paused=new.paused, metadata=dict(new.metadata),
    )  # fmt: skip


def _redefined(new: NewTask, task: TaskState, now: int) -> e.TaskUpdated:
    same_schedule, same_entry = _same_schedule(new, task, now), new.digest == task.digest
    bound = new.bound(now)
    next_at = task.next_at if same_schedule else first_occurrence(bound, now, task.planned_until)
    return e.TaskUpdated(
        at=now, tenant=task.tenant, task_id=task.id, next_at=next_at,
        schedule=None if same_schedule else to_json(bound.to_dict()),
        target=None if same_entry else new.target,
        entry_id=None if same_entry else new.entry_id,
        digest=None if same_entry else new.digest,
        policy=new.policy_json,
        metadata=dict(new.metadata),
    )  # fmt: skip


def _reranked(task: TaskState, policy: Policy, now: int) -> list[e.Event]:
    """New places, by the new priority, for the runs that wait for a limit."""
    parked = [r for r in task.runs.values() if r.waits_for is not None and r.rank is not None]
    if not parked or policy.priority == task.policy.priority:
        return []
    moved = rank(policy.priority, 0) - rank(task.policy.priority, 0)
    return [
        e.RunDeferred(
            at=now, tenant=task.tenant, task_id=task.id, run_id=run.id, ready_at=run.ready_at,
            waits_for=run.waits_for or "", rank=(run.rank or 0) + moved,
        )
        for run in parked
    ]  # fmt: skip


def _same_schedule(new: NewTask, task: TaskState, now: int) -> bool:
    """Whether the rule is the one the task has.

    "Now" is always new; a phrase is new when it means another instant than it did.
    """
    written = to_json(new.schedule.to_dict())
    if written == _NOW:
        return False
    bound = new.schedule.bind(now if '"phrase":' in written else task.scheduled_at, new.timezone)
    return to_json(bound.to_dict()) == task.schedule_json


def _same_rest(new: NewTask, task: TaskState) -> bool:
    return (
        new.digest == task.digest
        and new.policy_json == task.policy_json
        and dict(new.metadata) == task.metadata
    )


def _skip_until_now(task: TaskState, next_at: int, now: int, run_id: int) -> e.OccurrenceSkipped:
    due = due_occurrences(task.schedule, next_at, now)
    before, exact = (0, True) if due.passed is None else (due.passed.count, due.passed.exact)
    return e.OccurrenceSkipped(
        at=now, tenant=task.tenant, task_id=task.id, run_id=run_id,
        due_at=next_at + task.rewinds, until=due.instants[-1] + task.rewinds,
        count=before + len(due.instants), next_at=due.next_at,
        reason=f"{task.status} at the time{'' if exact else INEXACT}",
    )  # fmt: skip


def _revived(task: TaskState, now: int) -> e.TaskResumed:
    if not task.schedule.recurring:
        _refuse_ended(task, "resumed")
    next_at = first_occurrence(task.schedule, now, task.planned_until)
    return e.TaskResumed(at=now, tenant=task.tenant, task_id=task.id, next_at=next_at)


def _require_readable(task: TaskState) -> None:
    try:
        _ = task.schedule, task.policy
    except Exception as error:
        raise InvalidTask(
            f"task {task.name}: its schedule or policy cannot be read ({error}): schedule it again"
            " with both, then resume it"
        ) from error


def _refuse_ended(task: TaskState, verb: str) -> None:
    if task.status in ENDED:
        raise TaskEnded(
            f"task {task.name} is {task.status} and cannot be {verb}: schedule it again"
        )


def as_json(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata as it comes back from storage: tuples are lists, the names are text.

    Raises:
        InvalidTask: JSON cannot hold it.
    """
    try:
        text = json.dumps(dict(metadata), allow_nan=False, ensure_ascii=False)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidTask(f"metadata must be JSON: {error}") from error
    copied: dict[str, Any] = json.loads(text)
    return copied
