"""What the end of an attempt means: success, another try, the end of the task, or a rescue."""

from collections.abc import Collection
from typing import Any, Literal

from . import events as e
from .commands import BeginRun, RunFinished
from .overlap import replaced_by, successor
from .retry import LONGEST_DELAY
from .state import ENDED, GONE, RunState, TaskState

LOST = "lost in a crash"
NOBODY_KNOWS = f"{LOST}; whether it was called is unknown"

MOST_LOST = 5
"""Attempts of one run that may be lost in crashes before it is given up: a call that kills the
process each time must not do so for ever."""


def begin(task: TaskState, wanted: BeginRun, now: int) -> list[e.Event] | None:
    """Record that a claimed attempt is called now. Asked again, it is recorded already.

    Returns:
        The events, or None when the attempt does not count any more.
    """
    run = task.runs.get(wanted.run_id)
    if run is None or run.status != "executing" or run.fence != wanted.fence:
        return None
    if run.started_at is not None:
        return []
    return [
        e.RunBegun(at=now, tenant=task.tenant, task_id=task.id, run_id=run.id, attempt=run.attempt)
    ]


def finish(task: TaskState, done: RunFinished, now: int) -> list[e.Event] | None:
    """Record how an attempt ended.

    Returns:
        The events, or None when the report is stale: the attempt is not the one that counts.
    """
    run = task.runs.get(done.run_id)
    if run is None or run.status != "executing" or run.fence != done.fence:
        return None
    if done.outcome == "rejected":
        return _quarantine(task, run, done.error or "the entry was rejected", now)
    if done.outcome == "interrupted":
        return _interrupted(task, run, done, now)
    if done.outcome == "cancelled":
        return _with_rest(task, _called_off(task, run, now))
    return [*_with_rest(task, _executed(task, run, done, now)), *_published(task, done, now)]


def _interrupted(task: TaskState, run: RunState, done: RunFinished, now: int) -> list[e.Event]:
    if _over(task, run):
        return [_called_off(task, run, now)]
    why = done.error or "interrupted by a shutdown"
    if _must_not_repeat(task, run):
        return _unknown(task, run, f"{why}; how far it came is unknown", now)
    return [_returned(task, run, now, now, why, counts=False)]


def _published(task: TaskState, done: RunFinished, now: int) -> list[e.Event]:
    """What the handler has to say to others, now that it has succeeded."""
    if done.event is None or done.outcome != "succeeded":
        return []
    name, payload = done.event.event_type, done.event.payload
    return [
        e.HandlerEvent(
            at=now, tenant=task.tenant, task_id=task.id, run_id=done.run_id,
            name=name, payload=payload,
        )
    ]  # fmt: skip


def finish_unreadable(
    task: TaskState, done: RunFinished, error: Exception, now: int
) -> list[e.Event]:
    """Record as it is, without another try, how an attempt of an unreadable task ended."""
    run = task.runs[done.run_id]
    ended = e.TaskExecuted(
        at=now, tenant=task.tenant, task_id=task.id, run_id=run.id,
        success=done.outcome == "succeeded", status=_status(done), attempt=run.attempt,
        started_at=done.started_at, finished_at=done.finished_at,
        result=done.result, error=done.error,
    )  # fmt: skip
    return [ended, *_published(task, done, now), *unplannable(task, error, now)]


def unplannable(task: TaskState, error: Exception, now: int) -> list[e.Event]:
    """The task's stored schedule or policy cannot be read: keep it, and say so."""
    if task.status in {*GONE, "quarantined"}:
        return []
    reason = f"its schedule or policy cannot be read: {type(error).__name__}: {error}"
    return [e.TaskQuarantined(at=now, tenant=task.tenant, task_id=task.id, reason=reason)]


def rescue(task: TaskState, held: Collection[tuple[int, int]], now: int) -> list[e.Event]:
    """Take back the executing runs of this task that nobody holds any more."""
    return [event for run in _lost_ones(task, held) for event in _lost(task, run, now)]


def rescue_unreadable(
    task: TaskState, held: Collection[tuple[int, int]], error: Exception, now: int
) -> list[e.Event]:
    """The same for a task that cannot be read any more: its runs are held until it is repaired."""
    lost: list[e.Event] = []
    for run in _lost_ones(task, held):
        if run.started_at is None:
            lost.append(_returned(task, run, now, now, "lost in a crash", counts=True))
        else:  # only what is delivered at most once says when it begins
            lost.append(_ended_unknown(task, run, NOBODY_KNOWS, now, ends=None))
    return [*lost, *unplannable(task, error, now)]


def _executed(task: TaskState, run: RunState, done: RunFinished, now: int) -> e.TaskExecuted:
    success = done.outcome == "succeeded"
    objection = None if success else task.policy.retry.objection(done.kinds)
    retry_at = None if success or objection else _retry_at(task, run, done, now)
    return e.TaskExecuted(
        at=now, tenant=task.tenant, task_id=task.id, run_id=run.id,
        success=success, status=_status(done), attempt=run.attempt,
        started_at=done.started_at, finished_at=done.finished_at,
        result=done.result, error=done.error, retry_at=retry_at,
        reason=f"not tried again: {objection}" if objection else None,
        ends=None if retry_at is not None else ends_with(task, run, success=success),
    )  # fmt: skip


