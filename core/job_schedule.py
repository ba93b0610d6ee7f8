"""The keys of a `[jobs.*]` table that say when: one rule, and what belongs to it."""

from dataclasses import replace
from datetime import date, datetime, time
from typing import Any

from .clock import to_instant
from .config_fields import Names, Text, TimeZone
from .config_toml import KeyPath
from .cron import Dst
from .errors import InvalidTime
from .every import parse_interval
from .problems import Problems, Table, show
from .schedule import After, Bounded, Cron, Every, Now, Once, Schedule
from .zones import resolve_wall, zone

_RULES = ("cron", "every", "at", "now", "after")
_RECURRING = ("cron", "every")
_BELONGS = {
    "timezone": ("cron", "every", "at"),
    "dst": ("cron",),
    "anchor": ("every",),
    "start": _RECURRING,
    "end": _RECURRING,
}


class _When(Table):
    cron: Text | None = None
    every: Any = None
    at: Any = None
    now: bool | None = None
    after: Names | None = None
    timezone: TimeZone | None = None
    dst: Dst = "debian"
    anchor: Any = None
    start: Any = None
    end: Any = None


SCHEDULE_KEYS = frozenset(_When.model_fields)


def read_schedule(
    table: dict[str, Any], path: KeyPath, timezone: str, problems: Problems
) -> Schedule | None:
    """Read when a job is due.

    Args:
        table: the job's keys that say when.
        path: where the job is.
        timezone: the zone of jobs that name none.
        problems: takes the mistakes.

    Returns:
        The schedule, or None when there are mistakes. Rules that depend on a zone carry it.
    """
    rule = problems.one_of(_RULES, table, path, "schedule")
    when = problems.read(_When, path, table)
    if rule is None:
        return None
    problems.check_company(rule, _BELONGS, table, path)
    if when is None:
        return None
    here = when.timezone or timezone
    found = problems.attempt((*path, rule), _rule, rule, when, here)
    start, end, anchor = (
        problems.attempt((*path, key), _moment, getattr(when, key), here)
        for key in ("start", "end", "anchor")
    )
    if isinstance(found, Every) and anchor is not None:
        found = replace(found, anchor=anchor, aligned=True)
    if found is None or (start is None and end is None):
        return found
    last = "start" if end is None else "end"
    return problems.attempt((*path, last), Bounded, found, start, end)


def _rule(rule: str, when: _When, here: str) -> Schedule:
    if rule == "cron":
        return Cron(when.cron or "", here, when.dst)
    if rule == "every":
        interval, months = parse_interval(when.every)
        return Every(interval, months, tz=here if months else None)
    if rule == "at":
        return _once(when.at, here, when.timezone)
    if rule == "after":
        return After(tuple(dict.fromkeys(when.after or ())))
    if not when.now:
        raise InvalidTime("can only be true; take the line out and write a schedule")
    return Now()


def _once(value: object, here: str, named: str | None) -> Once:
    """Read `at`: a phrase stays a phrase until the task is created, a full date is an instant."""
    if isinstance(value, str):
        moment = _with_offset(value)
        return Once(phrase=value, tz=here) if moment is None else Once(to_instant(moment), tz=named)
    if isinstance(value, time):
        raise InvalidTime(f'{value} names no day; write "{value:%H:%M}" in quotes for the next one')
    return Once(_instant(value, here), tz=named)


def _moment(value: object, here: str) -> int | None:
    """Read `start`, `end` or `anchor`: a date and time, in quotes or not."""
    if value is None:
        return None
    return _instant(_from_text(value) if isinstance(value, str) else value, here)


def _instant(value: object, here: str) -> int:
    """Turn a TOML date and time into an instant; without an offset it is meant in `here`."""
    if isinstance(value, datetime):
        try:
            return to_instant(value) if value.tzinfo else resolve_wall(value, zone(here))[0]
        except OverflowError:
            raise InvalidTime(f"{show(value)} lies outside the calendar") from None
    if isinstance(value, date):
        raise InvalidTime(f"{value} has no time of day; write {value}T18:00:00")
    raise InvalidTime(f"{show(value)} is no date and time; write 2026-12-24T18:00:00")


def _from_text(text: str) -> date:
    """Read ISO 8601; a date alone stays a date."""
    for kind in (date, datetime):
        try:
            return kind.fromisoformat(text.strip())
        except ValueError:
            continue
    raise InvalidTime(f"{show(text)} is no date and time; write 2026-12-24T18:00:00")


def _with_offset(text: str) -> datetime | None:
    """Read "2026-12-24T18:00:00+01:00", which means the same everywhere; None for other phrases."""
    try:
        moment = datetime.fromisoformat(text.strip().upper())
    except ValueError:
        return None
    return moment if moment.tzinfo else None
