"""Tasks that run after other tasks: what the end of one means for those that wait for it. Pure.

A task waits for one success of each task that it names. Its run uses them all up, and the next
round begins. What a failure means is the dependent task's own choice.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from . import events as e
from .errors import DependencyCycle
from .occurrences import room_left
from .overlap import overlapping, replace_waiting
from .state import ENDED, TaskState


@dataclass(frozen=True, slots=True)
class Ended:
    """A run of some task ended for good.

    Attributes:
        task_id: the task.
        name: how people call it.
        success: whether it did what it should.
    """

    task_id: int
    name: str
    success: bool


def endings(events: Iterable[e.Event], tasks: Mapping[int, TaskState]) -> list[Ended]:
    """Which tasks ended a run in these events, in order; equal ends of one task count once."""
    found = (
        Ended(event.task_id, tasks[event.task_id].name, success=_succeeded(event))
        for event in events
        if is_end(event)
    )
    return list(dict.fromkeys(found))


def depend(task: TaskState, needed: Sequence[int], now: int) -> list[e.Event]:
    """Let the task wait for these tasks from now on; nothing changes when it does already."""
    if set(needed) == task.awaits.keys():
        return []
    return [
        e.DependenciesSet(
            at=now, tenant=task.tenant, task_id=task.id, depends_on=tuple(dict.fromkeys(needed))
        )
    ]


def dependency_ended(task: TaskState, ended: Ended, now: int, ids: Iterator[int]) -> list[e.Event]:
    """What the end of a task means for one that waits for it.

    Args:
        task: the one that waits.
        ended: the one that ended.
        now: the present instant.
        ids: fresh run ids.

    Returns:
        The mark, and the run or the failure that follows from it.
    """
    if ended.task_id not in task.awaits or task.status in ENDED:
        return []
    outcomes = {**task.awaits, ended.task_id: "succeeded" if ended.success else "failed"}
    fails = not ended.success and task.policy.on_dependency_failure == "fail"
    fresh = fails and not _failed_already(task, ended)
    mark = e.DependencyEnded(
        at=now, tenant=task.tenant, task_id=task.id,
        depends_on=ended.task_id, success=ended.success, fresh=fresh,
    )  # fmt: skip
    if task.status != "active":
        return [mark]
    if fresh:
        return [mark, *_failed(task, ended.name, now, ids)]
    return [mark, *_due(task, outcomes, now, ids)]


def dependencies_met(task: TaskState, now: int, ids: Iterator[int]) -> list[e.Event]:
    """Plan what became due while the task was paused."""
    return _due(task, task.awaits, now, ids) if task.awaits else []


def find_cycle(
    task_id: int, needed: Iterable[int], edges: Callable[[Collection[int]], Iterable[int]]
) -> None:
    """See that a task does not wait for itself, however many others lie between.

    Args:
        task_id: the task that is to wait.
        needed: what it is to wait for.
        edges: the tasks that a set of tasks waits for.

    Raises:
        DependencyCycle: it would.
    """
    seen: set[int] = set()
    layer = set(needed)
    while layer:
        if task_id in layer:
            raise DependencyCycle(
                "the tasks would wait for each other in a circle and could never run:"
                " take one of them out of `after`"
            )
        seen |= layer
        layer = set(edges(layer)) - seen


def _due(
    task: TaskState, outcomes: Mapping[int, str | None], now: int, ids: Iterator[int]
) -> list[e.Event]:
    """The run that follows when nothing is missing any more, or why it is skipped."""
    policy = task.policy
    enough = {"succeeded", "failed"} if policy.on_dependency_failure == "run" else {"succeeded"}
    if not all(outcome in enough for outcome in outcomes.values()) or room_left(task) == 0:
        return []
    due_at = _moment(task, now)
    met = e.DependenciesMet(at=now, tenant=task.tenant, task_id=task.id)
    reason = _busy(task, due_at, now)
    if reason is not None:
        return [
            met,
            e.OccurrenceSkipped(
                at=now, tenant=task.tenant, task_id=task.id, run_id=next(ids), due_at=due_at,
                until=due_at, count=1, next_at=task.next_at,
                reason=reason,
            ),
        ]  # fmt: skip
    replaced = replace_waiting(task, due_at, now)
    return [met, *replaced, _planned(task, due_at, now, next(ids), task.schedule.describe())]


def _busy(task: TaskState, due_at: int, now: int) -> str | None:
    """Why it does not run beside those of its runs that are not finished."""
    if task.policy.overlap == "skip" and task.runs:
        return "overlap: the previous run is not finished"
    return overlapping(task, [due_at], now).get(due_at)


def _failed(task: TaskState, name: str, now: int, ids: Iterator[int]) -> list[e.Event]:
    """A run that fails without having been called."""
    if room_left(task) == 0:
        return []
    run_id, error = next(ids), f"DEPENDENCY_FAILED: {name}"
    return [
        _planned(task, _moment(task, now), now, run_id, f"{name} failed"),
        e.TaskExecuted(
            at=now, tenant=task.tenant, task_id=task.id, run_id=run_id, success=False,
            status="failed", attempt=0, started_at=None, finished_at=now, error=error,
        ),
    ]  # fmt: skip


def _planned(task: TaskState, due_at: int, now: int, run_id: int, reason: str) -> e.RunPlanned:
    return e.RunPlanned(
        at=now, tenant=task.tenant, task_id=task.id, run_id=run_id, due_at=due_at,
        ready_at=now, next_at=task.next_at, cause="dependency", reason=reason,
    )  # fmt: skip


def _moment(task: TaskState, now: int) -> int:
    """An instant of the task's own: no two of its runs share one."""
    due_at = now + task.rewinds
    return due_at if task.planned_until is None else max(due_at, task.planned_until + 1)


def _failed_already(task: TaskState, ended: Ended) -> bool:
    """Whether another failure of this round was acted on already; its own begins a new round."""
    own = task.awaits[ended.task_id]
    return own != "failed" and "failed" in task.awaits.values()


def is_end(event: e.Event) -> bool:
    """Whether a run ended, so that those that wait for its task may hear of it."""
    if isinstance(event, e.TaskExecuted):
        return event.retry_at is None
    return isinstance(event, e.RunCancelled)


def _succeeded(event: e.Event) -> bool:
    return isinstance(event, e.TaskExecuted) and event.success
