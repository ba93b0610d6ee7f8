"""What happened to one planned moment, in words."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from .clock import from_instant, to_instant
from .policy import Policy
from .run import Run
from .task import Task

_MICROSECOND = timedelta(microseconds=1)


def explanation(
    task: Task,
    runs: Sequence[Run],
    at: datetime,
    now: datetime,
    pruned_until: datetime | None = None,
) -> str:
    """Say what became of the occurrence of `task` planned for `at`.

    Args:
        task: the task.
        runs: its runs, in any order.
        at: the planned instant.
        now: the present.
        pruned_until: the history before it is not kept any more.
    """
    for run in runs:
        if at in run.missed:
            return (
                f"{task.name} at {at.isoformat()}: coalesced into run {run.id}: {_disposition(run)}"
            )
    for run in runs:
        if run.due_at == at:
            return f"{task.name} at {at.isoformat()}: {_disposition(run)}"
    for run in sorted(runs, key=lambda r: r.due_at, reverse=True):
        if run.count > 1 and run.due_at <= at <= (run.finished_at or run.due_at):
            return (
                f"{task.name} at {at.isoformat()}: one of {run.count} that were {_disposition(run)}"
            )
    if at > now:
        return f"{task.name} at {at.isoformat()}: not come yet, {forecast(task, at)}"
    if pruned_until is not None and at <= pruned_until:
        return (
            f"{task.name} at {at.isoformat()}: nobody knows any more:"
            f" the history before {pruned_until.isoformat()} is not kept"
        )
    return f"{task.name} at {at.isoformat()}: it was not planned for this moment ({task.status})"


def forecast(task: Task, at: datetime) -> str:
    """Say what will become of a moment to come, as things stand."""
    if task.status != "active":
        reason = f" ({task.reason})" if task.reason else ""
        return f"and nothing runs then: the task is {task.status}{reason}"
    planned = task.next_run_at
    if planned is not None and at > planned:
        planned = task.schedule.next(at - _MICROSECOND)
    if planned != at:
        later = (
            "nothing is planned after it" if planned is None else f"next is {planned.isoformat()}"
        )
        return f"and it is not planned for this moment: {later}"
    return window_note(task.policy, to_instant(at)) or "it will run then"


def window_note(policy: Policy, at: int) -> str | None:
    """What execution windows will do to an occurrence, None when one is open then."""
    windows = policy.execution_windows
    opening = windows.opening(at)
    if opening == at:
        return None
    if opening is None or policy.outside_window == "skip":
        return f"it will be skipped: outside of {windows}"
    return f"it will wait for its window until {from_instant(opening).isoformat()}"


def _disposition(run: Run) -> str:
    words: list[str] = [run.status]
    if run.attempt > 1:
        words.append(f"at attempt {run.attempt}")
    if run.started_at is not None and run.lateness is not None:
        words.append(f"started {run.lateness.total_seconds():.3f} s after its time")
    if run.waits_for:
        words.append(f"waits for: {run.waits_for}")
    if run.status == "pending" and run.ready_at > run.due_at:
        words.append(f"not before {run.ready_at.isoformat()}")
    if run.reason:
        words.append(f"({run.reason})")
    if run.error:
        words.append(f"error: {run.error}")
    return ", ".join(words)
