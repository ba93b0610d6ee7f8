"""`tocsin list`: the tasks at a glance."""

import re
from typing import Any, get_args

import click

from ..core.state import TaskStatus
from ..core.task import Task
from .moments import Moments
from .options import command
from .output import Column, counted, say, write_json, write_table
from .settings import Settings, pass_settings, warn_unserved

SHOWN = ("active", "paused", "quarantined", "failed")
"""What is listed unless something else is asked for: all that may need attention."""

COLUMNS = (
    Column("KEY", folds=True),
    Column("STATUS"),
    Column("SCHEDULE", folds=True),
    Column("NEXT RUN"),
    Column("LAST"),
    Column("RUNS", number=True),
)
_FRACTION = re.compile(r"(?<=:\d\d)\.\d+")

STATUSES: tuple[str, ...] = tuple(s for s in get_args(TaskStatus) if s != "deleted")


@command("list")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice(STATUSES),
    help="Only tasks in this status; may be repeated.",
)
@click.option("--all", "everything", is_flag=True, help="Completed and cancelled tasks, too.")
@pass_settings
def list_tasks(settings: Settings, statuses: tuple[str, ...], everything: bool) -> None:
    """List tasks and when they run next.

    Completed and cancelled tasks are hidden unless --all or --status asks for them.
    """
    app = settings.open()
    wanted = statuses or (STATUSES if everything else SHOWN)
    found = app.storage.exists()
    shown = app.tasks(tenant=settings.tenant, status=wanted) if found else []
    known = sum(app.count(tenant=settings.tenant).values()) if found else 0
    if settings.json:
        write_json([document(task) for task in shown])
    elif not known:
        say(f"There are no tasks in {app.storage.place} yet.")
        say('Add one: tocsin remind "10:30pm" "Take the bread out", or tocsin add --help')
        say("Or write them into a config.toml: tocsin init, then tocsin run")
    else:
        _write_tasks(shown, Moments(app.clock.now(), app.timezone))
        hidden = _hidden(known - len(shown), "other" if statuses else "ended")
        say(f"\nTimes in {app.timezone}.{hidden}")
        warn_unserved(app)


def document(task: Task) -> dict[str, Any]:
    """The JSON form of a task, with its schedule in words."""
    return {**task.to_dict(), "description": task.schedule.describe()}


def in_words(task: Task, tz: str) -> str:
    """The schedule in a few words: no fractions of a second, and no zone that is said already."""
    return _FRACTION.sub("", task.schedule.describe()).removesuffix(f" ({tz})")


def _write_tasks(tasks: list[Task], moments: Moments) -> None:
    """Draw the tasks, the next to run first, then those that do not run."""
    tasks = sorted(tasks, key=lambda t: (t.next_run_at is None, t.next_run_at or t.created_at))
    write_table(
        COLUMNS,
        [
            [
                task.name,
                task.status,
                in_words(task, moments.tz),
                moments.ahead(task.next_run_at),
                task.last_status or "-",
                str(task.run_count),
            ]
            for task in tasks
        ],
    )


def _hidden(number: int, which: str) -> str:
    if number == 0:
        return ""
    them = "it" if number == 1 else "them"
    return f" {counted(number, f'{which} task')} not shown: --all shows {them}."