def _status(done: RunFinished) -> Literal["succeeded", "failed", "timed_out"]:
    if done.outcome == "succeeded":
        return "succeeded"
    return "timed_out" if done.outcome == "timed_out" else "failed"


def _over(task: TaskState, run: RunState) -> bool:
    """Whether this run is not tried again: its task has ended, or a later one takes its place."""
    if task.status in GONE or (task.status in ENDED and run.planned):
        return True
    return successor(task, run) is not None


def _with_rest(task: TaskState, ended: e.TaskExecuted | e.RunCancelled) -> list[e.Event]:
    """The end of a run; when the task fails with it, what still waits is called off."""
    if ended.ends != "failed":
        return [ended]
    waiting = [
        e.RunCancelled(
            at=ended.at, tenant=task.tenant, task_id=task.id, run_id=run.id,
            reason="the task failed",
        )
        for run in task.runs.values()
        if run.status == "pending" and run.planned
    ]  # fmt: skip
    return [*waiting, ended]


def _called_off(task: TaskState, run: RunState, now: int) -> e.RunCancelled:
    later = successor(task, run)
    if later is not None and task.status not in GONE:
        reason = replaced_by(later.due_at)
    else:
        reason = task.reason or "cancelled while it ran"
    return e.RunCancelled(
        at=now, tenant=task.tenant, task_id=task.id, run_id=run.id, reason=reason,
        ends=ends_with(task, run, success=False),
    )  # fmt: skip


def _retry_at(task: TaskState, run: RunState, done: RunFinished, now: int) -> int | None:
    if not done.retryable or _over(task, run):
        return None
    delay = task.policy.retry.delay_before(run.attempt + 1, run.id)
    if delay is None:
        return None
    at = now + max(delay, min(done.retry_after or 0, LONGEST_DELAY))
    return task.policy.execution_windows.opening(at) if run.planned else at


def ends_with(
    task: TaskState, run: RunState, *, success: bool
) -> Literal["completed", "failed"] | None:
    """Whether the task is over with the end of this run, and how."""
    if task.status in GONE or task.status == "completed":
        return None
    if task.status == "failed":
        return "completed" if success else None
    others = len(task.runs) > (run.id in task.runs)
    disables = task.schedule.recurring and task.policy.on_exhausted == "disable"
    if not success and disables and successor(task, run) is None:
        return "failed"
    if task.next_at is not None or others:
        return None
    if task.schedule.kind == "after" and _goes_on(task, run):
        return None
    return "completed" if success or task.schedule.recurring else "failed"


def _goes_on(task: TaskState, run: RunState) -> bool:
    """Whether a task that waits for others may run again."""
    limit = task.policy.max_runs
    return limit is None or task.run_count + run.planned < limit


def _lost_ones(task: TaskState, held: Collection[tuple[int, int]]) -> list[RunState]:
    """The executing runs of a task that nobody works on any more."""
    return [
        run
        for run in task.runs.values()
        if run.status == "executing" and (run.id, run.fence) not in held
    ]


def _lost(task: TaskState, run: RunState, now: int) -> list[e.Event]:
    if _over(task, run) or _must_not_repeat(task, run) or run.attempt >= MOST_LOST:
        return _unknown(task, run, NOBODY_KNOWS, now)
    delay = 0 if run.attempt <= 1 else (task.policy.retry.delay_before(run.attempt) or 0)
    return [_returned(task, run, now, now + delay, LOST, counts=True)]


def _must_not_repeat(task: TaskState, run: RunState) -> bool:
    """Whether it may have been called, and must not be called twice."""
    return task.policy.delivery == "at_most_once" and run.started_at is not None


def _unknown(task: TaskState, run: RunState, why: str, now: int) -> list[e.Event]:
    """The end of a run of which nobody knows how far it came."""
    return _with_rest(
        task, _ended_unknown(task, run, why, now, ends=ends_with(task, run, success=False))
    )


def _ended_unknown(
    task: TaskState,
    run: RunState,
    why: str,
    now: int,
    *,
    ends: Literal["completed", "failed"] | None,
) -> e.TaskExecuted:
    return e.TaskExecuted(
        at=now, tenant=task.tenant, task_id=task.id, run_id=run.id,
        success=False, status="failed", attempt=run.attempt, started_at=run.started_at,
        finished_at=now, error=why, ends=ends,
    )  # fmt: skip


def _quarantine(task: TaskState, run: RunState, reason: str, now: int) -> list[e.Event]:
    if _over(task, run):
        return [_called_off(task, run, now)]
    held = _returned(task, run, now, now, f"held: {reason}", counts=False)
    if task.status == "quarantined":
        return [held]
    common: dict[str, Any] = {"at": now, "tenant": task.tenant, "task_id": task.id}
    return [held, e.TaskQuarantined(**common, run_id=run.id, reason=reason)]


def _returned(
    task: TaskState, run: RunState, now: int, ready_at: int, reason: str, *, counts: bool
) -> e.RunReturned:
    return e.RunReturned(
        at=now, tenant=task.tenant, task_id=task.id, run_id=run.id,
        ready_at=ready_at, reason=reason, counts=counts,
    )  # fmt: skip
