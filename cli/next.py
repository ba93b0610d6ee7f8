"""`tocsin next`: when a schedule fires, without storing anything."""

from datetime import datetime

import click

from ..core.clock import SystemClock, from_instant, to_instant
from ..core.schedule import Schedule
from ..core.task import iso
from .moments import Moments
from .options import command
from .output import say, write_json
from .settings import Settings, pass_settings
from .when import checked_zone, read_instant, read_when, zone_option


@command("next")
@click.argument("expression")
@zone_option
@click.option("--after", help="Count from this date and time. Default: now.", metavar="INSTANT")
@click.option(
    "-n", "number", type=click.IntRange(1, 10_000), default=5, help="How many. Default 5."
)
@click.option("--notes", is_flag=True, help="With --json: objects, with what is odd about a time.")
@pass_settings
def next_times(
    settings: Settings,
    *,
    expression: str,
    timezone: str | None,
    after: str | None,
    number: int,
    notes: bool,
) -> None:
    """Show when EXPRESSION fires.

    It is a cron expression ("0 9 * * 1-5", "@daily"), an interval ("every 5m") or a moment
    ("10:30pm"). Times that the clock skips or shows twice are marked. Nothing is stored.
    """
    zone = settings.open().timezone if timezone is None else checked_zone(timezone)
    start = from_instant(SystemClock().now()) if after is None else read_instant(after, zone)
    when = read_when(expression, now=to_instant(start), tz=zone)
    found = when.schedule.upcoming(start, number)
    if settings.json:
        write_json([_document(when.schedule, moment) if notes else iso(moment) for moment in found])
        return
    moments = Moments(SystemClock().now(), zone)
    for moment in found:
        say(moments.noted(moment, when.schedule.note(moment)))
    if not found:
        say("It never fires again.")
    say(f"\nTimes in {zone}.{f' {when.note}.' if when.note else ''}")


def _document(schedule: Schedule, moment: datetime) -> dict[str, str | None]:
    return {"at": iso(moment), "note": schedule.note(moment)}
