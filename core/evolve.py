"""How an event changes a task: the fold behind every projection.

There is no other way in which a task or a run ever changes, neither in the running service nor
when the log is folded again.
"""

from collections.abc import Callable
from typing import Any

from . import events as e
from .state import RunState, TaskState, TaskStatus


def evolve(task: TaskState | None, event: e.Event) -> tuple[TaskState, RunState | None]:
    """Apply one event.

    Args:
        task: the task so far (changed in place), None before its first event.
        event: what happened next.

    Returns:
        The task and the run that the event touched, if any.
    """
    if type(event) is e.TaskScheduled:
        return _scheduled(task, event), None
    if task is None:
        raise LookupError(f"{event.type} for task {event.task_id}, which was never scheduled")
    task.updated_at = event.at
    run = _APPLY[type(event)](task, event)
    return task, run


def ends_run(event: e.Event) -> bool:
    """Whether nothing about the event's run changes after it."""
    if isinstance(event, e.TaskExecuted):
        return event.retry_at is None
    return isinstance(event, e.RunCancelled | e.OccurrenceSkipped)


def _scheduled(old: TaskState | None, event: e.TaskScheduled) -> TaskState:
    if old is None:
        return _created(event)
    return TaskState(
        id=event.task_id,
        tenant=event.tenant,
        key=event.key,
        target=event.target,
        entry_id=event.entry_id,
        digest=event.digest,
        schedule_json=event.schedule,
        policy_json=event.policy,
        status="paused" if event.paused else "active",
        reason=None,
        next_at=event.next_at,
        planned_until=old.planned_until,
        rewinds=old.rewinds,
        scheduled_at=event.at,
        last_run_at=old.last_run_at,
        last_status=old.last_status,
        run_count=0,
        created_at=old.created_at,
        updated_at=event.at,
        created_by=event.created_by,
        metadata=event.metadata,
        runs=old.runs,
        awaits=dict.fromkeys(old.awaits),
    )


def _created(event: e.TaskScheduled) -> TaskState:
    """A task as its first event makes it: in the order of its fields, for there are many."""
    status: TaskStatus = "paused" if event.paused else "active"
    return TaskState(
        event.task_id, event.tenant, event.key, event.target, event.entry_id, event.digest,
        event.schedule, event.policy, status, None, event.next_at, None, 0, event.at, None, None,
        0, event.at, event.at, event.created_by, event.metadata,
    )  # fmt: skip


def _updated(task: TaskState, event: e.TaskUpdated) -> None:
    if event.schedule is not None:
        task.schedule_json, task.scheduled_at = event.schedule, event.at
        task.awaits = dict.fromkeys(task.awaits)
    if event.target is not None and event.entry_id is not None and event.digest is not None:
        task.target, task.entry_id, task.digest = event.target, event.entry_id, event.digest
    if event.policy is not None:
        task.policy_json = event.policy
    if event.metadata is not None:
        task.metadata = event.metadata
    if event.rewound:
        task.rewinds += 1
        if task.planned_until is not None and (event.next_at or 0) < task.planned_until:
            task.planned_until = None
    task.next_at = event.next_at


def _paused(task: TaskState, event: e.TaskPaused) -> None:
    task.status, task.reason = "paused", event.reason


def _resumed(task: TaskState, event: e.TaskResumed) -> None:
    task.status, task.reason, task.next_at = "active", None, event.next_at


def _cancelled(task: TaskState, event: e.TaskCancelled) -> None:
    task.status, task.reason, task.next_at = "cancelled", event.reason, None


def _deleted(task: TaskState, event: e.TaskDeleted) -> None:
    task.status, task.reason, task.next_at, task.key = "deleted", event.reason, None, None


def _quarantined(task: TaskState, event: e.TaskQuarantined) -> None:
    task.status, task.reason = "quarantined", event.reason


def _planned(task: TaskState, event: e.RunPlanned) -> RunState:
    run = RunState(
        id=_run_id(event),
        task_id=task.id,
        tenant=task.tenant,
        due_at=event.due_at,
        ready_at=event.ready_at if event.ready_at is not None else event.due_at,
        cause=event.cause,
        reason=event.reason,
        missed=event.missed,
    )
    task.runs[run.id] = run
    task.next_at = event.next_at
    task.planned_until = max(event.due_at, task.planned_until or event.due_at)
    return run


