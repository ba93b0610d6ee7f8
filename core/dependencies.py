"""Tasks that run after other tasks: what the end of one means for those that wait for it. Pure.

A task waits for one success of each task that it names. Its run uses them all up, and the next
round begins. What a failure means is the dependent task's own choice.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from . import events as e
from .errors import DependencyCycle
from .occurrences import room_left
from .overlap import overlapping, replace_waiting
from .state import ENDED, GONE, TaskState


@dataclass(frozen=True, slots=True)
class Ended:
    """A run of some task ended for good, or the task itself did.

    Attributes:
        task_id: the task.
        name: how people call it.
        success: whether it did what it should.
        gone: how it was called off, None when only a run ended: "cancelled", after which it may be
            ordered again, or "deleted", after which it never comes back.
    """

    task_id: int
    name: str
    success: bool
    gone: Literal["cancelled", "deleted"] | None = None

    @property
    def story(self) -> str:
        """What happened, for those that waited for it."""
        return f"{self.name} was {self.gone}" if self.gone else f"{self.name} failed"


def endings(events: Iterable[e.Event], tasks: Mapping[int, TaskState]) -> list[Ended]:
    """Which tasks ended, or ended a run, in these events, in order; equal ends count once.

    Of a task that was called off, that is the news: not what became of its unfinished runs, unless
    one of them succeeded.
    """
    ended = (_ended(event, tasks[event.task_id]) for event in events if is_end(event))
    return list(dict.fromkeys(each for each in ended if each is not None))


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
    if ended.gone and task.awaits[ended.task_id] == "succeeded":
        return []  # what it did before counts
    outcomes = {**task.awaits, ended.task_id: "succeeded" if ended.success else "failed"}
    never = ended.gone == "deleted" and task.status != "quarantined"
    fails = not ended.success and task.policy.on_dependency_failure == "fail"
    fresh = never or (fails and not _failed_already(task, ended))
    mark = e.DependencyEnded(
        at=now, tenant=task.tenant, task_id=task.id,
        depends_on=ended.task_id, success=ended.success, fresh=fresh,
    )  # fmt: skip
    if task.status != "active" and not never:
        return [mark]
    if fresh:
        return [mark, *_failed(task, ended, now, ids)]
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


def _failed(task: TaskState, ended: Ended, now: int, ids: Iterator[int]) -> list[e.Event]:
    """A run that fails without having been called; the task with it, if it can never run again."""
    if room_left(task) == 0:
        return []
    run_id = next(ids)
    error = f"DEPENDENCY_FAILED: {ended.story if ended.gone else ended.name}"
    over = ended.gone == "deleted" and not task.runs
    return [
        _planned(task, _moment(task, now), now, run_id, ended.story),
        e.TaskExecuted(
            at=now, tenant=task.tenant, task_id=task.id, run_id=run_id, success=False,
            status="failed", attempt=0, started_at=None, finished_at=now, error=error,
            ends="failed" if over else None,
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


_ENDS = frozenset({e.RunCancelled, e.TaskCancelled, e.TaskDeleted})


def is_end(event: e.Event) -> bool:
    """Whether a run or a task ended, so that those that wait for the task may hear of it."""
    if type(event) is e.TaskExecuted:
        return event.retry_at is None
    return type(event) in _ENDS


def _ended(event: e.Event, task: TaskState) -> Ended | None:
    """What an end means to others, None for nothing that they do not hear of anyway."""
    if isinstance(event, e.TaskCancelled):
        return Ended(task.id, task.name, success=False, gone="cancelled")
    if isinstance(event, e.TaskDeleted):
        return Ended(task.id, event.key or task.name, success=False, gone="deleted")
    if task.status in GONE and not _succeeded(event):
        return None
    return Ended(task.id, task.name, success=_succeeded(event))


def _succeeded(event: e.Event) -> bool:
    return isinstance(event, e.TaskExecuted) and event.success
