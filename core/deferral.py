"""What execution windows mean for the runs of a task: later, or not at all."""

from collections.abc import Sequence

from . import events as e
from .clock import from_instant
from .outcomes import ends_with
from .state import RunState, TaskState


def planned_outside(task: TaskState, instants: Sequence[int], now: int) -> dict[int, str]:  # noqa: ARG001 - all rules are asked alike
    """The instants that are skipped because no window is open at that time."""
    policy = task.policy
    if not policy.windows or policy.outside_window != "skip":
        return {}
    windows = policy.execution_windows
    reason = f"window: outside of {windows}"
    return {i: reason for i in instants if not windows.is_open(i)}


def closed(task: TaskState, instants: Sequence[int], now: int) -> dict[int, str]:
    """The instants that are skipped because no window is open now."""
    windows = task.policy.execution_windows
    opening = windows.opening(now)
    if opening is None:
        return dict.fromkeys(instants, f"window: {windows} never opens again")
    skips = opening != now and task.policy.outside_window == "skip"
    return dict.fromkeys(instants if skips else (), f"window: {windows} is closed by now")


def deferred_to(opening: int) -> str:
    """The reason of a run that waits for its window."""
    return f"window: waits until {from_instant(opening).isoformat()}"


def is_open(task: TaskState, run: RunState, now: int) -> bool:
    """Whether the windows let a run start; what people ask for by hand needs no window."""
    policy = task.policy
    return not policy.windows or not run.planned or policy.execution_windows.is_open(now)


def postpone(task: TaskState, now: int) -> list[e.Event]:
    """Move the runs that waited for a place for so long that their window has closed."""
    if task.status != "active" or not task.policy.windows:
        return []
    ready = [r for r in task.runs.values() if r.status == "pending" and r.ready_at <= now]
    late = [run for run in ready if not is_open(task, run, now)]
    opening = task.policy.execution_windows.opening(now)
    return [_moved(task, run, opening, now) for run in late]


def _moved(task: TaskState, run: RunState, opening: int | None, now: int) -> e.Event:
    begun = run.attempt > 0  # what was begun is brought to its end, however late
    if opening is not None and (begun or task.policy.outside_window == "defer"):
        return e.RunReturned(
            at=now, tenant=task.tenant, task_id=task.id, run_id=run.id,
            ready_at=opening, reason=deferred_to(opening),
        )  # fmt: skip
    return e.RunCancelled(
        at=now, tenant=task.tenant, task_id=task.id, run_id=run.id,
        reason="window: it closed before the run could start",
        ends=ends_with(task, run, success=False),
    )  # fmt: skip