def _skipped(task: TaskState, event: e.OccurrenceSkipped) -> RunState:
    task.next_at = event.next_at
    task.planned_until = max(event.until, task.planned_until or event.until)
    _end(task, event.ends, event.reason)
    return RunState(
        id=_run_id(event),
        task_id=task.id,
        tenant=task.tenant,
        due_at=event.due_at,
        ready_at=event.due_at,
        status="skipped",
        reason=event.reason,
        finished_at=event.at,
        count=event.count,
    )


def _deferred(task: TaskState, event: e.RunDeferred) -> RunState:
    run = task.runs[_run_id(event)]
    run.ready_at, run.waits_for, run.rank = event.ready_at, event.waits_for, event.rank
    return run


def _started(task: TaskState, event: e.RunStarted) -> RunState:
    run = task.runs[_run_id(event)]
    run.status, run.attempt, run.fence = "executing", event.attempt, event.fence
    run.incarnation, run.waits_for, run.rank = event.incarnation, None, None
    run.started_at = None
    return run


def _begun(task: TaskState, event: e.RunBegun) -> RunState:
    run = task.runs[_run_id(event)]
    run.started_at = event.at
    return run


def _executed(task: TaskState, event: e.TaskExecuted) -> RunState:
    run = task.runs[_run_id(event)]
    run.started_at, run.finished_at = event.started_at, event.finished_at
    run.error, run.result, run.incarnation = event.error, event.result, None
    if event.reason is not None:
        run.reason = event.reason
    if event.retry_at is not None:
        run.status, run.ready_at = "pending", event.retry_at
        return run
    run.status = event.status
    del task.runs[run.id]
    task.run_count += 1
    task.last_status = event.status
    if event.success:
        task.last_run_at = event.finished_at
    _end(task, event.ends, event.error)
    return run


def _returned(task: TaskState, event: e.RunReturned) -> RunState:
    run = task.runs[_run_id(event)]
    run.status, run.ready_at, run.reason = "pending", event.ready_at, event.reason
    run.incarnation, run.waits_for, run.rank = None, None, None
    if not event.counts:
        run.attempt -= 1
    return run


def _run_cancelled(task: TaskState, event: e.RunCancelled) -> RunState:
    run = task.runs.pop(_run_id(event))
    run.status, run.reason, run.finished_at = "cancelled", event.reason, event.at
    run.waits_for, run.rank = None, None
    run.incarnation = None
    task.last_status = "cancelled"
    _end(task, event.ends, event.reason)
    return run


def _depends(task: TaskState, event: e.DependenciesSet) -> None:
    task.awaits = dict.fromkeys(event.depends_on)


def _dependency_ended(task: TaskState, event: e.DependencyEnded) -> None:
    if event.fresh:
        task.awaits = {i: None if o == "failed" else o for i, o in task.awaits.items()}
    task.awaits[event.depends_on] = "succeeded" if event.success else "failed"


def _dependencies_met(task: TaskState, _: e.DependenciesMet) -> None:
    task.awaits = dict.fromkeys(task.awaits)


def _end(task: TaskState, status: str | None, reason: str | None) -> None:
    if status == "completed":
        task.status, task.reason = "completed", None
    elif status == "failed":
        task.status, task.reason, task.next_at = "failed", reason, None


def _run_id(event: e.Event) -> int:
    if event.run_id is None:
        raise LookupError(f"{event.type} for task {event.task_id} names no run")
    return event.run_id


_APPLY: dict[type[e.Event], Callable[[TaskState, Any], RunState | None]] = {
    e.TaskUpdated: _updated,
    e.TaskPaused: _paused,
    e.TaskResumed: _resumed,
    e.TaskCancelled: _cancelled,
    e.TaskDeleted: _deleted,
    e.TaskQuarantined: _quarantined,
    e.RunPlanned: _planned,
    e.OccurrenceSkipped: _skipped,
    e.RunDeferred: _deferred,
    e.RunStarted: _started,
    e.RunBegun: _begun,
    e.TaskExecuted: _executed,
    e.RunReturned: _returned,
    e.RunCancelled: _run_cancelled,
    e.DependenciesSet: _depends,
    e.DependencyEnded: _dependency_ended,
    e.DependenciesMet: _dependencies_met,
    e.HandlerEvent: lambda *_: None,
}
