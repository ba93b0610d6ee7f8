"""What happened to one planned moment, in words."""

from collections.abc import Sequence
from datetime import datetime

from .run import Run
from .task import Task


def explanation(task: Task, runs: Sequence[Run], at: datetime, now: datetime) -> str:
    """Say what became of the occurrence of `task` planned for `at`.

    Args:
        task: the task.
        runs: its runs, in any order.
        at: the planned instant.
        now: the present.
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
    if at > now and task.next_run_at is not None and at >= task.next_run_at:
        return (
            f"{task.name} at {at.isoformat()}: not come yet, next is {task.next_run_at.isoformat()}"
        )
    return f"{task.name} at {at.isoformat()}: it was not planned for this moment ({task.status})"


def _disposition(run: Run) -> str:
    words: list[str] = [run.status]
    if run.attempt > 1:
        words.append(f"at attempt {run.attempt}")
    if run.started_at is not None and run.lateness is not None:
        words.append(f"started {run.lateness.total_seconds():.3f} s after its time")
    if run.reason:
        words.append(f"({run.reason})")
    if run.error:
        words.append(f"error: {run.error}")
    return ", ".join(words)
