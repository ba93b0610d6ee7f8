"""A task as the events made it that were pruned: the beginning of its fold, kept as JSON."""

from typing import Any

from .errors import UnknownEvent
from .state import RunState, TaskState

VERSION = 1
"""The version written today. Fields are only ever added, with a default."""

_TASK = tuple(name for name in TaskState.__struct_fields__ if name not in {"runs", "awaits"})
_RUN = RunState.__struct_fields__


def to_snapshot(task: TaskState) -> dict[str, Any]:
    """Everything about a task that later events may need, its unfinished runs included."""
    return {
        **{name: getattr(task, name) for name in _TASK},
        "runs": [{name: getattr(run, name) for name in _RUN} for run in task.runs.values()],
        "awaits": sorted(task.awaits.items()),
    }


def from_snapshot(version: int, data: dict[str, Any]) -> TaskState:
    """The task behind `to_snapshot`.

    Raises:
        UnknownEvent: a newer Tocsin wrote it, or something of it is missing.
    """
    if version > VERSION:
        raise UnknownEvent(
            f"a snapshot has version {version}, and this Tocsin knows {VERSION}:"
            " upgrade to the one that wrote it"
        )
    try:
        task = TaskState(**{name: data[name] for name in _TASK if name in data})
        task.runs = {each["id"]: _run(each) for each in data["runs"]}
        task.awaits = {int(needed): outcome for needed, outcome in data["awaits"]}
    except (KeyError, TypeError, ValueError) as error:
        raise UnknownEvent(
            f"a snapshot cannot be read ({type(error).__name__}: {error}):"
            " restore the database from a backup"
        ) from error
    return task


def _run(data: dict[str, Any]) -> RunState:
    run = RunState(**{name: data[name] for name in _RUN if name in data})
    run.missed = tuple(run.missed)
    return run
