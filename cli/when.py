"""What people write for "when" on the command line: a phrase, "every 5m", or a cron expression."""

from dataclasses import dataclass
from datetime import datetime

import click

from ..core.clock import from_instant, to_instant
from ..core.schedule import Schedule, at, cron, every
from ..core.times import parse_time
from ..core.zones import resolve_wall, zone

zone_option = click.option(
    "--tz",
    "--timezone",
    "timezone",
    help="Where clock times are meant. Default: the configured zone.",
    metavar="ZONE",
)


@dataclass(frozen=True, slots=True)
class When:
    """What was meant.

    Attributes:
        schedule: the rule.
        note: what was decided for the reader, None when the text says it all.
    """

    schedule: Schedule
    note: str | None = None


def read_when(text: str, *, now: int, tz: str) -> When:
    """Read any kind of time.

    Args:
        text: "10:30pm", "in 5 minutes", "every 5m", "0 9 * * 1-5" or "@daily".
        now: the present, in microseconds.
        tz: the zone in which clock times are meant.

    Raises:
        InvalidSchedule: it is not clear; the message says what to write.
    """
    words = text.split()
    if words and words[0].lower() == "every":
        return When(every(" ".join(words[1:])))
    if _looks_like_cron(words):
        return When(cron(text, tz))
    return read_moment(text, now=now, tz=tz)


def read_moment(text: str, *, now: int, tz: str) -> When:
    """Read a phrase that means one moment.

    Raises:
        InvalidTime: it is not clear; the message says what to write.
    """
    resolved = parse_time(text, now=now, tz=tz)
    return When(at(from_instant(resolved.instant)).bind(now, tz), resolved.note)


def read_instant(text: str, tz: str) -> datetime:
    """Read an ISO 8601 date and time; without an offset, it is meant in `tz`.

    Raises:
        click.BadParameter: it is none.
    """
    try:
        moment = datetime.fromisoformat(text.strip().upper())
        if moment.tzinfo is None:
            return from_instant(resolve_wall(moment, zone(tz))[0])
        return from_instant(to_instant(moment))
    except (ValueError, OverflowError):
        example = "2026-12-24T18:00:00Z"
        raise click.BadParameter(f"{text!r} is no date and time; write {example}") from None


def checked_zone(name: str) -> str:
    """The name of a time zone that exists.

    Raises:
        InvalidSchedule: there is none of this name.
    """
    zone(name)
    return name


def _looks_like_cron(words: list[str]) -> bool:
    """Whether it has a cron expression's form: a nickname, a star, or that many numbers."""
    if not words:
        return False
    starred = any("*" in word for word in words)
    return starred or words[0].startswith("@") or (len(words) in {5, 6} and words[0][0].isdigit())
