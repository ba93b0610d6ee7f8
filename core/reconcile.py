"""What must change so that the stored tasks are those of the configuration. Pure: a plan."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from .commands import CancelTask, Command, NewEntry, PauseTask, ResumeTask
from .jobs import Job
from .schedule import After
from .task import Task

CREATED_BY = "config"
REMOVED = "removed from the configuration"
DISABLED = "disabled in the configuration"
FINGERPRINT = "fingerprint"

Verb = Literal["create", "update", "cancel", "keep", "conflict"]


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one job.

    Attributes:
        verb: `create`, `update`, `cancel`, `keep` (nothing changes), or `conflict` (a task of
            somebody else has the key; nothing changes).
        key: the job's name.
        reason: why, for people.
        commands: what carries it out, in order.
    """

    verb: Verb
    key: str
    reason: str
    commands: tuple[Command, ...] = ()


def reconcile(jobs: Mapping[str, Job], tasks: Iterable[Task]) -> list[Step]:
    """Compare the configured jobs with the stored tasks.

    Args:
        jobs: key -> job, as configured now.
        tasks: all tasks that have one of these keys, or were created by the configuration.

    Returns:
        One step a job, in the order of the file but after the jobs that it names, then those that
        are gone. Only tasks that the configuration created are ever changed.
    """
    known = {task.key: task for task in tasks if task.key is not None}
    steps = [_step(jobs[key], known.get(key)) for key in _in_order(jobs)]
    for key, task in known.items():
        gone = key not in jobs and task.created_by == CREATED_BY
        if gone and task.status not in {"cancelled", "completed", "failed"}:
            steps.append(Step("cancel", key, REMOVED, (CancelTask(key, REMOVED),)))
    return steps


def _in_order(jobs: Mapping[str, Job]) -> list[str]:
    """The jobs, each after those that it waits for."""
    done: dict[str, None] = {}
    for start in jobs:
        path = [start]
        while path:
            key = path[-1]
            missing = [n for n in _needed(jobs[key]) if n in jobs and n not in {*done, *path}]
            if missing:
                path.append(missing[0])
            else:
                done.setdefault(path.pop())
    return list(done)


def _needed(job: Job) -> tuple[str, ...]:
    schedule = job.schedule
    return tuple(map(str, schedule.tasks)) if isinstance(schedule, After) else ()


def _step(job: Job, task: Task | None) -> Step:
    if task is None:
        return Step("create", job.key, "new", _changes(job, None))
    if task.created_by != CREATED_BY:
        reason = f"a task of this key was made by {task.created_by}: rename the job"
        return Step("conflict", job.key, reason)
    returned = task.status == "cancelled" and task.reason == REMOVED
    if task.metadata.get(FINGERPRINT) == job.fingerprint() and not returned:
        note = "unchanged" if task.status == "active" else f"unchanged, {task.status}"
        return Step("keep", job.key, note)
    return Step("update", job.key, "back again" if returned else "changed", _changes(job, task))


def _changes(job: Job, task: Task | None) -> tuple[Command, ...]:
    """The new definition, then the switch between enabled and disabled."""
    paused = task is not None and task.status == "paused"
    if job.enabled and task is not None and paused and task.reason == DISABLED:
        return (_order(job), ResumeTask(job.key))
    if not job.enabled and not paused:
        return (_order(job), PauseTask(job.key, DISABLED))
    return (_order(job),)


def _order(job: Job) -> NewEntry:
    entry = job.entry
    return NewEntry(
        job.schedule,
        module=entry.module,
        function=entry.function,
        handler=entry.handler,
        args=entry.args,
        kwargs=entry.kwargs,
        key=job.key,
        policy=job.policy,
        metadata={FINGERPRINT: job.fingerprint(), **_described(job)},
        created_by=CREATED_BY,
        codec="json",
        paused=not job.enabled,
    )


def _described(job: Job) -> dict[str, str]:
    return {"description": job.description} if job.description else {}
