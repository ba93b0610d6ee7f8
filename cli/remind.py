"""`tocsin remind`: tell somebody something, later."""

from typing import get_args

import click

from ..core.notification import Priority
from .options import command
from .ordering import echo, known_task
from .settings import Settings, pass_settings
from .when import checked_zone, read_when, zone_option


@command("remind")
@click.argument("when")
@click.argument("message")
@click.option("--to", multiple=True, help="Who is told; may be repeated. Default: the log.")
@click.option("--title", help="Shown above the message.")
@click.option("--priority", type=click.Choice(get_args(Priority)), default="normal")
@click.option("--key", help="A name for it, to find it again.")
@zone_option
@pass_settings
def remind(
    settings: Settings,
    *,
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
    before = known_task(app, key, settings.tenant)
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
    echo(settings, app, task, before=before, tz=tz, note=meant.note)
