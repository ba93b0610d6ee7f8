"""`tocsin trigger`, `pause`, `resume`, `cancel`, `delete`, `retry`: what people do to tasks."""

from typing import TYPE_CHECKING

import click

from ..core.run import Run
from ..core.task import Task
from .moments import Moments
from .options import command
from .output import say, write_json
from .settings import Settings, pass_settings, warn_unserved
from .tasks import document

if TYPE_CHECKING:
    from ..service import Tocsin

reason_option = click.option("--reason", help="Why, for those who wonder later.", metavar="TEXT")


@command("trigger")
@click.argument("key")
@pass_settings
def trigger(settings: Settings, key: str) -> None:
    """Run the task KEY once, now."""
    app = settings.open_existing()
    task = app.get(key, tenant=settings.tenant)
    run = app.run_now(task.id, tenant=settings.tenant)
    _write_run(settings, app, run, f"{task.name} runs now")


@command("retry")
@click.argument("run_id", type=click.IntRange(1, 2**63 - 1))
@pass_settings
def retry(settings: Settings, run_id: int) -> None:
    """Run the failed run RUN_ID again."""
    app = settings.open_existing()
    run = app.retry(run_id, tenant=settings.tenant)
    task = app.get(run.task_id, tenant=settings.tenant)
    _write_run(settings, app, run, f"{task.name} is tried again")


@command("pause")
@click.argument("key")
@reason_option
@pass_settings
def pause(settings: Settings, key: str, reason: str | None) -> None:
    """Plan no runs of the task KEY for now."""
    app = settings.open_existing()
    before = app.get(key, tenant=settings.tenant)
    task = app.pause(before.id, reason, tenant=settings.tenant)
    _write_task(settings, before, task, f"Go on with: tocsin resume {key}")


@command("resume")
@click.argument("key")
@click.option("--catch-up", is_flag=True, help="Catch up on what was missed, by its policy.")
@pass_settings
def resume(settings: Settings, key: str, *, catch_up: bool) -> None:
    """Go on with a paused, quarantined or disabled task."""
    app = settings.open_existing()
    before = app.get(key, tenant=settings.tenant)
    task = app.resume(before.id, catch_up=catch_up, tenant=settings.tenant)
    moments = Moments(app.clock.now(), app.timezone)
    _write_task(settings, before, task, f"Next: {moments.full(task.next_run_at)} {app.timezone}")


@command("cancel")
@click.argument("key")
@reason_option
@pass_settings
def cancel(settings: Settings, key: str, reason: str | None) -> None:
    """End the task KEY; its history is kept."""
    app = settings.open_existing()
    before = app.get(key, tenant=settings.tenant)
    task = app.cancel(before.id, reason, tenant=settings.tenant)
    _write_task(settings, before, task, "Its history is kept: tocsin history " + key)


@command("delete")
@click.argument("key")
@reason_option
@pass_settings
def delete(settings: Settings, key: str, reason: str | None) -> None:
    """End the task KEY and free its name.

    It is in no list any more; its history is kept.
    """
    app = settings.open_existing()
    before = app.get(key, tenant=settings.tenant)
    task = app.delete(before.id, reason, tenant=settings.tenant)
    if settings.json:
        write_json(document(task))
    else:
        say(f"{before.name} is deleted. Its history is kept: tocsin history {before.id}")


def _write_run(settings: Settings, app: "Tocsin", run: Run, done: str) -> None:
    if settings.json:
        write_json(run.to_dict())
    else:
        say(f"{done}: run {run.id}")
        warn_unserved(app)


def _write_task(settings: Settings, before: Task, task: Task, hint: str) -> None:
    if settings.json:
        write_json(document(task))
    elif before.status == task.status:
        say(f"{task.name} is {task.status} already: nothing changed")
    else:
        say(f"{task.name} is {task.status}. {hint}")
