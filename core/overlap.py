"""What an occurrence does while earlier runs of its task are unfinished."""

from collections.abc import Sequence

from . import events as e
from .clock import from_instant
from .state import RunState, TaskState
from .work import Claim


def overlapping(task: TaskState, instants: Sequence[int], now: int) -> dict[int, str]:  # noqa: ARG001 - all rules are asked alike
    """The instants that do not run because of others, each with the reason."""
    policy = task.policy
    if policy.overlap == "skip":
        reason = "overlap: the previous run is not finished"
        busy = bool(task.runs) and task.schedule.recurring
        return dict.fromkeys(instants if busy else (), reason)
    if policy.overlap == "cancel_running":
        return dict.fromkeys(instants[:-1], "overlap: a later occurrence replaces it")
    together = 1 if policy.overlap == "queue" else policy.max_instances
    if together is None:
        return {}
    room = max(0, together + policy.queue_limit - sum(r.planned for r in task.runs.values()))
    reason = f"overlap: the queue is full (queue_limit = {policy.queue_limit})"
    return dict.fromkeys(instants[room:], reason)


def may_join(task: TaskState, run: RunState) -> bool:
    """Whether a waiting run may start beside those that are not finished.

    Unless runs may overlap, each waits for all that were planned before it, also for one that
    waits for its retry: they are finished in their order.
    """
    if not run.planned:
        return True
    policy, others = task.policy, task.runs.values()
    executing = [other for other in others if other.status == "executing"]
    if policy.overlap != "allow":
        before = any(other.planned and other.due_at < run.due_at for other in others)
        return not before and not executing
    most = policy.max_instances
    return most is None or sum(other.planned for other in executing) < most


def replace_waiting(task: TaskState, instant: int, now: int) -> list[e.Event]:
    """Call off the runs that wait, for a later occurrence takes their place."""
    if task.policy.overlap != "cancel_running":
        return []
    return [
        e.RunCancelled(
            at=now, tenant=task.tenant, task_id=task.id, run_id=run.id,
            reason=replaced_by(instant),
        )
        for run in task.runs.values()
        if run.status == "pending" and run.planned
    ]  # fmt: skip


def replaced_by(instant: int) -> str:
    """The reason of a run that makes room for the occurrence of this instant."""
    return f"overlap: replaced by the occurrence of {from_instant(instant).isoformat()}"


def successor(task: TaskState, run: RunState) -> RunState | None:
    """The later run for which this one is to stop, None when there is none."""
    if task.policy.overlap != "cancel_running" or not run.planned:
        return None
    later = [r for r in task.runs.values() if r.planned and r.due_at > run.due_at]
    return max(later, key=lambda r: r.due_at, default=None)


def to_stop(task: TaskState) -> list[Claim]:
    """The attempts that should end because a later occurrence waits for their place."""
    return [
        (run.id, run.fence)
        for run in task.runs.values()
        if run.status == "executing" and successor(task, run)
    ]
