"""`tocsin remind`: tell somebody something, later."""

from typing import get_args

import click

from ..core.notification import Priority
from ..core.task import Task
from .moments import Moments
from .options import command
from .output import say, write_json
from .settings import Settings, pass_settings
from .tasks import document, in_words
from .when import checked_zone, read_when


@command("remind")
@click.argument("when")
@click.argument("message")
@click.option("--to", multiple=True, help="Who is told; may be repeated. Default: the log.")
@click.option("--title", help="Shown above the message.")
@click.option("--priority", type=click.Choice(get_args(Priority)), default="normal")
@click.option("--key", help="A name for it, to find it again.")
@click.option("--timezone", help="Where WHEN is meant. Default: the configured zone.")
@pass_settings
def remind(
    settings: Settings,
    when: str,
    message: str,
    to: tuple[str, ...],
    title: str | None,
    priority: str,
    key: str | None,
    timezone: str | None,
) -> None:
    """Remind somebody of MESSAGE at WHEN.

    WHEN is a moment ("10:30pm", "in 20 minutes", "monday 08:00", "2026-12-24 18:00"), an interval
    ("every 1h") or a cron expression ("50 8 * * 1-5").
    """
    app = settings.open()
    tz = app.timezone if timezone is None else checked_zone(timezone)
    meant = read_when(when, now=app.clock.now(), tz=tz)
    details = {"title": title} if title else {}
    task = app.remind(
        meant.schedule,
        message,
        to=to or "log",
        key=key,
        tenant=settings.tenant,
        created_by="cli",
        priority=priority,
        **details,
    )
    if settings.json:
        write_json({**document(task), "note": meant.note})
    else:
        say_planned(task, Moments(app.clock.now(), tz), meant.note)


def say_planned(task: Task, moments: Moments, note: str | None, done: str = "planned") -> None:
    """Echo what was understood, so that a slip is seen now and not when it is too late."""
    rule = f", {in_words(task, moments.tz)}" if task.schedule.recurring else ""
    say(f"{task.name} is {done}{rule}. Next: {moments.full(task.next_run_at)} {moments.tz}")
    if note:
        say(f"Note: {note}.")
