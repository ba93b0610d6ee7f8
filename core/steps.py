"""What a task does when the wall clock was set: it plans again, and never twice the same moment.

Time that passed (also while the machine slept) is no step: what came due meanwhile is a matter of
the task's catch-up policy. A step is time that the clock shows and that did not pass.
"""

from typing import Any

from . import events as e
from .clock import HOUR
from .state import RunState, TaskState, to_json

CORRECTION = 3 * HOUR
"""Back by less than this is a correction: what already ran at a fixed time does not run again.
Further back, the new time is simply believed, as Debian's cron does."""


def replan(task: TaskState, step: int, now: int) -> list[e.Event]:
    """Plan a task again after the clock was set.

    Args:
        task: the task.
        step: microseconds by which the clock was set, negative for back.
        now: what it shows now.

    Returns:
        The events that move its next occurrence and its waiting runs; none when nothing moves.
    """
    return [*_waiting(task, step, now), *_occurrences(task, step, now)]


def _waiting(task: TaskState, step: int, now: int) -> list[e.Event]:
    """What waits for time to pass waits no longer than before, and what was ready stays ready.

    Set back, the clock would otherwise keep them, and all those behind them, until it is there
    again. Only who waits for a window waits for what the clock shows.
    """
    waiting = [run for run in task.runs.values() if run.status == "pending"]
    return [_moved(run, step, now) for run in waiting if _goes_along(run, step, now)]


def _goes_along(run: RunState, step: int, now: int) -> bool:
    """Whether what a run waits for moves with the clock."""
    before = now - step
    if run.ready_at <= before:
        return run.ready_at > now
    return run.attempt > 0 or (step < 0 and run.waits_for is not None)


def _moved(run: RunState, step: int, now: int) -> e.Event:
    common: dict[str, Any] = {
        "at": now, "tenant": run.tenant, "task_id": run.task_id, "run_id": run.id,
        "ready_at": run.ready_at + step,
    }  # fmt: skip
    if run.waits_for is not None and run.rank is not None:
        return e.RunDeferred(**common, waits_for=run.waits_for, rank=run.rank + step)
    return e.RunReturned(**common, reason=run.reason or "waits on, for the clock was set")


def _occurrences(task: TaskState, step: int, now: int) -> list[e.Event]:
    if task.status not in {"active", "paused"} or not task.schedule.recurring:
        return []
    schedule = task.schedule.shifted(step)
    moved = schedule != task.schedule
    back = step < 0
    if not moved and not back:
        return []
    if moved and task.next_at is not None:
        next_at = schedule.next_instant(task.next_at + step - 1)
    else:
        next_at = schedule.next_instant(max(now, _already_ran(task, step) or now))
    return [
        e.TaskUpdated(
            at=now, tenant=task.tenant, task_id=task.id, next_at=next_at,
            schedule=to_json(schedule.to_dict()) if moved else None, rewound=back,
        )
    ]  # fmt: skip


def _already_ran(task: TaskState, step: int) -> int | None:
    """Up to where the new time repeats what a fixed-time task has done already."""
    if task.schedule.follows_clock or -step >= CORRECTION:
        return None
    return task.planned_until
