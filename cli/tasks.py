"""`tocsin list`: the tasks at a glance."""

from typing import Any, get_args

import click

from ..core.state import TaskStatus
from ..core.task import Task
from .moments import Moments
from .options import command
from .output import counted, say, write_json, write_table
from .settings import Settings, pass_settings

SHOWN = ("active", "paused", "quarantined", "failed")
"""What is listed unless something else is asked for: all that may need attention."""

STATUSES: tuple[str, ...] = get_args(TaskStatus)


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
    """List tasks, when they run next, and how they did.

    Completed and cancelled tasks are hidden unless --all or --status asks for them.
    """
    app = settings.open()
    known = app.tasks(tenant=settings.tenant) if app.database.exists() else []
    wanted = set(statuses) or set(STATUSES if everything else SHOWN)
    shown = [task for task in known if task.status in wanted]
    if settings.json:
        write_json([document(task) for task in shown])
    elif not known:
        say(f"There are no tasks in {app.database} yet.")
        say('Add one: tocsin remind "10:30pm" "Take the bread out", or tocsin add --help')
        say("Or write them into a config.toml: tocsin init, then tocsin run")
    else:
        _write_tasks(shown, Moments(app.clock.now(), app.timezone))
        hidden = _hidden(len(known) - len(shown), "other" if statuses else "ended")
        say(f"\nTimes in {app.timezone}.{hidden}")


def document(task: Task) -> dict[str, Any]:
    """The JSON form of a task, with its schedule in words."""
    return {**task.to_dict(), "description": task.schedule.describe()}


def in_words(task: Task, tz: str) -> str:
    """The schedule in a few words; the zone only where it is another one."""
    return task.schedule.describe().removesuffix(f" ({tz})")


def _write_tasks(tasks: list[Task], moments: Moments) -> None:
    """Draw the tasks, the next to run first, then those that do not run."""
    tasks = sorted(tasks, key=lambda t: (t.next_run_at is None, t.next_run_at or t.created_at))
    write_table(
        ["KEY", "STATUS", "SCHEDULE", "NEXT RUN", "LAST", "RUNS"],
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
        right=["RUNS"],
    )


def _hidden(number: int, which: str) -> str:
    if number == 0:
        return ""
    them = "it" if number == 1 else "them"
    return f" {counted(number, f'{which} task')} not shown: --all shows {them}."
