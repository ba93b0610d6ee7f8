"""What people should hear of, read off the events of a commit."""

from collections.abc import Iterable, Mapping

from . import events as e
from .clock import SECOND
from .durations import format_duration
from .state import TaskState
from .work import Notice

_NEWS = frozenset({e.TaskQuarantined, e.TaskExecuted, e.OccurrenceSkipped})


def notices(events: Iterable[e.Event], tasks: Mapping[int, TaskState]) -> list[Notice]:
    """The notices that these events are worth: quarantines, failures, single instants missed."""
    found = []
    for event in events:
        if type(event) not in _NEWS:  # almost all
            continue
        match event:
            case e.TaskExecuted(success=True):
                continue
            case e.TaskQuarantined():
                found.append(_quarantined(tasks[event.task_id], event))
            case e.TaskExecuted():
                found.append(_failed(tasks[event.task_id], event))
            case e.OccurrenceSkipped(ends="failed"):
                found.append(_never(tasks[event.task_id], event))
    return found


def _quarantined(task: TaskState, event: e.TaskQuarantined) -> Notice:
    return Notice(
        title=f"Task {task.name} is quarantined",
        message=f"{task.target} cannot be called: {event.reason}."
        " Nothing was deleted: repair it, then resume the task.",
        log=f"it cannot be called: {event.reason}; repair it, then `tocsin resume` it",
        to=_channels(task),
    )


def _failed(task: TaskState, event: e.TaskExecuted) -> Notice:
    """Errors are the user's own words: people who were named read them, the log does not."""
    kind = "timed out" if event.status == "timed_out" else (event.error or "").partition(":")[0]
    if event.retry_at is not None:
        wait = format_duration((event.retry_at - event.at) // SECOND * SECOND)
        log = f"attempt {event.attempt} failed ({kind}), again in {wait}"
        return Notice(f"Task {task.name}", log, log)
    tries = f"{event.attempt} attempts" if event.attempt > 1 else "1 attempt"
    return Notice(
        title=f"Task {task.name} failed",
        message=f"{task.target} failed after {tries}: {event.error or event.status}",
        log=f"run {event.run_id} failed after {tries} ({kind}); `tocsin show` tells more",
        to=_channels(task),
    )


def _never(task: TaskState, event: e.OccurrenceSkipped) -> Notice:
    return Notice(
        title=f"Task {task.name} did not run",
        message=f"{task.target} was planned once, and skipped: {event.reason}",
        log=f"it was skipped for good: {event.reason}",
        to=_channels(task),
    )


def _channels(task: TaskState) -> tuple[str, ...]:
    try:
        return task.policy.notify_failure
    except Exception:  # noqa: BLE001 - an unreadable policy names nobody; the log tells all the same
        return ()
