"""What ordering a task takes, whatever it does: a free key, and an echo of what was planned."""

from typing import TYPE_CHECKING

from ..core.errors import InvalidTask, UnknownTask
from ..core.task import Task
from .moments import Moments
from .output import say, write_json
from .settings import Settings, warn_unserved
from .tasks import document, in_words

if TYPE_CHECKING:
    from ..service import Tocsin


def known_task(app: "Tocsin", key: str | None, tenant: str) -> Task | None:
    """The task of this key if there is one; a job of the configuration is not ours to change.

    Raises:
        InvalidTask: the configuration has a job of this name.
    """
    from ..core.reconcile import CREATED_BY

    if key is None or not app.storage.exists():
        return None
    try:
        task = app.get(key, tenant=tenant)
    except UnknownTask:
        return None
    if task.key != key:  # a number found a task by its id
        return None
    if task.created_by == CREATED_BY and task.status != "cancelled":
        raise InvalidTask(
            f"{key!r} is a job of the configuration: change it there, or take another key"
        )
    return task


def echo(
    settings: Settings, app: "Tocsin", task: Task, *, before: Task | None, tz: str, note: str | None
) -> None:
    """Say what was understood, so that a slip is seen now and not when it is too late.

    Args:
        settings: who reads it.
        app: where it was ordered.
        task: what was ordered.
        before: the task that had the key, None when it is new.
        tz: the zone in which it was meant.
        note: what was decided for the reader.
    """
    if settings.json:
        write_json({**document(task), "note": note})
        return
    moments = Moments(app.clock.now(), tz)
    rule = f", {in_words(task, tz)}" if task.schedule.recurring else ""
    coming = "" if task.next_run_at is None else f" Next: {moments.full(task.next_run_at)} {tz}"
    say(f"{task.name} is {_done(before, task)}{rule}.{coming}")
    if note:
        say(f"Note: {note}.")
    warn_unserved(app)


def _done(before: Task | None, task: Task) -> str:
    if before is None:
        return "planned"
    return "unchanged" if before.updated_at == task.updated_at else "changed"
