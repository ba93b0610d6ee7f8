"""`tocsin explain`: what became of one planned moment."""

import click

from ..core.task import iso
from .options import command
from .output import say, write_json
from .settings import Settings, pass_settings
from .when import read_instant


@command("explain")
@click.argument("key")
@click.argument("instant")
@pass_settings
def explain(settings: Settings, key: str, instant: str) -> None:
    """Say what became of a planned run, and why.

    It is the run of the task KEY that was planned for INSTANT, a date and time such as
    2026-12-24T18:00:00+01:00, or without an offset in the configured zone.
    """
    app = settings.open_existing()
    task = app.get(key, tenant=settings.tenant)
    at = read_instant(instant, app.timezone)
    planned = [run.due_at for run in app.history_near(task, at, tenant=settings.tenant)]
    if at not in planned:
        in_that_second = [due for due in planned if due.replace(microsecond=0) == at]
        at = in_that_second[0] if len(in_that_second) == 1 else at
    text = app.explain(task, at, tenant=settings.tenant)
    if settings.json:
        write_json({"task": task.name, "task_id": task.id, "at": iso(at), "explanation": text})
    else:
        say(text)
